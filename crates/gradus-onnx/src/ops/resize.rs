//! Resizing, axis by axis: each new element is a sum of few old ones, whose places and shares are worked out beforehand.
//!
//! Places are computed in f32, as ONNX Runtime does: a place that f64 finds just below a whole number is a whole number there.

use super::{Op, one};
use crate::call::{Call, axis_of, size_of};
use crate::{Error, Result};
use gradus_tensor::{DType, Tensor};
use std::collections::HashSet;

pub(super) const OPS: &[(&str, Op)] = &[("Resize", resize), ("Upsample", upsample)];

/// What a place and its shares take beside an element.
const LISTED: usize = 32;

/// What elements are made of.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Nearest(Nearest),
    Linear,
    /// Keys' kernel with its coefficient, perhaps without the elements beyond the ends.
    Cubic {
        a: f64,
        inside: bool,
    },
}

/// Which element a place between two stands for.
#[derive(Clone, Copy, PartialEq)]
enum Nearest {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
    /// As operator sets before 11 have it: up where the axis shrinks, else down.
    Simple,
}

/// How places are carried from the new axis to the old one.
#[derive(Clone, Copy, PartialEq)]
enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    TfHalfPixelForNn,
    AlignCorners,
    Asymmetric,
    TfCropAndResize,
}

/// The whole way of resizing.
struct Way {
    mode: Mode,
    coordinates: Coordinates,
    /// What stands beyond the ends of a cropped axis.
    beyond: f64,
    /// Whether an axis that shrinks is read more widely, so that no old element is passed over.
    antialias: bool,
}

/// What becomes of one axis.
struct Change {
    axis: usize,
    old: usize,
    new: usize,
    scale: f32,
    /// The part that is kept, from 0 to 1.
    part: [f32; 2],
}

fn upsample(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let scales = match c.opset {
        ..9 => c.floats("scales")?,
        _ => scales_in(c, 1)?,
    };
    let scales = scales.ok_or_else(|| Error::new("scales are missing"))?;
    let mode = mode(c, Nearest::Simple)?;
    let way = Way { mode, coordinates: Coordinates::Asymmetric, beyond: 0.0, antialias: false };
    let axes: Vec<usize> = (0..x.rank()).collect();
    one(way.resized(c, x, &of_scales(x, &axes, &scales)?)?)
}

fn resize(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    if c.opset < 11 {
        let scales = scales_in(c, 1)?.ok_or_else(|| Error::new("scales are missing"))?;
        let mode = mode(c, Nearest::Simple)?;
        let way = Way { mode, coordinates: Coordinates::Asymmetric, beyond: 0.0, antialias: false };
        let axes: Vec<usize> = (0..x.rank()).collect();
        return one(way.resized(c, x, &of_scales(x, &axes, &scales)?)?);
    }
    let way = Way {
        antialias: c.int("antialias", 0)? == 1,
        mode: mode(c, nearest(&c.text("nearest_mode", "round_prefer_floor")?)?)?,
        coordinates: coordinates(&c.text("coordinate_transformation_mode", "half_pixel")?)?,
        beyond: c.float("extrapolation_value", 0.0)?,
    };
    let axes: Vec<usize> = match c.ints("axes")? {
        Some(axes) => axes.iter().map(|&a| axis_of(a, x.rank())).collect::<Result<_>>()?,
        None => (0..x.rank()).collect(),
    };
    if axes.iter().collect::<HashSet<_>>().len() < axes.len() {
        return Err(Error::new(format!("axes {axes:?}: one is named twice")));
    }
    let sizes = c.numbers(3)?.filter(|s| !s.is_empty());
    let mut changes = match (scales_in(c, 2)?, sizes) {
        (Some(scales), None) => of_scales(x, &axes, &scales)?,
        (None, Some(sizes)) => of_sizes(c, x, &axes, &sizes)?,
        _ => return Err(Error::new("either scales or sizes must be given")),
    };
    if way.coordinates == Coordinates::TfCropAndResize {
        crop(c, &mut changes)?;
    }
    one(way.resized(c, x, &changes)?)
}

fn scales_in(c: &Call<'_>, input: usize) -> Result<Option<Vec<f32>>> {
    let scales = c.floats_in(input)?.filter(|s| !s.is_empty());
    Ok(scales.map(|s| s.iter().map(|&s| s as f32).collect()))
}

