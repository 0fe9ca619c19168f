//! Kullback-Leibler divergence.   Kullback & Leibler 1951

use super::{rest, same_shape};
use gradus_tensor::Tensor;

/// Σ t·(ln t − x) over everything but the batch: from log-probabilities `x` to probabilities `t`. Where t is 0 it
/// gives 0.
#[track_caller]
pub fn kl_divergence(x: &Tensor, t: &Tensor) -> Tensor {
    same_shape("kl_divergence", x, t);
    let safe = t.gt(0.0).select_where(t, 1.0);
    let each = t * (safe.ln() - x);
    t.gt(0.0).select_where(&each, 0.0).sum(rest(x))
}
