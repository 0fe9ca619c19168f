//! The confusion matrix, and precision, recall and F1 of each class.

use crate::source::Source;
use crate::{Learner, Result};
use gradus_base::Error;
use std::collections::BTreeMap;
use std::fmt;

/// How often samples of each class (row) were taken for each class (column).
///
/// ```
/// use gradus_train::Confusion;
/// let mut found = Confusion::new(3);
/// for (label, guess) in [(0, 0), (1, 1), (2, 1), (2, 1)] {
///     found.add(label, guess)?;
/// }
/// assert_eq!((found.accuracy(), found.recall(2)), (0.5, 0.0));
/// assert_eq!(found.commonest(1), [(2, 1, 2)]); // 2 taken for 1, twice
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
///
/// What was never confused takes no memory: that of ten thousands of classes is as large as there are samples.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "confusion_matrix")]
pub struct Confusion {
    /// Of pairs (label, guess) that were met.
    counts: BTreeMap<(usize, usize), u64>,
    /// Samples of each class, and those taken for it.
    labels: Vec<u64>,
    guesses: Vec<u64>,
}

impl Confusion {
    /// No sample yet.
    pub fn new(classes: usize) -> Confusion {
        let none = vec![0; classes];
        Confusion { counts: BTreeMap::new(), labels: none.clone(), guesses: none }
    }

    /// The matrix of a learner's predictions on a source of labelled batches.
    ///
    /// # Errors
    /// When data cannot be read, or a label is not one of the model's classes.
    pub fn of(learner: &mut Learner, source: &dyn Source) -> Result<Confusion> {
        let mut all = Confusion::new(0);
        for batch in source.from(0, 0) {
            let batch = batch?;
            let t = batch.get("t")?;
            let y = learner.predict_on(&batch)?;
            if all.classes() == 0 {
                all = Confusion::new(y.size(1));
            }
            for (label, guess) in t.to_vec::<i64>().into_iter().zip(y.argmax(1).to_vec::<i64>()) {
                all.add(label, guess)?;
            }
        }
        Ok(all)
    }

    /// Counts a sample of class `label` that was taken for `guess`.
    ///
    /// # Errors
    /// When either is not a class.
    pub fn add(&mut self, label: i64, guess: i64) -> Result<()> {
        let class = |c: i64| usize::try_from(c).ok().filter(|&c| c < self.classes());
        let (Some(row), Some(column)) = (class(label), class(guess)) else {
            let what =
                format!("label {label}, guess {guess}; there are {} classes", self.classes());
            return Err(Error::value("confusion", what).into());
        };
        *self.counts.entry((row, column)).or_default() += 1;
        self.labels[row] += 1;
        self.guesses[column] += 1;
        Ok(())
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.labels.len()
    }
    /// How often samples of class `label` were taken for `guess`; 0 of what is no class.
    pub fn count(&self, label: usize, guess: usize) -> u64 {
        self.counts.get(&(label, guess)).copied().unwrap_or(0)
    }
    /// How many samples were taken for what they are.
    pub fn correct(&self) -> u64 {
        (0..self.classes()).map(|c| self.count(c, c)).sum()
    }
    /// The part of all samples that were taken for what they are.
    pub fn accuracy(&self) -> f64 {
        part(self.correct(), self.labels.iter().sum())
    }
    /// The pairs (label, guess, how often) of different classes that were confused most often, at most `n`; of equally frequent ones
    /// those of the first labels.
    pub fn commonest(&self, n: usize) -> Vec<(usize, usize, u64)> {
        let counted = self.counts.iter().map(|(&(t, p), &count)| (t, p, count));
        let mut wrong: Vec<_> = counted.filter(|&(t, p, _)| t != p).collect();
        wrong.sort_by_key(|&(t, p, count)| (std::cmp::Reverse(count), t, p));
        wrong.truncate(n);
        wrong
    }
    /// The part of those taken for `class` that are of it; 0 where none was.
    pub fn precision(&self, class: usize) -> f64 {
        part(self.count(class, class), self.guesses[class])
    }
    /// The part of those of `class` that were taken for it; 0 where there are none.
    pub fn recall(&self, class: usize) -> f64 {
        part(self.count(class, class), self.labels[class])
    }
    /// The harmonic mean of precision and recall.
    pub fn f1(&self, class: usize) -> f64 {
        let (p, r) = (self.precision(class), self.recall(class));
        if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) }
    }
    /// The mean F1 of all classes.
    pub fn macro_f1(&self) -> f64 {
        (0..self.classes()).map(|c| self.f1(c)).sum::<f64>() / self.classes().max(1) as f64
    }
}

fn part(of: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { of as f64 / all as f64 }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.counts.values().max().map_or(1, |n| n.to_string().len()).max(4) + 1;
        for label in 0..self.classes() {
            write!(f, "{label:>4}")?;
            (0..self.classes())
                .try_for_each(|guess| write!(f, "{:>width$}", self.count(label, guess)))?;
            let (p, r) = (self.precision(label), self.recall(label));
            writeln!(f, "  precision {p:.3}  recall {r:.3}  F1 {:.3}", self.f1(label))?;
        }
        Ok(())
    }
}
