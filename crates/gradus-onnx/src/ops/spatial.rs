//! Images read between pixels, boxes, and windows put back.

use super::convolution::Geometry;
use super::{Op, one};
use crate::call::{Call, size_of};
use crate::{Error, Result};
use gradus_tensor::ops::detection::suppressed;
use gradus_tensor::{Beyond, DType, RoiAlign, Sampling, Scatter, Shape, Tensor, Unfold};

pub(super) const OPS: &[(&str, Op)] = &[
    ("AffineGrid", |c| {
        let sizes = c.numbers(1)?.unwrap_or_default();
        let sizes: Vec<usize> = sizes.iter().map(|&n| size_of(n)).collect::<Result<_>>()?;
        c.fits(&sizes)?;
        let axes = sizes.get(2..).ok_or_else(|| Error::new(format!("size {sizes:?}")))?;
        one(c.input(0)?.affine_grid(axes, c.int("align_corners", 0)? == 1))
    }),
    ("Col2Im", col2im),
    ("DeformConv", deform_conv),
    ("GridSample", grid_sample),
    ("MaxUnpool", max_unpool),
    ("NonMaxSuppression", non_max_suppression),
    ("RoiAlign", roi_align),
];

fn grid_sample(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, grid) = (c.input(0)?, c.input(1)?);
    let sampling = match &*c.text("mode", "linear")? {
        "linear" | "bilinear" => Sampling::Linear,
        "nearest" => Sampling::Nearest,
        "cubic" | "bicubic" => Sampling::Cubic,
        other => {
            let what = format!("mode `{other}`; known are linear, nearest and cubic");
            return Err(Error::new(what));
        }
    };
    let beyond = match &*c.text("padding_mode", "zeros")? {
        "zeros" => Beyond::Zeros,
        "border" => Beyond::Border,
        "reflection" => Beyond::Reflection,
        other => {
            let what = format!("padding_mode `{other}`; known are zeros, border and reflection");
            return Err(Error::new(what));
        }
    };
    let wide = x.cast(if x.dtype().is_float() { x.dtype() } else { DType::F64 });
    let y = wide.grid_sample(grid, sampling, beyond, c.int("align_corners", 0)? == 1);
    one(y.cast(x.dtype()))
}

fn col2im(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let sizes = |i: usize| -> Result<Vec<usize>> {
        c.numbers(i)?.unwrap_or_default().iter().map(|&n| size_of(n)).collect()
    };
    let (image, kernel) = (sizes(1)?, sizes(2)?);
    let axes = image.len();
    let pads = c.sizes("pads", 2 * axes, 0)?;
    let padding: Vec<[usize; 2]> = (0..axes).map(|a| [pads[a], pads[axes + a]]).collect();
    let padded: Vec<usize> = image.iter().zip(&padding).map(|(n, [a, b])| n + a + b).collect();
    let s = c.input(0)?.shape();
    c.fits(&[&padded[..], &[s.len().max(1)]].concat())?;
    let windows = Unfold {
        kernel,
        stride: c.sizes("strides", axes, 1)?,
        dilation: c.sizes("dilations", axes, 1)?,
        padding,
    };
    one(c.input(0)?.fold(&image, &windows))
}

