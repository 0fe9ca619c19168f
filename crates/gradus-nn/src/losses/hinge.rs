//! Hinge losses, of support vector machines.

use super::named::{NamedLoss, Target, named};
use super::{at_labels, labels_fit, rest, same_shape};
use gradus_tensor::Tensor;

/// Those with a name on the command line and in recipes.
pub(super) const NAMED: &[NamedLoss] = &[
    named("hinge", Target::Sides, hinge, "one score and −1 or 1"),
    named("multi_class_hinge", Target::Label, multi_class_hinge, "scores of classes and a label"),
];

/// Mean of max(0, 1 − t·x), where t is −1 or 1.   Cortes & Vapnik 1995
#[track_caller]
pub fn hinge(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("hinge", x, t);
    shortfall(x, t).mean(rest(x))
}

/// Mean of max(0, 1 − t·x)², where t is −1 or 1.
#[track_caller]
pub fn squared_hinge(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &same_shape("squared_hinge", x, t);
    shortfall(x, t).square().mean(rest(x))
}

#[track_caller]
fn shortfall(x: &Tensor, t: &Tensor) -> Tensor {
    (-(t.cast(x.dtype()) * x) + 1.0).relu()
}

/// Σ max(0, 1 + x_j − x_t) over the classes j other than the label t, for scores `x [B, C]` and
/// labels `t [B]` (i64). Weston & Watkins 1999
#[track_caller]
#[doc(alias("MultiMarginLoss", "CategoricalHinge"))]
pub fn multi_class_hinge(x: &Tensor, t: &Tensor) -> Tensor {
    let x = &labels_fit("multi_class_hinge", x, t);
    let right = at_labels(x, t).unsqueeze(1); // [B, 1, ..]
    // The label's own term is max(0, 1) = 1, with slope 0 as x_t − x_t cancels.
    let each = (x - right + 1.0).relu().sum([1]) - 1.0; // [B, ..]
    each.mean(rest(&each))
}
