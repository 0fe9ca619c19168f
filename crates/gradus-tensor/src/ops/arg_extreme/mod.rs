//! argmax(x), argmin(x): the place of the largest or smallest element along an axis.
//! [A, N, B] -> [A, B], i64
//!
//! The first of equals; NaN wins, as in PyTorch.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

use crate::ops::kernel::tensors;
use crate::{DType, Tensor};
use gradus_base::{Error, Result};
use gradus_graph::{
    Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one,
    not_differentiable,
};
use gradus_reference::Array;

/// Which element is sought, along `axis`.
#[derive(Clone, Copy, Debug)]
enum Extreme {
    Max { axis: usize },
    Min { axis: usize },
}

impl Extreme {
    fn axis(self) -> usize {
        let (Extreme::Max { axis } | Extreme::Min { axis }) = self;
        axis
    }
}

impl Rule for Extreme {
    fn name(&self) -> &'static str {
        match self {
            Extreme::Max { .. } => "argmax",
            Extreme::Min { .. } => "argmin",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let (x, axis) = (inputs[0].shape, self.axis());
        if x[axis] == 0 {
            return Err(Error::shape(self.name(), format!("axis {axis} of {x} has no element")));
        }
        Ok(vec![Meta::new(x.without(axis), DType::I64)])
    }

    fn grad(&self, _backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Err(not_differentiable(self.name(), "a place is an integer; max and min have one"))
    }

    /// The least of the places where the extreme stands, or a NaN.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let ([x], axis) = (tensors(inputs), self.axis() as isize);
        let extreme = match self {
            Extreme::Max { .. } => x.max(axis),
            Extreme::Min { .. } => x.min(axis),
        };
        let mut hit = x.eq(&extreme.unsqueeze(axis));
        if x.dtype().is_float() {
            hit = hit.logical_or(&x.is_nan());
        }
        let size = x.shape()[self.axis()];
        let mut shape = vec![1; x.rank()];
        shape[self.axis()] = size;
        let place = Tensor::from_slice(&(0..size as i64).collect::<Vec<_>>(), shape);
        Some(vec![hit.select_where(&place, size as f64).min(axis).0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![("axis", Setting::Sizes(vec![self.axis()]))])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::kernel(*self, spec))),
            Device::Reference => {
                let op = *self;
                Some(Plain::of(move |x: &[Array]| Ok(vec![reference::place(op, &x[0])])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// The place of the largest element along `axis`, which is removed.
    ///
    /// **Shape** `[.., N, ..] -> i64 [.., ..]`. Of equal elements the first; NaN counts as largest.
    /// There is no gradient.
    ///
    /// # Panics
    /// If the axis is not there or has size 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let scores = Tensor::from([[0.1f32, 0.7, 0.2], [0.5, 0.2, 0.3]]);
    /// assert_eq!(scores.argmax(1).to_vec::<i64>(), [1, 0]);
    /// ```
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor {
        let Some(axis) = self.axis("argmax", axis) else { return Tensor::poisoned() };
        Tensor(call_one(Extreme::Max { axis }, &[&self.wide().0]))
    }

    /// The place of the smallest element along `axis`, which is removed.
    ///
    /// **Shape** `[.., N, ..] -> i64 [.., ..]`. Of equal elements the first; NaN counts as
    /// smallest. There is no gradient.
    ///
    /// # Panics
    /// If the axis is not there or has size 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let scores = Tensor::from([[0.1f32, 0.7, 0.2], [0.5, 0.2, 0.3]]);
    /// assert_eq!(scores.argmin(1).to_vec::<i64>(), [0, 1]);
    /// ```
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor {
        let Some(axis) = self.axis("argmin", axis) else { return Tensor::poisoned() };
        Tensor(call_one(Extreme::Min { axis }, &[&self.wide().0]))
    }
}
