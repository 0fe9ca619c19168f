//! Convolutions along one or two axes.

use super::{Export, Op, one};
use crate::call::{Call, size_of};
use crate::export::{RuleUse, ValueRef, Writer, binary, row, rule_use};
use crate::{Error, Result};
use gradus_base::expr::Op as Line;
use gradus_graph::Node;
use gradus_io::onnx::Attribute;
use gradus_tensor::{Conv, Conv3, Padding, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[("Conv", conv), ("ConvTranspose", conv_transpose)];

pub(super) const EXPORTS: &[(&str, Export)] = &[
    ("conv2d", |w, call| write(w, call, ValueRef::None)),
    ("conv2d_data_gradient", |w, call| write(w, call, ValueRef::None)),
];

/// Windows over the axes behind the channels: sizes, strides, dilations, pads. One axis becomes the second of two.
pub(super) struct Geometry {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Before and after, by axis.
    pub pads: [[usize; 2]; 2],
    /// One axis alone.
    pub flat: bool,
}

/// Windows over all axes behind the channels: sizes, strides, dilations, pads before and after.
pub(super) struct Windows {
    pub kernel: Vec<usize>,
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
    pub pads: Vec<[usize; 2]>,
}

impl Windows {
    /// Of a node that slides a kernel over `x`; `kernel` is what the weights say, where there are some. Automatic pads are
    /// worked out from the input's size.
    pub(crate) fn of(c: &Call<'_>, x: &Tensor, kernel: Option<&[usize]>) -> Result<Windows> {
        let axes = x.rank().saturating_sub(2);
        if !(1..=3).contains(&axes) {
            let what = format!(
                "input {}; windows go over one to three axes behind the channels",
                x.shape()
            );
            return Err(Error::new(what));
        }
        let kernel = match kernel {
            Some(kernel) => kernel.to_vec(),
            None => c.sizes("kernel_shape", axes, 0)?,
        };
        let (stride, dilation) = (c.sizes("strides", axes, 1)?, c.sizes("dilations", axes, 1)?);
        if kernel.len() != axes || kernel.iter().chain(&stride).chain(&dilation).any(|&n| n == 0) {
            let what = format!(
                "kernel {kernel:?}, strides {stride:?}, dilations {dilation:?} over {axes} axes"
            );
            return Err(Error::new(what));
        }
        let auto = c.text("auto_pad", "NOTSET")?;
        let given = c.sizes("pads", 2 * axes, 0)?;
        let pads = |a: usize| match &*auto {
            "NOTSET" | "" => Ok([given[a], given[axes + a]]),
            "VALID" => Ok([0, 0]),
            "SAME_UPPER" | "SAME_LOWER" => {
                let size = x.shape()[2 + a];
                let reach = dilation[a] * (kernel[a] - 1) + 1;
                let total = (size.div_ceil(stride[a]).max(1) - 1) * stride[a] + reach;
                let (total, upper) = (total.saturating_sub(size), auto == "SAME_UPPER");
                let less = total / 2;
                Ok(if upper { [less, total - less] } else { [total - less, less] })
            }
            other => Err(Error::new(format!("auto_pad `{other}` is not known"))),
        };
        let pads: Vec<[usize; 2]> = (0..axes).map(pads).collect::<Result<_>>()?;
        let mut padded = x.shape().to_vec();
        for (size, [before, after]) in padded[2..].iter_mut().zip(&pads) {
            *size = size.saturating_add(*before).saturating_add(*after);
        }
        c.fits(&padded)?;
        Ok(Windows { kernel, stride, dilation, pads })
    }
}

impl Geometry {
    /// As [`Windows::of`], over one or two axes.
    pub(crate) fn of(c: &Call<'_>, x: &Tensor, kernel: Option<&[usize]>) -> Result<Geometry> {
        let Windows { kernel, stride, dilation, pads } = Windows::of(c, x, kernel)?;
        let axes = kernel.len();
        if axes > 2 {
            let what =
                format!("input {}; windows go over one or two axes behind the channels", x.shape());
            return Err(Error::new(what));
        }
        let two = |v: &[usize], one: usize| if axes == 2 { [v[0], v[1]] } else { [one, v[0]] };
        Ok(Geometry {
            kernel: two(&kernel, 1),
            stride: two(&stride, 1),
            dilation: two(&dilation, 1),
            pads: if axes == 2 { [pads[0], pads[1]] } else { [[0, 0], pads[0]] },
            flat: axes == 1,
        })
    }
}

/// Runs `f` on two axes: one gets a partner of size 1 meanwhile.
pub(super) fn over_two(flat: bool, x: &Tensor, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    if flat { f(&x.unsqueeze(2)).squeeze(2) } else { f(x) }
}

/// b `[C]` added to every pixel of `[N, C, ..]`.
fn biased(y: Tensor, bias: Option<&Tensor>) -> Tensor {
    let Some(bias) = bias else { return y };
    let mut shape = vec![1; y.rank()];
    shape[1] = bias.len();
    y + bias.reshape(shape)
}

fn conv(c: &Call<'_>) -> Result<Vec<Tensor>> {
    one(biased(convolved(c, c.input(0)?, c.input(1)?)?, c.optional(2)))
}

/// x with kernels w, by the node's settings.
pub(super) fn convolved(c: &Call<'_>, x: &Tensor, w: &Tensor) -> Result<Tensor> {
    if x.rank() == 5 {
        return deep(c, x, w);
    }
    let g = Geometry::of(c, x, w.shape().get(2..))?;
    let conv = Conv {
        stride: g.stride,
        padding: Padding::Explicit(g.pads),
        dilation: g.dilation,
        groups: size_of(c.int("group", 1)?)?,
        ..Conv::new()
    };
    let w = if g.flat { w.unsqueeze(2) } else { w.clone() };
    Ok(over_two(g.flat, x, |x| x.conv2d(&w, conv)))
}

/// Windows over three axes.
pub(super) struct Deep {
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    pub dilation: [usize; 3],
    pub pads: [[usize; 2]; 3],
}

impl Deep {
    /// As [`Geometry::of`].
    pub(crate) fn of(c: &Call<'_>, x: &Tensor, kernel: Option<&[usize]>) -> Result<Deep> {
        let windows = Windows::of(c, x, kernel)?;
        let three = |v: &[usize]| <[usize; 3]>::try_from(v);
        let found = three(&windows.kernel).ok().zip(three(&windows.stride).ok());
        let found = found.zip(three(&windows.dilation).ok());
        let found = found.zip(<[[usize; 2]; 3]>::try_from(&*windows.pads).ok());
        let Some((((kernel, stride), dilation), pads)) = found else {
            return Err(Error::new(format!("input {}; expected three axes", x.shape())));
        };
        Ok(Deep { kernel, stride, dilation, pads })
    }
}

fn deep(c: &Call<'_>, x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let Deep { stride, dilation, pads, .. } = Deep::of(c, x, w.shape().get(2..))?;
    let groups = size_of(c.int("group", 1)?)?;
    Ok(x.conv3d(w, Conv3 { stride, padding: pads, dilation, groups }))
}

/// Pads cut the full result, as in [`conv_transpose`].
fn deep_transpose(c: &Call<'_>, x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let g = Deep::of(c, x, w.shape().get(2..))?;
    let groups = size_of(c.int("group", 1)?)?;
    let extra = c.sizes("output_padding", 3, 0)?;
    if c.ints("output_shape")?.is_some() || c.text("auto_pad", "NOTSET")?.starts_with("SAME") {
        return Err(Error::new("output_shape and auto_pad over three axes are not there"));
    }
    let full = |a: usize| {
        (x.shape()[2 + a].max(1) - 1) * g.stride[a]
            + g.dilation[a] * (g.kernel[a] - 1)
            + 1
            + extra[a]
    };
    let channels = w.shape().get(1).map_or(0, |n| n * groups);
    c.fits(&[x.shape()[0], channels, full(0), full(1), full(2)])?;
    let conv = Conv3 { stride: g.stride, dilation: g.dilation, groups, ..Conv3::default() };
    let y = x.conv_transpose3d(w, conv);
    Ok((0..3).fold(y, |y, a| {
        let axis = 2 + a as isize;
        let end = full(a).saturating_sub(g.pads[a][1]).max(g.pads[a][0]);
        y.pad(axis, 0, extra[a]).slice(axis, g.pads[a][0]..end)
    }))
}

/// Pads cut the full result; `output_shape` says how large it is to be and so what the pads are.
fn conv_transpose(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, w) = (c.input(0)?, c.input(1)?);
    if x.rank() == 5 {
        return one(biased(deep_transpose(c, x, w)?, c.optional(2)));
    }
    let g = Geometry::of(c, x, w.shape().get(2..))?;
    let axes = if g.flat { 1 } else { 2 };
    let extra = c.sizes("output_padding", axes, 0)?;
    let mut extra = if g.flat { [0, extra[0]] } else { [extra[0], extra[1]] };
    let groups = size_of(c.int("group", 1)?)?;
    let x4 = if g.flat { x.unsqueeze(2) } else { x.clone() };
    let auto = c.text("auto_pad", "NOTSET")?;
    let wanted = c.ints("output_shape")?.filter(|w| w.len() >= axes);
    let bare = |a: usize| {
        let size = x4.shape()[2 + a].max(1);
        (size - 1) * g.stride[a] + g.dilation[a] * (g.kernel[a] - 1) + 1
    };
    let mut pads = g.pads;
    for a in if g.flat { 1..2 } else { 0..2 } {
        let given = wanted.as_ref().map(|w| w[w.len() - axes..][if g.flat { 0 } else { a }]);
        let size = match given {
            Some(n) => Some(size_of(n)?),
            None if auto.starts_with("SAME") => Some(x4.shape()[2 + a] * g.stride[a]),
            None => None,
        };
        if let Some(size) = size {
            // A result larger than the bare one ends in zeros.
            extra[a] = extra[a].max(size.saturating_sub(bare(a)));
            let total = (bare(a) + extra[a]).saturating_sub(size);
            let (less, upper) = (total / 2, auto == "SAME_UPPER");
            pads[a] = if upper { [less, total - less] } else { [total - less, less] };
        }
    }
    let full = |a: usize| bare(a) + extra[a];
    let channels = w.shape().get(1).map_or(0, |n| n * groups);
    c.fits(&[x4.shape()[0], channels, full(0), full(1)])?;
    let conv = Conv { stride: g.stride, dilation: g.dilation, groups, ..Conv::new() };
    let w = if g.flat { w.unsqueeze(2) } else { w.clone() };
    // Without pads, so that any pads can be cut off afterwards.
    let y = x4.conv_transpose2d(&w, conv);
    let y = y.pad(2, 0, extra[0]).pad(3, 0, extra[1]);
    let cut = |y: Tensor, a: usize| {
        let end = full(a).saturating_sub(pads[a][1]).max(pads[a][0]);
        y.slice(2 + a as isize, pads[a][0]..end)
    };
    let y = cut(cut(y, 0), 1);
    let y = if g.flat { y.squeeze(2) } else { y };
    one(biased(y, c.optional(2)))
}

