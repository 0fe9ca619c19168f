//! What a model gave beside the targets, and means over it: of samples, or of what is there and counts.

use super::padding;
use crate::batch::Fields;
use crate::measured::scalar;
use crate::metrics::Metric;
use gradus_base::{DType, Error};
use gradus_nn::Context;
use gradus_tensor::{Tensor, report};

/// What a model gave, beside the targets and what they count.
pub(super) struct Given {
    pub(super) y: Tensor,
    pub(super) t: Tensor,
    pub(super) weights: Option<Tensor>,
    /// What is there of padded sequences, whose places are samples now, as f32 `[B·T]`.
    pub(super) there: Option<Tensor>,
    /// Where labels count, as booleans of their shape, if some are ignored.
    pub(super) counted: Option<Tensor>,
    /// How many samples the batch has.
    pub(super) samples: usize,
}

/// A mean of a batch, and what it weighs beside those of others.
pub(super) struct Mean {
    pub(super) value: Tensor,
    pub(super) units: Weight,
}

/// What a mean weighs: the number of elements that it is over, or the sum of what they count.
pub(super) enum Weight {
    Elements(usize),
    Known(Tensor),
}

impl Given {
    /// Where `y [B, T, ..]` is padded, each place becomes a sample, and padding weighs nothing.
    pub(super) fn of(y: Tensor, fields: &Fields<'_>, cx: &Context<'_>) -> Given {
        let (t, weights) = (fields["t"].clone(), fields.find("weights").cloned());
        let samples = fields["x"].shape().first().copied().unwrap_or(1);
        let Some(there) = cx.mask(&y) else {
            refuse_padded_targets(&y, fields);
            return Given { y, t, weights, there: None, counted: None, samples };
        };
        let (b, places) = (y.size(0), y.size(1));
        if t.rank() < 2 || (t.size(0), t.size(1)) != (b, places) {
            let y = Tensor::refuse(other_places(&y, &t));
            return Given { y, t, weights, there: None, counted: None, samples };
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
            samples,
        }
    }

    /// The targets; a class stands in for labels that do not count.
    pub(super) fn known(&self) -> Tensor {
        match &self.counted {
            Some(counted) => counted.select_where(&self.t, 0.0),
            None => self.t.clone(),
        }
    }

    /// The mean of a metric over what is there and counts.
    pub(super) fn mean_of(&self, metric: &Metric) -> Mean {
        let each = metric.of(&self.y, &self.known());
        if self.there.is_none() && self.counted.is_none() {
            return self.plain_mean(&each);
        }
        self.expect_each(metric, &each);
        let (there, counted) = (self.there.as_ref(), self.counted.as_ref());
        let Some(there) = there else {
            let counted = counted.expect("one of both is there");
            let value =
                counted.select_where(&each, 0.0).sum(..) / counted.cast(each.dtype()).sum(..);
            return Mean { value, units: Weight::Known(self.wide(counted).sum(..)) };
        };
        let spread = self.spread(there, &each);
        let counts = counted.map_or(spread.clone(), |c| c.cast(there.dtype()) * spread);
        let value = (each * &counts).sum(..) / counts.sum(..);
        Mean { value, units: Weight::Known(self.wide(&counts).sum(..)) }
    }

    /// Where not all places count, a metric must give one number for each of them: of one for the batch they cannot be left out.
    fn expect_each(&self, metric: &Metric, each: &Tensor) {
        let (expected, why) = match (&self.counted, &self.there) {
            (Some(counted), _) => (counted.shape(), "label, of which some do not count"),
            (None, Some(there)) => (there.shape(), "place, of which some are padding"),
            (None, None) => return,
        };
        if each.shape() != expected {
            let what = format!(
                "the metric gives {} for targets {}, expected {expected}: one for each {why}",
                each.shape(),
                self.t.shape()
            );
            report(Error::shape(metric.name.clone(), what));
        }
    }

    /// The mean of all elements, one or more of each sample; a scalar is one of all samples.
    pub(super) fn plain_mean(&self, each: &Tensor) -> Mean {
        let of_samples = each.shape().first() == Some(&self.y.size(0));
        let elements = if of_samples { each.len() } else { self.samples };
        Mean { value: scalar(each), units: Weight::Elements(elements) }
    }

    /// What the means weigh, unless each is over as many elements as there are samples.
    pub(super) fn units(&self, means: &[Mean]) -> Option<Vec<Tensor>> {
        let is_plain = |mean: &Mean| matches!(mean.units, Weight::Elements(n) if n == self.samples);
        if means.iter().all(is_plain) {
            return None;
        }
        let number = |mean: &Mean| match &mean.units {
            Weight::Elements(n) => Tensor::full_of((), *n as f64, self.wide_dtype()),
            Weight::Known(units) => units.clone(),
        };
        Some(means.iter().map(number).collect())
    }

    /// Counts in a type that holds large ones exactly.
    pub(super) fn wide(&self, counts: &Tensor) -> Tensor {
        counts.cast(self.wide_dtype())
    }
    fn wide_dtype(&self) -> DType {
        if self.y.dtype() == DType::F64 { DType::F64 } else { DType::F32 }
    }

    /// A number for each sample `[B]` as one for each of its places, that `all [B, ..]` has.
    pub(super) fn spread(&self, samples: &Tensor, all: &Tensor) -> Tensor {
        let mut shape = samples.shape();
        (samples.rank()..all.rank()).for_each(|axis| shape = shape.inserted(axis, 1));
        samples.reshape(shape).cast(all.dtype())
    }

    /// The rows that a metric of a whole set takes. Padding cannot be left out of them.
    pub(super) fn rows_of(&self, metric: &Metric) -> Tensor {
        if self.there.is_some() {
            let what =
                format!("{} is of a whole set, and padded places would count in it", metric.name);
            return Tensor::refuse(Error::value("metric", what));
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
                Tensor::refuse(Error::value("metric", what))
            }
            None => rows,
        }
    }
}

/// Refuses targets that say what of them is there, where what the model gives does not.
fn refuse_padded_targets(y: &Tensor, fields: &Fields<'_>) {
    if let Some(name) = padding::of_others(fields) {
        let what = format!(
            "{name} would not be used: what the model gives, {}, has no lengths; {}",
            y.shape(),
            padding::REMEDY
        );
        report(Error::value("padding", what));
    }
}

/// The error of targets that do not go along with the places of `y [B, T, ..]`.
fn other_places(y: &Tensor, t: &Tensor) -> Error {
    let (b, places) = (y.size(0), y.size(1));
    let hint = match t.rank() >= 2 && t.size(0) == b {
        true => {
            "\n  t is padded to another length than x: Padding::along(\"x\") pads it to that of x"
        }
        false => "",
    };
    let what = format!(
        "the model gives {} for sequences with lengths, the target is {}; expected one for each place: [{b}, {places}, ..]{hint}",
        y.shape(),
        t.shape()
    );
    Error::shape("lengths", what)
}
