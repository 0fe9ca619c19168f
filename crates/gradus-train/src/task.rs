//! `Task`: what trains by steps. `Fit`, callbacks, checkpoints, the rate finder and diagnosis know tasks only.

use crate::Result;
use crate::batch::{Batch, Name};
use crate::learner::Activity;
use crate::schedule::Schedule;
use gradus_base::Error;
use gradus_nn::Parameter;
use gradus_tensor::{Tensor, Variable};
use serde_json::Value;

/// Something that trains by steps. [`Learner`](crate::Learner) is the one of a model with targets, [`Objectives`](crate::Objectives)
/// one of any losses with an updater each, such as two networks that play against each other; a task of your own may hold some of these.
///
/// What a task promises: after a restored [`Task::state`] and [`Task::counters`] it goes on to the same bits, and a step that fails has
/// changed nothing: of several updaters all take theirs or none does.
pub trait Task: Send {
    /// The names of the numbers that steps and evaluations give: first those that are means, then those of a whole set. The first
    /// one is what an epoch's `loss` is.
    fn numbers(&self) -> Vec<NumberName>;

    /// One training step on a batch.
    ///
    /// # Errors
    /// When the batch does not suit the task, or holds a bad value; then nothing was updated.
    fn train_step(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<Numbers>;

    /// The numbers of a batch, without training.
    ///
    /// # Errors
    /// As [`Task::train_step`].
    fn evaluate_step(&mut self, batch: &Batch) -> Result<Numbers>;

    /// Whether evaluations give numbers. Where they do not, validation data are refused.
    fn evaluates(&self) -> bool {
        true
    }
    /// The number `at` (of those of whole sets, from 0) for what all batches' [`Numbers::rows`] gave for it, one after the other.
    fn of_set(&self, _at: usize, _rows: &Rows) -> f64 {
        f64::NAN
    }

    /// Plans a training step for batches like this at this pace, which makes the updaters' state.
    ///
    /// # Errors
    /// When the step cannot be built.
    fn prepare(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<()>;

    /// Every number that training changes, by name.
    fn state(&self) -> Vec<(String, Variable)>;
    /// What else a bit-identical continuation needs: how many steps were taken.
    fn counters(&self) -> Value;
    /// Continues from where other counters stood.
    ///
    /// # Errors
    /// When they are not those of a task of this kind.
    fn set_counters(&mut self, counters: &Value) -> Result<()>;

    /// Steps taken: how often parameters moved.
    fn steps(&self) -> u64;
    /// Batches since the last step, whose gradients are only added up yet.
    fn open_batches(&self) -> usize {
        0
    }
    /// Ends a step that fewer batches came to than it takes, by the mean of their gradients: no batch of an epoch is without effect.
    /// Nothing where no batch is open.
    ///
    /// # Errors
    /// When the step cannot be built.
    fn finish_step(&mut self, _pace: &Pace<'_>) -> Result<()> {
        Ok(())
    }
    /// Steps taken before the batch at hand: a batch whose gradients are only added up has not become a step.
    fn steps_before(&self) -> u64 {
        self.steps() - u64::from(self.open_batches() == 0 && self.steps() > 0)
    }
    /// The base rate of the first updater.
    fn learning_rate(&self) -> f64;
    /// The first updater's rate of a step, counted from 0, at this pace.
    fn rate(&self, pace: &Pace<'_>, step: u64) -> f64 {
        pace.rate(self.learning_rate(), None, step)
    }

    /// What of the task a run that goes on must have as it began, by name and in words, such as optimisers and their rates.
    fn terms(&self) -> Vec<(String, String)> {
        vec![("base rate".into(), self.learning_rate().to_string())]
    }

    /// What is trained, by path.
    fn parameters(&self) -> Vec<(String, Parameter)>;
    /// Forgets compiled steps: for after parameters were frozen or unfrozen.
    fn retrace(&mut self) {}

    /// The averages of the weights, as (the parameter's path, the average), where they are kept.
    fn averages(&self) -> Vec<(String, Variable)> {
        vec![]
    }
    /// The gradients on a batch, by the parameters' paths, for a look inside; nothing where there is no such look.
    ///
    /// # Errors
    /// When the data holds a bad value.
    fn gradients(&mut self, _batch: &Batch) -> Result<Vec<(String, Tensor)>> {
        Ok(vec![])
    }
    /// How alive layers are on a batch, for a look inside; nothing where there is no such look.
    ///
    /// # Errors
    /// When computing meets a bad value.
    fn activity(&mut self, _batch: &Batch) -> Result<Vec<Activity>> {
        Ok(vec![])
    }
    /// Which op first gave a number that is not finite on this batch, which was the last, in words.
    ///
    /// # Errors
    /// When evaluating meets a bad value.
    fn first_not_finite(&mut self, _batch: &Batch) -> Result<String> {
        Ok("which op gave it is not known".to_owned())
    }
    /// A model that can be drawn and whose weights are kept, where the task has one.
    fn model(&self) -> Option<&std::sync::Arc<dyn gradus_nn::Layer>> {
        None
    }
}

impl dyn Task + '_ {
    /// Whether larger is better of a number of the epoch log: as its name says; losses are better when smaller.
    pub(crate) fn larger_is_better(&self, name: &str) -> bool {
        let name = name.strip_prefix("val_").unwrap_or(name);
        self.numbers().iter().any(|n| n.name == name && n.maximize)
    }

    /// Does something with the task as it is with the averages in place of the weights; then the weights are as before. Without
    /// averages it is done with the weights.
    ///
    /// # Errors
    /// When the averages are those of another model.
    pub fn with_averages<T>(&mut self, work: impl FnOnce(&mut dyn Task) -> T) -> Result<T> {
        let swap = Swap::averages_of(self)?;
        let result = work(self);
        swap.back()?;
        Ok(result)
    }
}

/// Weights that were put aside while their averages stand in for them.
pub(crate) struct Swap(Vec<(Variable, Tensor)>);

impl Swap {
    /// Puts a task's averages in the place of its weights.
    pub(crate) fn averages_of(task: &dyn Task) -> Result<Swap> {
        let averages = task.averages();
        let mut aside = vec![];
        if averages.is_empty() {
            return Ok(Swap(aside));
        }
        for (path, parameter) in task.parameters() {
            if let Some((_, average)) = averages.iter().find(|(name, _)| *name == path) {
                let own = parameter.variable();
                aside.push((own.clone(), own.value()));
                own.set(&average.value())?;
            }
        }
        Ok(Swap(aside))
    }
    /// Puts the weights back.
    pub(crate) fn back(self) -> Result<()> {
        self.0.iter().try_for_each(|(variable, own)| Ok(variable.set(own)?))
    }
}

/// The name of a number that steps and evaluations give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberName {
    /// As in logs: `loss`, `accuracy`.
    pub name: Name,
    /// Whether larger is better.
    pub maximize: bool,
    /// Whether it is a loss: one that is not finite cannot be learned from.
    pub is_loss: bool,
}

