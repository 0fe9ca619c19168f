//! The running sum on the reference device.

use crate::ops::kernel::around;
use gradus_reference::{Array, Values};

/// Along an axis, from its first element or from its last. Integers wrap.
pub(super) fn cumsum(axis: usize, backwards: bool, x: &Array) -> Array {
    let size = around(&x.shape, axis);
    let values = match &x.values {
        Values::Real(v) => Values::Real(running(v, size, backwards, |a, b| a + b)),
        Values::Integer(v) => Values::Integer(running(v, size, backwards, i64::wrapping_add)),
    };
    Array { shape: x.shape, values }
}

fn running<T: Copy>(
    x: &[T],
    [outer, n, inner]: [usize; 3],
    backwards: bool,
    add: impl Fn(T, T) -> T,
) -> Vec<T> {
    let mut y = x.to_vec();
    for o in 0..outer {
        for i in 0..inner {
            let place = |j: usize| (o * n + if backwards { n - 1 - j } else { j }) * inner + i;
            for j in 1..n {
                y[place(j)] = add(y[place(j - 1)], x[place(j)]);
            }
        }
    }
    y
}
