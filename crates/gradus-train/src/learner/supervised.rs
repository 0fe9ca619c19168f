//! What is minimised and measured when a model learns from targets.

use crate::batch::{Fields, Name};
use crate::metrics::Metric;
use crate::objective::{Measured, scalar};
use gradus_base::{DType, Error};
use gradus_nn::losses::Loss;
use gradus_nn::{Context, Layer};
use gradus_tensor::{Tensor, fail};
use std::panic::Location;
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
        let (x, t, weights) = (&fields["x"], &fields["t"], fields.find("weights"));
        let y = self.model.forward(x, cx);
        let loss = self.mean_loss(&y, t, weights);
        let heads = cx.take_auxiliary().into_iter();
        let objective = heads
            .fold(loss.clone(), |sum, (y, weight)| sum + self.mean_loss(&y, t, weights) * weight);
        let measured = Measured::new(&loss).minimizing(&objective);
        self.means().fold(measured, |m, metric| m.number(metric.name.clone(), &metric.of(&y, t)))
    }

    /// The loss, the metrics that are means and the rows of the others, of a batch that nothing is learned from.
    pub(super) fn evaluate(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Vec<(Name, Tensor)> {
        let t = &fields["t"];
        let y = self.model.forward(&fields["x"], cx);
        let loss = self.mean_loss(&y, t, fields.find("weights"));
        let mut all = vec![("loss".into(), loss)];
        all.extend(self.means().map(|m| (m.name.clone(), scalar(&m.of(&y, t)))));
        all.extend(self.wholes().map(|m| (m.name.clone(), m.of(&y, t))));
        all
    }

    /// The metrics that are means over samples.
    pub(super) fn means(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.finish.is_none())
    }
    /// The metrics of a whole set.
    pub(super) fn wholes(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.finish.is_some())
    }

    /// The mean of the samples' losses, weighted by class and by sample where there are such weights.
    fn mean_loss(&self, y: &Tensor, t: &Tensor, samples: Option<&Tensor>) -> Tensor {
        let loss = self.loss.of(y, t);
        let classes = self.class_weights.as_ref().map(|weights| {
            if !(t.dtype() == DType::I64 && t.rank() == 1) {
                let what = format!(
                    "the targets are {} {}, expected labels, i64 [B]",
                    t.dtype(),
                    t.shape()
                );
                fail(Error::shape("class weights", what), Location::caller());
            }
            Tensor::from_slice(weights, [weights.len()]).cast(loss.dtype()).index_select(0, t) // [B]
        });
        let weights = match (classes, samples) {
            (Some(c), Some(s)) => c * s,
            (Some(c), None) => c,
            (None, Some(s)) => s.clone(),
            (None, None) => return loss.mean(..),
        };
        if weights.shape() != loss.shape() {
            let what = format!(
                "there are {}, the losses are {}: expected one for each sample",
                weights.shape(),
                loss.shape()
            );
            fail(Error::shape("weights", what), Location::caller());
        }
        (&loss * &weights).sum(..) / weights.sum(..)
    }
}
