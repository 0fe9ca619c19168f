//! Resizing: each axis by itself is a matrix that says how new elements are made of old ones.

use super::{Op, one};
use crate::call::{Call, axis_of, size_of};
use crate::{Error, Result};
use gradus_tensor::{DType, Shape, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[("Resize", resize), ("Upsample", upsample)];

/// How places are carried from the new axis to the old one, and elements made.
struct Way {
    mode: String,
    coordinates: String,
    nearest: String,
    cubic: f64,
    exclude_outside: bool,
}

fn upsample(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let scales = match c.opset {
        ..9 => c.floats("scales")?.map(|s| s.iter().map(|&s| f64::from(s)).collect()),
        _ => c.floats_in(1)?,
    };
    let scales: Vec<f64> = scales.ok_or_else(|| Error::new("scales are missing"))?;
    let way = Way {
        mode: c.text("mode", "nearest")?,
        coordinates: "asymmetric".into(),
        nearest: "floor".into(),
        cubic: -0.75,
        exclude_outside: false,
    };
    let axes: Vec<usize> = (0..x.rank()).collect();
    one(scaled(c, x, &axes, &scales, None, &way)?)
}

fn resize(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let old = c.opset < 11;
    let way = Way {
        mode: c.text("mode", "nearest")?,
        coordinates: c.text(
            "coordinate_transformation_mode",
            if old { "asymmetric" } else { "half_pixel" },
        )?,
        nearest: c.text("nearest_mode", if old { "floor" } else { "round_prefer_floor" })?,
        cubic: c.float("cubic_coeff_a", -0.75)?,
        exclude_outside: c.int("exclude_outside", 0)? == 1,
    };
    if c.int("antialias", 0)? == 1 {
        return Err(Error::new("antialias is not there"));
    }
    let scales = c.floats_in(if old { 1 } else { 2 })?.filter(|s| !s.is_empty());
    let sizes = if old { None } else { c.numbers(3)?.filter(|s| !s.is_empty()) };
    let axes: Vec<usize> = match c.ints("axes")? {
        Some(axes) => axes.iter().map(|&a| axis_of(a, x.rank())).collect::<Result<_>>()?,
        None => (0..x.rank()).collect(),
    };
    match (scales, sizes) {
        (Some(scales), None) => one(scaled(c, x, &axes, &scales, None, &way)?),
        (None, Some(sizes)) => {
            let sizes: Vec<usize> = sizes.iter().map(|&n| size_of(n)).collect::<Result<_>>()?;
            if sizes.len() != axes.len() {
                return Err(Error::new(format!("{} sizes for {} axes", sizes.len(), axes.len())));
            }
            let (sizes, scales) = policy(c, x, &axes, sizes)?;
            one(scaled(c, x, &axes, &scales, Some(&sizes), &way)?)
        }
        _ => Err(Error::new("either scales or sizes must be given")),
    }
}

/// With a policy that keeps the aspect ratio, one scale serves all axes.
fn policy(
    c: &Call<'_>,
    x: &Tensor,
    axes: &[usize],
    sizes: Vec<usize>,
) -> Result<(Vec<usize>, Vec<f64>)> {
    let scale = |(&axis, &size): (&usize, &usize)| size as f64 / x.shape()[axis].max(1) as f64;
    let scales: Vec<f64> = axes.iter().zip(&sizes).map(scale).collect();
    let one = match &*c.text("keep_aspect_ratio_policy", "stretch")? {
        "stretch" => return Ok((sizes, scales)),
        "not_larger" => scales.iter().copied().fold(f64::INFINITY, f64::min),
        "not_smaller" => scales.iter().copied().fold(0.0, f64::max),
        other => {
            return Err(Error::new(format!("keep_aspect_ratio_policy `{other}` is not known")));
        }
    };
    let sizes = axes.iter().map(|&a| (one * x.shape()[a] as f64 + 0.5).floor() as usize).collect();
    Ok((sizes, vec![one; axes.len()]))
}

fn scaled(
    c: &Call<'_>,
    x: &Tensor,
    axes: &[usize],
    scales: &[f64],
    sizes: Option<&[usize]>,
    way: &Way,
) -> Result<Tensor> {
    if scales.len() != axes.len() || scales.iter().any(|&s| s.is_nan() || s <= 0.0) {
        return Err(Error::new(format!("scales {scales:?} for {} axes", axes.len())));
    }
    let mut y = x.clone();
    for (i, &axis) in axes.iter().enumerate() {
        let old = x.shape()[axis];
        let new = sizes.map_or((old as f64 * scales[i]).floor() as usize, |s| s[i]);
        if new != old || scales[i] != 1.0 {
            y = along(c, &y, axis, new, scales[i], way)?;
        }
    }
    Ok(y)
}

/// One axis as a product with the matrix `[new, old]`.
fn along(
    c: &Call<'_>,
    x: &Tensor,
    axis: usize,
    new: usize,
    scale: f64,
    way: &Way,
) -> Result<Tensor> {
    let old = x.shape()[axis];
    if old == 0 && new > 0 {
        return Err(Error::new(format!("axis {axis} of {} cannot become {new}", x.shape())));
    }
    c.fits(&[new, old])?;
    c.fits(&[x.shape().with(axis, 1).len(), new])?;
    let mut matrix = vec![0.0; new * old];
    for i in 0..new {
        let at = way.place(i, scale, old, new)?;
        for (place, weight) in way.weights(at, old)? {
            matrix[i * old + place.clamp(0, old as i64 - 1) as usize] += weight;
        }
    }
    let dtype = if x.dtype().is_float() { x.dtype() } else { DType::F32 };
    let matrix = Tensor::from_slice(&matrix, [new, old]).cast(dtype);
    let last = x.rank() - 1;
    let moved = x.cast(dtype).transpose(axis as isize, last as isize);
    let y = moved.matmul(&matrix.t()).transpose(axis as isize, last as isize);
    let want: Shape = x.shape().with(axis, new);
    debug_assert_eq!(y.shape(), want);
    Ok(y.cast(x.dtype()))
}

impl Way {
    /// Where new element `i` lies among the old ones.
    fn place(&self, i: usize, scale: f64, old: usize, new: usize) -> Result<f64> {
        let (i, length) = (i as f64, old as f64 * scale);
        Ok(match &*self.coordinates {
            "half_pixel" => (i + 0.5) / scale - 0.5,
            "half_pixel_symmetric" => {
                let offset = old as f64 / 2.0 * (1.0 - new as f64 / length);
                offset + (i + 0.5) / scale - 0.5
            }
            "pytorch_half_pixel" if new <= 1 => 0.0,
            "pytorch_half_pixel" => (i + 0.5) / scale - 0.5,
            "align_corners" if length <= 1.0 => 0.0,
            "align_corners" => i * (old as f64 - 1.0) / (length - 1.0),
            "asymmetric" => i / scale,
            other => {
                return Err(Error::new(format!(
                    "coordinate_transformation_mode `{other}` is not there"
                )));
            }
        })
    }

    /// Old elements and their shares; places outside stand for the nearest end.
    fn weights(&self, at: f64, old: usize) -> Result<Vec<(i64, f64)>> {
        let low = at.floor();
        let t = at - low;
        match &*self.mode {
            "nearest" => Ok(vec![(self.near(at)?, 1.0)]),
            "linear" | "bilinear" => Ok(vec![(low as i64, 1.0 - t), (low as i64 + 1, t)]),
            "cubic" => {
                let inside = |k: i64| (0..old as i64).contains(&k);
                let each = (-1..3).map(|k| (low as i64 + k, self.cubic_at((t - k as f64).abs())));
                let mut each: Vec<(i64, f64)> = each.collect();
                if self.exclude_outside {
                    each.retain(|&(k, _)| inside(k));
                    let sum: f64 = each.iter().map(|e| e.1).sum();
                    each.iter_mut().for_each(|e| e.1 /= sum);
                }
                Ok(each)
            }
            other => {
                Err(Error::new(format!("mode `{other}`; known are nearest, linear and cubic")))
            }
        }
    }

    fn near(&self, at: f64) -> Result<i64> {
        Ok(match &*self.nearest {
            "round_prefer_floor" => (at - 0.5).ceil(),
            "round_prefer_ceil" => (at + 0.5).floor(),
            "floor" => at.floor(),
            "ceil" => at.ceil(),
            other => return Err(Error::new(format!("nearest_mode `{other}` is not known"))),
        } as i64)
    }

    /// Keys' cubic kernel.   Keys 1981, IEEE TASSP 29
    fn cubic_at(&self, d: f64) -> f64 {
        let a = self.cubic;
        match d {
            _ if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
            _ if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
            _ => 0.0,
        }
    }
}
