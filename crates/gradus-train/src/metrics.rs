//! Metrics: numbers people understand, one per sample, averaged.

use gradus_tensor::Tensor;

/// A number per sample, from what the model gives and the target: `[B]`.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The name in logs: `accuracy`.
    pub name: &'static str,
    /// The number per sample.
    pub of: fn(&Tensor, &Tensor) -> Tensor,
    /// Whether larger is better.
    pub maximize: bool,
}

/// The part of samples whose largest logit is at the label: `x [B, C]`, `t [B]`.
pub fn accuracy() -> Metric {
    Metric { name: "accuracy", of: hits, maximize: true }
}

fn hits(x: &Tensor, t: &Tensor) -> Tensor {
    x.argmax(1).eq(t).cast(x.dtype())
}
