//! What is said at the end of a run whose model is of no use: that it is not, and what to change.

use crate::bars::{counted, four_places};
use crate::description::Description;
use crate::error::shell_word;
use crate::guess::Guess;
use crate::outcome::Outcome;
use crate::remedies;
use crate::run_dir::{self, RunDir};
use crate::settings::{SMALL_BATCH, Settings};
use gradus::train::EpochLog;
use serde_json::Value;

/// A loss that has become so many times that of the first epoch has been unlearned.
const RISEN: f64 = 2.0;
/// A loss that has fallen to this share of the first epoch's is still falling.
const FALLING: f64 = 0.9;
/// A loss below this share of what guessing costs is small, whatever it was at first.
const SMALL: f64 = 0.1;
/// A rate so many times the usual one is far from it.
const FAR: f64 = 10.0;
/// Below this share of what guessing costs, the samples to train on are known by heart if others are not.
const BY_HEART: f64 = 0.7;

/// What ails a model, if something does, and a command that may help.
#[derive(Debug, Default, PartialEq)]
pub struct Advice {
    /// `the loss, 1.1034, is no lower than that of guessing by how frequent the classes are, 1.0986`
    pub remark: String,
    /// `gradus train … --lr 0.003   (a lower rate)`
    pub remedy: String,
    /// Whether the model is no better than a guess. One of an earlier epoch may be good, though later ones are not.
    pub is_useless: bool,
}

/// What is known of a run at its end.
pub struct Ended<'a> {
    pub run: &'a RunDir,
    pub settings: &'a Settings,
    pub description: &'a Description,
    pub history: &'a [EpochLog],
    /// What was remarked on it while it was trained.
    pub remarks: &'a [Value],
    /// What guessing costs.
    pub guess: Guess,
}

impl Ended<'_> {
    /// What is to be said of the model that was tested.
    pub fn advice(&self, tested: &Outcome) -> Option<Advice> {
        // One batch says nothing of a test.
        if self.settings.overfit_one_batch {
            return None;
        }
        let guessing = self.guess.loss;
        // A loss that is no number is no better either.
        let learned = tested.loss() < guessing;
        let blamed = !learned && self.remarks.iter().any(blames_the_rate);
        let useless = tested.r2().filter(|r2| r2.is_nan() || *r2 < 0.0);
        let remark = self.remark(useless).or_else(|| (!learned).then(|| self.no_better(tested)));
        let remedy = self.remedy(blamed, guessing);
        let remark = remark?;
        let is_useless = useless.is_some() || (!learned && self.beats_guessing(tested).is_none());
        Some(Advice { remark, remedy, is_useless })
    }

    /// That the model's loss is no better than that of a guess, though it may be right more often.
    fn no_better(&self, tested: &Outcome) -> String {
        let (loss, guessing) = (four_places(tested.loss()), four_places(self.guess.loss));
        let how = self.guess.how;
        let text = format!("the loss, {loss}, is no lower than that of guessing {how}, {guessing}");
        match self.beats_guessing(tested) {
            Some(accuracy) => format!(
                "{text}, though the accuracy is {}: the model is too sure where it is wrong",
                four_places(accuracy)
            ),
            None => text,
        }
    }

    /// The accuracy, if it is above that of always saying the most frequent class.
    fn beats_guessing(&self, tested: &Outcome) -> Option<f64> {
        let guessing = self.guess.accuracy?;
        tested.accuracy().filter(|accuracy| *accuracy > guessing)
    }

    /// The losses of the first and the last epoch.
    fn losses(&self) -> Option<(f64, f64)> {
        Some((self.history.first()?.loss, self.history.last()?.loss))
    }

    /// Whether the loss is far above that of the first epoch.
    fn has_risen(&self) -> bool {
        let small = SMALL * self.guess.loss;
        let rose = |(first, last): (f64, f64)| last.is_nan() || last > (RISEN * first).max(small);
        self.losses().is_some_and(rose)
    }

    /// What is to be said; `useless` is an r2 below 0.
    fn remark(&self, useless: Option<f64>) -> Option<String> {
        if let (true, Some((first, last))) = (self.has_risen(), self.losses()) {
            let (first, last) = (four_places(first), four_places(last));
            return Some(format!("the loss rose from {first} in the first epoch to {last}"));
        }
        let r2 = four_places(useless?);
        Some(format!("the model is worse than always saying the mean, whose r2 is 0: {r2}"))
    }

    /// How many it was trained on.
    fn samples(&self) -> u64 {
        self.description.learned.as_ref().map_or(u64::MAX, |learned| learned.train.iter().sum())
    }

    /// A command that may help.
    fn remedy(&self, blamed: bool, guessing: f64) -> String {
        let Ended { run, settings, .. } = self;
        let (rate, usual) = (settings.optimizer.learning_rate, remedies::usual_rate(settings));
        let config = shell_word(&run_dir::config(run.path()));
        let (first, last) = self.losses().unwrap_or((f64::NAN, f64::NAN));
        let told = if guessing.is_finite() {
            format!(": guessing has loss {guessing:.4}")
        } else {
            String::new()
        };
        let samples = self.samples();
        if settings.batch as u64 > samples && samples > SMALL_BATCH as u64 {
            return format!(
                "gradus train {config} --batch {SMALL_BATCH}   (the batch, {}, is larger than the {} to train on: an epoch is one step)",
                settings.batch,
                counted(samples, self.description.noun())
            );
        }
        if blamed || self.has_risen() || rate > FAR * usual {
            let anew = remedies::anew(run.path(), settings);
            return format!("{anew}   (a lower rate{told})");
        }
        if rate < usual / FAR {
            return format!("gradus train {config} --lr {usual}   (a higher rate, the usual one)");
        }
        if last < BY_HEART * guessing.min(first) {
            let stop = "--validation 0.2 --early-stopping 3";
            return format!(
                "gradus train {config} {stop}   (it knows what it was trained on by heart)"
            );
        }
        if let Some(batches) = settings.limit_batches {
            return format!(
                "train without --limit-batches   (it was shown {} of each epoch)",
                if batches == 1 { "one batch".into() } else { format!("{batches} batches") }
            );
        }
        if last < FALLING * first || self.history.len() < 2 {
            let epochs = settings.epochs.saturating_mul(4);
            return format!("gradus train {config} --epochs {epochs}   (the loss still falls)");
        }
        let more = match (self.description.is_of_rows(), self.description.aim().is_of_classes()) {
            (true, true) => ", or columns that say more of the class",
            (true, false) => ", or columns that say more of the target",
            _ => "",
        };
        format!("gradus train {config} --find-lr   (another rate{more})")
    }
}

/// Whether a lower rate may help against what was remarked.
fn blames_the_rate(remark: &Value) -> bool {
    ["rate-too-high", "dead-units", "exploding"].iter().any(|ailment| remark["ailment"] == *ailment)
}