fn mode(c: &Call<'_>, nearest: Nearest) -> Result<Mode> {
    let inside = c.int("exclude_outside", 0)? == 1;
    let mode = match &*c.text("mode", "nearest")? {
        "nearest" => Mode::Nearest(nearest),
        "linear" | "bilinear" => Mode::Linear,
        "cubic" => Mode::Cubic { a: c.float("cubic_coeff_a", -0.75)?, inside },
        other => {
            let what = format!("mode `{other}`; known are nearest, linear and cubic");
            return Err(Error::new(what));
        }
    };
    if inside && !matches!(mode, Mode::Cubic { .. }) {
        return Err(Error::new("exclude_outside is for mode `cubic`"));
    }
    Ok(mode)
}

fn nearest(name: &str) -> Result<Nearest> {
    Ok(match name {
        "round_prefer_floor" => Nearest::PreferFloor,
        "round_prefer_ceil" => Nearest::PreferCeil,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceil,
        other => return Err(Error::new(format!("nearest_mode `{other}` is not known"))),
    })
}

fn coordinates(name: &str) -> Result<Coordinates> {
    Ok(match name {
        "half_pixel" => Coordinates::HalfPixel,
        "half_pixel_symmetric" => Coordinates::HalfPixelSymmetric,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "tf_half_pixel_for_nn" => Coordinates::TfHalfPixelForNn,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        "tf_crop_and_resize" => Coordinates::TfCropAndResize,
        other => {
            let what = format!("coordinate_transformation_mode `{other}` is not known");
            return Err(Error::new(what));
        }
    })
}

/// The part of each axis that `roi` keeps: all starts, then all ends.
fn crop(c: &Call<'_>, changes: &mut [Change]) -> Result<()> {
    let roi = c.floats_in(1)?.unwrap_or_default();
    let axes = changes.len();
    if roi.len() != 2 * axes || roi.iter().any(|r| !r.is_finite()) {
        let what = format!("roi {roi:?}; expected a start and an end for each of {axes} axes");
        return Err(Error::new(what));
    }
    for (i, change) in changes.iter_mut().enumerate() {
        change.part = [roi[i] as f32, roi[axes + i] as f32];
    }
    Ok(())
}

fn of_scales(x: &Tensor, axes: &[usize], scales: &[f32]) -> Result<Vec<Change>> {
    if scales.len() != axes.len() || scales.iter().any(|&s| s.is_nan() || s <= 0.0) {
        return Err(Error::new(format!("scales {scales:?} for {} axes", axes.len())));
    }
    let change = |(&axis, &scale): (&usize, &f32)| {
        let old = x.shape()[axis];
        Change { axis, old, new: (scale * old as f32) as usize, scale, part: [0.0, 1.0] }
    };
    Ok(axes.iter().zip(scales).map(change).collect())
}

/// With a policy that keeps the aspect ratio, one scale serves all axes.
fn of_sizes(c: &Call<'_>, x: &Tensor, axes: &[usize], sizes: &[i64]) -> Result<Vec<Change>> {
    if sizes.len() != axes.len() {
        return Err(Error::new(format!("{} sizes for {} axes", sizes.len(), axes.len())));
    }
    let mut changes = vec![];
    for (&axis, &new) in axes.iter().zip(sizes) {
        let (old, new) = (x.shape()[axis], size_of(new)?);
        let scale = if old == 0 { 1.0 } else { new as f32 / old as f32 };
        changes.push(Change { axis, old, new, scale, part: [0.0, 1.0] });
    }
    let scales = changes.iter().map(|change| change.scale);
    let one = match &*c.text("keep_aspect_ratio_policy", "stretch")? {
        "stretch" => return Ok(changes),
        "not_larger" => scales.fold(f32::MAX, f32::min),
        "not_smaller" => scales.fold(f32::MIN_POSITIVE, f32::max),
        other => {
            return Err(Error::new(format!("keep_aspect_ratio_policy `{other}` is not known")));
        }
    };
    for change in &mut changes {
        (change.scale, change.new) = (one, (one * change.old as f32).round() as usize);
    }
    Ok(changes)
}

