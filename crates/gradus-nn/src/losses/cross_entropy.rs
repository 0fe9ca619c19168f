//! Cross-entropy: −Σ t·log softmax(x) over the classes, axis 1.

use super::{at_labels, labels_fit, made_labels, rest, same_shape};
use gradus_base::Error;
use gradus_tensor::{DType, Tensor, fail};
use std::panic::Location;

/// −log softmax(x) at the label: cross-entropy of logits `x [B, C]` and labels `t [B]` (i64).
#[track_caller]
pub fn cross_entropy(x: &Tensor, t: &Tensor) -> Tensor {
    let fits =
        x.rank() == 2 && t.rank() == 1 && t.dtype() == DType::I64 && x.shape()[0] == t.shape()[0];
    if !fits {
        let what = format!(
            "logits are {} {}, labels {} {}; expected [B, classes] and i64 [B]{}",
            x.dtype(),
            x.shape(),
            t.dtype(),
            t.shape(),
            made_labels(x, t)
        );
        fail(Error::shape("cross_entropy", what), Location::caller());
    }
    x.softmax_cross_entropy(t)
}

/// −x at the label: the negative log-likelihood of log-probabilities `x [B, C, ..]` and labels `t [B, ..]` (i64).
#[track_caller]
pub fn nll(x: &Tensor, t: &Tensor) -> Tensor {
    labels_fit("nll", x, t);
    let each = -at_labels(x, t); // [B, ..]
    each.mean(rest(&each))
}

/// Cross-entropy with options.
///
/// ```
/// use gradus_nn::losses::CrossEntropy;
/// use gradus_tensor::Tensor;
/// let loss = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
/// let x = Tensor::from([[0.0f64, 0.0], [0.0, 0.0]]);
/// let each = loss.per_sample(&x, &Tensor::from([0i64, 1])).to_vec::<f64>();
/// assert!(each.iter().all(|l| (l - 2.0f64.ln()).abs() < 1e-15));
/// ```
#[derive(Clone, Debug, Default)]
pub struct CrossEntropy {
    /// The part of each target that is spread evenly over the classes.   Szegedy et al. 2015, arXiv:1512.00567 §7
    pub label_smoothing: f64,
    /// How much each class counts, `[C]`.
    pub class_weights: Option<Tensor>,
    /// The label of places that do not count.
    pub ignore_index: Option<i64>,
}

impl CrossEntropy {
    /// One number per sample, `[B]`: the mean over its places, of which ignored ones give 0.
    ///
    /// **Shape** logits `x [B, C, ..]`; `t` are i64 labels `[B, ..]`, or probabilities `[B, C, ..]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn per_sample(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let each = self.each(x, t); // [B, ..]
        each.mean(rest(&each))
    }

    /// One number: the sum over all places divided by the sum of their labels' class weights, in which ignored ones
    /// have no part. With probabilities as targets, the mean over all places.
    ///
    /// # Panics
    /// As [`CrossEntropy::per_sample`].
    #[track_caller]
    pub fn mean(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let each = self.each(x, t);
        if t.dtype().is_float() {
            return each.mean(..);
        }
        let (weight, _) = self.weights_of(x, t);
        each.sum(..) / weight.sum(..)
    }

    /// The loss at every place, `[B, ..]`.
    #[track_caller]
    fn each(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let classes = x.size(1);
        let smooth = self.label_smoothing;
        if t.dtype().is_float() {
            same_shape("cross_entropy", x, t);
            let t = t * (1.0 - smooth) + smooth / classes as f64;
            return -(t * self.weigh(&x.log_softmax(1))).sum([1]);
        }
        labels_fit("cross_entropy", x, t);
        let log_p = x.log_softmax(1); // [B, C, ..]
        let (weight, label) = self.weights_of(x, t);
        let hit = -at_labels(&log_p, &label) * &weight;
        // Chosen, not multiplied by 0: where the class looked up instead has no chance at all, −ln of it is ∞.
        let counted = |each: Tensor| match self.ignore_index {
            Some(_) => self.counted(t).select_where(&each, 0.0),
            None => each,
        };
        if smooth == 0.0 {
            return counted(hit);
        }
        let spread = -self.weigh(&log_p).sum([1]) * (smooth / classes as f64);
        counted(hit * (1.0 - smooth) + spread)
    }

    /// Which places count.
    fn counted(&self, t: &Tensor) -> Tensor {
        match self.ignore_index {
            Some(ignored) => t.ne(&Tensor::scalar(ignored)),
            None => t.eq(t),
        }
    }

    /// What each place counts, and labels among which ignored ones are 0, so that they can be looked up.
    fn weights_of(&self, x: &Tensor, t: &Tensor) -> (Tensor, Tensor) {
        let counted = self.counted(t);
        let label = counted.select_where(t, &Tensor::scalar(0i64));
        let counted = counted.cast(x.dtype());
        let weight = match &self.class_weights {
            Some(weights) => {
                let flat = label.reshape([label.len()]);
                weights.cast(x.dtype()).index_select(0, &flat).reshape(t.shape()) * counted
            }
            None => counted,
        };
        (weight, label)
    }

    /// `[B, C, ..]` times the class weights.
    #[track_caller]
    fn weigh(&self, x: &Tensor) -> Tensor {
        let Some(weights) = &self.class_weights else { return x.clone() };
        let mut shape = x.shape();
        (0..shape.rank()).filter(|&a| a != 1).for_each(|a| shape = shape.with(a, 1));
        x * weights.cast(x.dtype()).reshape(shape)
    }
}
