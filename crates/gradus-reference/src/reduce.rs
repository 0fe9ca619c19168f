//! Reductions over some axes.

use crate::array::{Array, Values};
use gradus_base::{DType, ReduceOp, Shape};

/// `x` reduced over the axes that `reduced` marks, which disappear. Real numbers are summed and multiplied in f64, and rounded to
/// `compute` at the end; integers wrap.
///
/// ```
/// use gradus_base::{DType, ReduceOp};
/// use gradus_reference::{Array, reduce};
/// let x = Array::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(reduce(&x, DType::F32, ReduceOp::Sum, &[true, false]).reals(), [5.0, 7.0, 9.0]);
/// ```
pub fn reduce(x: &Array, compute: DType, op: ReduceOp, reduced: &[bool]) -> Array {
    let axes = x.shape.iter().zip(reduced);
    let kept: Vec<usize> = axes.filter(|(_, r)| !**r).map(|(&s, _)| s).collect();
    let shape = Shape::new(&kept);
    let to = targets(x.shape, reduced);
    match &x.values {
        Values::Real(v) => {
            let mut y = vec![op.identity(); shape.len()];
            for (&x, &at) in v.iter().zip(&to) {
                y[at] = real(op, y[at], x);
            }
            if compute != DType::F64 {
                y.iter_mut().for_each(|y| *y = f64::from(*y as f32));
            }
            Array::new(shape, y)
        }
        Values::Integer(v) => {
            let mut y = vec![op.identity() as i64; shape.len()];
            for (&x, &at) in v.iter().zip(&to) {
                y[at] = integer(op, y[at], x);
            }
            Array::integers_of(shape, y)
        }
    }
}

/// The place in the result of every element.
fn targets(shape: Shape, reduced: &[bool]) -> Vec<usize> {
    let mut strides = vec![0; shape.rank()];
    let mut stride = 1;
    for a in (0..shape.rank()).rev().filter(|&a| !reduced[a]) {
        strides[a] = stride;
        stride *= shape[a];
    }
    let mut to = vec![0];
    for (&size, &stride) in shape.iter().zip(&strides) {
        to = to.iter().flat_map(|&at| (0..size).map(move |i| at + i * stride)).collect();
    }
    to
}

/// NaN stays, whichever side it is on.
fn real(op: ReduceOp, a: f64, b: f64) -> f64 {
    match op {
        ReduceOp::Sum => a + b,
        ReduceOp::Prod => a * b,
        ReduceOp::Min if a.is_nan() || a < b => a,
        ReduceOp::Max if a.is_nan() || a > b => a,
        ReduceOp::Min | ReduceOp::Max => b,
    }
}

fn integer(op: ReduceOp, a: i64, b: i64) -> i64 {
    match op {
        ReduceOp::Sum => a.wrapping_add(b),
        ReduceOp::Prod => a.wrapping_mul(b),
        ReduceOp::Min => a.min(b),
        ReduceOp::Max => a.max(b),
    }
}