impl Change {
    /// Whether every element stays where it is.
    fn keeps(&self) -> bool {
        self.new == self.old && self.part == [0.0, 1.0]
    }

    /// Where new element `i` lies among the old ones.
    fn place(&self, i: usize, coordinates: Coordinates) -> f32 {
        let (i, scale) = (i as f32, self.scale);
        let (old, new) = (self.old as f32, self.new as f32);
        match coordinates {
            Coordinates::HalfPixel => (i + 0.5) / scale - 0.5,
            Coordinates::HalfPixelSymmetric => {
                let offset = old / 2.0 * (1.0 - new / (scale * old));
                (f64::from(offset) + (f64::from(i) + 0.5) / f64::from(scale) - 0.5) as f32
            }
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners if self.new <= 1 => 0.0,
            Coordinates::PytorchHalfPixel => (i + 0.5) / scale - 0.5,
            Coordinates::AlignCorners => i * (old - 1.0) / (new - 1.0),
            Coordinates::TfHalfPixelForNn => (i + 0.5) / scale,
            Coordinates::Asymmetric => i / scale,
            Coordinates::TfCropAndResize => {
                let [start, end] = self.part;
                match self.new {
                    ..=1 => 0.5 * (start + end) * (old - 1.0),
                    _ => start * (old - 1.0) + i * (end - start) * (old - 1.0) / (new - 1.0),
                }
            }
        }
    }
}

impl Way {
    fn resized(&self, c: &Call<'_>, x: &Tensor, changes: &[Change]) -> Result<Tensor> {
        // A scale that changes no size shifts nothing by itself, as in ONNX Runtime and PyTorch.
        if changes.iter().all(Change::keeps) {
            return Ok(x.clone());
        }
        let computed = match x.dtype() {
            _ if matches!(self.mode, Mode::Nearest(_)) => x.dtype(),
            DType::F16 | DType::BF16 => DType::F32,
            dtype if dtype.is_float() => dtype,
            _ => DType::F64,
        };
        let mut y = x.cast(computed);
        let mut beyond: Vec<(usize, Vec<bool>)> = vec![];
        for change in changes.iter().filter(|change| !(change.keeps() && change.scale == 1.0)) {
            let (axis, new) = (change.axis, change.new);
            if change.old == 0 && new > 0 {
                let what = format!("axis {axis} of {} cannot become {new}", x.shape());
                return Err(Error::new(what));
            }
            let mut sizes = y.shape().to_vec();
            sizes[axis] = new;
            c.fits(&sizes)?;
            // Places and shares are lists of their own.
            let wide = if self.antialias { (4.0 / change.scale.min(1.0)) as usize } else { 0 };
            c.fits(&[new, LISTED.max(wide.saturating_mul(4))])?;
            let places: Vec<f32> = (0..new).map(|i| change.place(i, self.coordinates)).collect();
            y = self.along(&y, change, &places);
            if self.coordinates == Coordinates::TfCropAndResize {
                let end = change.old as f32 - 1.0;
                beyond.push((axis, places.iter().map(|&at| at < 0.0 || at > end).collect()));
            }
        }
        for (axis, outside) in beyond.iter().filter(|(_, outside)| outside.contains(&true)) {
            let outside = Tensor::from_slice(outside, along(y.rank(), *axis, outside.len()));
            let beyond = Tensor::full_of((), self.beyond, computed).broadcast_to(y.shape());
            y = outside.broadcast_to(y.shape()).select_where(&beyond, &y);
        }
        Ok(y.cast(x.dtype()))
    }

    /// One axis: the old elements at places around each new one, by their shares.
    fn along(&self, x: &Tensor, change: &Change, places: &[f32]) -> Tensor {
        let last = change.old as i64 - 1;
        let parts: Vec<Vec<(i64, f64)>> = places.iter().map(|&at| self.parts(at, change)).collect();
        let picked = |k: usize| {
            let ids: Vec<i64> = parts.iter().map(|p| p[k].0.clamp(0, last.max(0))).collect();
            x.index_select(change.axis as isize, &Tensor::from_slice(&ids, [ids.len()]))
        };
        if let Mode::Nearest(_) = self.mode {
            return picked(0);
        }
        let weighed = |k: usize| {
            let shares: Vec<f64> = parts.iter().map(|p| p[k].1).collect();
            let shares = Tensor::from_slice(&shares, along(x.rank(), change.axis, shares.len()));
            picked(k) * shares.cast(x.dtype())
        };
        let taps = parts.first().map_or(1, Vec::len);
        (1..taps).fold(weighed(0), |sum, k| sum + weighed(k))
    }

