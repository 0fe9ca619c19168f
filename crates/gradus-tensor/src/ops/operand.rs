//! `Operand`: the other side of a binary op, a tensor or a number.

use crate::Tensor;

/// A tensor or a number, so that `x.maximum(&y)` and `x.maximum(0.0)` are one method.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// A tensor.
    Tensor(&'a Tensor),
    /// A number, taken in the other side's element type.
    Number(f64),
}

impl<'a> From<&'a Tensor> for Operand<'a> {
    fn from(tensor: &'a Tensor) -> Operand<'a> {
        Operand::Tensor(tensor)
    }
}
impl From<f64> for Operand<'_> {
    fn from(number: f64) -> Operand<'static> {
        Operand::Number(number)
    }
}

impl Operand<'_> {
    /// The operand as a tensor that goes with `other`.
    #[track_caller]
    pub(crate) fn beside(self, other: &Tensor) -> Tensor {
        match self {
            Operand::Tensor(t) => t.clone(),
            Operand::Number(n) => other.full_like(n),
        }
    }
}
