//! `fit`: epochs of training steps with callbacks. Step 1 of the walk.

use crate::Result;
use crate::batch::Batch;
use crate::callbacks::{Callback, Flow, Moment, Others};
use crate::compiled::remark_on_speed;
use crate::evaluate::{expect_evaluation, gathered};
use crate::faults::Told;
use crate::schedule::Schedule;
use crate::source::Source;
use crate::task::{self, Gathered, Mean, NumberName, Numbers, Pace, Task};
use gradus_base::Stopwatch;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mod short;

/// Why training ended when it was told to by [`Fit::interrupt`].
pub const INTERRUPTED: &str = "interrupted";

/// How long to train, and what to do meanwhile.
#[doc(alias = "Trainer")]
pub struct Fit<'a> {
    /// Epochs in all, those of an interrupted run included.
    pub epochs: u64,
    /// The rate over the steps.
    pub schedule: Schedule,
    /// Called after each batch and each epoch, in order.
    pub callbacks: Vec<Box<dyn Callback + 'a>>,
    /// So many batches of an epoch at most: a quick trial run.
    pub limit_batches: Option<usize>,
    /// When set, training ends after the step at hand, or before the epoch's validation is done.
    pub interrupt: Arc<AtomicBool>,
}

impl Default for Fit<'_> {
    fn default() -> Self {
        Fit {
            epochs: 1,
            schedule: Schedule::Constant,
            callbacks: vec![],
            limit_batches: None,
            interrupt: Arc::default(),
        }
    }
}

/// Where training stands. Together with the learner's state it continues an interrupted run bit by bit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[doc(alias = "History")]
pub struct Progress {
    /// The epoch at hand, from 0.
    pub epoch: u64,
    /// The next batch in it, from 0.
    pub batch: usize,
    /// What callbacks multiplied the rate with.
    pub rate_scale: Option<f64>,
    /// Sums over the units of this epoch: the loss, then the metrics.
    #[serde(with = "crate::number")]
    pub sums: Vec<f64>,
    /// The units summed, of each number; a checkpoint of an older version has only their number of samples.
    #[serde(default)]
    pub units: Vec<f64>,
    /// Samples summed.
    pub samples: usize,
    /// Seconds spent in this epoch; 0 on a machine without a clock.
    pub seconds: f64,
    /// The epochs that ended.
    pub history: Vec<EpochLog>,
    /// Why training ended before its last epoch, if it did.
    pub stopped: Option<String>,
    /// What a run in a folder began with, each in words: of data, schedule and updaters. A checkpoint of an older version has none.
    #[serde(default)]
    pub terms: BTreeMap<String, String>,
    /// What there is to say about how a run went on in its folder. No part of a checkpoint.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

/// What an epoch gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochLog {
    /// Its number, from 1.
    pub epoch: u64,
    /// Steps taken by its end.
    pub step: u64,
    /// The mean training loss over the epoch, while the parameters moved.
    #[serde(with = "crate::number")]
    pub loss: f64,
    /// The metrics' means on the training batches.
    #[serde(with = "crate::number")]
    pub metrics: BTreeMap<String, f64>,
    /// The loss on the validation data after the epoch, by the averages of the weights if the recipe keeps such.
    #[serde(with = "crate::number")]
    pub val_loss: Option<f64>,
    /// The metrics on the validation data after the epoch.
    #[serde(with = "crate::number")]
    pub val_metrics: BTreeMap<String, f64>,
    /// The last step's rate.
    pub learning_rate: f64,
    /// Wall-clock seconds of training, validation excluded; 0 on a machine without a clock.
    pub seconds: f64,
    /// Training samples a second; 0 likewise.
    pub samples_per_second: f64,
}

impl EpochLog {
    /// A number by its name: `loss`, `val_loss`, `accuracy`, `val_accuracy`, `learning_rate`.
    pub fn get(&self, name: &str) -> Option<f64> {
        match name {
            "loss" => Some(self.loss),
            "val_loss" => self.val_loss,
            "learning_rate" => Some(self.learning_rate),
            name => match name.strip_prefix("val_") {
                Some(metric) => self.val_metrics.get(metric).copied(),
                None => self.metrics.get(name).copied(),
            },
        }
    }
}

/// The epoch in a line: `epoch 3  loss 0.4123  accuracy 0.8910  val_loss 0.5012  val_accuracy 0.8800`.
impl fmt::Display for EpochLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}  loss {:.4}", self.epoch, self.loss)?;
        self.metrics.iter().try_for_each(|(name, value)| write!(f, "  {name} {value:.4}"))?;
        self.val_loss.iter().try_for_each(|loss| write!(f, "  val_loss {loss:.4}"))?;
        self.val_metrics.iter().try_for_each(|(name, value)| write!(f, "  val_{name} {value:.4}"))
    }
}

