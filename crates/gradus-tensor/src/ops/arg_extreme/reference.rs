//! The place of an extreme on the reference device.

use super::Extreme;
use crate::ops::kernel::around;
use gradus_reference::{Array, Values};

/// The first place along the axis whose element no other beats.
pub(super) fn place(op: Extreme, x: &Array) -> Array {
    let size = around(&x.shape, op.axis());
    let largest = matches!(op, Extreme::Max { .. });
    let places = match &x.values {
        Values::Integer(v) => seek(v, size, |a, b| if largest { a > b } else { a < b }),
        // NaN beats any number, but not an earlier NaN.
        Values::Real(v) => seek(v, size, |a, b| {
            (if largest { a > b } else { a < b }) || (a.is_nan() && !b.is_nan())
        }),
    };
    Array::integers_of(x.shape.without(op.axis()), places)
}

fn seek<T: Copy>(x: &[T], [outer, n, inner]: [usize; 3], beats: impl Fn(T, T) -> bool) -> Vec<i64> {
    let mut places = vec![];
    for o in 0..outer {
        for i in 0..inner {
            let at = |j: usize| x[(o * n + j) * inner + i];
            let best = (1..n).fold(0, |best, j| if beats(at(j), at(best)) { j } else { best });
            places.push(best as i64);
        }
    }
    places
}
