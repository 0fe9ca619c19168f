//! Rows to mean 0 and variance 1: y = (x − mean)/√(var + ε), var the mean of squares.   [R, D] -> [R, D]
//!
//! dx = (dy − mean(dy) − y·mean(dy·y))/√(var + ε), one kernel that computes the statistics again.

mod cpu;

use super::{inverse_deviation, wide};
use crate::Tensor;
use crate::ops::reference::differentiate;
use gradus_base::{Error, Result};
use gradus_cpu::exec::Kernel;
use gradus_graph::{Backward, Meta, Node, Rule, Spec, call_one, fail};
use std::panic::Location;

/// x → y
#[derive(Clone, Copy, Debug)]
struct Normalize {
    eps: f64,
}

/// x, dy → dx
#[derive(Clone, Copy, Debug)]
struct NormalizeGrad {
    eps: f64,
}

impl Rule for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let rule = NormalizeGrad { eps: self.eps };
        Ok(vec![Some(call_one(rule, &[&backward.inputs[0], backward.dy()]))])
    }

    fn cpu(&self, spec: &Spec) -> Box<dyn Kernel> {
        cpu::forward(self.eps, spec)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        6 * inputs[0].shape.len() as u64
    }
}

impl Rule for NormalizeGrad {
    fn name(&self) -> &'static str {
        "normalize_grad"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        differentiate(backward, |inputs| {
            let (x, dy) = (&inputs[0], &inputs[1]);
            let mean = |t: &Tensor| t.mean(1).unsqueeze(1);
            let centred = x - mean(x);
            let scale = inverse_deviation(&mean(&centred.square()), self.eps);
            let y = &centred * &scale;
            let along = mean(&(dy * &y));
            vec![(dy - mean(dy) - y * along) * scale]
        })
    }

    fn cpu(&self, spec: &Spec) -> Box<dyn Kernel> {
        cpu::backward(self.eps, spec)
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        12 * inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// The elements cut into so many rows of equal length, each brought to mean 0 and variance 1.
    #[track_caller]
    pub(super) fn normalize_rows(&self, rows: usize, eps: f64) -> Tensor {
        if !self.dtype().is_float() {
            let what = format!("the elements must be floats, found {}", self.dtype());
            fail(Error::dtype("normalize", what), Location::caller());
        }
        let x = wide(self).reshape([rows, self.len() / rows.max(1)]);
        let y = Tensor(call_one(Normalize { eps }, &[&x.0]));
        y.reshape(self.shape()).cast(self.dtype())
    }
}
