//! bitwise_and, bitwise_or, bitwise_xor, bitwise_not, shifts: integers as rows of bits.
//! [..], [..] -> [..]
//!
//! Numbers are in two's complement, so that −1 is all ones. Of booleans they are the logical ones.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod reference;
#[cfg(test)]
mod tests;

use crate::ops::Operand;
use crate::{DType, Shape, Tensor};
use gradus_base::{Error, Result};
use gradus_graph::{Backward, Dense, Device, Meta, Node, Plain, Rule, Setting, Strategy, call_one};
use gradus_reference::Array;

/// What becomes of two numbers' bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bits {
    And,
    Or,
    Xor,
    Left,
    Right,
}

impl Bits {
    /// Of numbers with `width` bits; what leaves them at the upper end is lost.
    fn of(self, a: i64, b: i64, width: u32) -> i64 {
        // Shifted by as many bits as there are or more, nothing but the sign is left.
        let by = u32::try_from(b).unwrap_or(u32::MAX);
        match self {
            Bits::And => a & b,
            Bits::Or => a | b,
            Bits::Xor => a ^ b,
            Bits::Left if by >= width => 0,
            Bits::Left => a.wrapping_shl(by),
            Bits::Right => a >> by.min(63),
        }
    }
}

/// a, b → their bits together, element by element.
#[derive(Clone, Copy, Debug)]
struct Bitwise {
    bits: Bits,
}

impl Rule for Bitwise {
    fn name(&self) -> &'static str {
        match self.bits {
            Bits::And => "bitwise_and",
            Bits::Or => "bitwise_or",
            Bits::Xor => "bitwise_xor",
            Bits::Left => "bitwise_left_shift",
            Bits::Right => "bitwise_right_shift",
        }
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        Ok(vec![inputs[0]])
    }

    /// Integers have no gradients.
    fn grad(&self, _backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        Ok(vec![None, None])
    }

    fn settings(&self) -> Option<Vec<(&'static str, Setting)>> {
        Some(vec![])
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        let bits = self.bits;
        match device {
            Device::Cpu => Some(Dense::of(move |spec| cpu::kernel(bits, spec))),
            Device::Reference => {
                Some(Plain::of(move |x: &[Array]| Ok(vec![reference::bitwise(bits, &x[0], &x[1])])))
            }
            _ => None,
        }
    }

    fn flops(&self, inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        inputs[0].shape.len() as u64
    }
}

/// Both in one shape and type.
#[track_caller]
fn bitwise(bits: Bits, a: &Tensor, b: Operand<'_>) -> Tensor {
    let rule = Bitwise { bits };
    let op = rule.name();
    let b = b.beside(op, a);
    if let Err(e) = Tensor::sound([a, &b]) {
        return Tensor::refuse(e);
    }
    let Some(shape) = Shape::broadcast(&a.shape(), &b.shape()) else {
        let what = format!("shapes {} and {} do not broadcast", a.shape(), b.shape());
        return Tensor::refuse(Error::shape(op, what));
    };
    let (of, by) = (a.dtype(), b.dtype());
    if of.is_float() || of != by {
        let what = format!("{of} and {by}; expected integers or booleans of one type");
        return Tensor::refuse(Error::dtype(op, what));
    }
    if of == DType::Bool && matches!(bits, Bits::Left | Bits::Right) {
        return Tensor::refuse(Error::dtype(op, "booleans are not shifted"));
    }
    // Kernels read whole rows.
    let [a, b] = [a, &b].map(|t| t.broadcast_to(shape));
    Tensor(call_one(rule, &[&a.0, &b.0]))
}

impl Tensor {
    /// The bits that are 1 in both.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcasting. Integers or booleans of one type.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types differ or are floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([12i64, -1]).bitwise_and(&Tensor::from([10i64, 7]));
    /// assert_eq!(y.to_vec::<i64>(), [8, 7]);
    /// ```
    #[track_caller]
    pub fn bitwise_and<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        bitwise(Bits::And, self, other.into())
    }

    /// The bits that are 1 in either.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcasting. Integers or booleans of one type.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types differ or are floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([12i64, 1]).bitwise_or(&Tensor::from([10i64, 4]));
    /// assert_eq!(y.to_vec::<i64>(), [14, 5]);
    /// ```
    #[track_caller]
    pub fn bitwise_or<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        bitwise(Bits::Or, self, other.into())
    }

    /// The bits that are 1 in one of both.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcasting. Integers or booleans of one type.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types differ or are floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([12i64, -1]).bitwise_xor(&Tensor::from([10i64, 7]));
    /// assert_eq!(y.to_vec::<i64>(), [6, -8]);
    /// ```
    #[track_caller]
    pub fn bitwise_xor<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        bitwise(Bits::Xor, self, other.into())
    }

    /// Every bit turned round: −1 − x of signed integers.
    ///
    /// **Shape** `[..] -> [..]`. Integers or booleans.
    ///
    /// # Panics
    /// If the elements are floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([0i64, 5]).bitwise_not().to_vec::<i64>(), [-1, -6]);
    /// assert_eq!(Tensor::from([0u8, 5]).bitwise_not().to_vec::<u8>(), [255, 250]);
    /// ```
    #[track_caller]
    pub fn bitwise_not(&self) -> Tensor {
        let ones = match self.dtype() {
            DType::Bool => 1.0,
            DType::U8 => 255.0,
            dtype if dtype.is_float() => {
                let what = format!("{dtype}; expected integers or booleans");
                return Tensor::refuse(Error::dtype("bitwise_not", what));
            }
            _ => -1.0,
        };
        self.bitwise_xor(&self.full_like(ones))
    }

    /// The bits moved up by so many places, zeros from below: x·2ⁿ without what does not fit.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcasting. Integers of one type. By as many places as the
    /// type has bits, or by a negative number, it is 0.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types differ or are no integers.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([3i64, 1]).bitwise_left_shift(&Tensor::from([2i64, 64]));
    /// assert_eq!(y.to_vec::<i64>(), [12, 0]);
    /// ```
    #[track_caller]
    pub fn bitwise_left_shift<'a>(&self, places: impl Into<Operand<'a>>) -> Tensor {
        bitwise(Bits::Left, self, places.into())
    }

    /// The bits moved down by so many places, the sign from above: ⌊x/2ⁿ⌋.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcasting. Integers of one type. By as many places as the
    /// type has bits, or by a negative number, the sign alone is left.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types differ or are no integers.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([13i64, -8]).bitwise_right_shift(&Tensor::from([2i64, 1]));
    /// assert_eq!(y.to_vec::<i64>(), [3, -4]);
    /// ```
    #[track_caller]
    pub fn bitwise_right_shift<'a>(&self, places: impl Into<Operand<'a>>) -> Tensor {
        bitwise(Bits::Right, self, places.into())
    }
}
