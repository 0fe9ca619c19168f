//! What is minimised and measured when a model learns from targets.

use super::given::{Given, Mean, Weight};
use super::padding;
use crate::batch::{Fields, Name};
use crate::measured::Measured;
use crate::metrics::Metric;
use gradus_base::{DType, Error};
use gradus_nn::losses::{CrossEntropy, Loss};
use gradus_nn::{Context, Layer};
use gradus_tensor::{Tensor, report};
use std::sync::Arc;

/// A model with its loss and metrics.
pub(super) struct Supervised {
    pub(super) model: Arc<dyn Layer>,
    pub(super) loss: Loss,
    pub(super) metrics: Vec<Metric>,
    pub(super) class_weights: Option<Vec<f64>>,
}

impl Supervised {
    /// The loss and the metrics of a batch; what is minimised has the losses of the auxiliary heads in it, too.
    pub(super) fn train(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Measured {
        let given = self.given(fields, cx);
        let means = self.all_means(&given);
        let loss = &means[0].value;
        let heads = cx.take_auxiliary().into_iter();
        let objective = heads.fold(loss.clone(), |sum, (y, weight)| {
            sum + self.mean_loss(&self.beside(y, fields, cx)).value * weight
        });
        let measured = Measured::new(loss).minimizing(&objective);
        let measured = measured.weighing(given.units(&means));
        let numbers = self.means().zip(&means[1..]);
        numbers.fold(measured, |m, (metric, mean)| m.number(metric.name.clone(), &mean.value))
    }

    /// The loss, the metrics that are means and the rows of the others, of a batch that nothing is learned from; then what each of the
    /// means weighs, where that is not one for each sample.
    pub(super) fn evaluate(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Vec<(Name, Tensor)> {
        let given = self.given(fields, cx);
        let means = self.all_means(&given);
        let names = std::iter::once("loss".into()).chain(self.means().map(|m| m.name.clone()));
        let mut all: Vec<_> = names.zip(means.iter().map(|mean| mean.value.clone())).collect();
        all.extend(self.wholes().map(|m| (m.name.clone(), given.rows_of(m))));
        all.extend(given.units(&means).into_iter().flatten().map(|units| ("".into(), units)));
        all
    }

    /// The loss, then the metrics that are means.
    fn all_means(&self, given: &Given) -> Vec<Mean> {
        let metrics = self.means().map(|metric| given.mean_of(metric));
        std::iter::once(self.mean_loss(given)).chain(metrics).collect()
    }

    /// What each class weighs, if they do not all weigh alike: `[C]`.
    fn class_weights(&self) -> Option<Tensor> {
        let own = self.class_weights.as_ref().map(|w| Tensor::from_slice(w, [w.len()]));
        own.or_else(|| self.loss.cross_entropy()?.class_weights.clone())
    }

    /// Whether some labels do not count.
    pub(super) fn ignores(&self) -> bool {
        self.loss.cross_entropy().is_some_and(|loss| loss.ignore_index.is_some())
    }

    /// The metrics that are means over samples.
    pub(super) fn means(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.finish.is_none())
    }
    /// The metrics of a whole set.
    pub(super) fn wholes(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.finish.is_some())
    }

    /// What the model gives for a batch.
    pub(super) fn predict(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Tensor {
        let x = &fields["x"];
        if let Some(lengths) = padding::lengths(fields) {
            cx.set_lengths(x, &lengths);
        }
        self.model.forward(x, cx)
    }

    /// That with the targets.
    fn given(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Given {
        self.beside(self.predict(fields, cx), fields, cx)
    }

    /// An output with the targets.
    fn beside(&self, y: Tensor, fields: &Fields<'_>, cx: &Context<'_>) -> Given {
        let given = Given::of(y, fields, cx);
        let ignored = self.loss.cross_entropy().and_then(|loss| loss.ignore_index);
        let ignored = ignored.filter(|_| given.t.dtype() == DType::I64);
        Given { counted: ignored.map(|label| given.t.ne(label as f64)), ..given }
    }

    /// Cross-entropy with options, over what counts: Σ/Σ.
    fn mean_cross_entropy(&self, loss: &CrossEntropy, given: &Given) -> Mean {
        let Given { y, t, weights: samples, .. } = given;
        let classes = self.class_weights();
        let loss = CrossEntropy { class_weights: classes.clone(), ..loss.clone() };
        let value = match samples {
            Some(samples) => loss.weighted_mean(y, t, samples),
            None => loss.mean(y, t),
        };
        // Probabilities are as many as labels would be; of those each may weigh something else.
        let places = if t.dtype().is_float() { y.len() / y.size(1).max(1) } else { t.len() };
        let classes = classes.filter(|_| t.dtype() == DType::I64).map(|weights| {
            let t = given.known();
            let each = weights.index_select(0, &t.reshape([t.len()]));
            each.reshape(t.shape())
        });
        let counted = given.counted.clone();
        let units = match [counted, classes]
            .into_iter()
            .flatten()
            .map(|t| given.wide(&t))
            .reduce(|a, b| a * b)
        {
            None => match samples {
                Some(w) => Weight::Known(given.wide(w).sum(..) * (places / w.len().max(1)) as f64),
                None => Weight::Elements(places),
            },
            Some(all) => Weight::Known(match samples {
                Some(w) => (given.spread(w, &all) * all).sum(..),
                None => all.sum(..),
            }),
        };
        Mean { value, units }
    }

    /// The mean of the samples' losses, weighted by class and by sample where there are such weights.
    fn mean_loss(&self, given: &Given) -> Mean {
        let Given { y, t, weights: samples, .. } = given;
        let classes = self.class_weights();
        if let Some(weights) = classes.as_ref().filter(|_| y.rank() >= 2) {
            expect_one_for_each_class(weights, y);
        }
        if let Some(loss) = self.loss.cross_entropy() {
            return self.mean_cross_entropy(loss, given);
        }
        let loss = self.loss.of(y, t);
        let classes = classes.map(|weights| {
            if !(t.dtype() == DType::I64 && t.rank() == 1) {
                let what = format!(
                    "the targets are {} {}, expected labels, i64 [B]",
                    t.dtype(),
                    t.shape()
                );
                return Tensor::refuse(Error::shape("class weights", what));
            }
            weights.cast(loss.dtype()).index_select(0, t) // [B]
        });
        let weights = match (classes, samples) {
            (Some(c), Some(s)) => c * s,
            (Some(c), None) => c,
            (None, Some(s)) => s.clone(),
            (None, None) => return given.plain_mean(&loss),
        };
        if weights.shape() != loss.shape() {
            let what = format!(
                "there are {}, the losses are {}: expected one for each sample",
                weights.shape(),
                loss.shape()
            );
            return given.plain_mean(&Tensor::refuse(Error::shape("weights", what)));
        }
        let value = (&loss * &weights).sum(..) / weights.sum(..);
        Mean { value, units: Weight::Known(given.wide(&weights).sum(..)) }
    }
}

/// Fails unless there is a weight for each class of scores `y [B, C, ..]`.
fn expect_one_for_each_class(weights: &Tensor, y: &Tensor) {
    if weights.len() != y.size(1) {
        let what = format!(
            "found {}, expected {}: one for each class of what the model gives, {}",
            weights.len(),
            y.size(1),
            y.shape()
        );
        report(Error::shape("class weights", what));
    }
}
