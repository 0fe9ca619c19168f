//! argsort(x): where the elements of a row go to be in order.   [.., N] -> [.., k], i64
//!
//! Sorting and top-k are argsort and gather, so they have gather's gradient. NaN counts as the
//! largest number, as in argmax; equal elements keep their order, whichever way is sorted.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

use crate::{DType, Tensor};
use gradus_base::{Error, Result};
use gradus_graph::{
    Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one,
    not_differentiable,
};
use gradus_reference::Array;

/// The first `keep` places of the order, along the last axis.
#[derive(Debug)]
struct Argsort {
    descending: bool,
    keep: usize,
}

impl Rule for Argsort {
    fn name(&self) -> &'static str {
        "argsort"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let shape = inputs[0].shape;
        Ok(vec![Meta::new(shape.with(shape.rank() - 1, self.keep), DType::I64)])
    }

    fn grad(&self, _backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Err(not_differentiable(
            "argsort",
            "places are integers; the values of sort and top_k have one",
        ))
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        let keep = Setting::Sizes(vec![self.keep]);
        Some(vec![("descending", Setting::Flag(self.descending)), ("keep", keep)])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::kernel(self.descending, self.keep, spec))),
            Device::Reference => {
                let Argsort { descending, keep } = *self;
                let sort = move |x: &Array| reference::argsort(descending, keep, x);
                Some(Plain::of(move |x: &[Array]| Ok(vec![sort(&x[0])])))
            }
            _ => None,
        }
    }

    /// Comparisons: n·log₂ n.
    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        let shape = inputs[0].shape;
        let n = shape[shape.rank() - 1].max(1);
        (shape.len() * n.ilog2() as usize) as u64
    }
}

impl Tensor {
    /// The places on `axis` of its elements in order.
    ///
    /// **Shape** `[.., N, ..] -> i64 [.., N, ..]`. Equal elements stay in order; NaN counts as
    /// largest. There is no gradient.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([30.0f32, 10.0, 20.0]);
    /// assert_eq!(x.argsort(0, false).to_vec::<i64>(), [1, 2, 0]);
    /// ```
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor {
        let Some(axis) = self.axis("argsort", axis) else { return Tensor::poisoned() };
        self.first_places(axis, descending, self.shape()[axis])
    }

    /// The elements along `axis` in order.
    ///
    /// **Shape** `[.., N, ..] -> [.., N, ..]`. NaN counts as largest.
    ///
    /// # Panics
    /// If the axis is not there.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([30.0f32, 10.0, 20.0]);
    /// assert_eq!(x.sort(0, true).to_vec::<f32>(), [30.0, 20.0, 10.0]);
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> Tensor {
        let Some(axis) = self.axis("sort", axis) else { return Tensor::poisoned() };
        let axis = axis as isize;
        self.gather(axis, &self.argsort(axis, descending))
    }

    /// The `k` largest elements along `axis`, largest first, and their places.
    ///
    /// **Shape** `[.., N, ..] -> [.., k, ..], i64 [.., k, ..]`. NaN counts as largest.
    ///
    /// # Panics
    /// If the axis is not there or has fewer than `k` elements.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([0.1f32, 0.7, 0.2]).top_k(2, 0);
    /// assert_eq!(values.to_vec::<f32>(), [0.7, 0.2]);
    /// assert_eq!(places.to_vec::<i64>(), [1, 2]);
    /// ```
    #[track_caller]
    #[doc(alias = "topk")]
    pub fn top_k(&self, k: usize, axis: isize) -> (Tensor, Tensor) {
        let Some(axis) = self.axis("top_k", axis) else {
            return (Tensor::poisoned(), Tensor::poisoned());
        };
        let size = self.shape()[axis];
        if k > size {
            let what =
                format!("the {k} largest of axis {axis} of {}, which has {size}", self.shape());
            let refused = Tensor::refuse(Error::shape("top_k", what));
            return (refused.clone(), refused);
        }
        let places = self.first_places(axis, true, k);
        (self.gather(axis as isize, &places), places)
    }

    #[track_caller]
    fn first_places(&self, axis: usize, descending: bool, keep: usize) -> Tensor {
        let axis = axis as isize;
        let rows = self.wide().transpose(axis, -1);
        Tensor(call_one(Argsort { descending, keep }, &[&rows.0])).transpose(axis, -1)
    }
}