    /// Old elements and their shares; places beyond the ends stand for the ends.
    fn parts(&self, at: f32, change: &Change) -> Vec<(i64, f64)> {
        let end = change.old.saturating_sub(1) as f32;
        if self.antialias && change.scale < 1.0 && !matches!(self.mode, Mode::Nearest(_)) {
            return self.wide_parts(f64::from(at), change);
        }
        match self.mode {
            Mode::Nearest(nearest) => vec![(nearest.of(at, change.scale < 1.0), 1.0)],
            Mode::Linear => {
                let at = at.clamp(0.0, end);
                let (low, t) = (at.floor() as i64, f64::from(at - at.floor()));
                vec![(low, 1.0 - t), (low + 1, t)]
            }
            Mode::Cubic { a, inside } => {
                let (low, t) = (at.floor() as i64, f64::from(at - at.floor()));
                let keys = |k: i64| (low.saturating_add(k), cubic(a, (t - k as f64).abs()));
                let mut parts: Vec<(i64, f64)> = (-1..3).map(keys).collect();
                if inside {
                    let there = |k: i64| (0..change.old as i64).contains(&k);
                    parts.iter_mut().filter(|p| !there(p.0)).for_each(|p| p.1 = 0.0);
                    let sum: f64 = parts.iter().map(|p| p.1).sum();
                    parts.iter_mut().filter(|_| sum != 0.0).for_each(|p| p.1 /= sum);
                }
                parts
            }
        }
    }
}

impl Way {
    /// A kernel as wide as the axis shrinks; places beyond the ends stand for the ends, unless they are left out. PyTorch leaves them
    /// out always, ONNX and its runtimes where it is said. All lists have one length.
    fn wide_parts(&self, at: f64, change: &Change) -> Vec<(i64, f64)> {
        let scale = f64::from(change.scale);
        let (reach, a, inside) = match self.mode {
            Mode::Cubic { a, inside } => (2.0, Some(a), inside),
            _ => (1.0, None, false),
        };
        let height = |d: f64| a.map_or((1.0 - d).max(0.0), |a| cubic(a, d));
        let side = (reach / scale).ceil() as i64;
        let middle = at.floor() as i64;
        let share = |k: i64| match inside && !(0..change.old as i64).contains(&k) {
            true => (k, 0.0),
            false => (k, height((k as f64 - at).abs() * scale)),
        };
        let mut parts: Vec<(i64, f64)> = (middle - side..=middle + side + 1).map(share).collect();
        let sum: f64 = parts.iter().map(|p| p.1).sum();
        parts.iter_mut().filter(|_| sum != 0.0).for_each(|p| p.1 /= sum);
        parts
    }
}

impl Nearest {
    /// The element at a place; beyond the ends it is brought back later. What rounding put beside the middle of two counts as
    /// the middle, as in ONNX Runtime.
    fn of(self, at: f32, shrinks: bool) -> i64 {
        let middle = (at - at.floor() - 0.5).abs() <= 1e-6;
        (match self {
            Nearest::PreferFloor if middle => at.floor(),
            Nearest::PreferCeil if middle => at.ceil(),
            Nearest::PreferFloor | Nearest::PreferCeil => at.round(),
            Nearest::Ceil => at.ceil(),
            Nearest::Simple if shrinks => at.ceil(),
            Nearest::Floor | Nearest::Simple => at.floor(),
        }) as i64
    }
}

/// Keys' cubic kernel.   Keys 1981, IEEE TASSP 29
fn cubic(a: f64, d: f64) -> f64 {
    match d {
        _ if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        _ if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
        _ => 0.0,
    }
}

/// Sizes of 1 but for one axis.
fn along(rank: usize, axis: usize, len: usize) -> Vec<usize> {
    (0..rank).map(|a| if a == axis { len } else { 1 }).collect()
}
