//! Metrics: numbers people understand, one per sample, averaged.

use gradus_base::Error;
use gradus_tensor::{DType, Tensor, fail};
use std::panic::Location;

/// A number per sample, from what the model gives and the target: `[B]`. Shapes that do not belong together are refused, as the
/// losses refuse them, and never broadcast.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The name in logs: `accuracy`.
    pub name: &'static str,
    /// The number per sample.
    pub of: fn(&Tensor, &Tensor) -> Tensor,
    /// Whether larger is better.
    pub maximize: bool,
}

/// The part of samples whose largest logit, the first of equals, is at the label: `x [B, C]`, `t [B]`. Logits with a NaN are no
/// hit.
pub fn accuracy() -> Metric {
    Metric { name: "accuracy", of: hits, maximize: true }
}

/// Fails unless `x [B, C, ..]` goes with labels `t [B, ..]`, i64.
#[track_caller]
fn expect_labels(metric: &str, x: &Tensor, t: &Tensor) {
    let fits = x.rank() >= 2 && t.dtype() == DType::I64 && x.shape().without(1) == t.shape();
    if !fits {
        let (of, labels) = (x.shape(), t.shape());
        let what = format!(
            "the model gives {} {of}, the labels are {} {labels}; expected [B, classes, ..] and i64 [B, ..]",
            x.dtype(),
            t.dtype()
        );
        fail(Error::shape(metric, what), Location::caller());
    }
}

#[track_caller]
fn hits(x: &Tensor, t: &Tensor) -> Tensor {
    expect_labels("accuracy", x, t);
    let numbers = x.max(1).is_nan().logical_not(); // [B]
    x.argmax(1).eq(t).logical_and(&numbers).cast(x.dtype())
}

/// The part of samples whose label is among the `K` largest logits, of equals the first: `x [B, C]`, `t [B]`. NaN is larger than
/// any number, and no hit itself.
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

#[track_caller]
fn among_top<const K: usize>(x: &Tensor, t: &Tensor) -> Tensor {
    expect_labels("top_k", x, t);
    let label = t.unsqueeze(1); // [B, 1]
    let own = x.gather(1, &label); // [B, 1]
    let classes: Vec<i64> = (0..x.size(1) as i64).collect();
    let later = label.lt(&Tensor::from_slice(&classes, [1, classes.len()])); // [B, C]
    let behind = x.lt(&own).logical_or(&x.eq(&own).logical_and(&later));
    // The label's own is not behind itself.
    let up_to_own = behind.logical_not().cast(DType::I64).sum(1); // [B]
    up_to_own.le(K as f64).cast(x.dtype())
}

/// Mean of |x − t| over everything but the batch, of one shape.
pub fn mean_absolute_error() -> Metric {
    Metric { name: "mean_absolute_error", of: absolute, maximize: false }
}

#[track_caller]
fn absolute(x: &Tensor, t: &Tensor) -> Tensor {
    if x.shape() != t.shape() {
        let what = format!("the model gives {}, the target is {}", x.shape(), t.shape());
        fail(Error::shape("mean_absolute_error", what), Location::caller());
    }
    let rest: Vec<isize> = (1..x.rank() as isize).collect();
    (x - t).abs().mean(rest)
}
