//! What moves elements about: joining, cutting, picking, sorting.

use super::{Export, Op, one};
use crate::arrays::listed;
use crate::call::{Call, axis_of, size_of};
use crate::export::{RuleUse, ValueRef, Writer, behind, constant, reshape, unexpanded};
use crate::{Error, Result};
use gradus_graph::ViewOp;
use gradus_io::onnx::Attribute;
use gradus_tensor::{DType, PadMode, Shape, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("ArgMax", |c| arg(c, Tensor::argmax)),
    ("ArgMin", |c| arg(c, Tensor::argmin)),
    ("CenterCropPad", center),
    ("Concat", concat),
    ("CumProd", |c| running(c, Tensor::cumprod)),
    ("CumSum", |c| running(c, Tensor::cumsum)),
    ("DepthToSpace", depth_to_space),
    ("Gather", gather),
    ("GatherElements", gather_elements),
    ("OneHot", one_hot),
    ("Pad", pad),
    ("Slice", slice),
    ("SpaceToDepth", space_to_depth),
    ("Split", split),
    ("Tile", tile),
    ("TopK", top_k),
    ("Trilu", trilu),
];

pub(super) const EXPORTS: &[(&str, Export)] = &[
    ("argmax", |w, call| write_arg(w, call, "ArgMax")),
    ("argmin", |w, call| write_arg(w, call, "ArgMin")),
    ("argsort", write_argsort),
    ("cumsum", write_cumsum),
    ("gather", write_gather),
    ("scatter_add", write_one_hot),
];

fn arg(c: &Call<'_>, f: fn(&Tensor, isize) -> Tensor) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axis = axis_of(c.int("axis", 0)?, x.rank())?;
    let places = if c.int("select_last_index", 0)? == 1 {
        // The last of equals is the first from behind.
        let from_behind = f(&x.flip(axis as isize), axis as isize);
        Tensor::scalar(x.shape()[axis] as i64 - 1) - from_behind
    } else {
        f(x, axis as isize)
    };
    one(if c.int("keepdims", 1)? == 1 { places.unsqueeze(axis as isize) } else { places })
}

fn concat(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let all = c.all()?;
    let first = all.first().ok_or_else(|| Error::new("has no input"))?;
    let axis = axis_of(c.int("axis", 1)?, first.rank())?;
    one(Tensor::concat(&all, axis as isize))
}

/// Each axis cut to a size around its middle, or zeros put around it.
fn center(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let sizes = c.numbers(1)?.unwrap_or_default();
    let axes = c.ints("axes")?.unwrap_or_else(|| (0..x.rank() as i64).collect());
    if axes.len() != sizes.len() {
        return Err(Error::new(format!("{} sizes for {} axes", sizes.len(), axes.len())));
    }
    let mut y = x.clone();
    for (&axis, &size) in axes.iter().zip(&sizes) {
        let (axis, new) = (axis_of(axis, x.rank())?, size_of(size)?);
        let old = y.shape()[axis];
        c.fits(&[y.len().checked_div(old).unwrap_or(0).max(1), new])?;
        let before = old.abs_diff(new) / 2;
        y = match new < old {
            true => y.slice(axis as isize, before..before + new),
            false => y.pad(axis as isize, before, new - old - before),
        };
    }
    one(y)
}

/// Running sums or products; where they are exclusive, an element's own is left out.
fn running(c: &Call<'_>, f: fn(&Tensor, isize) -> Tensor) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axis = axis_of(c.number(1)?, x.rank())? as isize;
    let backwards = c.int("reverse", 0)? == 1;
    let turn = |t: &Tensor| if backwards { t.flip(axis) } else { t.clone() };
    let x = turn(x);
    // Exclusive ones are those of the elements one place before: sums less x would round, and be NaN behind an infinity.
    let of = match c.int("exclusive", 0)? {
        1 => {
            let first = if c.node.op == "CumProd" { PadMode::Constant(1.0) } else { PadMode::Zero };
            x.pad_with(axis, 1, 0, first).slice(axis, ..x.size(axis))
        }
        _ => x.clone(),
    };
    // Sums of narrow integers are wide.
    one(turn(&f(&of, axis).cast(x.dtype())))
}

fn image(x: &Tensor) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(x.shape().to_vec())
        .map_err(|_| Error::new(format!("input {}; expected [N, C, H, W]", x.shape())))
}

