//! The three passes on the reference device: one loop nest finds the rows that meet, each pass does
//! its own with them.

use super::{Conv2d, Pass};
use gradus_reference::Array;
use std::ops::Range;

/// y from x and w, dx from dy and w, or dw from x and dy.
pub(super) fn convolution(conv: &Conv2d, pass: Pass, a: &Array, b: &Array) -> Array {
    let (a, b, step) = (a.reals(), b.reals(), conv.stride[1]);
    match pass {
        Pass::Forward => {
            let mut y = vec![0.0; conv.y_shape().len()];
            each_row(conv, |Row { x, w, y: row }| {
                let seen = a[x..].iter().step_by(step);
                y[row].iter_mut().zip(seen).for_each(|(y, x)| *y += b[w] * x);
            });
            Array::new(conv.y_shape(), y)
        }
        Pass::DataGradient => {
            let mut dx = vec![0.0; conv.x_shape().len()];
            each_row(conv, |Row { x, w, y: row }| {
                let seen = dx[x..].iter_mut().step_by(step);
                seen.zip(&a[row]).for_each(|(dx, dy)| *dx += b[w] * dy);
            });
            Array::new(conv.x_shape(), dx)
        }
        Pass::WeightGradient => {
            let mut dw = vec![0.0; conv.w_shape().len()];
            each_row(conv, |Row { x, w, y: row }| {
                let seen = a[x..].iter().step_by(step);
                dw[w] += seen.zip(&b[row]).map(|(x, dy)| x * dy).sum::<f64>();
            });
            Array::new(conv.w_shape(), dw)
        }
    }
}

/// Pixels of a row of y that see the image through one tap of the kernel.
struct Row {
    /// The first pixel of x that they see; the others follow the stride apart.
    x: usize,
    /// The tap's weight.
    w: usize,
    /// Where they lie in y.
    y: Range<usize>,
}

/// Visits every row of y through every tap, as far as it sees the image.
fn each_row(conv: &Conv2d, mut visit: impl FnMut(Row)) {
    let ([p, q], [r, s]) = (conv.output(), conv.kernel);
    let inner = conv.in_channels / conv.groups;
    let outer = conv.out_channels / conv.groups;
    for n in 0..conv.batch {
        for o in 0..conv.out_channels {
            for c in 0..inner {
                let plane = n * conv.in_channels + o / outer * inner + c;
                for (i, j) in (0..r).flat_map(|i| (0..s).map(move |j| (i, j))) {
                    let (rows, columns) = (seeing(conv, 0, i), seeing(conv, 1, j));
                    if columns.is_empty() {
                        continue;
                    }
                    let first = pixel(conv, 1, columns.start, j);
                    for u in rows {
                        let row = (n * conv.out_channels + o) * p + u;
                        visit(Row {
                            x: (plane * conv.height + pixel(conv, 0, u, i)) * conv.width + first,
                            w: ((o * inner + c) * r + i) * s + j,
                            y: row * q + columns.start..row * q + columns.end,
                        });
                    }
                }
            }
        }
    }
}

/// The pixel along an axis that output pixel `u` sees through a tap, which is inside the image.
fn pixel(conv: &Conv2d, axis: usize, u: usize, tap: usize) -> usize {
    (u * conv.stride[axis]).wrapping_add_signed(offset(conv, axis, tap))
}

/// The output pixels along an axis that see the image through a tap.
fn seeing(conv: &Conv2d, axis: usize, tap: usize) -> Range<usize> {
    let size = [conv.height, conv.width][axis] as isize;
    let count = conv.output()[axis];
    // How many of them lie before a pixel of the image.
    let before = |pixel: isize| {
        let room = usize::try_from(pixel - offset(conv, axis, tap)).unwrap_or(0);
        room.div_ceil(conv.stride[axis]).min(count)
    };
    before(0)..before(size)
}

/// The pixel that output pixel 0 sees through a tap; negative in the padding.
fn offset(conv: &Conv2d, axis: usize, tap: usize) -> isize {
    (tap * conv.dilation[axis]) as isize - conv.padding[axis][0]
}
