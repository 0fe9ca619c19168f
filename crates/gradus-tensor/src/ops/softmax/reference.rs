//! Softmax and its logarithm on the reference device.

use super::Softmax;
use gradus_reference::Array;

/// Along the last axis.
pub(super) fn softmax(op: Softmax, x: &Array) -> Array {
    let n = x.shape[x.shape.rank() - 1];
    let mut y = x.reals().to_vec();
    for row in y.chunks_exact_mut(n.max(1)) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - top).exp()).sum();
        for x in row {
            *x = match op {
                Softmax::Plain => (*x - top).exp() / sum,
                Softmax::Log => *x - top - sum.ln(),
            };
        }
    }
    Array::new(x.shape, y)
}
