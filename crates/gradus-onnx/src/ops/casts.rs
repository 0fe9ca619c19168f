//! Changes of the element type, and integers as rows of bits. Types that Gradus has not are held in wider ones: what a type of few
//! bits does not hold is rounded or wraps here, so that every number is one of the type.

use super::{Op, one};
use crate::call::Call;
use crate::scope::wrapped;
use crate::{Error, Result, arrays};
use gradus_io::onnx::{
    element_bits, element_name, element_number, is_small_float, rounded, small_range,
};
use gradus_tensor::{DType, Shape, Tensor, f16};

pub(super) const OPS: &[(&str, Op)] = &[
    ("BitCast", bit_cast),
    ("BitShift", bit_shift),
    ("BitwiseAnd", |c| bits(c, |a, b| a.bitwise_and(b))),
    ("BitwiseNot", bitwise_not),
    ("BitwiseOr", |c| bits(c, |a, b| a.bitwise_or(b))),
    ("BitwiseXor", |c| bits(c, |a, b| a.bitwise_xor(b))),
    ("Cast", |c| {
        let to = c.int("to", 0)?;
        c.gives(to);
        one(to_element(c, c.input(0)?, to)?)
    }),
    ("CastLike", |c| {
        let like = c.input(1)?.dtype();
        let to = c.element_of(1).unwrap_or_else(|| element_number(like));
        c.gives(to);
        one(to_element(c, c.input(0)?, to)?)
    }),
];

/// The elements as those of a type, by its number.
pub(super) fn to_element(c: &Call<'_>, x: &Tensor, to: i64) -> Result<Tensor> {
    let saturates = c.int("saturate", 1)? == 1;
    if is_small_float(to) {
        return small_floats(x, to, saturates, &c.text("round_mode", "up")?);
    }
    if small_range(to).is_some() {
        let held = arrays::held_in(to).unwrap_or(DType::I32);
        return Ok(wrapped(x.cast(DType::I64), to).cast(held));
    }
    Ok(x.cast(arrays::dtype_numbered(to)?))
}

/// Rounded to floats of few bits, one by one: they must be known while the graph is built.
pub(super) fn small_floats(x: &Tensor, to: i64, saturates: bool, mode: &str) -> Result<Tensor> {
    let values = x.cast(DType::F32).try_to_vec::<f32>()?;
    let value = |&x: &f32| rounded(to, x, saturates, mode).unwrap_or(x);
    let values: Vec<f32> = values.iter().map(value).collect();
    Ok(Tensor::from_slice(&values, x.shape()))
}

fn bits(c: &Call<'_>, f: impl FnOnce(&Tensor, &Tensor) -> Tensor) -> Result<Vec<Tensor>> {
    one(f(c.input(0)?, c.input(1)?))
}

/// Of a type without signs all of its bits, no more.
fn bitwise_not(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    match c.element_of(0) {
        Some(13) => {
            Err(Error::new("of uint64 is not there: its numbers do not fit 64 signed bits"))
        }
        _ => one(x.bitwise_not()),
    }
}

/// What leaves a type of few bits at its upper end is cut off after this, where the type is known.
fn bit_shift(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, by) = (c.input(0)?, c.input(1)?);
    match &*c.text("direction", "")? {
        "RIGHT" => one(x.bitwise_right_shift(by)),
        "LEFT" if c.element_of(0) == Some(13) => {
            // Held in 64 signed bits: nothing may reach the sign.
            let moved = x.bitwise_left_shift(by);
            let back = moved.bitwise_right_shift(by);
            match back.ne(x).logical_or(&moved.lt(0.0)).any(..).try_to_vec::<bool>()?[0] {
                true => Err(Error::new("gives numbers beyond 2⁶³, which are not there")),
                false => one(moved),
            }
        }
        "LEFT" => one(x.bitwise_left_shift(by)),
        other => Err(Error::new(format!("direction `{other}`; known are LEFT and RIGHT"))),
    }
}

/// The same bits as elements of another type of as many.
fn bit_cast(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, to) = (c.input(0)?, c.int("to", 0)?);
    let from = c.element_of(0).unwrap_or_else(|| element_number(x.dtype()));
    let (old, new) = (element_bits(from), element_bits(to));
    if old.is_none() || old != new {
        let (from, to) = (element_name(from), element_name(to));
        return Err(Error::new(format!("{from} as {to}, which has not as many bits")));
    }
    c.gives(to);
    let bits = match x.dtype() {
        DType::F32 => x.try_to_vec::<f32>()?.iter().map(|v| v.to_bits() as i32 as i64).collect(),
        DType::F64 => x.try_to_vec::<f64>()?.iter().map(|v| v.to_bits() as i64).collect(),
        DType::F16 => x.try_to_vec::<f16>()?.iter().map(|v| i64::from(v.to_bits())).collect(),
        DType::BF16 => {
            let wide = x.cast(DType::F32).try_to_vec::<f32>()?;
            wide.iter().map(|v| i64::from(v.to_bits() >> 16)).collect()
        }
        _ => x.try_to_vec::<i64>()?,
    };
    one(of_bits(&bits, to, x.shape())?)
}

fn of_bits(bits: &[i64], to: i64, shape: Shape) -> Result<Tensor> {
    fn row<T: gradus_tensor::Element>(bits: &[i64], f: impl Fn(i64) -> T, shape: Shape) -> Tensor {
        Tensor::from_slice(&bits.iter().map(|&b| f(b)).collect::<Vec<T>>(), shape)
    }
    Ok(match to {
        1 => row(bits, |b| f32::from_bits(b as u32), shape),
        2 => row(bits, |b| b as u8, shape),
        3 => row(bits, |b| i32::from(b as i8), shape),
        4 => row(bits, |b| i32::from(b as u16), shape),
        5 => row(bits, |b| i32::from(b as i16), shape),
        6 => row(bits, |b| b as i32, shape),
        7 => row(bits, |b| b, shape),
        9 => row(bits, |b| b as u8 != 0, shape),
        10 => row(bits, |b| f16::from_bits(b as u16), shape),
        11 => row(bits, |b| f64::from_bits(b as u64), shape),
        12 => row(bits, |b| i64::from(b as u32), shape),
        16 => row(bits, |b| gradus_tensor::bf16::from_bits(b as u16), shape),
        13 if bits.iter().all(|&b| b >= 0) => row(bits, |b| b, shape),
        other => {
            let name = element_name(other);
            return Err(Error::new(format!("elements of type {name} ({other}) are not there")));
        }
    })
}
