//! How well a model of numbers does on data: its metrics, in the units of the data, for all targets together and for each.

use crate::aim::Aim;
use crate::bars::{figure, four_places, grouped, shortened};
use crate::error::Result;
use crate::scatter::{self, Panel};
use gradus::Tensor;
use gradus::data::{Loader, target_of};
use gradus::nn::losses::Target;
use gradus::train::metrics::Metric;
use gradus::train::{Learner, Source};
use serde_json::{Value, json};
use std::fmt::Write;

/// What evaluating gave.
pub struct NumberScores {
    aim: Aim,
    /// What the model gives `[N, K]`, in the units of the data; of yes and no its logits.
    predicted: Tensor,
    /// The targets `[N, K]`.
    truth: Tensor,
    /// The mean loss, of the targets as the model learns them.
    pub loss: f64,
    /// How many samples.
    pub samples: u64,
    /// Of how many the model's numbers are not all finite.
    lost: u64,
    /// Of each sample its loss, as the model learns the targets.
    losses: Vec<f64>,
}

impl NumberScores {
    /// Of a model on all samples of a loader. `Learner` only lends its compiled forward pass.
    pub fn measure(learner: &mut Learner, data: &Loader, aim: &Aim) -> Result<NumberScores> {
        let set = data.dataset();
        let (n, k) = (set.len(), aim.targets.len());
        let truth: Vec<f64> = (0..n).flat_map(|index| target_of(&**set, index)).collect();
        let (mut rows, mut loss, mut lost, mut losses) = (vec![], 0.0, 0, vec![]);
        for batch in Source::from(data, 0, 0) {
            let batch = batch?;
            let (x, t) = batch.xt()?;
            let y = learner.predict_batch(x)?;
            let each = aim.loss().of(&y, t).cast(gradus::DType::F64);
            let each = each.to_vec::<f64>();
            loss += each.iter().sum::<f64>();
            let part = (each.len() / y.size(0)).max(1);
            losses.extend(each.chunks(part).map(|of_one| of_one.iter().sum::<f64>()));
            let numbers = aim.restored(&y).to_vec::<f64>();
            lost += numbers.chunks(k).filter(|row| !row.iter().all(|y| y.is_finite())).count();
            rows.extend(numbers);
        }
        Ok(NumberScores {
            aim: aim.clone(),
            predicted: Tensor::from_slice(&rows, [n, k]),
            truth: Tensor::from_slice(&truth, [n, k]),
            loss: loss / n as f64,
            samples: n as u64,
            lost: lost as u64,
            losses,
        })
    }

    /// The metrics of all targets or of one.
    fn metrics(&self, target: Option<usize>) -> Vec<(Metric, f64)> {
        let of = |t: &Tensor| target.map_or(t.clone(), |at| t.slice(1, at..at + 1));
        let (x, t) = (of(&self.predicted), of(&self.truth));
        let metrics = self.aim.metrics().into_iter();
        metrics.map(|metric| (metric.clone(), metric.over(&x, &t))).collect()
    }

    /// `test r2  0.93   mean_absolute_error 1234   loss 0.07 of standardised targets`
    pub fn headline(&self) -> String {
        let mut text = String::from("test");
        for (i, (metric, value)) in self.metrics(None).into_iter().enumerate() {
            let gap = if i == 0 { (" ", "  ") } else { ("   ", " ") };
            let _ =
                write!(text, "{}{}{}{}", gap.0, metric.name, gap.1, shown(value, metric.maximize));
        }
        let of = if self.aim.mean.is_empty() { "" } else { " of standardised targets" };
        let _ = write!(text, "   loss {}{of}", four_places(self.loss));
        text
    }

    /// A line for each target, if there are several.
    pub fn table(&self) -> String {
        let names = &self.aim.targets;
        if names.len() < 2 {
            return String::new();
        }
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(6, 30);
        let mut text = format!("{:<width$}", "target");
        for metric in &self.aim.metrics {
            let _ = write!(text, "  {metric:>12}");
        }
        text.push('\n');
        for (at, name) in names.iter().enumerate() {
            let _ = write!(text, "{:<width$}", shortened(name, width));
            for (metric, value) in self.metrics(Some(at)) {
                let cell = metric.name.chars().count().max(12);
                let _ = write!(text, "  {:>cell$}", shown(value, metric.maximize));
            }
            text.push('\n');
        }
        text
    }

    /// For `--json`: `test_loss`, `test_r2` and so on, and those of each target if there are several.
    pub fn record(&self, into: &mut Value) {
        let by_name = |prefix: &str, target| -> serde_json::Map<String, Value> {
            let metrics = self.metrics(target).into_iter();
            metrics.map(|(m, value)| (format!("{prefix}{}", m.name), json!(value))).collect()
        };
        into["test_loss"] = json!(self.loss);
        into["targets"] = json!(self.aim.targets);
        for (name, value) in by_name("test_", None) {
            into[name] = value;
        }
        if self.aim.targets.len() > 1 {
            let each = self.aim.targets.iter().enumerate();
            let each = each.map(|(at, name)| (name.clone(), by_name("", Some(at)).into()));
            into["test_by_target"] = Value::Object(each.collect());
        }
    }

    /// How much of the deviations of numbers is explained, whether it was asked for or not; none of yes and no.
    pub fn r2(&self) -> Option<f64> {
        let metric = Metric::named("r2").filter(|_| self.aim.target() == Target::Numbers)?;
        Some(metric.over(&self.predicted, &self.truth))
    }

    /// Of each sample what is true, what is predicted (of yes and no the logits), and its loss.
    pub fn judged(&self) -> Vec<(Vec<f64>, Vec<f64>, f64)> {
        let k = self.aim.targets.len();
        let rows = |t: &Tensor| -> Vec<Vec<f64>> {
            t.to_vec::<f64>().chunks(k).map(<[f64]>::to_vec).collect()
        };
        let pairs = rows(&self.truth).into_iter().zip(rows(&self.predicted));
        pairs
            .zip(&self.losses)
            .map(|((truth, predicted), &loss)| (truth, predicted, loss))
            .collect()
    }

    /// Says on stderr if the model gave no numbers; `noun` is what samples are called.
    pub fn warn(&self, noun: &str) {
        if self.lost > 0 {
            let (lost, all) = (grouped(self.lost), grouped(self.samples));
            say!("warning: the model's numbers are not finite for {lost} of {all} {noun}s");
        }
    }

    /// How many targets a picture leaves out, for want of room.
    pub fn undrawn(&self) -> usize {
        self.aim.targets.len().saturating_sub(scatter::MOST)
    }

    /// A picture of what is predicted against what is true, as a PNG; none of yes and no.
    pub fn plot(&self) -> Result<Option<Vec<u8>>> {
        if self.aim.target() != Target::Numbers {
            return Ok(None);
        }
        let column = |t: &Tensor, at: usize| t.select(1, at).to_vec::<f64>();
        let panel = |(at, name)| {
            let (truth, predicted) = (column(&self.truth, at), column(&self.predicted, at));
            Panel { name, pairs: truth.into_iter().zip(predicted).collect() }
        };
        let names = self.aim.targets.iter().map(String::as_str).enumerate();
        Ok(Some(scatter::draw(&names.map(panel).collect::<Vec<_>>())?))
    }
}

/// A metric in words: scores, of which more is better and 1 the best, to four places; errors to six digits.
pub fn shown(x: f64, maximize: bool) -> String {
    if maximize { four_places(x) } else { figure(x, 6) }
}
