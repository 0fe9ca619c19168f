//! prod(x) = Πx over axes, derived.   [.., N, ..] -> [.., ..]

use crate::{Axes, DType, Tensor};

impl Tensor {
    /// The product over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Of no elements it is 1. Integers and booleans are
    /// multiplied in i64, floats in f64, so that the order of large and small factors does not
    /// matter. The gradient is right where there are zeros, too: that of an element is the product
    /// of the others, never the product divided by the element.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, grad};
    /// let x = Tensor::from([2.0f32, 0.0, 5.0]);
    /// let y = x.prod(..);
    /// assert_eq!(y.item(), 0.0);
    /// assert_eq!(grad(&y, [&x])[0].to_vec::<f32>(), [0.0, 10.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn prod(&self, axes: impl Into<Axes>) -> Tensor {
        let Some(reduced) = self.axes("prod", axes) else { return Tensor::poisoned() };
        let kept: Vec<usize> = (0..self.rank()).filter(|a| !reduced.contains(a)).collect();
        let order: Vec<usize> = kept.iter().chain(&reduced).copied().collect();
        let mut sizes: Vec<usize> = kept.iter().map(|&a| self.shape()[a]).collect();
        let count = reduced.iter().map(|&a| self.shape()[a]).product();
        sizes.push(count);
        let rows = Tensor(self.widest().0.permute(&order)).reshape(&sizes); // [kept.., N]
        sizes.pop();
        let dtype = if self.dtype().is_float() { self.dtype() } else { DType::I64 };
        if count == 0 {
            return Tensor::full_of(sizes, 1.0, dtype);
        }
        halve(rows).reshape(sizes).cast(dtype)
    }
}

/// [.., N] -> [.., 1]: the first half times the second, ⌈log₂ N⌉ times. A tree of products is differentiated as products
/// are, zeros or not.
#[track_caller]
fn halve(mut x: Tensor) -> Tensor {
    while x.size(-1) > 1 {
        let n = x.size(-1);
        let half = n / 2;
        let product = x.slice(-1, ..half) * x.slice(-1, half..2 * half);
        x = match n % 2 {
            0 => product,
            _ => Tensor::concat(&[&product, &x.slice(-1, n - 1..)], -1),
        };
    }
    x
}

#[test]
fn prod() {
    use gradus_testkit::{Array, Species};
    crate::ops::check("prod", |x| x[0].prod([0, 2]))
        .input([2, 3, 5], 0.5..1.5)
        .species(Species::Reduction)
        .empty_axis(Some(1))
        .oracle_of(|x| {
            let column = |j| (0..2).flat_map(move |i| (0..5).map(move |k| [i, j, k]));
            Array::from_fn([x[0].shape[1]], |j| column(j[0]).map(|at| x[0].at(&at)).product())
        })
        .slope_of([Array::new([1, 1, 3], [2.0, 0.0, 5.0])], Array::new([1, 1, 3], [0.0, 10.0, 0.0]))
        .slope_of([Array::new([1, 1, 3], [0.0, 0.0, 5.0])], Array::new([1, 1, 3], [0.0; 3]))
        .run();
    assert_eq!(Tensor::zeros([2, 0]).prod(1).to_vec::<f32>(), [1.0, 1.0]);
    assert_eq!(Tensor::from([2i64, 3, 7]).prod(..).item(), 42.0);
}
