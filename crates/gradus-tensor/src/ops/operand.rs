//! `Operand`: the other side of a binary op, a tensor or a number.

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
    /// The operand as a tensor that goes with `other` into the op of that name.
    ///
    /// # Panics
    /// If it is a number that `other`'s type does not hold.
    #[track_caller]
    pub(crate) fn beside(self, op: &str, other: &Tensor) -> Tensor {
        let number = match self {
            Operand::Tensor(t) => return t.clone(),
            Operand::Number(n) => n,
        };
        if other.0.mistake().is_some() {
            return other.clone();
        }
        if let Err(e) = other.dtype().number(number) {
            let what = e.what + &remedy(number, other.dtype());
            return Tensor::refuse(Error { op: op.into(), what, ..e });
        }
        filled(op, number, other.0.meta())
    }

    /// As [`Operand::beside`], for arithmetic: a sum or product of booleans is one, so a number has no place among them.
    #[track_caller]
    pub(crate) fn in_arithmetic(self, op: &str, other: &Tensor) -> Tensor {
        if let (Operand::Number(n), DType::Bool) = (self, other.dtype()) {
            let what = format!("{n} beside booleans; cast them: .cast(DType::F32), or DType::I64");
            return Tensor::refuse(Error::dtype(op, what));
        }
        self.beside(op, other)
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
