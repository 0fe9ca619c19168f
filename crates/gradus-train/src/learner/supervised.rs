//! What is minimised and measured when a model learns from targets.

use crate::batch::{Fields, Name};
use crate::measured::{Measured, scalar};
use crate::metrics::Metric;
use gradus_base::{DType, Error};
use gradus_nn::losses::{CrossEntropy, Loss};
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
        let given = self.given(fields, cx);
        let loss = self.mean_loss(&given);
        let heads = cx.take_auxiliary().into_iter();
        let objective = heads.fold(loss.clone(), |sum, (y, weight)| {
            sum + self.mean_loss(&self.beside(y, fields, cx)) * weight
        });
        let measured = Measured::new(&loss).minimizing(&objective);
        let measured = match self.units(&given) {
            Some(units) => measured.weighing(units),
            None => measured,
        };
        self.means()
            .fold(measured, |m, metric| m.number(metric.name.clone(), &given.mean_of(metric)))
    }

    /// The loss, the metrics that are means and the rows of the others, of a batch that nothing is learned from.
    pub(super) fn evaluate(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Vec<(Name, Tensor)> {
        let given = self.given(fields, cx);
        let mut all = vec![("loss".into(), self.mean_loss(&given))];
        all.extend(self.means().map(|m| (m.name.clone(), given.mean_of(m))));
        all.extend(self.wholes().map(|m| (m.name.clone(), given.rows_of(m))));
        all.extend(self.units(&given).into_iter().flatten().map(|units| ("".into(), units)));
        all
    }

    /// What the loss of a batch weighs beside those of others, and what its metrics do, where not all samples count alike.
    fn units(&self, given: &Given) -> Option<[Tensor; 2]> {
        let dtype = given.y.dtype();
        let counted = given.counted.as_ref().map(|counted| counted.cast(dtype));
        let labels = given.t.dtype() == DType::I64;
        let classes = self.class_weights().filter(|_| labels).map(|weights| {
            let t = given.known();
            let each = weights.cast(dtype).index_select(0, &t.reshape([t.len()]));
            each.reshape(t.shape())
        });
        let there = given.there.clone();
        if counted.is_none() && classes.is_none() && given.weights.is_none() {
            return None;
        }
        let product = |parts: [Option<Tensor>; 2]| parts.into_iter().flatten().reduce(|a, b| a * b);
        let over = |all: Option<Tensor>, weights: Option<&Tensor>| match (all, weights) {
            // A weight is one for each sample; of labels with places it is each place's.
            (Some(all), Some(w)) if all.rank() > w.rank() => {
                let mut shape = w.shape();
                (w.rank()..all.rank()).for_each(|axis| shape = shape.inserted(axis, 1));
                (all * w.reshape(shape)).sum(..)
            }
            (Some(all), Some(w)) => (all * w).sum(..),
            (Some(all), None) => all.sum(..),
            (None, Some(w)) => w.sum(..),
            (None, None) => Tensor::full_of((), given.t.size(0) as f64, dtype),
        };
        let loss = over(product([counted.clone(), classes]), given.weights.as_ref());
        Some([loss, over(counted, there.as_ref())])
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
        if let Some(lengths) = fields.find("lengths") {
            cx.set_lengths(x, lengths);
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

    /// Cross-entropy with options, over what counts.
    fn mean_cross_entropy(
        &self,
        loss: &CrossEntropy,
        y: &Tensor,
        t: &Tensor,
        samples: Option<&Tensor>,
    ) -> Tensor {
        let loss = CrossEntropy { class_weights: self.class_weights(), ..loss.clone() };
        match samples {
            Some(samples) => loss.weighted_mean(y, t, samples),
            None => loss.mean(y, t),
        }
    }

    /// The mean of the samples' losses, weighted by class and by sample where there are such weights.
    fn mean_loss(&self, Given { y, t, weights: samples, .. }: &Given) -> Tensor {
        if let Some(loss) = self.loss.cross_entropy() {
            return self.mean_cross_entropy(loss, y, t, samples.as_ref());
        }
        let loss = self.loss.of(y, t);
        let classes = self.class_weights().map(|weights| {
            if !(t.dtype() == DType::I64 && t.rank() == 1) {
                let what = format!(
                    "the targets are {} {}, expected labels, i64 [B]",
                    t.dtype(),
                    t.shape()
                );
                fail(Error::shape("class weights", what), Location::caller());
            }
            weights.cast(loss.dtype()).index_select(0, t) // [B]
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

/// What a model gave, beside the targets and what they count.
struct Given {
    y: Tensor,
    t: Tensor,
    weights: Option<Tensor>,
    /// What is there of padded sequences, whose places are samples now, as f32 `[B·T]`.
    there: Option<Tensor>,
    /// Where labels count, as booleans of their shape, if some are ignored.
    counted: Option<Tensor>,
}

impl Given {
    /// Where `y [B, T, ..]` is padded, each place becomes a sample, and padding weighs nothing.
    fn of(y: Tensor, fields: &Fields<'_>, cx: &Context<'_>) -> Given {
        let (t, weights) = (fields["t"].clone(), fields.find("weights").cloned());
        let Some(there) = cx.mask(&y) else {
            return Given { y, t, weights, there: None, counted: None };
        };
        let (b, places) = (y.size(0), y.size(1));
        if t.rank() < 2 || (t.size(0), t.size(1)) != (b, places) {
            let what = format!(
                "the model gives {} for sequences with lengths, the target is {}; expected one for each place: [{b}, {places}, ..]",
                y.shape(),
                t.shape()
            );
            fail(Error::shape("lengths", what), Location::caller());
        }
        let flat = |t: &Tensor| {
            let shape = t.shape();
            let rest = shape.iter().skip(2).copied();
            let sizes: Vec<usize> = std::iter::once(b * places).chain(rest).collect();
            t.reshape(sizes.as_slice())
        };
        let each = there.cast(y.dtype()); // [B, T]
        let weights = match weights {
            Some(w) if w.rank() == 1 => flat(&(w.unsqueeze(1) * &each)),
            Some(w) => flat(&(w * &each)),
            None => flat(&each),
        };
        Given {
            y: flat(&y),
            t: flat(&t),
            weights: Some(weights),
            there: Some(flat(&each)),
            counted: None,
        }
    }

    /// The targets; a class stands in for labels that do not count.
    fn known(&self) -> Tensor {
        match &self.counted {
            Some(counted) => counted.select_where(&self.t, 0.0),
            None => self.t.clone(),
        }
    }

    /// The mean of a metric over what is there and counts.
    fn mean_of(&self, metric: &Metric) -> Tensor {
        let each = metric.of(&self.y, &self.known());
        let counted = self.counted.as_ref().filter(|counted| counted.shape() == each.shape());
        match (&self.there, counted) {
            (None, None) => scalar(&each),
            (None, Some(counted)) => {
                counted.select_where(&each, 0.0).sum(..) / counted.cast(each.dtype()).sum(..)
            }
            (Some(there), counted) => {
                let counts = counted.map_or(there.clone(), |c| c.cast(there.dtype()) * there);
                (each * &counts).sum(..) / counts.sum(..)
            }
        }
    }

    /// The rows that a metric of a whole set takes. Padding cannot be left out of them.
    fn rows_of(&self, metric: &Metric) -> Tensor {
        if self.there.is_some() {
            let what =
                format!("{} is of a whole set, and padded places would count in it", metric.name);
            fail(Error::value("metric", what), Location::caller());
        }
        let rows = metric.of(&self.y, &self.known());
        match &self.counted {
            // Whether a row counts stands behind its numbers.
            Some(counted) if rows.size(0) == counted.len() => {
                let counts = counted.cast(rows.dtype()).reshape([counted.len(), 1]);
                Tensor::concat(&[&rows, &counts], 1)
            }
            Some(counted) => {
                let what = format!(
                    "{} gives {} rows of {} labels, of which some do not count",
                    metric.name,
                    rows.size(0),
                    counted.len()
                );
                fail(Error::value("metric", what), Location::caller());
            }
            None => rows,
        }
    }
}
