//! Sorting on the reference device.

use gradus_reference::{Array, Values};
use std::cmp::Ordering;

/// The first `keep` places of each row in order; equals keep theirs.
pub(super) fn argsort(descending: bool, keep: usize, x: &Array) -> Array {
    let last = x.shape.rank() - 1;
    let n = x.shape[last];
    let mut y = vec![];
    for first in (0..x.len()).step_by(n.max(1)) {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| {
            let order = compare(x, first + a, first + b);
            if descending { order.reverse() } else { order }
        });
        y.extend(order[..keep].iter().map(|&place| place as i64));
    }
    Array::integers_of(x.shape.with(last, keep), y)
}

/// Two elements of `x`; NaN counts as the largest number.
fn compare(x: &Array, a: usize, b: usize) -> Ordering {
    match &x.values {
        Values::Integer(v) => v[a].cmp(&v[b]),
        Values::Real(v) => {
            v[a].partial_cmp(&v[b]).unwrap_or_else(|| v[a].is_nan().cmp(&v[b].is_nan()))
        }
    }
}
