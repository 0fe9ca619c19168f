//! What is minimised and measured when a model learns from targets.

use crate::batch::Fields;
use crate::metrics::Metric;
use crate::objective::Measured;
use gradus_base::{DType, Error};
use gradus_nn::losses::Loss;
use gradus_nn::{Context, Layer};
use gradus_tensor::{Step, Tensor, fail};
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
        self.metrics.iter().fold(measured, |m, metric| m.number(metric.name, &(metric.of)(&y, t)))
    }

    /// The loss and the metrics of a batch that nothing is learned from.
    pub(super) fn evaluate(&self, args: &[Tensor]) -> Step {
        let [x, t] = args else { unreachable!("a batch has both") };
        let y = self.model.forward(x, &Context::eval());
        let step = Step::new().read(&self.mean_loss(&y, t, None));
        self.metrics.iter().fold(step, |step, m| step.read(&(m.of)(&y, t).mean(..)))
    }

    /// The mean of the samples' losses, weighted by class and by sample where there are such weights.
    fn mean_loss(&self, y: &Tensor, t: &Tensor, samples: Option<&Tensor>) -> Tensor {
        let loss = (self.loss)(y, t);
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