impl Fit<'_> {
    /// Trains from where `progress` stands to the last epoch, or until a callback or an interruption ends it.
    ///
    /// # Errors
    /// When data cannot be read, a callback fails, or the loss is no longer a number and a callback says to give up; and when there are
    /// validation data for a task that evaluates nothing.
    #[track_caller]
    pub fn run(
        &mut self,
        task: &mut dyn Task,
        train: &dyn Source,
        validation: Option<&dyn Source>,
        progress: &mut Progress,
    ) -> Result<()> {
        remark_on_speed();
        self.all(task, train, validation, progress).told()
    }

    fn all(
        &mut self,
        task: &mut dyn Task,
        train: &dyn Source,
        validation: Option<&dyn Source>,
        progress: &mut Progress,
    ) -> Result<()> {
        if validation.is_some() {
            expect_evaluation(task)?;
        }
        progress.stopped = None;
        progress.take_up();
        let batches = self.limit_batches.unwrap_or(usize::MAX).min(train.batches());
        self.each(task, progress, batches, None, |c, m| c.at_begin(m))?;
        while progress.epoch < self.epochs && progress.stopped.is_none() {
            self.each(task, progress, batches, None, |c, m| c.before_epoch(m))?;
            if progress.stopped.is_some() {
                break;
            }
            self.epoch(task, train, batches, progress)?;
            if progress.stopped.is_none() {
                self.close_epoch(task, validation, progress, batches)?;
            }
        }
        self.each(task, progress, batches, None, |c, m| c.at_end(m).map(|()| Flow::Continue))
    }

    fn epoch(
        &mut self,
        task: &mut dyn Task,
        train: &dyn Source,
        batches: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        let mut watch = Stopwatch::start();
        let rest = batches.saturating_sub(progress.batch);
        if rest == 0 && batches > 0 {
            self.tell_last_batch(train, progress.epoch, batches)?;
        }
        for batch in train.from(progress.epoch, progress.batch).take(rest) {
            let batch = batch?;
            batch.check()?;
            let pace = progress.pace(&self.schedule);
            let rate = task.rate(&pace, task.steps());
            let numbers = task.train_step(&batch, &pace)?;
            progress.batch += 1;
            if progress.batch == batches {
                task.finish_step(&pace)?;
            }
            progress.seconds += watch.elapsed().unwrap_or_default().as_secs_f64();
            watch = Stopwatch::start();
            progress.add(&numbers);
            let batch = BatchEnd { numbers, rate, batch };
            self.each(task, progress, batches, Some(&batch), |c, m| c.after_batch(m))?;
            if self.interrupt.load(Ordering::Relaxed) {
                progress.stopped.get_or_insert_with(|| INTERRUPTED.into());
            }
            if progress.stopped.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Tells callbacks of the batch that the process before this one ended with: an epoch's end may depend on it.
    fn tell_last_batch(&mut self, train: &dyn Source, epoch: u64, batches: usize) -> Result<()> {
        if let Some(batch) = train.from(epoch, batches - 1).next() {
            let batch = batch?;
            self.callbacks.iter_mut().for_each(|callback| callback.last_batch(&batch));
        }
        Ok(())
    }

    /// The numbers of validation data; none where it was interrupted.
    fn gathered(&self, task: &mut dyn Task, data: &dyn Source) -> Result<Option<Gathered>> {
        let all = gathered(task, data, &self.interrupt)?;
        let interrupted = self.interrupt.load(Ordering::Relaxed);
        Ok((!interrupted).then_some(all))
    }

    fn close_epoch(
        &mut self,
        task: &mut dyn Task,
        validation: Option<&dyn Source>,
        progress: &mut Progress,
        batches: usize,
    ) -> Result<()> {
        let last_step = task.steps().saturating_sub(1);
        let rate = task.rate(&progress.pace(&self.schedule), last_step);
        let validated = match validation {
            // The model that is kept is the averaged one, if there is one.
            Some(data) => match task.with_averages(|task| self.gathered(task, data))?? {
                Some(all) => Some(all.values(task)),
                None => {
                    // The run goes on here, at the end of the epoch.
                    progress.stopped = Some(INTERRUPTED.into());
                    return Ok(());
                }
            },
            None => None,
        };
        let mut log = progress.close(task);
        log.learning_rate = rate;
        if let Some(numbers) = validated {
            (log.val_loss, log.val_metrics) =
                (numbers.first().copied().flatten(), named(task, &numbers));
        }
        progress.history.push(log);
        progress.epoch += 1;
        progress.batch = 0;
        self.each(task, progress, batches, None, |c, m| c.after_epoch(m))
    }

    fn each(
        &mut self,
        task: &mut dyn Task,
        progress: &mut Progress,
        batches: usize,
        batch: Option<&BatchEnd>,
        call: impl Fn(&mut dyn Callback, &mut Moment<'_>) -> Result<Flow>,
    ) -> Result<()> {
        let epochs = self.epochs;
        for at in 0..self.callbacks.len() {
            let (before, rest) = self.callbacks.split_at_mut(at);
            let (callback, after) = rest.split_first_mut().expect("there is one at each place");
            let others = Others { before, after };
            let mut moment = Moment { task, progress, batch, batches, epochs, others };
            if let Flow::Stop(why) = call(&mut **callback, &mut moment)? {
                progress.stopped.get_or_insert(why);
            }
        }
        Ok(())
    }
}

/// A batch just trained on.
pub struct BatchEnd {
    /// Its numbers, as [`Task::numbers`] names them.
    pub numbers: Numbers,
    /// The rate of the first updater's step.
    pub rate: f64,
    /// The batch.
    pub batch: Batch,
}

impl BatchEnd {
    /// The first of the losses that it has and that is not finite, by its place among the numbers of these names.
    pub fn not_finite(&self, names: &[NumberName]) -> Option<usize> {
        let lost = |mean: &Mean| mean.units > 0.0 && !mean.value.is_finite();
        let mut numbers = self.numbers.means.iter().zip(names);
        numbers.position(|(mean, name)| name.is_loss && lost(mean))
    }
    /// Its first number, the loss, if this batch has it.
    pub fn loss(&self) -> Option<f64> {
        self.numbers.means.first().filter(|mean| mean.units > 0.0).map(|mean| mean.value)
    }
}

impl Progress {
    fn add(&mut self, numbers: &Numbers) {
        task::add(&mut self.sums, &mut self.units, &numbers.means);
        self.samples += numbers.samples;
    }

    /// Takes up what an older version wrote: each number was over all samples.
    fn take_up(&mut self) {
        if self.units.is_empty() {
            self.units = vec![self.samples as f64; self.sums.len()];
        }
    }

    /// Where training stands, for the rate of a step.
    fn pace<'s>(&self, schedule: &'s Schedule) -> Pace<'s> {
        Pace { epoch: self.epoch, schedule, rate_scale: self.rate_scale.unwrap_or(1.0) }
    }

    /// (epoch, value) of a number over the epochs that ended and have it: `loss`, `val_accuracy`.
    #[doc(alias = "History")]
    pub fn series(&self, name: &str) -> Vec<(u64, f64)> {
        self.history.iter().filter_map(|log| Some((log.epoch, log.get(name)?))).collect()
    }

    /// The epoch in which a number was best; the earliest of equals.
    pub fn best(&self, name: &str, maximize: bool) -> Option<&EpochLog> {
        let sign = if maximize { -1.0 } else { 1.0 };
        let numbers = self.history.iter().filter_map(|log| Some((log, sign * log.get(name)?)));
        let numbers = numbers.filter(|(_, value)| !value.is_nan());
        numbers.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(log, _)| log)
    }

    /// The means so far in this epoch: the loss, then the metrics.
    pub fn means(&self) -> Vec<f64> {
        task::means(&self.sums, &self.units).collect()
    }

    /// The numbers so far that there are.
    fn values(&self) -> Vec<Option<f64>> {
        let has = self.units.iter().map(|units| *units > 0.0);
        self.means().into_iter().zip(has).map(|(mean, has)| has.then_some(mean)).collect()
    }

    fn close(&mut self, task: &dyn Task) -> EpochLog {
        let means = self.means();
        let log = EpochLog {
            epoch: self.epoch + 1,
            step: task.steps(),
            loss: means.first().copied().unwrap_or(f64::NAN),
            metrics: named(task, &self.values()),
            seconds: self.seconds,
            samples_per_second: if self.seconds > 0.0 {
                self.samples as f64 / self.seconds
            } else {
                0.0
            },
            ..EpochLog::default()
        };
        (self.sums, self.units, self.samples, self.seconds) = (vec![], vec![], 0, 0.0);
        log
    }
}

/// Numbers by their names, but for the loss, which has a place of its own.
fn named(task: &dyn Task, values: &[Option<f64>]) -> BTreeMap<String, f64> {
    let names = task.numbers().into_iter().map(|n| n.name.into_owned());
    let all = names.zip(values).filter_map(|(name, value)| Some((name, (*value)?)));
    all.filter(|(name, _)| name != "loss").collect()
}
