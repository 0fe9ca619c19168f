//! Losses. Each gives one number per sample, `[B]`; training takes their (weighted) mean.
//!
//! `x` is what the model gives, `t` the target.

use gradus_base::Error;
use gradus_tensor::{DType, Tensor, fail};
use std::panic::Location;

/// A loss: from what the model gives and the target, one number per sample.
pub type Loss = fn(&Tensor, &Tensor) -> Tensor;

/// Everything but the batch summed up or averaged: `[B, ..]` → `[B]`.
fn rest(x: &Tensor) -> Vec<isize> {
    (1..x.rank() as isize).collect()
}

#[track_caller]
fn same_shape(loss: &str, x: &Tensor, t: &Tensor) {
    if x.shape() != t.shape() {
        let what = format!("the model gives {}, the target is {}", x.shape(), t.shape());
        fail(Error::shape(loss, what), Location::caller());
    }
}

/// −log softmax(x) at the label: cross-entropy of logits `x [B, C]` and labels `t [B]` (i64).
#[track_caller]
pub fn cross_entropy(x: &Tensor, t: &Tensor) -> Tensor {
    let fits =
        x.rank() == 2 && t.rank() == 1 && t.dtype() == DType::I64 && x.shape()[0] == t.shape()[0];
    if !fits {
        let what = format!(
            "logits are {} {}, labels {} {}; expected [B, classes] and i64 [B]",
            x.dtype(),
            x.shape(),
            t.dtype(),
            t.shape()
        );
        fail(Error::shape("cross_entropy", what), Location::caller());
    }
    x.softmax_cross_entropy(t)
}

/// Mean of (x − t)² over everything but the batch.
#[track_caller]
pub fn mean_squared(x: &Tensor, t: &Tensor) -> Tensor {
    same_shape("mean_squared", x, t);
    (x - t).square().mean(rest(x))
}
