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

/// The part of samples whose label is among the `K` largest logits: fewer than `K` are larger than the label's own.
pub fn top_k<const K: usize>() -> Metric {
    let name = match K {
        1 => "top1_accuracy",
        2 => "top2_accuracy",
        3 => "top3_accuracy",
        5 => "top5_accuracy",
        10 => "top10_accuracy",
        _ => "top_k_accuracy",
    };
    Metric { name, of: among_top::<K>, maximize: true }
}

fn among_top<const K: usize>(x: &Tensor, t: &Tensor) -> Tensor {
    let own = x.gather(1, &t.unsqueeze(1)); // [B, 1]
    let larger = x.gt(&own).cast(x.dtype()).sum(1); // [B]
    larger.lt(K as f64).cast(x.dtype())
}

/// Mean of |x − t| over everything but the batch.
pub fn mean_absolute_error() -> Metric {
    Metric { name: "mean_absolute_error", of: absolute, maximize: false }
}

fn absolute(x: &Tensor, t: &Tensor) -> Tensor {
    let rest: Vec<isize> = (1..x.rank() as isize).collect();
    (x - t).abs().mean(rest)
}
