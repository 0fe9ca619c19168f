//! `Operand`: the other side of a binary op, a tensor or a number.

use super::number::Number;
use crate::create::filled;
use crate::{DType, Tensor};
use gradus_base::Error;

/// A tensor or a number, so that `x.maximum(&y)` and `x.maximum(0.0)` are one method.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// A tensor.
    Tensor(&'a Tensor),
    /// A number, taken in the element type of the other side: the nearest float, or the same
    /// integer, which must be whole and in range. Comparisons of integers take any number.
    Number(f64),
    /// An integer that f64 does not hold: 2⁵³ + 1. Beside i64 it is itself.
    Large(i64),
}

impl<'a> From<&'a Tensor> for Operand<'a> {
    fn from(tensor: &'a Tensor) -> Operand<'a> {
        Operand::Tensor(tensor)
    }
}
impl<N: Number> From<N> for Operand<'_> {
    fn from(number: N) -> Operand<'static> {
        number.operand()
    }
}

impl Operand<'_> {
    /// The operand as a tensor that goes with `other` into the op of that name.
    ///
    /// # Panics
    /// If it is a number that `other`'s type does not hold.
    #[track_caller]
    pub(crate) fn beside(self, op: &str, other: &Tensor) -> Tensor {
        let number = match self {
            Operand::Tensor(t) => return t.clone(),
            Operand::Number(n) => n,
            Operand::Large(n) if other.dtype() == DType::I64 => return Tensor::scalar(n),
            Operand::Large(n) => n as f64,
        };
        if other.0.mistake().is_some() {
            return other.clone();
        }
        if let Err(e) = other.dtype().number(number) {
            let what = match self {
                // By its own digits, which f64 does not have.
                Operand::Large(n) => e.what.replacen(&number.to_string(), &n.to_string(), 1),
                _ => e.what,
            };
            let what = what + &remedy(number, other.dtype());
            return Tensor::refuse(Error { op: op.into(), what, ..e });
        }
        filled(op, number, other.0.meta())
    }

    /// As [`Operand::beside`], for arithmetic: a sum or product of booleans is one, so a number has no place among them.
    #[track_caller]
    pub(crate) fn in_arithmetic(self, op: &str, other: &Tensor) -> Tensor {
        let number = match self {
            Operand::Number(n) if other.dtype() == DType::Bool => n.to_string(),
            Operand::Large(n) if other.dtype() == DType::Bool => n.to_string(),
            operand => return operand.beside(op, other),
        };
        let what = format!("{number} beside booleans; cast them: .cast(DType::F32), or DType::I64");
        Tensor::refuse(Error::dtype(op, what))
    }
}

/// What to cast elements of `dtype` to, so that they go with a number they do not hold.
fn remedy(number: f64, dtype: DType) -> String {
    let wider = [DType::I64, DType::F32, DType::F64].into_iter();
    let mut wider = wider.filter(|d| d.is_float() || !dtype.is_float());
    match wider.find(|d| d.number(number).is_ok()) {
        Some(to) => format!("; cast the tensor first: .cast(DType::{to:?})"),
        None => String::new(),
    }
}
