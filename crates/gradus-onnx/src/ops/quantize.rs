//! Integers that stand for floats: x ≈ (q − zero point)·scale.
//!
//! Products of integers are made in f64, which holds every sum of up to 2³⁷ products of bytes.

use super::casts::small_floats;
use super::convolution::convolved;
use super::{Op, one};
use crate::call::{Call, axis_of, size_of};
use crate::{Error, Result, arrays};
use gradus_io::onnx::{is_small_float, small_range};
use gradus_tensor::{DType, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("ConvInteger", conv_integer),
    ("DequantizeLinear", dequantize),
    ("DynamicQuantizeLinear", dynamic),
    ("MatMulInteger", |c| {
        let a = centred(c, 0, 2, Spread::Rows)?;
        one(a.matmul(&centred(c, 1, 3, Spread::Columns)?).cast(DType::I32))
    }),
    ("QLinearConv", qlinear_conv),
    ("QLinearMatMul", qlinear_matmul),
    ("QuantizeLinear", quantize),
];

/// Scales or zero points beside x: one for all, one for each place on the axis, or one for each block of them.
fn beside(c: &Call<'_>, x: &Tensor, t: &Tensor) -> Result<Tensor> {
    if t.len() == 1 {
        return Ok(t.reshape(()));
    }
    let axis = axis_of(c.int("axis", 1)?, x.rank())?;
    let size = x.shape()[axis];
    if t.rank() == 1 && t.len() == size {
        let mut along = vec![1; x.rank()];
        along[axis] = size;
        return Ok(t.reshape(along));
    }
    let block = size_of(c.int("block_size", 0)?)?;
    let fits = t.rank() == x.rank()
        && block > 0
        && t.shape()[axis] == size.div_ceil(block)
        && t.shape().with(axis, size) == x.shape();
    if !fits {
        let what = format!("scales or zero points {} for {}, axis {axis}", t.shape(), x.shape());
        return Err(Error::new(what));
    }
    c.fits(&[t.len(), block])?;
    let places: Vec<i64> = (0..size).map(|i| (i / block) as i64).collect();
    Ok(t.index_select(axis as isize, &Tensor::from_slice(&places, [size])))
}

/// The least and the largest number of an integer type.
fn range(element: i64) -> Option<(f64, f64)> {
    match element {
        2 => Some((0.0, 255.0)),
        6 => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        other => small_range(other).map(|(low, high)| (low as f64, high as f64)),
    }
}

/// Numbers of an integer type, the nearest to these; beyond its range its ends.
fn saturated(x: &Tensor, element: i64) -> Result<Tensor> {
    let (low, high) = range(element).ok_or_else(|| {
        let name = gradus_io::onnx::element_name(element);
        Error::new(format!("numbers of type {name} are not given; known are integers"))
    })?;
    let held = arrays::held_in(element).unwrap_or(DType::I32);
    Ok(x.clamp(low, high).cast(held))
}

fn quantize(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, scale) = (c.input(0)?, c.input(1)?);
    let element = match (c.element_of(2), c.int("output_dtype", 0)?) {
        (Some(element), _) => element,
        (None, 0) => 2,
        (None, element) => element,
    };
    c.gives(element);
    // As exact as the scale: a quotient of f32 is rounded in f32.
    let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let quotient = x.cast(wide) / beside(c, x, scale)?.cast(wide);
    if is_small_float(element) {
        return one(small_floats(&quotient, element, c.int("saturate", 1)? == 1, "up")?);
    }
    let whole = quotient.round();
    one(saturated(
        &match c.optional(2) {
            Some(zero) => whole + beside(c, x, zero)?.cast(wide),
            None => whole,
        },
        element,
    )?)
}

fn dequantize(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (q, scale) = (c.input(0)?, c.input(1)?);
    let to = match c.int("output_dtype", 0)? {
        0 => scale.dtype(),
        element => arrays::dtype_numbered(element)?,
    };
    let wide = if to == DType::F64 { DType::F64 } else { DType::F32 };
    // Differences of 32-bit integers are made before they are rounded.
    let exact = |t: &Tensor| if t.dtype().is_float() { t.cast(wide) } else { t.cast(DType::I64) };
    let centred = match c.optional(2) {
        Some(zero) => exact(q) - exact(&beside(c, q, zero)?),
        None => exact(q),
    };
    one((centred.cast(wide) * beside(c, q, scale)?.cast(wide)).cast(to))
}

