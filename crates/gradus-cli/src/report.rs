//! What a classifier's test says of each class: precision, recall, F1, and their means.

use crate::bars::{grouped, shortened};
use gradus::train::Confusion;
use serde_json::{Value, json};
use std::fmt::Write;

/// How well one class, or all together, is met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Met {
    /// Of the samples taken for it, the share that is of it; 0 where none was taken for it.
    pub precision: f64,
    /// Of its samples, the share taken for it; 0 where it has none.
    pub recall: f64,
    /// The harmonic mean of both; 0 where both are.
    pub f1: f64,
    /// Its samples.
    pub samples: u64,
}

/// Of all classes.
pub struct Report {
    /// Of each, in their order.
    pub each: Vec<Met>,
    /// The mean over classes that have samples or were taken for something, each counting alike.
    pub macro_mean: Met,
    /// The mean over classes, each by its samples.
    pub weighted: Met,
}

/// So many classes are listed, each in a line; of more the hardest.
const LISTED: usize = 50;
const HARDEST: usize = 10;
/// The matrix of more classes would be a line of megabytes.
const MATRIX: usize = 100;

impl Report {
    /// Of who was taken for whom; `lost` are the samples of each class for which the model said nothing, which count as missed.
    pub fn of(confusion: &Confusion, lost: &[u64]) -> Report {
        let each: Vec<Met> = (0..confusion.classes()).map(|k| met(confusion, k, lost[k])).collect();
        let taken = |k: usize| (0..each.len()).any(|truth| confusion.count(truth, k) > 0);
        let there = |k: usize| each[k].samples > 0 || taken(k);
        let all: u64 = each.iter().map(|met| met.samples).sum();
        let counted = (0..each.len()).filter(|&k| there(k)).count().max(1) as f64;
        let macro_mean = mean(&each, all, |k| f64::from(u8::from(there(k))) / counted);
        let weighted = mean(&each, all, |k| each[k].samples as f64 / (all as f64).max(1.0));
        Report { each, macro_mean, weighted }
    }

    /// A line for each class, the hardest of very many, and one for each mean.
    pub fn table(&self, classes: &[String]) -> String {
        let mut order: Vec<usize> = (0..self.each.len()).collect();
        let hardest = order.len() > LISTED;
        if hardest {
            order.retain(|&k| self.each[k].samples > 0);
            order.sort_by(|&a, &b| self.each[a].f1.total_cmp(&self.each[b].f1));
            order.truncate(HARDEST);
        }
        let longest = order.iter().map(|&k| classes[k].chars().count()).max().unwrap_or(0);
        let width = longest.clamp("weighted mean".len(), 24);
        let head = if hardest { "hardest" } else { "class" };
        let mut text = format!("{head:<width$}  precision  recall      f1  {:>9}\n", "samples");
        let mut line = |name: &str, met: &Met| {
            let (name, samples) = (shortened(name, width), grouped(met.samples));
            let Met { precision, recall, f1, .. } = met;
            let _ = writeln!(
                text,
                "{name:<width$}  {precision:>9.4}  {recall:.4}  {f1:.4}  {samples:>9}"
            );
        };
        order.iter().for_each(|&k| line(&classes[k], &self.each[k]));
        line("macro mean", &self.macro_mean);
        line("weighted mean", &self.weighted);
        text
    }

    /// For `--json`; the matrix, truth by truth, only of at most a hundred classes.
    pub fn record(&self, classes: &[String], confusion: &Confusion, into: &mut Value) {
        let told = |met: &Met| {
            let Met { precision, recall, f1, samples } = met;
            json!({ "precision": precision, "recall": recall, "f1": f1, "samples": samples })
        };
        let each = classes.iter().zip(&self.each).map(|(name, met)| {
            let mut record = told(met);
            record["class"] = json!(name);
            record
        });
        into["classes"] = each.collect();
        into["macro"] = told(&self.macro_mean);
        into["weighted"] = told(&self.weighted);
        let n = classes.len();
        if n > MATRIX {
            return;
        }
        let row = |truth| (0..n).map(|guess| confusion.count(truth, guess)).collect::<Vec<_>>();
        into["confusion"] = json!((0..n).map(row).collect::<Vec<_>>());
    }
}

fn met(confusion: &Confusion, k: usize, lost: u64) -> Met {
    let row: u64 = (0..confusion.classes()).map(|guess| confusion.count(k, guess)).sum();
    let samples = row + lost;
    let recall = if samples == 0 { 0.0 } else { confusion.count(k, k) as f64 / samples as f64 };
    let precision = confusion.precision(k);
    let sum = precision + recall;
    let f1 = if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum };
    Met { precision, recall, f1, samples }
}

/// The mean of all classes by their weights.
fn mean(each: &[Met], samples: u64, weight: impl Fn(usize) -> f64) -> Met {
    let of = |value: fn(&Met) -> f64| (0..each.len()).map(|k| weight(k) * value(&each[k])).sum();
    Met { precision: of(|m| m.precision), recall: of(|m| m.recall), f1: of(|m| m.f1), samples }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of scikit-learn's `classification_report` on the same: y = 0 0 0 0 1 1 2, ŷ = 0 0 1 2 1 1 0.
    #[test]
    fn precision_recall_and_f1() {
        let mut confusion = Confusion::new(3);
        for (truth, guess) in [(0, 0), (0, 0), (0, 1), (0, 2), (1, 1), (1, 1), (2, 0)] {
            confusion.add(truth, guess).unwrap();
        }
        let report = Report::of(&confusion, &[0, 0, 0]);
        let near = |met: &Met, expected: [f64; 3]| {
            let found = [met.precision, met.recall, met.f1];
            let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-4, "{found:?} is not {expected:?}");
        };
        near(&report.each[0], [0.6667, 0.5, 0.5714]);
        near(&report.each[1], [0.6667, 1.0, 0.8]);
        near(&report.each[2], [0.0, 0.0, 0.0]);
        near(&report.macro_mean, [0.4444, 0.5, 0.4571]);
        near(&report.weighted, [0.5714, 0.5714, 0.5551]);
        // One for which the model says nothing is missed.
        near(&Report::of(&confusion, &[4, 0, 0]).each[0], [0.6667, 0.25, 0.3636]);
        let names = ["a", "b", "c"].map(str::to_owned);
        let table = report.table(&names);
        assert_eq!(
            table.lines().nth(2),
            Some("b                 0.6667  1.0000  0.8000          2")
        );
        assert_eq!(table.lines().count(), 6);
    }

    #[test]
    fn of_very_many_classes_the_hardest_are_listed() {
        let mut confusion = Confusion::new(60);
        (0..60).for_each(|k| confusion.add(k, if k == 31 { 0 } else { k }).unwrap());
        let names: Vec<String> = (0..60).map(|k| format!("k{k}")).collect();
        let table = Report::of(&confusion, &[0; 60]).table(&names);
        assert!(table.starts_with("hardest") && table.lines().nth(1).unwrap().starts_with("k31 "));
        assert_eq!(table.lines().count(), 13);
    }
}
