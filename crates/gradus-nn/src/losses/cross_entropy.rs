//! Cross-entropy: −Σ t·log softmax(x) over the classes, axis 1.

use super::named::{NamedLoss, Target, named};
use super::{at_labels, labels_fit, made_labels, rest, same_shape};
use gradus_base::Error;
use gradus_tensor::{DType, Tensor};

/// Those with a name on the command line and in recipes.
pub(super) const NAMED: &[NamedLoss] =
    &[named("cross_entropy", Target::Label, cross_entropy, "scores of classes and a label")];

/// −log softmax(x) at the label: cross-entropy of logits `x [B, C]` and labels `t [B]` (i64).
#[track_caller]
#[doc(alias("CrossEntropyLoss", "SparseCategoricalCrossentropy", "CategoricalCrossentropy"))]
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
        return Tensor::refuse(Error::shape("cross_entropy", what));
    }
    x.softmax_cross_entropy(t)
}

/// −x at the label: the negative log-likelihood of log-probabilities `x [B, C, ..]` and labels
/// `t [B, ..]` (i64). With options: [`Nll`].
#[track_caller]
#[doc(alias = "NLLLoss")]
pub fn nll(x: &Tensor, t: &Tensor) -> Tensor {
    Nll::default().per_sample(x, t)
}

/// Negative log-likelihood with options.
///
/// ```
/// use gradus_nn::losses::Nll;
/// use gradus_tensor::Tensor;
/// let loss = Nll { ignore_index: Some(-100), ..Nll::default() };
/// let x = Tensor::from([[-1.0f32, -2.0], [-3.0, -4.0], [-5.0, -6.0]]);
/// let t = Tensor::from([0i64, -100, 1]);
/// assert_eq!(loss.per_sample(&x, &t).to_vec::<f32>(), [1.0, 0.0, 6.0]);
/// assert_eq!(loss.mean(&x, &t).item(), 3.5);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Nll {
    /// How much each class counts, `[C]`.
    pub class_weights: Option<Tensor>,
    /// The label of places that do not count. Other labels must be classes.
    pub ignore_index: Option<i64>,
}

impl Nll {
    /// One number per sample, `[B]`: the mean over its places, of which ignored ones give 0.
    ///
    /// **Shape** log-probabilities `x [B, C, ..]`, `t` i64 labels `[B, ..]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn per_sample(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let (each, _) = self.each(x, t);
        each.mean(rest(&each))
    }

    /// One number: the sum over all places that are not ignored, divided by the sum of the class
    /// weights of their labels. NaN where all are ignored, as in PyTorch.
    ///
    /// # Panics
    /// As [`Nll::per_sample`].
    #[track_caller]
    pub fn mean(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let (each, labels) = self.each(x, t);
        each.sum(..) / labels.weight.sum(..)
    }

    #[track_caller]
    fn each(&self, x: &Tensor, t: &Tensor) -> (Tensor, Labels) {
        let x = &labels_fit("nll", x, t);
        let labels = Labels::new(x, t, self.ignore_index, self.class_weights.as_ref());
        let each = -at_labels(x, &labels.classes) * &labels.weight; // [B, ..]
        (labels.counted(&each), labels)
    }
}

/// Labels with what they count.
struct Labels {
    /// The labels, those ignored as 0, so that they can be looked up: `[B, ..]`.
    classes: Tensor,
    /// Which places count, if some may not.
    mask: Option<Tensor>,
    /// What each place counts: its class's weight, 0 where it is ignored.
    weight: Tensor,
}

impl Labels {
    #[track_caller]
    fn new(x: &Tensor, t: &Tensor, ignored: Option<i64>, weights: Option<&Tensor>) -> Labels {
        let mask = ignored.map(|label| t.ne(&Tensor::scalar(label)));
        let classes = match &mask {
            Some(mask) => mask.select_where(t, &Tensor::scalar(0i64)),
            None => t.clone(),
        };
        let weight = match weights {
            Some(weights) => {
                let flat = classes.reshape([classes.len()]);
                weights.cast(x.dtype()).index_select(0, &flat).reshape(t.shape())
            }
            None => Tensor::full_of(t.shape(), 1.0, x.dtype()),
        };
        let mut labels = Labels { classes, mask, weight };
        labels.weight = labels.counted(&labels.weight);
        labels
    }