impl NumberName {
    /// A loss that is minimised.
    pub fn loss(name: impl Into<Name>) -> NumberName {
        NumberName { name: name.into(), maximize: false, is_loss: true }
    }
    /// A number that is better when smaller.
    pub fn smaller(name: impl Into<Name>) -> NumberName {
        NumberName { name: name.into(), maximize: false, is_loss: false }
    }
}

/// The numbers of a batch, in the order of [`Task::numbers`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Those that are means over units.
    pub means: Vec<Mean>,
    /// For each number of a whole set what this batch adds to it: rows that are put one after the other. Empty in training.
    pub rows: Vec<Rows>,
    /// How many samples.
    pub samples: usize,
}

/// Rows of so many numbers each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Numbers of a row.
    pub columns: usize,
    /// The rows, one after the other.
    pub values: Vec<f64>,
}

/// A mean, and the units it is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// What it weighs beside those of other batches; 0 where this batch has not the number.
    pub units: f64,
}

/// Where training stands, for the rate of a step.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The rate over the steps; an updater's own schedule goes before it.
    pub schedule: &'a Schedule,
    /// What callbacks multiplied the rate with.
    pub rate_scale: f64,
}

impl Pace<'_> {
    /// The base rate throughout.
    pub const CONSTANT: Pace<'static> =
        Pace { epoch: 0, schedule: &Schedule::Constant, rate_scale: 1.0 };

    /// The rate of an updater's step, counted from 0, for its base rate and its own schedule if it has one.
    pub fn rate(&self, base: f64, own: Option<&Schedule>, step: u64) -> f64 {
        own.unwrap_or(self.schedule).rate(base * self.rate_scale, step)
    }
}

/// Means over the units of many batches, and the rows of numbers of the whole set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    sums: Vec<f64>,
    units: Vec<f64>,
    rows: Vec<Rows>,
    pub(crate) samples: usize,
}

impl Gathered {
    pub(crate) fn add(&mut self, numbers: Numbers) {
        add(&mut self.sums, &mut self.units, &numbers.means);
        self.rows.resize(numbers.rows.len().max(self.rows.len()), Rows::default());
        for (all, more) in self.rows.iter_mut().zip(numbers.rows) {
            all.columns = more.columns;
            all.values.extend(more.values);
        }
        self.samples += numbers.samples;
    }
    /// Every number that there is, in the order of [`Task::numbers`].
    pub(crate) fn values(&self, task: &dyn Task) -> Vec<Option<f64>> {
        let of_sets = self.rows.iter().enumerate().map(|(at, rows)| Some(task.of_set(at, rows)));
        let has = self.units.iter().map(|units| *units > 0.0);
        let means = means(&self.sums, &self.units).zip(has).map(|(mean, has)| has.then_some(mean));
        means.chain(of_sets).collect()
    }
}

/// Adds a batch's means to sums over units.
pub(crate) fn add(sums: &mut Vec<f64>, units: &mut Vec<f64>, means: &[Mean]) {
    sums.resize(means.len(), 0.0);
    units.resize(means.len(), 0.0);
    for ((sum, all), mean) in sums.iter_mut().zip(units).zip(means) {
        if mean.units > 0.0 {
            *sum += mean.value * mean.units;
            *all += mean.units;
        }
    }
}

/// Means of sums over units; NaN of no units.
pub(crate) fn means<'a>(sums: &'a [f64], units: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    sums.iter().zip(units).map(|(sum, units)| sum / units)
}

/// The error of counters that are another task's.
pub(crate) fn other_counters(found: &Value, expected: &str) -> crate::TrainError {
    let what = format!("found {found}, expected {expected}: they are of another kind of task");
    Error::value("counters", what).into()
}
