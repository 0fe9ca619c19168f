//! Losses of the difference x − t.

use super::named::{NamedLoss, Target, named};
use super::{rest, same_shape};
use gradus_tensor::Tensor;

/// Those with a name on the command line and in recipes.
pub(super) const NAMED: &[NamedLoss] = &[
    named("mse", Target::Numbers, mean_squared, "numbers; the mean of (x − t)²"),
    named("mae", Target::Numbers, mean_absolute, "numbers; the mean of |x − t|"),
    named(
        "huber",
        Target::Numbers,
        |x, t| huber(x, t, 1.0),
        "numbers; (x − t)²/2 up to 1 apart, then straight",
    ),
    named("smooth_l1", Target::Numbers, |x, t| smooth_l1(x, t, 1.0), "numbers; as huber"),
];

/// The mean of (x − t)² over all axes but the batch.
#[track_caller]
#[doc(alias("MSELoss", "MeanSquaredError"))]
pub fn mean_squared(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("mean_squared", x, t);
    (x - t).square().mean(rest(x))
}

/// ½·Σ(x − t)² over all axes but the batch; its gradient is the difference itself.
#[track_caller]
pub fn squared(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("squared", x, t);
    (x - t).square().sum(rest(x)) * 0.5
}

/// The mean of |x − t| over all axes but the batch: L1.
#[track_caller]
#[doc(alias("L1Loss", "MeanAbsoluteError"))]
pub fn mean_absolute(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("mean_absolute", x, t);
    (x - t).abs().mean(rest(x))
}

/// The mean of ½·d² where |d| ≤ δ and of δ·(|d| − ½·δ) beyond, with d = x − t.   Huber 1964, Ann.
/// Math. Stat. 35
#[track_caller]
#[doc(alias = "HuberLoss")]
pub fn huber(x: &Tensor, t: &Tensor, delta: f64) -> Tensor {
    let x = &same_shape("huber", x, t);
    // With c = min(|d|, δ) both branches are c·(|d| − ½·c).
    let d = (x - t).abs();
    let c = d.minimum(delta);
    (&c * (&d - &c * 0.5)).mean(rest(x))
}

/// [`huber`] divided by its threshold, so that it nears |d| as β nears 0.
/// Girshick 2015, arXiv:1504.08083 eq. 3
#[track_caller]
#[doc(alias = "SmoothL1Loss")]
pub fn smooth_l1(x: &Tensor, t: &Tensor, beta: f64) -> Tensor {
    huber(x, t, beta) / beta
}
