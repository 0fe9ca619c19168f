//! cross entropy of softmax: loss[i] = ln Σ_c e^x[i, c] − x[i, label[i]].
//! x [N, C], labels [N] -> [N]
//!
//! One pass forward, one backward: dx = (softmax(x) − one_hot(label))·dy. The logarithm of the sum
//! is kept between them, in two parts: the row's largest score, and ln Σ e^(x − top), so that large
//! scores have all digits of the loss. A NaN makes its row's loss NaN.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

use crate::ops::kernel::{expect_i64, tensors};
use crate::{DType, Tensor};
use gradus_base::{Error, Result, Shape};
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Strategy, call, call_one};
use gradus_reference::Array;
use std::sync::Arc;

/// x, labels → loss, top = the largest score, rest = ln Σ e^(x − top)
#[derive(Debug)]
struct CrossEntropy;

/// x, labels, top, rest, dy → dx
#[derive(Debug)]
struct CrossEntropyGrad;

impl Rule for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        let one = Meta::new([inputs[0].shape[0]], inputs[0].dtype);
        Ok(vec![one, one, one])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        // The other outputs never leave this file, except to the rule below.
        let dy = backward.dys[0].as_ref().expect("only the loss is ever read");
        let (x, labels) = (&backward.inputs[0], &backward.inputs[1]);
        let (top, rest) = (&backward.outputs[1], &backward.outputs[2]);
        let dx = || call_one(CrossEntropyGrad, &[x, labels, top, rest, dy]);
        Ok(vec![backward.wanted[0].then(dx), None])
    }

    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x, labels] = tensors(inputs);
        let top = x.max(1);
        let rest = (&x - top.unsqueeze(1)).exp().sum(1).ln();
        let score = x.gather(1, &labels.unsqueeze(1)).squeeze(1);
        let loss = &rest - (score - &top);
        Some(vec![loss.0, top.0, rest.0])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::forward(spec))),
            Device::Reference => Some(Plain::of(|x: &[Array]| reference::forward(&x[0], &x[1]))),
            _ => None,
        }
    }

    /// An exponential counts as ten.
    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        12 * inputs[0].shape.len() as u64
    }
}

impl Rule for CrossEntropyGrad {
    fn name(&self) -> &'static str {
        "cross_entropy_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    /// top and rest are functions of x, so the composition, which reads x alone, has its share.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let [x, labels, _, _, dy] = tensors(inputs);
        let one_hot = labels.one_hot(x.shape()[1]).cast(x.dtype());
        Some(vec![((x.softmax(1) - one_hot) * dy.unsqueeze(1)).0])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::backward(spec))),
            Device::Reference => Some(Plain::of(|x: &[Array]| Ok(vec![reference::backward(x)]))),
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        12 * inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// The cross entropy of softmax(x) with class labels: for each sample −ln of the probability of
    /// its label.
    ///
    /// **Shape** scores `x [.., C]`, `labels i64 [..]` → `[..]`. A label outside `0..C` is an error
    /// of the run.
    ///
    /// # Panics
    /// If the scores are not floats, the labels not i64, or the leading axes differ.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let scores = Tensor::from([[0.0f64, 0.0], [0.0, 3.0f64.ln()]]);
    /// let loss = scores.softmax_cross_entropy(&Tensor::from([0i64, 0])).to_vec::<f64>();
    /// assert!((loss[0] - 2.0f64.ln()).abs() < 1e-15 && (loss[1] - 4.0f64.ln()).abs() < 1e-15);
    /// ```
    #[track_caller]
    pub fn softmax_cross_entropy(&self, labels: &Tensor) -> Tensor {
        let shape = self.shape();
        if let Err(e) = expect_i64("cross_entropy", "labels", labels) {
            return Tensor::refuse(e);
        }
        if !self.dtype().is_float() {
            let what = format!("the scores must be floats, found {}", self.dtype());
            return Tensor::refuse(Error::dtype("cross_entropy", what));
        }
        if shape.rank() == 0 || Shape::new(&shape[..shape.rank() - 1]) != labels.shape() {
            let labels = labels.shape();
            let what = format!("scores [.., classes] and labels [..] are {shape} and {labels}");
            return Tensor::refuse(Error::shape("cross_entropy", what));
        }
        if matches!(self.dtype(), DType::F16 | DType::BF16) {
            return self.cast(DType::F32).softmax_cross_entropy(labels).cast(self.dtype());
        }
        let rows = self.reshape([labels.len(), shape[shape.rank() - 1]]);
        let inputs = vec![rows.0, labels.reshape([labels.len()]).0];
        let [loss, _, _] = call(Arc::new(CrossEntropy), inputs);
        Tensor(loss).reshape(labels.shape())
    }
}
