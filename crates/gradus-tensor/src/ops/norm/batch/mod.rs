//! Batch normalisation in training: y = (x − mean)/√(var + ε)·w + b, the statistics over all but the channels.
//! x [N, C, L], w [C], b [C] -> y, mean [C], var [C]   Ioffe & Szegedy 2015, arXiv:1502.03167
//!
//! With x̂ = (x − mean)/√(var + ε) and M = N·L: db = Σ dy, dw = Σ dy·x̂, dx = w/√(var + ε)·(dy − db/M − x̂·dw/M),
//! one kernel. Its own gradient goes by the composition of those formulas.

mod cpu;

use super::{check_channels, inverse_deviation, over_channels, wide};
use crate::Tensor;
use crate::ops::reference::differentiate;
use gradus_base::{Error, Result};
use gradus_cpu::exec::Kernel;
use gradus_graph::{Backward, Meta, Node, Rule, Spec, call, fail};
use std::panic::Location;
use std::sync::Arc;

/// x, w, b → y, mean, var
#[derive(Clone, Copy, Debug)]
struct BatchNorm {
    eps: f64,
}

/// x, w, mean, var, dy → dx, dw, db
#[derive(Clone, Copy, Debug)]
struct BatchNormGrad {
    eps: f64,
}

impl Rule for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0], inputs[1], inputs[1]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (x, w) = (&backward.inputs[0], &backward.inputs[1]);
        let [Some(dy), None, None] = backward.dys else {
            // The loss reads the statistics themselves, which is rare.
            return differentiate(backward, |i| self.composition(&i[0], &i[1], &i[2]));
        };
        let (mean, variance) = (&backward.outputs[1], &backward.outputs[2]);
        let inputs = [x, w, mean, variance, dy].map(Node::clone).to_vec();
        let grads = call(Arc::new(BatchNormGrad { eps: self.eps }), inputs);
        Ok(grads.into_iter().map(Some).collect())
    }

    fn cpu(&self, spec: &Spec) -> Box<dyn Kernel> {
        cpu::forward(self.eps, spec)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        7 * inputs[0].shape.len() as u64
    }
}

impl BatchNorm {
    fn composition(&self, x: &Tensor, w: &Tensor, b: &Tensor) -> Vec<Tensor> {
        let mean = x.mean([0, 2]);
        let variance = (x - over_channels(&mean, x)).square().mean([0, 2]);
        let y = x.batch_norm_with(&mean, &variance, w, b, self.eps);
        vec![y, mean, variance]
    }
}

impl Rule for BatchNormGrad {
    fn name(&self) -> &'static str {
        "batch_norm_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0], inputs[1], inputs[1]])
    }

    /// Mean and variance are functions of x, so the composition, which reads x alone, has their share.
    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        differentiate(backward, |inputs| {
            let (x, w, dy) = (&inputs[0], &inputs[1], &inputs[4]);
            let spread = |t: &Tensor| over_channels(t, x);
            let centred = x - spread(&x.mean([0, 2]));
            let scale = spread(&inverse_deviation(&centred.square().mean([0, 2]), self.eps));
            let unit = centred * &scale;
            let (dw, db) = ((dy * &unit).sum([0, 2]), dy.sum([0, 2]));
            let count = (x.len() / w.len().max(1)) as f64;
            let rest = (spread(&db) + &unit * spread(&dw)) / count;
            vec![spread(w) * scale * (dy - rest), dw, db]
        })
    }

    fn cpu(&self, spec: &Spec) -> Box<dyn Kernel> {
        cpu::backward(self.eps, spec)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        10 * inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// Normalised per channel by the batch's own statistics, then ·w + b. Also gives the mean and the variance (divided by
    /// the count, not by one less), to keep running averages of.
    ///
    /// **Shape** `x [N, C, ..]`, `w [C]`, `b [C]` → `[N, C, ..]`, `[C]`, `[C]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or there is nothing to take a mean of.
    #[track_caller]
    pub fn batch_norm(&self, w: &Tensor, b: &Tensor, eps: f64) -> (Tensor, Tensor, Tensor) {
        check_channels("batch_norm", self, &[("w", w), ("b", b)]);
        if self.is_empty() {
            let what = format!("a batch of shape {} has no mean", self.shape());
            fail(Error::shape("batch_norm", what), Location::caller());
        }
        let shape = self.shape();
        let x = wide(self).reshape([shape[0], shape[1], shape[2..].iter().product()]);
        let outputs = call(Arc::new(BatchNorm { eps }), vec![x.0, wide(w).0, wide(b).0]);
        let mut outputs = outputs.into_iter().map(|n| Tensor(n).cast(self.dtype()));
        let mut next = || outputs.next().expect("a batch norm has three outputs");
        (next().reshape(shape), next(), next())
    }
}