    /// 0 where a place is ignored. Chosen, not multiplied by 0: where the class looked up instead has no chance at all, −ln of it
    /// is ∞.
    #[track_caller]
    fn counted(&self, each: &Tensor) -> Tensor {
        match &self.mask {
            Some(mask) => mask.select_where(each, 0.0),
            None => each.clone(),
        }
    }
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
    /// The part of each target that is spread evenly over the classes.
    /// Szegedy et al. 2015, arXiv:1512.00567 §7
    pub label_smoothing: f64,
    /// How much each class counts, `[C]`, also in the part that smoothing spreads over the classes,
    /// as in PyTorch.
    pub class_weights: Option<Tensor>,
    /// The label of places that do not count, in PyTorch −100. Other labels must be classes.
    pub ignore_index: Option<i64>,
}

impl CrossEntropy {
    /// One number per sample, `[B]`: the mean over its places, of which ignored ones give 0.
    ///
    /// **Shape** logits `x [B, C, ..]`; `t` are i64 labels `[B, ..]`, or probabilities
    /// `[B, C, ..]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn per_sample(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let (each, _) = self.each(x, t); // [B, ..]
        each.mean(rest(&each))
    }

    /// One number: the sum over all places that are not ignored, divided by the sum of the class
    /// weights of their labels. With probabilities as targets it is the mean over all places. NaN
    /// where all are ignored, as in PyTorch.
    ///
    /// # Panics
    /// As [`CrossEntropy::per_sample`].
    #[track_caller]
    pub fn mean(&self, x: &Tensor, t: &Tensor) -> Tensor {
        let (each, weight) = self.each(x, t);
        match weight {
            Some(weight) => each.sum(..) / weight.sum(..),
            None => each.mean(..),
        }
    }

    /// [`CrossEntropy::mean`] over samples that count as much as their weights `samples [B]`.
    ///
    /// # Panics
    /// As [`CrossEntropy::per_sample`], and if there is not one weight for each sample.
    #[track_caller]
    pub fn weighted_mean(&self, x: &Tensor, t: &Tensor, samples: &Tensor) -> Tensor {
        let (each, weight) = self.each(x, t);
        let mut shape = each.shape();
        if samples.rank() != 1 || samples.shape()[0] != shape[0] {
            let what = format!(
                "there are {}, the losses are {shape}: expected one for each sample",
                samples.shape()
            );
            return Tensor::refuse(Error::shape("weights", what));
        }
        (1..shape.rank()).for_each(|axis| shape = shape.with(axis, 1));
        let samples = samples.reshape(shape); // [B, 1, ..]
        let weight = weight.unwrap_or_else(|| each.ones_like());
        (each * &samples).sum(..) / (weight * samples).sum(..)
    }

    /// The loss at every place, `[B, ..]`, and what each of them counts, where the targets are labels.
    #[track_caller]
    fn each(&self, x: &Tensor, t: &Tensor) -> (Tensor, Option<Tensor>) {
        let classes = x.size(1);
        let smooth = self.label_smoothing;
        if t.dtype().is_float() {
            let x = &same_shape("cross_entropy", x, t);
            let t = t * (1.0 - smooth) + smooth / classes as f64;
            return (-(t * self.weigh(&x.log_softmax(1))).sum([1]), None);
        }
        let x = &labels_fit("cross_entropy", x, t);
        let labels = Labels::new(x, t, self.ignore_index, self.class_weights.as_ref());
        if smooth == 0.0 && x.rank() == 2 {
            let hit = x.softmax_cross_entropy(&labels.classes) * &labels.weight;
            return (labels.counted(&hit), Some(labels.weight));
        }
        let log_p = x.log_softmax(1); // [B, C, ..]
        let mut each = -at_labels(&log_p, &labels.classes) * &labels.weight; // [B, ..]
        if smooth != 0.0 {
            let spread = -self.weigh(&log_p).sum([1]) * (smooth / classes as f64);
            each = each * (1.0 - smooth) + spread;
        }
        (labels.counted(&each), Some(labels.weight))
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