/// Elements at the places they were taken from.
fn max_unpool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, places) = (c.input(0)?, c.input(1)?);
    let axes = x.rank().saturating_sub(2);
    let (kernel, stride) = (c.sizes("kernel_shape", axes, 0)?, c.sizes("strides", axes, 1)?);
    let pads = c.sizes("pads", 2 * axes, 0)?;
    let size = |a: usize| {
        let bare = (x.shape()[2 + a].max(1) - 1) * stride[a] + kernel[a];
        bare.saturating_sub(pads[a] + pads[axes + a])
    };
    let inferred: Vec<usize> =
        x.shape().iter().take(2).copied().chain((0..axes).map(size)).collect();
    c.fits(&inferred)?;
    let inferred = Shape::try_new(&inferred)?;
    let flat = |t: &Tensor| t.reshape([t.len()]);
    let zero = Tensor::full_of([inferred.len()], 0.0, x.dtype());
    let places = flat(&places.cast(DType::I64));
    let y = zero.scatter(0, &places, &flat(x), Scatter::Replace).reshape(inferred);
    let Some(wanted) = c.numbers(2)? else { return one(y) };
    // Places are those of the smaller size; what is wanted beyond it ends in zeros.
    let wanted: Vec<usize> = wanted.iter().map(|&n| size_of(n)).collect::<Result<_>>()?;
    c.fits(&wanted)?;
    if wanted.len() != inferred.rank() || wanted.iter().zip(inferred.iter()).any(|(w, i)| w < i) {
        return Err(Error::new(format!("output_shape {wanted:?} for {inferred}")));
    }
    let wider = |y: Tensor, a: usize| y.pad(a as isize, 0, wanted[a] - inferred[a]);
    one((0..wanted.len()).fold(y, wider))
}

/// For each image and class the boxes to keep, as [image, class, box].
fn non_max_suppression(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (boxes, scores) = (c.input(0)?, c.input(1)?);
    let (b, s) = (boxes.shape(), scores.shape());
    if b.rank() != 3 || s.rank() != 3 || b[2] != 4 || b[0] != s[0] || b[1] != s[2] {
        let what = format!("boxes {b}, scores {s}; expected [N, K, 4] and [N, classes, K]");
        return Err(Error::new(what));
    }
    let most = if c.optional(2).is_some() { c.number(2)?.max(0) as usize } else { 0 };
    let float =
        |i: usize| -> Result<Option<f64>> { Ok(c.floats_in(i)?.and_then(|v| v.first().copied())) };
    let (iou, least) = (float(3)?.unwrap_or(0.0), float(4)?);
    let known = |t: &Tensor| t.cast(DType::F64).try_to_vec::<f64>();
    let (corners, scores) = (known(boxes)?, known(scores)?);
    let centred = c.int("center_point_box", 0)? == 1;
    let boxes: Vec<[f64; 4]> = corners
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&[a, b, w, h]| match centred {
            true => [a - w / 2.0, b - h / 2.0, a + w / 2.0, b + h / 2.0],
            false => [a, b, w, h],
        })
        .collect();
    let mut kept = vec![];
    for (row, scores) in scores.chunks_exact(s[2].max(1)).enumerate() {
        let (image, class) = (row / s[1], row % s[1]);
        let own = &boxes[image * s[2]..][..s[2]];
        let chosen: Vec<usize> =
            (0..s[2]).filter(|&i| least.is_none_or(|least| scores[i] > least)).collect();
        let some: Vec<[f64; 4]> = chosen.iter().map(|&i| own[i]).collect();
        let of: Vec<f64> = chosen.iter().map(|&i| scores[i]).collect();
        for i in suppressed(&some, &of, iou, most) {
            kept.extend([image as i64, class as i64, chosen[i] as i64]);
        }
    }
    one(Tensor::from_slice(&kept, [kept.len() / 3, 3]))
}

fn roi_align(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let mode = c.text("mode", "avg")?;
    if !matches!(&*mode, "avg" | "max") {
        return Err(Error::new(format!("mode `{mode}`; known are avg and max")));
    }
    // Until set 16 boxes were not moved by half a pixel.
    let usual = if c.opset < 16 { "output_half_pixel" } else { "half_pixel" };
    let aligned = match &*c.text("coordinate_transformation_mode", usual)? {
        "half_pixel" => true,
        "output_half_pixel" => false,
        other => {
            let what = format!("coordinate_transformation_mode `{other}` is not known");
            return Err(Error::new(what));
        }
    };
    let how = RoiAlign {
        size: [size_of(c.int("output_height", 1)?)?, size_of(c.int("output_width", 1)?)?],
        scale: c.float("spatial_scale", 1.0)?,
        points: size_of(c.int("sampling_ratio", 0)?)?,
        aligned,
        largest: mode == "max",
    };
    let (x, boxes) = (c.input(0)?, c.input(1)?);
    let sizes =
        [boxes.shape().first().copied().unwrap_or(0), x.shape().get(1).copied().unwrap_or(0)];
    c.fits(&[&sizes[..], &how.size].concat())?;
    one(x.roi_align(boxes, &c.input(2)?.cast(DType::I64), how))
}

