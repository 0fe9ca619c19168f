//! Local response normalisation on the reference device.

use super::LocalResponse;
use gradus_reference::Array;
use std::ops::Range;

/// x → y = x·s^−β
pub(super) fn forward(constants: LocalResponse, x: &Array) -> Array {
    let s = scales(constants, x);
    let y = x.reals().iter().zip(s).map(|(x, s)| x * s.powf(-constants.beta));
    Array::new(x.shape, y.collect())
}

/// x, dy → dx[c] = dy[c]·s[c]^−β − 2aβ·x[c]·Σ dy[c']·x[c']·s[c']^(−β−1) over the channels that have
/// c in their neighbourhood.
pub(super) fn backward(constants: LocalResponse, x: &Array, dy: &Array) -> Array {
    let LocalResponse { scale, beta, .. } = constants;
    let (s, v, dy) = (scales(constants, x), x.reals(), dy.reals());
    let along = |i: usize| dy[i] * v[i] * s[i].powf(-beta - 1.0);
    let [before, after] = constants.reach();
    let sums = neighbourhood(x, [after, before], along);
    let dx = |i: usize| dy[i] * s[i].powf(-beta) - 2.0 * scale * beta * v[i] * sums[i];
    Array::new(x.shape, (0..x.len()).map(dx).collect())
}

/// s[c] = k + a·Σ x[c']² over the neighbourhood of c.
fn scales(constants: LocalResponse, x: &Array) -> Vec<f64> {
    let v = x.reals();
    let sums = neighbourhood(x, constants.reach(), |i| v[i] * v[i]);
    sums.into_iter().map(|sum| constants.k + constants.scale * sum).collect()
}

/// The sum of `of` over the channels of [N, C, ..] up to so many before and after each element.
fn neighbourhood(x: &Array, [before, after]: [usize; 2], of: impl Fn(usize) -> f64) -> Vec<f64> {
    let (channels, pixels) = (x.shape[1], x.shape[2..].iter().product::<usize>());
    let near = |c: usize| -> Range<usize> {
        c.saturating_sub(before)..c.saturating_add(after).saturating_add(1).min(channels)
    };
    let sum = |i: usize| {
        let c = i / pixels % channels;
        near(c).map(|other| of(i - c * pixels + other * pixels)).sum()
    };
    (0..x.len()).map(sum).collect()
}
