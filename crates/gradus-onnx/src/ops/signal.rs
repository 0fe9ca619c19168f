//! Signals: Fourier transforms as products with matrices of sines, and windows.

use super::{Op, one};
use crate::call::{Call, axis_of, size_of};
use crate::{Error, Result, arrays};
use gradus_tensor::{DType, Tensor};
use std::f64::consts::PI;

pub(super) const OPS: &[(&str, Op)] = &[
    ("BlackmanWindow", |c| window(c, |t| 0.42 - 0.5 * t.cos() + 0.08 * (2.0 * t).cos())),
    ("DFT", dft),
    ("HammingWindow", |c| window(c, |t| 25.0 / 46.0 - 21.0 / 46.0 * t.cos())),
    ("HannWindow", |c| window(c, |t| 0.5 - 0.5 * t.cos())),
    ("MelWeightMatrix", mel),
    ("STFT", stft),
];

/// f of the angle of each element, once round.
fn window(c: &Call<'_>, f: fn(f64) -> f64) -> Result<Vec<Tensor>> {
    let size = size_of(c.number(0)?)?;
    c.fits(&[size])?;
    let dtype = arrays::dtype_numbered(c.int("output_datatype", 1)?)?;
    let round = if c.int("periodic", 1)? == 1 { size } else { size.saturating_sub(1) };
    let value = |i: usize| if round == 0 { 1.0 } else { f(2.0 * PI * i as f64 / round as f64) };
    one(arrays::listed(&[size], value)?.cast(dtype))
}

/// cos and sin of 2πkn/N, [K, N]. The product is taken modulo N first, so that angles keep their digits.
fn waves(count: usize, size: usize, dtype: DType) -> Result<[Tensor; 2]> {
    let of = |f: fn(f64) -> f64| {
        let angle = |i: usize| 2.0 * PI * ((i / size) * (i % size) % size) as f64 / size as f64;
        Ok::<_, Error>(arrays::listed(&[count, size], |i| f(angle(i)))?.cast(dtype))
    };
    Ok([of(f64::cos)?, of(f64::sin)?])
}

/// The transform of real and imaginary parts [.., N] to [.., K] each; the imaginary one may be missing.
fn transformed(
    real: &Tensor,
    imaginary: Option<&Tensor>,
    count: usize,
    inverse: bool,
) -> Result<[Tensor; 2]> {
    let size = real.size(-1);
    let [cos, sin] = waves(count, size, real.dtype())?.map(|t| t.t());
    let sign = if inverse { 1.0 } else { -1.0 };
    let (a, b) = (real.matmul(&cos), real.matmul(&sin) * sign);
    let Some(imaginary) = imaginary else { return Ok([a, b]) };
    Ok([a - imaginary.matmul(&sin) * sign, b + imaginary.matmul(&cos)])
}

/// Zeros put behind an axis, or its end cut off.
fn of_size(x: &Tensor, axis: isize, size: usize) -> Tensor {
    let old = x.size(axis);
    if old < size { x.pad(axis, 0, size - old) } else { x.slice(axis, ..size) }
}

fn dft(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let dtype = x.dtype();
    let given = match c.opset {
        ..20 => c.int("axis", 1)?,
        _ if c.optional(2).is_some() => c.number(2)?,
        _ => -2,
    };
    let parts = x.shape().last().copied().unwrap_or(0);
    let axis = axis_of(given, x.rank())?;
    if axis + 1 == x.rank() || !(1..=2).contains(&parts) {
        let what =
            format!("input {}, axis {given}; the last axis holds one or two parts", x.shape());
        return Err(Error::new(what));
    }
    let (inverse, onesided) = (c.int("inverse", 0)? == 1, c.int("onesided", 0)? == 1);
    let old = x.shape()[axis];
    let size = match c.optional(1) {
        Some(_) => size_of(c.number(1)?)?,
        None if inverse && onesided => 2 * old.saturating_sub(1),
        None => old,
    };
    c.fits(&[size.max(1), size])?;
    c.fits(&[x.len() / old.max(1), size])?;
    if size == 0 {
        return Err(Error::new("a transform of no elements"));
    }
    // The axis goes last, and comes back in the end.
    let part = |i: usize| x.cast(dtype.compute()).select(-1, i).transpose(axis as isize, -1);
    let (mut real, mut imaginary) = (part(0), (parts == 2).then(|| part(1)));
    if inverse && onesided {
        // The other half is the first one's conjugate.
        let half = size / 2 + 1;
        real = of_size(&real, -1, half);
        let im = of_size(&imaginary.unwrap_or_else(|| real.zeros_like()), -1, half);
        let mirrored = |t: &Tensor| t.slice(-1, 1..size - half + 1).flip(-1);
        imaginary = Some(Tensor::concat(&[&im, &-mirrored(&im)], -1));
        real = Tensor::concat(&[&real, &mirrored(&real)], -1);
        let [y, _] = transformed(&real, imaginary.as_ref(), size, true)?;
        let y = (y / size as f64).transpose(axis as isize, -1).unsqueeze(-1);
        return one(y.cast(dtype));
    }
    real = of_size(&real, -1, size);
    imaginary = imaginary.map(|t| of_size(&t, -1, size));
    let count = if onesided { size / 2 + 1 } else { size };
    let scale = if inverse { 1.0 / size as f64 } else { 1.0 };
    let both = transformed(&real, imaginary.as_ref(), count, inverse)?;
    let [a, b] = both.map(|t| (t * scale).transpose(axis as isize, -1));
    one(Tensor::stack(&[&a, &b], -1).cast(dtype))
}

