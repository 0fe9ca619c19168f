//! divisor: integers that something is divided by, as they are, and an error of the run where one
//! is 0.   [..] -> [..]
//!
//! Floats have ∞ and NaN for it; integers have nothing that a quotient by 0 could be. The ops that
//! divide integers read their divisor through this, so that the loops over integers, which divide
//! among other things, need not look out for it.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;

use crate::{DType, Tensor};
use gradus_base::Result;
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// x → x, of the op that divides by it.
#[derive(Debug)]
struct Divisor {
    op: &'static str,
}

impl Rule for Divisor {
    fn name(&self) -> &'static str {
        self.op
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    /// Integers have no gradients.
    fn grad(&self, _backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![None])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu => Some(Dense::of(|spec| cpu::kernel(spec))),
            Device::Reference => {
                Some(Plain::of(|x: &[Array]| Ok(vec![reference::divisor(&x[0])?])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

impl Tensor {
    /// These integers, in i64, as what `op` divides by.
    #[track_caller]
    pub(super) fn as_divisor(&self, op: &'static str) -> Tensor {
        Tensor(call_one(Divisor { op }, &[&self.cast(DType::I64).0]))
    }
}
