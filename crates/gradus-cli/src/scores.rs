//! How well a model does on data: accuracy, loss, and which class is taken for which.

use crate::aim::Aim;
use crate::bars::{four_places, grouped, shortened};
use crate::error::Result;
use crate::report::Report;
use gradus::Tensor;
use gradus::data::Loader;
use gradus::train::metrics::Metric;
use gradus::train::{Confusion, Learner, Source};
use serde_json::{Value, json};
use std::fmt::Write;

/// What evaluating gave.
pub struct Scores {
    /// Names of the classes.
    classes: Vec<String>,
    /// Which class was taken for which.
    confusion: Confusion,
    /// The mean of −log p(truth), or another loss that the model learned by.
    pub loss: f64,
    /// What else is measured, beside the accuracy.
    more: Vec<(String, f64)>,
    /// How many samples.
    pub samples: u64,
    /// Of how many the model's scores are not finite. They are in no row of the table, and the loss is NaN.
    pub lost: u64,
    /// What each was taken for, in the order of the data.
    judged: Vec<Judged>,
}

/// What a sample was taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Its class.
    pub truth: usize,
    /// The most probable one.
    pub guess: usize,
    /// How probable that is.
    pub probability: f64,
    /// −ln of the probability of its class.
    pub loss: f64,
}

impl Scores {
    /// Of a classifier on all images of a loader, whose samples are so many views of each: what counts is the mean of their
    /// probabilities. `Learner` only lends its compiled forward pass.
    pub fn measure(
        learner: &mut Learner,
        data: &Loader,
        views: usize,
        aim: &Aim,
    ) -> Result<Scores> {
        let classes = data.dataset().classes().to_vec();
        let mut confusion = Confusion::new(classes.len());
        let (mut loss, mut samples, mut lost) = (0.0, 0, 0);
        let mut judged = vec![];
        let mut metrics = aim.metrics();
        metrics.retain(|metric| metric.name != "accuracy");
        let other_loss = (aim.loss != "cross_entropy").then(|| aim.loss());
        let mut gathered: Vec<_> = metrics.iter().map(Metric::begin).collect();
        let mut other = 0.0;
        for batch in Source::from(data, 0, 0) {
            let batch = batch?;
            let (x, t) = batch.xt()?;
            let y = learner.predict_batch(x)?;
            if let Some(loss) = &other_loss {
                other += loss.of(&y, t).sum(..).item() / views as f64;
            }
            let logits = y.to_vec::<f32>();
            let rows = logits.chunks_exact(views * classes.len());
            let mut seen = (vec![], vec![]);
            for (rows, &truth) in rows.zip(t.to_vec::<i64>().iter().step_by(views)) {
                let p = mean_probabilities(rows, classes.len());
                loss += surprise(p[truth as usize]);
                samples += 1;
                judged.push(Judged::of(&p, truth as usize));
                if !metrics.is_empty() {
                    seen.0.extend(p.iter().map(|p| p.ln()));
                    seen.1.push(truth);
                }
                match p.iter().any(|p| p.is_nan()) {
                    true => lost += 1,
                    false => confusion.add(truth, largest(&p) as i64)?,
                }
            }
            if !seen.1.is_empty() {
                let x = Tensor::from_slice(&seen.0, [seen.1.len(), classes.len()]);
                let t = Tensor::from_slice(&seen.1, [seen.1.len()]);
                gathered.iter_mut().for_each(|all| all.add(&x, &t));
            }
        }
        let loss = if other_loss.is_some() { other } else { loss } / samples as f64;
        let more = metrics.iter().zip(&gathered).map(|(m, all)| (m.name.to_string(), all.value()));
        let more = more.collect();
        Ok(Scores { classes, confusion, loss, more, samples, lost, judged })
    }

