//! Reductions over axes.

use super::{Op, one};
use crate::Result;
use crate::call::{Call, axis_of};
use gradus_tensor::{DType, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("ReduceL1", |c| reduce(c, |x, axes| x.abs().sum(axes))),
    ("ReduceL2", |c| reduce(c, |x, axes| x.square().sum(axes).sqrt())),
    ("ReduceLogSum", |c| reduce(c, |x, axes| x.sum(axes).ln())),
    ("ReduceLogSumExp", |c| reduce(c, log_sum_exp)),
    ("ReduceMax", |c| {
        let any = c.input(0)?.dtype() == DType::Bool;
        reduce(c, |x, axes| if any { x.any(axes) } else { x.max(axes) })
    }),
    ("ReduceMean", |c| reduce(c, |x, axes| x.mean(axes))),
    ("ReduceMin", |c| {
        let all = c.input(0)?.dtype() == DType::Bool;
        reduce(c, |x, axes| if all { x.all(axes) } else { x.min(axes) })
    }),
    ("ReduceProd", |c| reduce(c, |x, axes| x.prod(axes))),
    ("ReduceSum", |c| reduce_since(c, 13, |x, axes| x.sum(axes))),
    ("ReduceSumSquare", |c| reduce(c, |x, axes| x.square().sum(axes))),
];

/// Less the largest, so that nothing overflows.
fn log_sum_exp(x: &Tensor, axes: Vec<isize>) -> Tensor {
    let top = x.max(axes.clone());
    let spread = top.keep(x, axes.clone());
    (x - spread).exp().sum(axes).ln() + top
}

fn reduce(c: &Call<'_>, f: impl FnOnce(&Tensor, Vec<isize>) -> Tensor) -> Result<Vec<Tensor>> {
    reduce_since(c, 18, f)
}

/// The axes are an input from operator set `since` on.
fn reduce_since(
    c: &Call<'_>,
    since: i64,
    f: impl FnOnce(&Tensor, Vec<isize>) -> Tensor,
) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
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
