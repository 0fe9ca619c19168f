//! What testing a model gave, whether it tells classes apart or gives numbers.

use crate::description::Description;
use crate::error::Result;
use crate::number_scores::NumberScores;
use crate::scores::Scores;
use gradus::data::Loader;
use gradus::io::atomic_write;
use gradus::train::Learner;
use serde_json::Value;
use std::path::Path;

/// What testing gave.
pub enum Outcome {
    /// Of a classifier.
    Classes(Scores),
    /// Of a model of numbers.
    Numbers(NumberScores),
}

impl Outcome {
    /// Tests a model on all samples of a loader, which are so many views of each image.
    pub fn measure(
        learner: &mut Learner,
        data: &Loader,
        views: usize,
        description: &Description,
    ) -> Result<Outcome> {
        let aim = description.aim();
        Ok(match aim.is_of_classes() {
            true => Outcome::Classes(Scores::measure(learner, data, views, aim)?),
            false => Outcome::Numbers(NumberScores::measure(learner, data, aim)?),
        })
    }

    /// Which class is taken for which, or how well each of several targets is met, above an empty line; nothing of a single target.
    pub fn table(&self) -> String {
        match self {
            Outcome::Classes(scores) => scores.table() + "\n",
            Outcome::Numbers(scores) => match scores.table() {
                table if table.is_empty() => table,
                table => table + "\n",
            },
        }
    }
    /// The numbers that count, in a line.
    pub fn headline(&self) -> String {
        match self {
            Outcome::Classes(scores) => scores.headline(),
            Outcome::Numbers(scores) => scores.headline(),
        }
    }
    /// The mean loss.
    pub fn loss(&self) -> f64 {
        match self {
            Outcome::Classes(scores) => scores.loss,
            Outcome::Numbers(scores) => scores.loss,
        }
    }
    /// How often a classifier is right.
    pub fn accuracy(&self) -> Option<f64> {
        match self {
            Outcome::Classes(scores) => Some(scores.accuracy()),
            Outcome::Numbers(_) => None,
        }
    }
    /// How many samples.
    pub fn samples(&self) -> u64 {
        match self {
            Outcome::Classes(scores) => scores.samples,
            Outcome::Numbers(scores) => scores.samples,
        }
    }
    /// Says on stderr if the model gave no numbers; `noun` is what samples are called.
    pub fn warn(&self, noun: &str) {
        match self {
            Outcome::Classes(scores) => scores.warn(noun),
            Outcome::Numbers(scores) => scores.warn(noun),
        }
    }
    /// Puts the numbers into what `--json` prints, each as `test_NAME`.
    pub fn record(&self, into: &mut Value) {
        match self {
            Outcome::Classes(scores) => scores.record(into),
            Outcome::Numbers(scores) => scores.record(into),
        }
    }
    /// Precision, recall and F1 of each class, above an empty line; nothing of numbers.
    pub fn report(&self) -> String {
        match self {
            Outcome::Classes(scores) => scores.report().table(scores.classes()) + "\n",
            Outcome::Numbers(_) => String::new(),
        }
    }
    /// The same for `--json`.
    pub fn record_report(&self, into: &mut Value) {
        if let Outcome::Classes(scores) = self {
            scores.record_report(into);
        }
    }
    /// How much of the deviations of numbers the model explains; none of other targets.
    pub fn r2(&self) -> Option<f64> {
        match self {
            Outcome::Classes(_) => None,
            Outcome::Numbers(scores) => scores.r2(),
        }
    }
    /// Draws what is predicted against what is true into a PNG, where that can be drawn; gives what is to be said of it.
    pub fn plot(&self, path: &Path) -> Result<Option<String>> {
        let Outcome::Numbers(scores) = self else { return Ok(None) };
        let Some(png) = scores.plot()? else { return Ok(None) };
        atomic_write(path, |w| w.write_all(&png))?;
        let more = match scores.undrawn() {
            0 => String::new(),
            n => format!("   ({n} more targets are not drawn)"),
        };
        Ok(Some(format!("{}{more}", path.display())))
    }
}
