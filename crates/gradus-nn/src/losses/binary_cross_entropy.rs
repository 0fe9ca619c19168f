//! Binary cross-entropy of logits: −t·log σ(x) − (1 − t)·log(1 − σ(x)), every number its own yes or
//! no.

use super::named::{NamedLoss, Target, named};
use super::{rest, same_shape};
use gradus_tensor::Tensor;

/// Those with a name on the command line and in recipes.
pub(super) const NAMED: &[NamedLoss] = &[named(
    "bce",
    Target::YesNo,
    binary_cross_entropy_with_logits,
    "logits, each a yes or no of its own",
)];

/// Binary cross-entropy of logits `x [B, ..]` and targets `t [B, ..]` in 0..=1, the mean of each
/// sample.
#[track_caller]
#[doc(alias("BCEWithLogitsLoss", "BinaryCrossentropy"))]
pub fn binary_cross_entropy_with_logits(x: &Tensor, t: &Tensor) -> Tensor {
    BinaryCrossEntropy::default().per_sample(x, t)
}

/// Binary cross-entropy of logits with options.
#[derive(Clone, Debug, Default)]
pub struct BinaryCrossEntropy {
    /// How much more a yes counts than a no; it is broadcast against the target.
    pub pos_weight: Option<Tensor>,
}

impl BinaryCrossEntropy {
    /// One number per sample, `[B]`.
    ///
    /// # Panics
    /// If `x` and `t` have different shapes.
    #[track_caller]
    pub fn per_sample(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let x = &same_shape("binary_cross_entropy_with_logits", x, t);
        // −log σ(x) = softplus(−x) and −log(1 − σ(x)) = x + softplus(−x): no overflow for any x.
        let softplus = -x.log_sigmoid();
        let yes = match &self.pos_weight {
            Some(weight) => (weight - 1.0) * t + 1.0,
            None => t.ones_like(),
        };
        ((-t + 1.0) * x + yes * softplus).mean(rest(x))
    }
}
