//! Reductions over axes. `x.sum(..)` takes all, `x.sum(1)` one, `x.mean([2, 3])` several.

use crate::{Axes, DType, Tensor};
use gradus_base::ReduceOp;
use gradus_base::{Error, Shape};

impl Tensor {
    /// The sum over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Of no elements it is 0. Integers and booleans are
    /// summed in i64.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(0).to_vec::<f32>(), [4.0, 6.0]);
    /// assert_eq!(x.sum(-1).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    pub fn sum(&self, axes: impl Into<Axes>) -> Tensor {
        let Some(axes) = self.axes("sum", axes) else { return Tensor::poisoned() };
        let x = if self.dtype().is_float() { self.clone() } else { self.cast(DType::I64) };
        Tensor(x.0.reduce(ReduceOp::Sum, &axes))
    }

    /// The mean over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. Of no elements it is NaN. f16 and bf16 are summed in
    /// f32.
    ///
    /// # Panics
    /// If an axis is not there or is named twice, or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean(0).to_vec::<f32>(), [2.0, 3.0]);
    /// assert_eq!(x.mean(..).item(), 2.5);
    /// ```
    #[track_caller]
    pub fn mean(&self, axes: impl Into<Axes>) -> Tensor {
        let Some(axes) = self.axes("mean", axes) else { return Tensor::poisoned() };
        if !self.dtype().is_float() {
            let what = format!("the elements are {}, it needs floats; cast them", self.dtype());
            return Tensor::refuse(Error::dtype("mean", what));
        }
        let count: usize = axes.iter().map(|&a| self.shape()[a]).product();
        let sum = Tensor(self.wide().0.reduce(ReduceOp::Sum, &axes));
        (sum / count as f64).cast(self.dtype())
    }

    /// The largest element over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. NaN if one is NaN. Of no elements it is −∞, of integers
    /// the smallest that the type holds. Equal elements share the gradient.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 4.0]]);
    /// assert_eq!(x.max(1).to_vec::<f32>(), [5.0, 4.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "amax")]
    pub fn max(&self, axes: impl Into<Axes>) -> Tensor {
        let Some(axes) = self.axes("max", axes) else { return Tensor::poisoned() };
        Tensor(self.0.reduce(ReduceOp::Max, &axes))
    }

    /// The smallest element over the axes, which are removed.
    ///
    /// **Shape** `[.., N, ..] -> [.., ..]`. NaN if one is NaN. Of no elements it is ∞, of integers
    /// the largest that the type holds. Equal elements share the gradient.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 4.0]]);
    /// assert_eq!(x.min(1).to_vec::<f32>(), [1.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn min(&self, axes: impl Into<Axes>) -> Tensor {
        let Some(axes) = self.axes("min", axes) else { return Tensor::poisoned() };
        Tensor(self.0.reduce(ReduceOp::Min, &axes))
    }

    /// Puts back the axes that a reduction of `of` removed, with size 1, so that the result
    /// broadcasts with `of`.
    ///
    /// **Shape** `[.., ..]`, `of [.., N, ..]` → `[.., 1, ..]`.
    ///
    /// # Panics
    /// If an axis of `of` is not there or is named twice, or this is not as long as `of` without
    /// the axes.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 3.0], [2.0, 2.0]]);
    /// let shares = &x / x.sum(1).keep(&x, 1);
    /// assert_eq!(shares.to_vec::<f32>(), [0.25, 0.75, 0.5, 0.5]);
    /// ```
    #[track_caller]
    #[doc(alias("mean", "keepdim"))]
    pub fn keep(&self, of: &Tensor, axes: impl Into<Axes>) -> Tensor {
        let mut shape: Shape = of.shape();
        let Some(axes) = of.axes("keep", axes) else { return Tensor::poisoned() };
        for a in axes {
            shape = shape.with(a, 1);
        }
        self.reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{DType, Tensor, try_build};
    use gradus_testkit::{Array, Case, Species};

    /// [3, 2, 5] over axes 0 and 2, by folding each column.
    fn case(name: &str, op: fn(&Tensor) -> Tensor, fold: fn(&[f64]) -> f64) -> Case {
        let case = check(name, move |x| op(&x[0])).input([3, 2, 5], -2.0..2.0);
        case.species(Species::Reduction).empty_axis(Some(1)).oracle_of(move |x| {
            let column = |j| (0..3).flat_map(move |i| (0..5).map(move |k| [i, j, k]));
            let of = |j| fold(&column(j).map(|at| x[0].at(&at)).collect::<Vec<_>>());
            Array::from_fn([x[0].shape[1]], |j| of(j[0]))
        })
    }

    /// A tie of two, for [1, 1, 3].
    fn tie() -> [Array; 1] {
        [Array::new([1, 1, 3], [2.0, 2.0, 2.0])]
    }

    #[test]
    fn sum() {
        case("sum", |x| x.sum([0, 2]), |c| c.iter().sum()).run();
        assert_eq!(Tensor::zeros([2, 0]).sum(1).to_vec::<f32>(), [0.0, 0.0]);
    }
    #[test]
    fn mean() {
        case("mean", |x| x.mean([0, 2]), |c| c.iter().sum::<f64>() / c.len() as f64).run();
        assert!(Tensor::zeros([0]).mean(..).item().is_nan());
    }
    #[test]
    fn integers_and_booleans_are_summed_in_i64() {
        let sum = |x: Tensor| {
            let sum = x.sum(..);
            (sum.dtype(), sum.to_vec::<i64>()[0])
        };
        assert_eq!(sum(Tensor::from([true; 5])), (DType::I64, 5));
        assert_eq!(sum(Tensor::from([200u8, 100])), (DType::I64, 300));
        assert_eq!(sum(Tensor::from([i32::MAX, 5])), (DType::I64, 2_147_483_652));
        assert_eq!(Tensor::from([200u8, 100]).prod(..).to_vec::<i64>(), [20_000]);
        assert_eq!(Tensor::from([200u8, 100]).cumprod(0).to_vec::<i64>(), [200, 20_000]);
        let e = try_build(|| Tensor::from([true, false]).mean(..)).unwrap_err().to_string();
        assert!(e.starts_with("mean: the elements are bool, it needs floats; cast them"), "{e}");
    }
    /// Whose sums are more than f16 holds, and whose values are not.
    #[test]
    fn half_types_are_reduced_in_f32() {
        let x = Tensor::full_of([4096], 100.0, DType::F16);
        let zeros = x.zeros_like();
        assert_eq!(x.mean(..).item(), 100.0);
        assert_eq!(x.norm_l2(..).item(), 6400.0);
        assert_eq!(x.var(.., 0.0).item(), 0.0);
        assert_eq!(x.rms_norm(&x.ones_like(), 0.0).to_vec::<f32>(), [1.0; 4096]);
        assert_eq!(x.layer_norm(&x.ones_like(), &zeros, 1e-5).to_vec::<f32>(), [0.0; 4096]);
        // ln(4096) + 11: e¹¹ is 59874.
        let many = Tensor::full_of([4096], 11.0, DType::F16).logsumexp(0);
        assert_eq!((many.dtype(), many.item()), (DType::F16, 19.3125));
        // The variance is 90000, the deviation 300.
        let apart = Tensor::from([-300.0f32, 300.0]).cast(DType::F16);
        assert_eq!((apart.std(.., 0.0).dtype(), apart.std(.., 0.0).item()), (DType::F16, 300.0));
        let factors = Tensor::from([1000.0f32, 1.0, 1000.0, 0.001]).cast(DType::F16);
        assert!((factors.prod(..).item() - 1000.0).abs() < 1.0);
    }
    #[test]
    fn max() {
        let case = case("max", |x| x.max([0, 2]), |c| c.iter().copied().fold(-1.0 / 0.0, f64::max));
        case.slope_of(tie(), Array::new([1, 1, 3], [1.0 / 3.0; 3])).run();
        assert!(Tensor::from([1.0f32, f32::NAN, 2.0]).max(..).item().is_nan());
    }
    #[test]
    fn min() {
        let case = case("min", |x| x.min([0, -1]), |c| c.iter().copied().fold(1.0 / 0.0, f64::min));
        case.slope_of(tie(), Array::new([1, 1, 3], [1.0 / 3.0; 3])).run();
        assert!(Tensor::from([1.0f32, f32::NAN, 2.0]).min(..).item().is_nan());
    }
}