    /// The classes' names.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
    /// What each sample was taken for, in the order of the data.
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }
    /// Precision, recall and F1.
    pub fn report(&self) -> Report {
        let mut lost = vec![0; self.classes.len()];
        self.judged.iter().filter(|j| j.loss.is_nan()).for_each(|j| lost[j.truth] += 1);
        Report::of(&self.confusion, &lost)
    }
    /// The same for `--json`, with the confusion matrix, truth by truth.
    pub fn record_report(&self, into: &mut Value) {
        self.report().record(&self.classes, &self.confusion, into);
    }

    /// Says on stderr if the model gave no numbers; `noun` is what samples are called.
    pub fn warn(&self, noun: &str) {
        if self.lost > 0 {
            let (lost, all) = (grouped(self.lost), grouped(self.samples));
            say!(
                "warning: the model's scores of the classes are not finite for {lost} of {all} {noun}s"
            );
        }
    }

    /// `test accuracy  0.9790   loss 0.0700`
    pub fn headline(&self) -> String {
        let more: Vec<String> =
            self.more.iter().map(|(name, x)| format!("   {name} {}", four_places(*x))).collect();
        let (accuracy, loss) = (four_places(self.accuracy()), four_places(self.loss));
        format!("test accuracy  {accuracy}{}   loss {loss}", more.concat())
    }

    /// For `--json`.
    pub fn record(&self, into: &mut Value) {
        into["test_accuracy"] = json!(self.accuracy());
        into["test_loss"] = json!(self.loss);
        for (name, value) in &self.more {
            into[format!("test_{name}")] = json!(value);
        }
    }

    /// The share of samples whose most probable class is the true one.
    pub fn accuracy(&self) -> f64 {
        // Those without scores count as missed.
        self.confusion.correct() as f64 / self.samples as f64
    }

    /// The confusion table of up to 12 classes; of more, the commonest confusions.
    pub fn table(&self) -> String {
        if self.classes.len() <= 12 { self.matrix() } else { self.commonest(10) }
    }

    fn matrix(&self) -> String {
        let longest = self.classes.iter().map(|c| c.chars().count()).max().unwrap_or(0);
        let (name, cell) = (longest.clamp(5, 14), longest.clamp(4, 6) + 1);
        let mut text = format!("{:>name$} ", "truth");
        for class in &self.classes {
            let _ = write!(text, "{:>cell$}", shortened(class, cell - 1));
        }
        text.push_str("  <- predicted\n");
        for (truth, class) in self.classes.iter().enumerate() {
            let _ = write!(text, "{:>name$} ", shortened(class, name));
            for count in (0..self.classes.len()).map(|guess| self.confusion.count(truth, guess)) {
                // A dot keeps the eye on what there is.
                let count = if count == 0 { ".".to_owned() } else { count.to_string() };
                let _ = write!(text, "{count:>cell$}");
            }
            text.push('\n');
        }
        text
    }

    fn commonest(&self, n: usize) -> String {
        let mut text = String::from("commonest confusions\n");
        for (truth, predicted, count) in self.confusion.commonest(n) {
            let name = |class: usize| shortened(&self.classes[class], 60);
            let (truth, predicted) = (name(truth), name(predicted));
            let _ = writeln!(text, "{count:>6}  {truth} taken for {predicted}");
        }
        text
    }
}

impl Judged {
    /// Of the probabilities of a sample's classes.
    fn of(p: &[f64], truth: usize) -> Judged {
        let guess = largest(p);
        let unknown = p.iter().any(|p| p.is_nan());
        let loss = if unknown { f64::NAN } else { surprise(p[truth]) };
        Judged { truth, guess, probability: p[guess], loss }
    }
}

/// −ln p, finite where p underflowed to 0; NaN stays NaN.
fn surprise(p: f64) -> f64 {
    // Of what is certain 0, not −0.
    0.0 - if p == 0.0 { f64::MIN_POSITIVE } else { p }.ln()
}

/// The mean of the probabilities of rows of logits, one for each view of an image.
pub fn mean_probabilities(rows: &[f32], classes: usize) -> Vec<f64> {
    let views = rows.len() / classes;
    let mut mean = vec![0.0; classes];
    for row in rows.chunks_exact(classes) {
        mean.iter_mut().zip(probabilities(row)).for_each(|(m, p)| *m += p / views as f64);
    }
    mean
}

/// Softmax in f64.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x.into()));
    let powers: Vec<f64> = logits.iter().map(|&x| (f64::from(x) - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// The index of the largest value, the first of equals.
pub fn largest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_large_logits() {
        let p = probabilities(&[1000.0, 1000.0 + 3.0f32.ln(), f32::NEG_INFINITY]);
        assert!((p[0] - 0.25).abs() < 1e-4 && (p[1] - 0.75).abs() < 1e-4 && p[2] == 0.0);
        assert_eq!(largest(&p), 1);
        assert_eq!(largest(&[0.5, 0.5]), 0);
    }

    #[test]
    fn views_are_averaged() {
        // (1/2, 1/2) and (3/4, 1/4).
        let p = mean_probabilities(&[0.0, 0.0, 3.0f32.ln(), 0.0], 2);
        assert!((p[0] - 0.625).abs() < 1e-7 && (p[1] - 0.375).abs() < 1e-7, "{p:?}");
    }

    #[test]
    fn losses() {
        assert!((surprise(0.5) - std::f64::consts::LN_2).abs() < 1e-15);
        assert!(surprise(0.0) > 700.0 && surprise(0.0).is_finite());
        assert!(surprise(f64::NAN).is_nan());
        assert!(probabilities(&[1.0, f32::NAN]).iter().any(|p| p.is_nan()));
        assert!(probabilities(&[1.0, f32::INFINITY]).iter().any(|p| p.is_nan()));
    }

    #[test]
    fn tables() {
        let classes = vec!["cat".to_owned(), "dog".to_owned()];
        let mut confusion = Confusion::new(2);
        for (truth, guess, times) in [(0, 0, 3), (1, 0, 2), (1, 1, 5)] {
            (0..times).for_each(|_| confusion.add(truth, guess).unwrap());
        }
        let (more, judged) = (vec![], vec![]);
        let scores = Scores { classes, confusion, loss: 0.5, more, samples: 10, lost: 0, judged };
        assert_eq!(scores.accuracy(), 0.8);
        let table = "truth   cat  dog  <- predicted\n  cat     3    .\n  dog     2    5\n";
        assert_eq!(scores.table(), table);
        assert_eq!(scores.commonest(3), "commonest confusions\n     2  dog taken for cat\n");
    }
}