/// Transforms of frames that begin every so many steps, weighed by a window.
fn stft(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let dtype = x.dtype();
    let step = size_of(c.number(1)?)?;
    if !(2..=3).contains(&x.rank()) || step == 0 {
        return Err(Error::new(format!("signal {}, steps of {step}", x.shape())));
    }
    let x = if x.rank() == 2 { x.unsqueeze(-1) } else { x.clone() };
    let (len, parts) = (x.shape()[1], x.shape()[2]);
    let window = c.optional(2);
    let size = match (c.optional(3).is_some(), window) {
        (true, _) => size_of(c.number(3)?)?,
        (false, Some(window)) => window.len(),
        (false, None) => len,
    };
    let frames = len.checked_sub(size).map(|rest| rest / step + 1);
    let Some(frames) = frames.filter(|_| size > 0 && (1..=2).contains(&parts)) else {
        return Err(Error::new(format!("frames of {size} of a signal {}", x.shape())));
    };
    c.fits(&[x.shape()[0].max(1), frames, size])?;
    c.fits(&[size, size])?;
    let places = arrays::listed(&[frames * size], |i| (i / size * step + i % size) as i64)?;
    let part = |i: usize| {
        let frames_of = x.cast(dtype.compute()).select(-1, i).index_select(1, &places);
        let frames_of = frames_of.reshape([x.shape()[0], frames, size]);
        match window {
            // A window that is shorter than its frame is zero behind its end.
            Some(window) => {
                frames_of * of_size(&window.cast(dtype.compute()).reshape([window.len()]), 0, size)
            }
            None => frames_of,
        }
    };
    let (real, imaginary) = (part(0), (parts == 2).then(|| part(1)));
    let count = if c.int("onesided", 1)? == 1 { size / 2 + 1 } else { size };
    let [a, b] = transformed(&real, imaginary.as_ref(), count, false)?;
    one(Tensor::stack(&[&a, &b], -1).cast(dtype))
}

/// Triangles over the frequencies of a transform, evenly far apart in mel.
fn mel(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let float = |i: usize| -> Result<f64> {
        let found = c.floats_in(i)?.and_then(|v| v.first().copied());
        found.ok_or_else(|| Error::new(format!("input {i} is missing")))
    };
    let (bins, size) = (size_of(c.number(0)?)?, size_of(c.number(1)?)?);
    let (rate, low, high) = (c.number(2)?, float(3)?, float(4)?);
    let rows = size / 2 + 1;
    // The edges are a list besides.
    c.fits(&[rows.max(64), bins.max(1)])?;
    let to_mel = |hertz: f64| 2595.0 * (hertz / 700.0).ln_1p() / 10f64.ln();
    let step = (to_mel(high) - to_mel(low)) / (bins + 2) as f64;
    let edge = |i: usize| {
        let hertz = 700.0 * ((i as f64 * step + to_mel(low)) / 2595.0 * 10f64.ln()).exp_m1();
        ((size + 1) as f64 * hertz / rate as f64).floor()
    };
    let edges: Vec<f64> = (0..bins + 2).map(edge).collect();
    if let Some(edge) = edges.iter().find(|e| !(0.0..rows as f64).contains(*e)) {
        return Err(Error::new(format!("a band's edge at bin {edge} of {rows}")));
    }
    let value = |i: usize| {
        let (j, band) = ((i / bins) as f64, i % bins);
        let [left, centre, right] = [edges[band], edges[band + 1], edges[band + 2]];
        match () {
            _ if j == centre && left == centre && right <= centre => 1.0,
            _ if j >= centre && j < right => (right - j) / (right - centre),
            _ if j >= left && j <= centre && centre > left => (j - left) / (centre - left),
            _ if j == centre && left == centre => 1.0,
            _ => 0.0,
        }
    };
    let dtype = arrays::dtype_numbered(c.int("output_datatype", 1)?)?;
    one(arrays::listed(&[rows, bins], value)?.cast(dtype))
}
