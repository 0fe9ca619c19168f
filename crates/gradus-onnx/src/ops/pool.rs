//! Pooling over one or two axes.

use super::convolution::{Deep, Geometry, Windows, over_two};
use super::{Export, Op, one};
use crate::call::Call;
use crate::export::{RuleUse, ValueRef, Writer};
use crate::{Error, Result};
use gradus_io::onnx::Attribute;
use gradus_tensor::{DType, PadMode, Pool, Pool3, Shape, Tensor, Unfold};

pub(super) const OPS: &[(&str, Op)] = &[
    ("AveragePool", mean_pool),
    ("GlobalAveragePool", |c| global(c, |x, axes| x.mean(axes))),
    ("GlobalLpPool", |c| {
        let p = c.int("p", 2)? as f64;
        global(c, |x, axes| x.abs().pow(p).sum(axes).pow(1.0 / p))
    }),
    ("GlobalMaxPool", |c| global(c, |x, axes| x.max(axes))),
    ("LpPool", lp_pool),
    ("MaxPool", max_pool),
];

pub(super) const EXPORTS: &[(&str, Export)] = &[
    ("max_pool2d", |w, call| write(w, call, ["MaxPool", "GlobalMaxPool"])),
    ("mean_pool2d", |w, call| write(w, call, ["AveragePool", "GlobalAveragePool"])),
];

fn global(c: &Call<'_>, f: impl FnOnce(&Tensor, Vec<isize>) -> Tensor) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axes: Vec<isize> = (2..x.rank() as isize).collect();
    let kept = (2..x.rank()).fold(x.shape(), |shape, a| shape.with(a, 1));
    one(f(&x.cast(x.dtype().compute()), axes).reshape(kept).cast(x.dtype()))
}

fn windows(c: &Call<'_>, g: &Geometry) -> Result<Pool> {
    Ok(Pool {
        kernel: g.kernel,
        stride: g.stride,
        padding: g.pads,
        dilation: g.dilation,
        ceil: c.int("ceil_mode", 0)? == 1,
        count_include_pad: c.int("count_include_pad", 0)? == 1,
    })
}

fn volumes(c: &Call<'_>, x: &Tensor) -> Result<Pool3> {
    let g = Deep::of(c, x, None)?;
    Ok(Pool3 {
        kernel: g.kernel,
        stride: g.stride,
        padding: g.pads,
        dilation: g.dilation,
        ceil: c.int("ceil_mode", 0)? == 1,
        count_include_pad: c.int("count_include_pad", 0)? == 1,
    })
}

/// Places count through the whole input: ((n·C + c)·H + h)·W + w.
fn max_pool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    if x.rank() == 5 {
        if c.node.outputs.len() > 1 {
            return Err(Error::new("places in volumes are not given"));
        }
        let wide = if x.dtype().is_float() { x.clone() } else { x.cast(DType::F32) };
        return one(wide.max_pool3d(volumes(c, x)?).cast(x.dtype()));
    }
    let g = Geometry::of(c, x, None)?;
    let pool = windows(c, &g)?;
    let wide = x.dtype();
    let x = if wide.is_float() { x.clone() } else { x.cast(DType::F32) };
    if c.node.outputs.len() < 2 {
        return one(over_two(g.flat, &x, |x| x.max_pool2d(pool)).cast(wide));
    }
    let (y, places) = if g.flat { x.unsqueeze(2) } else { x.clone() }.max_pool2d_with_indices(pool);
    let plane: usize = x.shape()[2..].iter().product();
    let planes = x.shape()[0] * x.shape()[1];
    let first: Vec<i64> = (0..planes as i64).map(|i| i * plane as i64).collect();
    let first = Tensor::from_slice(&first, [x.shape()[0], x.shape()[1], 1, 1]);
    let places = match (c.int("storage_order", 0)?, g.flat) {
        // Columns one after the other.
        (1, false) => {
            let (places, [h, w]) = (places.cast(DType::I64), [x.shape()[2], x.shape()[3]]);
            let row = places.div_trunc(w as f64);
            let column = &places - &row * Tensor::scalar(w as i64);
            column * Tensor::scalar(h as i64) + row
        }
        _ => places.cast(DType::I64),
    } + first;
    let back = |t: Tensor| if g.flat { t.squeeze(2) } else { t };
    Ok(vec![back(y).cast(wide), back(places)])
}

fn mean_pool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let w = Windows::of(c, x, None)?;
    if w.dilation.iter().any(|&d| d != 1) {
        let wide = x.cast(x.dtype().compute());
        let counted = c.int("count_include_pad", 0)? == 1;
        let (sums, counts) = sums(c, &wide, &w, counted)?;
        return one((sums / counts).cast(x.dtype()));
    }
    if x.rank() == 5 {
        return one(x.mean_pool3d(volumes(c, x)?));
    }
    let g = Geometry::of(c, x, None)?;
    let pool = windows(c, &g)?;
    one(over_two(g.flat, x, |x| x.mean_pool2d(pool)))
}

/// (Σ|x|^p)^(1/p) of each window.
fn lp_pool(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let p = c.int("p", 2)? as f64;
    let powers = x.cast(x.dtype().compute()).abs().pow(p);
    let (sums, _) = sums(c, &powers, &Windows::of(c, x, None)?, true)?;
    one(sums.pow(1.0 / p).cast(x.dtype()))
}

