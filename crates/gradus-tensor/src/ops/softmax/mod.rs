//! softmax(x) = e^x / Σ e^x along an axis, and its logarithm.   [.., C] -> [.., C]
//!
//! The largest element is subtracted first, so nothing overflows, and adding a number to all
//! changes nothing: ln softmax(x) = (x − top) − ln Σ e^(x − top). A NaN makes its row NaN.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

pub(crate) use cpu::{LogSumExp, exponentials, largest, log_sum_exp};

use crate::ops::kernel::tensors;
use crate::{DType, Tensor};
use gradus_base::{Error, Result};
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// Along the last axis.
#[derive(Clone, Copy, Debug)]
enum Softmax {
    Plain,
    Log,
}

impl Rule for Softmax {
    fn name(&self) -> &'static str {
        match self {
            Softmax::Plain => "softmax",
            Softmax::Log => "log_softmax",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    /// softmax: dx = y·(dy − Σ y·dy); its logarithm: dx = dy − softmax(x)·Σ dy
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let tensor = |n: &Node| Tensor::from_node(n.clone());
        let dy = tensor(backward.dy());
        let sum = |t: &Tensor| t.sum(-1).unsqueeze(-1);
        let dx = match self {
            Softmax::Plain => {
                let y = tensor(&backward.outputs[0]);
                let inner = sum(&(&y * &dy));
                y * (dy - inner)
            }
            Softmax::Log => {
                let p = tensor(&backward.inputs[0]).softmax(-1);
                let total = sum(&dy);
                dy - p * total
            }
        };
        Ok(vec![Some(dx.0)])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x] = tensors(inputs);
        let below = &x - x.max(-1).unsqueeze(-1);
        let sum = below.exp().sum(-1).unsqueeze(-1);
        let y = match self {
            Softmax::Plain => below.exp() / sum,
            Softmax::Log => below - sum.ln(),
        };
        Some(vec![y.0])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::kernel(*self, spec))),
            Device::Reference => {
                let op = *self;
                Some(Plain::of(move |x: &[Array]| Ok(vec![reference::softmax(op, &x[0])])))
            }
            _ => None,
        }
    }

    /// An exponential counts as ten.
    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        13 * inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// e^x / Σ e^x along `axis`: positive numbers that sum to 1, or 0 where they are less than e⁻⁸⁷
    /// (f32) or e⁻⁷⁰⁸ (f64) of the largest.
    ///
    /// **Shape** `[.., C, ..] -> [.., C, ..]`. NaN everywhere along the axis if one element is NaN
    /// or ∞, or all are −∞.
    ///
    /// # Panics
    /// If the axis is not there or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let p = Tensor::from([0.0f64, 3.0f64.ln()]).softmax(0).to_vec::<f64>();
    /// assert!((p[0] - 0.25).abs() < 1e-15 && (p[1] - 0.75).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor {
        self.along(Softmax::Plain, axis)
    }

    /// The logarithm of the softmax along `axis`, exact also where the softmax is too small to
    /// hold.
    ///
    /// **Shape** `[.., C, ..] -> [.., C, ..]`. NaN everywhere along the axis if one element is NaN
    /// or ∞, or all are −∞.
    ///
    /// # Panics
    /// If the axis is not there or the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, -1000.0]).log_softmax(0).to_vec::<f64>();
    /// assert_eq!(y, [0.0, -1000.0]);
    /// ```
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        self.along(Softmax::Log, axis)
    }

    #[track_caller]
    fn along(&self, rule: Softmax, axis: isize) -> Tensor {
        let Some(axis) = self.axis(rule.name(), axis) else { return Tensor::poisoned() };
        let axis = axis as isize;
        let dtype = self.dtype();
        if !dtype.is_float() {
            let what = format!("the elements must be floats, found {dtype}");
            return Tensor::refuse(Error::dtype(rule.name(), what));
        }
        if matches!(dtype, DType::F16 | DType::BF16) {
            return self.cast(DType::F32).along(rule, axis).cast(dtype);
        }
        Tensor(call_one(rule, &[&self.transpose(axis, -1).0])).transpose(axis, -1)
    }
}