/// Scale and zero point of the numbers at hand, 0 among them.
fn dynamic(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let zero = Tensor::full_of((), 0.0, x.dtype());
    let (low, high) = match x.is_empty() {
        true => (zero.clone(), zero),
        false => (x.min(..).minimum(&zero), x.max(..).maximum(&zero)),
    };
    let scale = (high - &low) / 255.0;
    let divisor = scale.eq(0.0).select_where(&scale.ones_like(), &scale);
    let point = (-(low / &divisor)).clamp(0.0, 255.0).round();
    let y = saturated(&((x / &divisor).round() + &point), 2)?;
    c.gives(2);
    Ok(vec![y, scale, point.cast(DType::U8)])
}

/// Where there are several scales or zero points, what they belong to.
#[derive(Clone, Copy)]
enum Spread {
    Rows,
    Columns,
    /// The first axis, of kernels.
    Kernels,
    /// The second axis, of images.
    Channels,
}

impl Spread {
    fn beside(self, t: &Tensor, rank: usize) -> Result<Tensor> {
        if t.len() == 1 {
            return Ok(t.reshape(()));
        }
        if t.rank() != 1 {
            return Ok(t.clone());
        }
        let axis = match self {
            Spread::Columns => return Ok(t.clone()),
            Spread::Rows => rank.checked_sub(2),
            Spread::Kernels => Some(0),
            Spread::Channels => Some(1),
        };
        let axis = axis.filter(|&a| a < rank);
        let axis = axis.ok_or_else(|| Error::new(format!("{} for {rank} axes", t.shape())))?;
        let mut along = vec![1; rank];
        along[axis] = t.len();
        Ok(t.reshape(along))
    }
}

/// Integers less their zero point, in f64.
fn centred(c: &Call<'_>, i: usize, zero: usize, spread: Spread) -> Result<Tensor> {
    let q = c.input(i)?.cast(DType::F64);
    Ok(match c.optional(zero) {
        Some(zero) => &q - spread.beside(&zero.cast(DType::F64), q.rank())?,
        None => q,
    })
}

fn conv_integer(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = centred(c, 0, 2, Spread::Channels)?;
    let w = centred(c, 1, 3, Spread::Kernels)?;
    one(convolved(c, &x, &w)?.cast(DType::I32))
}

/// A sum of products brought to the result's scale and zero point. The factor is rounded to f32, as runtimes have it.
fn brought(c: &Call<'_>, sums: &Tensor, factor: &Tensor, zero: usize) -> Result<Tensor> {
    let point = c.input(zero)?;
    let element = c.element_of(zero).unwrap_or(2);
    c.gives(element);
    let scaled = sums * factor.cast(DType::F32).cast(DType::F64);
    saturated(&(scaled.round() + point.reshape(()).cast(DType::F64)), element)
}

fn qlinear_matmul(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let a = centred(c, 0, 2, Spread::Rows)?;
    let b = centred(c, 3, 5, Spread::Columns)?;
    let scale = |i: usize| Ok::<_, Error>(c.input(i)?.cast(DType::F64));
    let left = Spread::Rows.beside(&scale(1)?, a.rank())?;
    let right = Spread::Columns.beside(&scale(4)?, b.rank())?;
    let sums = a.matmul(&b);
    one(brought(c, &sums, &(left * right / scale(6)?.reshape(())), 7)?)
}

fn qlinear_conv(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = centred(c, 0, 2, Spread::Channels)?;
    let w = centred(c, 3, 5, Spread::Kernels)?;
    let mut sums = convolved(c, &x, &w)?;
    if let Some(bias) = c.optional(8) {
        sums = &sums + Spread::Channels.beside(&bias.cast(DType::F64), sums.rank())?;
    }
    let scale = |i: usize| Ok::<_, Error>(c.input(i)?.cast(DType::F64));
    let kernels = Spread::Channels.beside(&scale(4)?, sums.rank())?;
    let factor = scale(1)?.reshape(()) * kernels / scale(6)?.reshape(());
    one(brought(c, &sums, &factor, 7)?)
}