/// The sum of each window, and how many elements it has; pads among them if they are `counted`. Windows are laid out one beside the
/// other: for what pooling's own kernels do not know.
fn sums(c: &Call<'_>, x: &Tensor, w: &Windows, counted: bool) -> Result<(Tensor, Tensor)> {
    let (s, axes) = (x.shape(), w.kernel.len());
    let mut padding = w.pads.clone();
    let mut counts = vec![];
    for a in 0..axes {
        let reach = w.dilation[a] * (w.kernel[a] - 1) + 1;
        let size = s[2 + a] + w.pads[a][0] + w.pads[a][1];
        let rest = size
            .checked_sub(reach)
            .ok_or_else(|| Error::new(format!("windows reach over {reach} of {size} elements")))?;
        let mut count = rest / w.stride[a] + 1;
        // With ceil_mode a window may begin in the input and end behind the pads.
        if c.int("ceil_mode", 0)? == 1
            && !rest.is_multiple_of(w.stride[a])
            && count * w.stride[a] < s[2 + a] + w.pads[a][0]
        {
            padding[a][1] += w.stride[a] - rest % w.stride[a];
            count += 1;
        }
        counts.push(count);
    }
    let taps: usize = w.kernel.iter().product();
    c.fits(&[&s[..2], &counts, &[taps]].concat())?;
    let unfold = Unfold {
        kernel: w.kernel.clone(),
        stride: w.stride.clone(),
        dilation: w.dilation.clone(),
        padding: padding.clone(),
    };
    let windows: usize = counts.iter().product();
    let of = |x: &Tensor, unfold: &Unfold| {
        let [n, channels] = [x.shape()[0], x.shape()[1]];
        let columns = x.unfold(unfold).reshape([n, channels, taps, windows]).sum(2);
        columns.reshape(Shape::new(&[&[n, channels], &counts[..]].concat()))
    };
    let mut there = Tensor::full_of(Shape::new(&[&[1, 1], &s[2..]].concat()), 1.0, x.dtype());
    let mut around = unfold.clone();
    if counted {
        // Pads count, what lies behind them does not.
        for a in 0..axes {
            let [before, after] = w.pads[a];
            let one = PadMode::Constant(1.0);
            there = there.pad_with(2 + a as isize, before, after, one);
            around.padding[a] = [0, padding[a][1] - after];
        }
    }
    Ok((of(x, &unfold), of(&there, &around)))
}

/// The windows along an axis, as ONNX says it.
struct Axis {
    kernel: usize,
    stride: usize,
    dilation: usize,
    pads: [usize; 2],
    /// How far the last window reaches past the pads.
    over: usize,
}

impl Axis {
    fn of(windows: &[usize], size: usize, count: usize) -> Result<Axis> {
        match *windows {
            [kernel, stride, before, after, dilation] => {
                let reach = (count.max(1) - 1) * stride + dilation * (kernel - 1) + 1;
                let over = reach.saturating_sub(size + before + after);
                Ok(Axis { kernel, stride, dilation, pads: [before, after], over })
            }
            [count] if count > 0 && size.is_multiple_of(count) => {
                let kernel = size / count;
                Ok(Axis { kernel, stride: kernel, dilation: 1, pads: [0, 0], over: 0 })
            }
            _ => {
                let what = format!(
                    "windows of several sizes ({size} pixels, {count} windows) have no counterpart in ONNX"
                );
                Err(Error::new(what))
            }
        }
    }
}

/// A pooling; `global` is the operator for one window over all.
fn write(
    w: &mut Writer<'_>,
    call: &RuleUse<'_>,
    [op, global]: [&'static str; 2],
) -> Result<ValueRef> {
    let x = call.input(0);
    // A maximum has its places as a second output; what counts is the first's shape.
    let rows = call.sizes("rows")?;
    let columns = call.sizes("columns")?;
    let mut value = w.value(&x)?;
    if rows == [1] && columns == [1] {
        return Ok(w.add(global, &[value], vec![]));
    }
    let out = call.output(0);
    let axis = |windows, a: usize| Axis::of(windows, x.shape()[2 + a], out[2 + a]);
    let mut axes = [axis(rows, 0)?, axis(columns, 1)?];
    let mean = op == "AveragePool";
    let padded = axes.iter().any(|a| a.pads != [0, 0]);
    let mut counts = mean && padded && call.flag("count_include_pad")?;
    if counts && axes.iter().any(|a| a.over > 0) {
        // Pads count, what a window reaches past them does not: so they are put there before.
        let [r, c] = [&axes[0].pads, &axes[1].pads].map(|p| p.map(|n| n as i64));
        let pads = w.ints(&[0, 0, r[0], c[0], 0, 0, r[1], c[1]]);
        value = w.add("Pad", &[value, pads], vec![]);
        axes.iter_mut().for_each(|a| a.pads = [0, 0]);
        counts = false;
    }
    let [r, c] = &axes;
    let ints = |name: &str, sizes: &[usize]| Attribute::ints(name, sizes.iter().map(|&n| n as i64));
    let mut attributes = vec![
        ints("kernel_shape", &[r.kernel, c.kernel]),
        ints("strides", &[r.stride, c.stride]),
        ints("pads", &[r.pads[0], c.pads[0], r.pads[1] + r.over, c.pads[1] + c.over]),
    ];
    match mean {
        true => attributes.push(Attribute::int("count_include_pad", counts.into())),
        false => attributes.push(ints("dilations", &[r.dilation, c.dilation])),
    }
    Ok(w.add(op, &[value], attributes))
}
