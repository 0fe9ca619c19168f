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
