//! The normalisation of groups on the reference device, row by row: a group's elements lie in a
//! row.

use super::Groups;
use gradus_reference::Array;

/// x → y
pub(super) fn forward(groups: Groups, x: &Array) -> Array {
    let mut y = x.reals().to_vec();
    for row in y.chunks_exact_mut(groups.len_in(x.shape).max(1)) {
        let (mean, scale) = moments(row, groups.eps);
        row.iter_mut().for_each(|x| *x = (*x - mean) * scale);
    }
    Array::new(x.shape, y)
}

/// x, dy → dx = (dy − mean(dy) − y·mean(dy·y))/√(var + ε)
pub(super) fn backward(groups: Groups, x: &Array, dy: &Array) -> Array {
    let n = groups.len_in(x.shape);
    let mut dx = dy.reals().to_vec();
    for (x, row) in x.reals().chunks_exact(n.max(1)).zip(dx.chunks_exact_mut(n.max(1))) {
        let (mean, scale) = moments(x, groups.eps);
        let y = |i: usize| (x[i] - mean) * scale;
        let level = row.iter().sum::<f64>() / n as f64;
        let along = row.iter().enumerate().map(|(i, dy)| dy * y(i)).sum::<f64>() / n as f64;
        for (i, dy) in row.iter_mut().enumerate() {
            *dy = (*dy - level - y(i) * along) * scale;
        }
    }
    Array::new(x.shape, dx)
}

/// The mean of a row, and 1/√(var + ε).
fn moments(row: &[f64], eps: f64) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, 1.0 / (variance + eps).sqrt())
}