/// A convolution, or what takes one back to its input, which is a transposed one.
fn write(w: &mut Writer<'_>, call: &RuleUse<'_>, bias: ValueRef) -> Result<ValueRef> {
    let (x, kernels) = (call.input(0), call.input(1));
    let [kernel, stride, dilation] = ["kernel", "stride", "dilation"].map(|s| call.sizes(s));
    let (kernel, stride, dilation, pads) = (kernel?, stride?, dilation?, call.sizes("padding")?);
    let ints = |name: &str, sizes: &[usize]| Attribute::ints(name, sizes.iter().map(|&n| n as i64));
    let mut attributes = vec![
        ints("kernel_shape", kernel),
        ints("strides", stride),
        ints("pads", &[pads[0], pads[2], pads[1], pads[3]]),
        ints("dilations", dilation),
        Attribute::int("group", call.size("groups")? as i64),
    ];
    let op = if call.node.name() == "conv2d" { "Conv" } else { "ConvTranspose" };
    if op == "ConvTranspose" {
        let image = call.sizes("image")?;
        // What the sizes leave over at the end.
        let rest = |a: usize| {
            let bare =
                (x.shape()[2 + a].max(1) - 1) * stride[a] + dilation[a] * (kernel[a] - 1) + 1;
            (image[a] + pads[2 * a] + pads[2 * a + 1]) as i64 - bare as i64
        };
        attributes.push(Attribute::ints("output_padding", [rest(0), rest(1)]));
    }
    let mut inputs = vec![w.value(&x)?, w.value(&kernels)?];
    if bias != ValueRef::None {
        inputs.push(bias);
    }
    Ok(w.add(op, &inputs, attributes))
}

/// A convolution plus a number per channel.
pub(super) fn write_biased(w: &mut Writer<'_>, node: &Node) -> Result<Option<ValueRef>> {
    let Some([y, bias]) = binary(node, Line::Add) else { return Ok(None) };
    let Some(call) = rule_use(&y) else { return Ok(None) };
    let known = EXPORTS.iter().any(|(name, _)| *name == y.name());
    if !known || !w.trace.read_once(&y) || y.dtype() != node.dtype() {
        return Ok(None);
    }
    let Some(bias) = row(w.trace, &bias, y.shape(), 1) else { return Ok(None) };
    let bias = w.value(&bias)?;
    write(w, &call, bias).map(Some)
}