fn depth_to_space(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, b) = (c.input(0)?, size_of(c.int("blocksize", 0)?)?);
    let [n, channels, h, w] = image(x)?;
    if b == 0 || !channels.is_multiple_of(b * b) {
        return Err(Error::new(format!("{channels} channels, blocks of {b}×{b}")));
    }
    let rest = channels / (b * b);
    let spread = match &*c.text("mode", "DCR")? {
        "DCR" => x.reshape([n, b, b, rest, h, w]).permute([0, 3, 4, 1, 5, 2]),
        "CRD" => x.reshape([n, rest, b, b, h, w]).permute([0, 1, 4, 2, 5, 3]),
        other => return Err(Error::new(format!("mode `{other}`; known are DCR and CRD"))),
    };
    one(spread.reshape([n, rest, h * b, w * b]))
}

fn space_to_depth(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, b) = (c.input(0)?, size_of(c.int("blocksize", 0)?)?);
    let [n, channels, h, w] = image(x)?;
    if b == 0 || !h.is_multiple_of(b) || !w.is_multiple_of(b) {
        return Err(Error::new(format!("images of {h}×{w}, blocks of {b}×{b}")));
    }
    let blocks = x.reshape([n, channels, h / b, b, w / b, b]);
    let blocks = match &*c.text("mode", "DCR")? {
        "DCR" => blocks.permute([0, 3, 5, 1, 2, 4]),
        "CRD" => blocks.permute([0, 1, 3, 5, 2, 4]),
        other => return Err(Error::new(format!("mode `{other}`; known are DCR and CRD"))),
    };
    one(blocks.reshape([n, channels * b * b, h / b, w / b]))
}

/// Indices counted from 0: negative ones count from the end.
pub(super) fn counted(ids: &Tensor, size: usize) -> Tensor {
    let ids = ids.cast(DType::I64);
    let from_end = &ids + Tensor::scalar(size as i64);
    ids.lt(0.0).select_where(&from_end, &ids)
}

fn gather(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, ids) = (c.input(0)?, c.input(1)?);
    let axis = axis_of(c.int("axis", 0)?, x.rank())?;
    let flat = counted(ids, x.shape()[axis]).reshape([ids.len()]);
    let sizes = [&x.shape()[..axis], &*ids.shape(), &x.shape()[axis + 1..]].concat();
    one(x.index_select(axis as isize, &flat).reshape(Shape::try_new(&sizes)?))
}

fn gather_elements(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, ids) = (c.input(0)?, c.input(1)?);
    let axis = axis_of(c.int("axis", 0)?, x.rank())?;
    let mut x = x.clone();
    for a in (0..x.rank()).filter(|&a| a != axis) {
        if ids.rank() != x.rank() || ids.shape()[a] > x.shape()[a] {
            return Err(Error::new(format!("indices {} do not fit {}", ids.shape(), x.shape())));
        }
        x = x.slice(a as isize, ..ids.shape()[a]);
    }
    one(x.gather(axis as isize, &counted(ids, x.shape()[axis])))
}

/// Indices out of range have no 1.
fn one_hot(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (ids, depth, values) = (c.input(0)?, c.input(1)?.item() as i64, c.input(2)?);
    let depth = size_of(depth)?;
    c.fits(&[depth])?;
    if values.len() != 2 {
        return Err(Error::new(format!(
            "values {}; expected the off and the on value",
            values.shape()
        )));
    }
    let axis = axis_of(c.int("axis", -1)?, ids.rank() + 1)?;
    let ids = counted(ids, depth).unsqueeze(axis as isize);
    let mut sizes = vec![1; ids.rank()];
    sizes[axis] = depth;
    let hot = ids.eq(&listed(&sizes, |i| i as i64)?);
    let (off, on) = (values.select(0, 0), values.select(0, 1));
    one(hot.select_where(&on.broadcast_to(hot.shape()), &off.broadcast_to(hot.shape())))
}

