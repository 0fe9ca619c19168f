//! Reductions over axes. `x.sum(..)` takes all, `x.sum(1)` one, `x.mean([2, 3])` several.

use crate::{Axes, Tensor};
use gradus_base::Shape;
use gradus_cpu::ReduceOp;

impl Tensor {
    /// Σ x over the axes, which disappear. Of nothing: 0.
    ///
    /// # Panics
    /// If an axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(0).to_vec::<f32>(), [4.0, 6.0]);
    /// assert_eq!(x.sum(-1).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    pub fn sum(&self, axes: impl Into<Axes>) -> Tensor {
        Tensor(self.0.reduce(ReduceOp::Sum, &self.axes("sum", axes)))
    }

    /// The mean over the axes, which disappear. Of nothing: NaN.
    ///
    /// # Panics
    /// If an axis is not there.
    #[track_caller]
    pub fn mean(&self, axes: impl Into<Axes>) -> Tensor {
        let axes = self.axes("mean", axes);
        let count: usize = axes.iter().map(|&a| self.shape()[a]).product();
        Tensor(self.0.reduce(ReduceOp::Sum, &axes)) / count as f64
    }

    /// The largest over the axes, which disappear; NaN if any is. Of nothing: −∞. Ties share the gradient.
    ///
    /// # Panics
    /// If an axis is not there.
    #[track_caller]
    pub fn max(&self, axes: impl Into<Axes>) -> Tensor {
        Tensor(self.0.reduce(ReduceOp::Max, &self.axes("max", axes)))
    }

    /// The smallest over the axes, which disappear; NaN if any is. Of nothing: ∞. Ties share the gradient.
    ///
    /// # Panics
    /// If an axis is not there.
    #[track_caller]
    pub fn min(&self, axes: impl Into<Axes>) -> Tensor {
        Tensor(self.0.reduce(ReduceOp::Min, &self.axes("min", axes)))
    }

    /// This reduced tensor with the axes it lost back, of size 1, so that it broadcasts with the tensor it came from:
    /// `x.sum(1).keep(&x, 1)`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn keep(&self, of: &Tensor, axes: impl Into<Axes>) -> Tensor {
        let mut shape: Shape = of.shape();
        for a in of.axes("keep", axes) {
            shape = shape.with(a, 1);
        }
        self.reshape(shape)
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;
    use crate::ops::check;
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
