//! Losses. Each gives one number per sample, `[B]`; training takes their (weighted) mean.
//!
//! `x` is what the model gives, `t` the target. Where a sample has several numbers, a loss is their
//! mean unless it says sum.

mod adversarial;
mod binary_cross_entropy;
mod cross_entropy;
mod hinge;
mod kl_divergence;
mod named;
mod regression;
mod style;

use gradus_base::Error;
use gradus_tensor::{DType, Tensor};

pub use adversarial::{Adversarial, gradient_penalty};
pub use binary_cross_entropy::*;
pub use cross_entropy::*;
pub use hinge::*;
pub use kl_divergence::kl_divergence;
pub use named::{LOSSES, Loss, NamedLoss, Target};
pub use regression::*;
pub use style::{gram_matrix, gram_style, total_variation};

/// Every axis but the batch: `[B, ..]`.
fn rest(x: &Tensor) -> Vec<isize> {
    (1..x.rank() as isize).collect()
}

/// `x`, whose shape must be that of `t`.
#[track_caller]
fn same_shape(loss: &str, x: &Tensor, t: &Tensor) -> Tensor {
    if x.shape() != t.shape() {
        let what = format!("the model gives {}, the target is {}", x.shape(), t.shape());
        return Tensor::refuse(Error::shape(loss, what));
    }
    x.clone()
}

/// The scores `x [B, C, ..]`, which need i64 labels `[B, ..]`.
#[track_caller]
fn labels_fit(loss: &str, x: &Tensor, t: &Tensor) -> Tensor {
    let fits = x.rank() >= 2 && t.dtype() == DType::I64 && x.shape().without(1) == t.shape();
    if !fits {
        let what = format!(
            "scores are {} {}, labels {} {}; expected [B, classes, ..] and i64 [B, ..]{}",
            x.dtype(),
            x.shape(),
            t.dtype(),
            t.shape(),
            made_labels(x, t)
        );
        return Tensor::refuse(Error::shape(loss, what));
    }
    x.clone()
}

/// How labels `t` become those of scores `x [B, C, ..]`, where that is known.
fn made_labels(x: &Tensor, t: &Tensor) -> &'static str {
    if x.rank() < 2 {
        return "";
    }
    let labels = x.shape().without(1);
    match t.dtype() {
        DType::I64 if t.shape() == labels.inserted(labels.rank(), 1) => {
            ": labels.squeeze(-1) has that shape"
        }
        DType::I64 => "",
        _ if t.shape() == labels => ": labels.cast(DType::I64) has that type",
        _ if t.shape() == x.shape() => ": of one-hot labels, labels.argmax(1)",
        _ => "",
    }
}

/// What `x [B, C, ..]` holds at the labels `t [B, ..]`.
#[track_caller]
fn at_labels(x: &Tensor, t: &Tensor) -> Tensor {
    x.gather(1, &t.unsqueeze(1)).squeeze(1) // [B, ..]
}