fn pad(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let pads = c.numbers_or(1, 11, "pads")?.ok_or_else(|| Error::new("pads are missing"))?;
    let axes: Vec<usize> = match c.numbers(3)? {
        Some(axes) => axes.iter().map(|&a| axis_of(a, x.rank())).collect::<Result<_>>()?,
        None => (0..x.rank()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(Error::new(format!("{} pads for {} axes", pads.len(), axes.len())));
    }
    let value = match c.opset {
        ..11 => c.float("value", 0.0)?,
        _ => c.optional(2).filter(|v| !v.is_empty()).map_or(0.0, Tensor::item),
    };
    let mode = match &*c.text("mode", "constant")? {
        "constant" if value == 0.0 => PadMode::Zero,
        "constant" => PadMode::Constant(value),
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Replicate,
        "wrap" => PadMode::Circular,
        other => {
            return Err(Error::new(format!(
                "mode `{other}`; known are constant, reflect, edge and wrap"
            )));
        }
    };
    let mut y = x.clone();
    for (i, &axis) in axes.iter().enumerate() {
        let (before, after) = (pads[i], pads[axes.len() + i]);
        let padded =
            before.max(0).saturating_add(after.max(0)).saturating_add(y.shape()[axis] as i64);
        let mut sizes = y.shape().to_vec();
        sizes[axis] = padded as usize;
        c.fits(&sizes)?;
        // Negative pads cut off.
        let size = y.shape()[axis];
        let cut = |n: i64| usize::try_from(n.saturating_neg()).unwrap_or(0);
        let (start, end) = (cut(before), size.checked_sub(cut(after)));
        let end = end.filter(|&e| e >= start);
        let end = end.ok_or_else(|| Error::new(format!("pads {pads:?} cut more than is there")))?;
        y = y.slice(axis as isize, start..end);
        y = y.pad_with(axis as isize, before.max(0) as usize, after.max(0) as usize, mode);
    }
    one(y)
}

fn slice(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let (starts, ends) = match c.opset {
        ..10 => (c.ints("starts")?, c.ints("ends")?),
        _ => (c.numbers(1)?, c.numbers(2)?),
    };
    let (starts, ends) = (starts.unwrap_or_default(), ends.unwrap_or_default());
    let axes = c.numbers_or(3, 10, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = if c.opset < 10 { None } else { c.numbers(4)? };
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(Error::new("starts, ends, axes and steps have different lengths"));
    }
    let mut y = x.clone();
    for i in 0..starts.len() {
        let axis = axis_of(axes[i], x.rank())?;
        y = cut(&y, axis, starts[i], ends[i], steps[i])?;
    }
    one(y)
}

/// From `start` to before `end`; negative places count from the end, places beyond are brought back.
fn cut(x: &Tensor, axis: usize, start: i64, end: i64, step: i64) -> Result<Tensor> {
    let size = x.shape()[axis] as i64;
    let counted = |n: i64| if n < 0 { n.saturating_add(size) } else { n };
    let (start, end) = match step {
        0 => return Err(Error::new("a step of 0")),
        1.. => (counted(start).clamp(0, size), counted(end).clamp(0, size)),
        _ => (counted(start).clamp(-1, size - 1), counted(end).clamp(-1, size - 1)),
    };
    let away = if step > 0 { end - start } else { start - end };
    let len = if away > 0 { (away as u64).div_ceil(step.unsigned_abs()) as usize } else { 0 };
    if len == 0 {
        return Ok(x.slice(axis as isize, 0..0));
    }
    // A step across the whole axis takes one element whatever its length.
    let step = step.clamp(-size, size);
    Ok(x.slice_step(axis as isize, start as usize, step as isize, len))
}

fn split(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let axis = axis_of(c.int("axis", 0)?, x.rank())?;
    let size = x.shape()[axis];
    let sizes: Vec<usize> = match c.numbers_or(1, 13, "split")? {
        Some(sizes) => sizes.iter().map(|&n| size_of(n)).collect::<Result<_>>()?,
        None => {
            let outputs = c.node.outputs.len();
            let count = size_of(c.int("num_outputs", outputs as i64)?)?.max(1);
            if count > outputs {
                return Err(Error::new(format!("{count} parts for {outputs} outputs")));
            }
            let each = size.div_ceil(count);
            (0..count).map(|i| each.min(size.saturating_sub(i * each))).collect()
        }
    };
    Ok(x.split(&sizes, axis as isize))
}

fn tile(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let times = c.numbers(1)?.unwrap_or_default();
    if times.len() != x.rank() {
        return Err(Error::new(format!("{} repeats for {}", times.len(), x.shape())));
    }
    let mut y = x.clone();
    for (axis, &n) in times.iter().enumerate() {
        let (shape, n) = (y.shape(), size_of(n)?);
        c.fits(&[shape.len().max(1), n])?;
        if n == 1 {
            continue;
        }
        // The same elements so many times, without a copy of them.
        let [outer, inner] = [&shape[..axis], &shape[axis..]].map(|s| s.iter().product::<usize>());
        let rows = y.reshape([outer, 1, inner]).broadcast_to([outer, n, inner]);
        y = rows.reshape(shape.try_with(axis, shape[axis] * n)?);
    }
    one(y)
}

fn top_k(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let k = if c.opset < 10 {
        c.int("k", 0)?
    } else {
        c.numbers(1)?.and_then(|k| k.first().copied()).unwrap_or(0)
    };
    let k = size_of(k)?;
    let axis = axis_of(c.int("axis", -1)?, x.rank())? as isize;
    if k > x.size(axis) {
        let (size, shape) = (x.size(axis), x.shape());
        return Err(Error::new(format!(
            "the first {k} along axis {axis} of {shape}, which has {size}"
        )));
    }
    if c.int("largest", 1)? == 1 {
        let (values, places) = x.top_k(k, axis);
        return Ok(vec![values, places]);
    }
    let places = x.argsort(axis, false).slice(axis, ..k);
    Ok(vec![x.gather(axis, &places), places])
}

fn trilu(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let k = if c.optional(1).is_some() { c.number(1)? } else { 0 };
    let Some(first) = x.rank().checked_sub(2) else {
        return Err(Error::new(format!("input {}; expected a matrix", x.shape())));
    };
    let place = |n: usize| listed(&[n], |i| i as i64);
    let row = (place(x.shape()[first])? + Tensor::scalar(k)).unsqueeze(1);
    let column = place(x.shape()[first + 1])?.unsqueeze(0);
    let kept = if c.int("upper", 1)? == 1 { column.ge(&row) } else { column.le(&row) };
    one(kept.broadcast_to(x.shape()).select_where(x, &x.zeros_like()))
}

fn write_arg(w: &mut Writer<'_>, call: &RuleUse<'_>, op: &'static str) -> Result<ValueRef> {
    let x = w.value(&call.input(0))?;
    let axis = Attribute::int("axis", call.size("axis")? as i64);
    Ok(w.add(op, &[x], vec![axis, Attribute::int("keepdims", 0)]))
}

/// The places that a top-k gives with its values.
fn write_argsort(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    let x = w.value(&call.input(0))?;
    let keep = w.ints(&[call.size("keep")? as i64]);
    let largest = Attribute::int("largest", call.flag("descending")?.into());
    Ok(w.add_output("TopK", &[x, keep], vec![Attribute::int("axis", -1), largest], 1))
}

fn write_cumsum(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    let x = w.value(&call.input(0))?;
    let axis = w.number(call.size("axis")? as f64, DType::I64);
    let reverse = Attribute::int("reverse", call.flag("backwards")?.into());
    Ok(w.add("CumSum", &[x, axis], vec![reverse]))
}

/// One list of places for all rows, or a place for each element.
fn write_gather(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    let inputs = [w.value(&call.input(0))?, w.value(&call.input(1))?];
    let op = if call.input(1).shape().rank() == 1 { "Gather" } else { "GatherElements" };
    Ok(w.add(op, &inputs, vec![Attribute::int("axis", call.size("axis")? as i64)]))
}

/// The same number at one place of each row is a one-hot; sums of others' elements have no operator in the set.
fn write_one_hot(w: &mut Writer<'_>, call: &RuleUse<'_>) -> Result<ValueRef> {
    let (axis, depth, ids) = (call.size("axis")?, call.size("size")?, call.input(1));
    let number = constant(&unexpanded(&call.input(0)));
    let Some(number) = number.filter(|_| ids.shape()[axis] == 1) else {
        return Err(Error::new("adds up elements at places, which has no counterpart in ONNX"));
    };
    let from = w.sizes(&ids)?;
    let to = [&from[..axis], &from[axis + 1..]].concat();
    // The axis that the places have was mostly put there for this.
    let bare = behind(&ids, |view| *view == ViewOp::Reshape);
    let places = match w.sizes(&bare)? == to {
        true => w.value(&bare)?,
        false => {
            let ids = w.value(&ids)?;
            reshape(w, ids, &from, &to)
        }
    };
    let depth = w.number(depth as f64, DType::I64);
    let dtype = call.input(0).dtype();
    let values = w.literal(format!("0 or {number:?} {dtype}"), || {
        Tensor::from_slice(&[0.0, number], [2]).cast(dtype)
    });
    Ok(w.add("OneHot", &[places, depth, values], vec![Attribute::int("axis", axis as i64)]))
}