/// A convolution whose taps are moved by offsets and weighed by a mask.   Zhu et al. 2019, arXiv:1811.11168
fn deform_conv(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, w, offset) = (c.input(0)?, c.input(1)?, c.input(2)?);
    if x.rank() != 4 || w.rank() != 4 || offset.rank() != 4 {
        return Err(Error::new(format!("input {}; expected [N, C, H, W]", x.shape())));
    }
    let g = Geometry::of(c, x, w.shape().get(2..))?;
    let groups = size_of(c.int("group", 1)?)?;
    let own = size_of(c.int("offset_group", 1)?)?;
    let s = x.shape();
    let (taps, [rows, columns]) =
        (g.kernel[0] * g.kernel[1], [offset.shape()[2], offset.shape()[3]]);
    let (n, channels, kernels) = (s[0], s[1], w.shape()[0]);
    let fits = own > 0
        && groups > 0
        && channels.is_multiple_of(own)
        && kernels.is_multiple_of(groups)
        && w.shape()[1] * groups == channels
        && offset.shape()[1] == 2 * own * taps
        && s[2] * s[3] > 0;
    if !fits {
        let what = format!("input {s}, weights {}, offsets {}", w.shape(), offset.shape());
        return Err(Error::new(format!("{what}, {groups} groups, {own} of offsets")));
    }
    c.fits(&[n, channels, taps, rows, columns])?;
    let points = taps * rows * columns;
    let wide = x.dtype().compute();
    let offset = offset.cast(wide).reshape([n * own, taps, 2, rows, columns]);
    // Where each tap of each window lies without its offset.
    let still = |a: usize| {
        let tap = |t: usize| if a == 0 { t / g.kernel[1] } else { t % g.kernel[1] };
        let place = |i: usize| {
            let (t, p) = (i / (rows * columns), i % (rows * columns));
            let window = if a == 0 { p / columns } else { p % columns };
            (window * g.stride[a] + tap(t) * g.dilation[a]) as f64 - g.pads[a][0] as f64
        };
        let places: Vec<f64> = (0..points).map(place).collect();
        Tensor::from_slice(&places, [1, points]).cast(wide)
    };
    let moved = |a: usize| still(a) + offset.select(2, a).reshape([n * own, points]);
    // The grid's ends are the middles of the outermost pixels.
    let normal = |a: usize| {
        let size = s[2 + a] as f64;
        if size > 1.0 { moved(a) * (2.0 / (size - 1.0)) - 1.0 } else { moved(a) }
    };
    let grid = Tensor::stack(&[&normal(1), &normal(0)], -1).reshape([n * own, 1, points, 2]);
    if s[2] == 1 || s[3] == 1 {
        return Err(Error::new(format!("images of {} by {} pixels are not there", s[2], s[3])));
    }
    let images = x.cast(wide).reshape([n * own, channels / own, s[2], s[3]]);
    let read = images.grid_sample(&grid, Sampling::Linear, Beyond::Zeros, true);
    let mut read = read.reshape([n, own, channels / own, taps, rows * columns]);
    if let Some(mask) = c.optional(4) {
        read *= mask.cast(wide).reshape([n, own, 1, taps, rows * columns]);
    }
    let columns_of = read.reshape([n, groups, channels / groups * taps, rows * columns]);
    let w = w.cast(wide).reshape([1, groups, kernels / groups, channels / groups * taps]);
    let y = w.matmul(&columns_of).reshape([n, kernels, rows, columns]);
    let y = match c.optional(3) {
        Some(bias) => y + bias.cast(wide).reshape([1, kernels, 1, 1]),
        None => y,
    };
    one(y.cast(x.dtype()))
}
