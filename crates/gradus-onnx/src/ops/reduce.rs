//! Reductions over axes.

use super::{Op, one};
use crate::call::{Call, axis_of};
use crate::export::{ValueRef, Writer, binary, constant, seen, unexpanded};
use crate::{Error, Result};
use gradus_base::ReduceOp;
use gradus_base::expr::Op as Line;
use gradus_graph::{Kind, Node};
use gradus_io::onnx::Attribute;
use gradus_tensor::{DType, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("ReduceL1", |c| reduce(c, |x, axes| x.abs().sum(axes))),
    ("ReduceL2", |c| reduce(c, |x, axes| x.norm_l2(axes))),
    ("ReduceLogSum", |c| reduce(c, |x, axes| x.sum(axes).ln())),
    ("ReduceLogSumExp", |c| reduce(c, log_sum_exp)),
    ("ReduceMax", |c| {
        let any = c.input(0)?.dtype() == DType::Bool;
        reduce(c, |x, axes| if any { x.any(axes) } else { x.max(axes) })
    }),
    ("ReduceMean", |c| reduce(c, mean)),
    ("ReduceMin", |c| {
        let all = c.input(0)?.dtype() == DType::Bool;
        reduce(c, |x, axes| if all { x.all(axes) } else { x.min(axes) })
    }),
    ("ReduceProd", |c| reduce(c, |x, axes| x.prod(axes))),
    ("ReduceSum", |c| reduce_since(c, 13, |x, axes| x.sum(axes))),
    ("ReduceSumSquare", |c| reduce(c, |x, axes| x.square().sum(axes))),
];

/// Over one axis after the other, from the last on, so that the places of those to come stay.
fn log_sum_exp(x: &Tensor, axes: Vec<isize>) -> Tensor {
    let mut axes = axes;
    axes.sort_unstable();
    axes.iter().rev().fold(x.clone(), |x, &axis| x.logsumexp(axis))
}

/// Of integers the whole part.
fn mean(x: &Tensor, axes: Vec<isize>) -> Tensor {
    if x.dtype().is_float() {
        return x.mean(axes);
    }
    let sum = x.sum(axes);
    let count = x.len() / sum.len().max(1);
    sum.div_trunc(count as f64)
}

fn reduce(c: &Call<'_>, f: impl FnOnce(&Tensor, Vec<isize>) -> Tensor) -> Result<Vec<Tensor>> {
    reduce_since(c, 18, f)
}

/// The axes are an input from operator set `since` on. The result has the input's type; what is computed on the way has the
/// type that is computed in, so that sums of half types and of narrow integers do not overflow.
fn reduce_since(
    c: &Call<'_>,
    since: i64,
    f: impl FnOnce(&Tensor, Vec<isize>) -> Tensor,
) -> Result<Vec<Tensor>> {
    let dtype = c.input(0)?.dtype();
    let x = &c.input(0)?.cast(dtype.compute());
    let f = |x: &Tensor, axes| f(x, axes).cast(dtype);
    let given = c.numbers_or(1, since, "axes")?.filter(|axes| !axes.is_empty());
    let axes: Vec<usize> = match given {
        Some(axes) => axes.iter().map(|&a| axis_of(a, x.rank())).collect::<Result<_>>()?,
        None if c.int("noop_with_empty_axes", 0)? == 1 => return one(f(x, vec![])),
        None => (0..x.rank()).collect(),
    };
    let y = f(x, axes.iter().map(|&a| a as isize).collect());
    if c.int("keepdims", 1)? == 0 {
        return one(y);
    }
    let kept = axes.iter().fold(x.shape(), |shape, &a| shape.with(a, 1));
    one(y.reshape(kept))
}

/// A reduction.
pub(crate) fn write(
    w: &mut Writer<'_>,
    node: &Node,
    op: ReduceOp,
    reduced: &[bool],
) -> Result<ValueRef> {
    let x = seen(&node.inputs()[0]);
    if matches!(x.dtype(), DType::Bool | DType::U8) {
        return Err(Error::new(format!("reduces {}, which ONNX does not", x.dtype())));
    }
    let op = match op {
        ReduceOp::Sum => "ReduceSum",
        ReduceOp::Prod => "ReduceProd",
        ReduceOp::Min => "ReduceMin",
        ReduceOp::Max => "ReduceMax",
    };
    let value = w.value(&x)?;
    Ok(over(w, op, value, reduced))
}

/// The axes are an input of a sum already, of the others an attribute still.
fn over(w: &mut Writer<'_>, op: &'static str, x: ValueRef, reduced: &[bool]) -> ValueRef {
    let axes: Vec<i64> =
        reduced.iter().enumerate().filter(|(_, r)| **r).map(|(a, _)| a as i64).collect();
    let keepdims = Attribute::int("keepdims", 0);
    if op == "ReduceSum" {
        let axes = w.ints(&axes);
        return w.add(op, &[x, axes], vec![keepdims]);
    }
    w.add(op, &[x], vec![Attribute::ints("axes", axes), keepdims])
}

/// A sum divided by how many were summed.
pub(super) fn write_mean(w: &mut Writer<'_>, node: &Node) -> Result<Option<ValueRef>> {
    let Some([sum, count]) = binary(node, Line::Div) else { return Ok(None) };
    let Kind::Reduce(ReduceOp::Sum, reduced) = sum.kind() else { return Ok(None) };
    let Some(count) = constant(&unexpanded(&count)) else { return Ok(None) };
    let x = seen(&sum.inputs()[0]);
    let sizes = x.shape();
    let summed = sizes.iter().zip(reduced).filter(|(_, r)| **r).map(|(&s, _)| s);
    if sum.value().is_some()
        || !w.trace.read_once(&sum)
        || count != summed.product::<usize>() as f64
    {
        return Ok(None);
    }
    let value = w.value(&x)?;
    Ok(Some(over(w, "ReduceMean", value, reduced)))
}
