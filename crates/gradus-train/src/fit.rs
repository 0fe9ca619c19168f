//! `fit`: epochs of training steps with callbacks. Step 1 of the walk.

use crate::batch::Batch;
use crate::callbacks::{Callback, Flow, Moment, Others, TerminateOnNan};
use crate::learner::{BatchResult, Learner};
use crate::schedule::Schedule;
use crate::source::Source;
use crate::task::{self, Gathered, Mean, NumberName, Numbers, Pace, Task};
use crate::{Result, TrainError};
use gradus_base::Stopwatch;
use gradus_tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why training ended when it was told to by [`Fit::interrupt`].
pub const INTERRUPTED: &str = "interrupted";

/// How long to train, and what to do meanwhile.
pub struct Fit<'a> {
    /// Epochs in all, those of an interrupted run included.
    pub epochs: u64,
    /// The rate over the steps.
    pub schedule: Schedule,
    /// Called after each batch and each epoch, in order.
    pub callbacks: Vec<Box<dyn Callback + 'a>>,
    /// So many batches of an epoch at most: a quick trial run.
    pub limit_batches: Option<usize>,
    /// When set, training ends after the step at hand.
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

impl Fit<'_> {
    /// Trains from where `progress` stands to the last epoch, or until a callback or an interruption ends it.
    ///
    /// # Errors
    /// When data cannot be read, a callback fails, or the loss is no longer a number and a callback says to give up; and when there are
    /// validation data for a task that evaluates nothing.
    pub fn run(
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

    fn close_epoch(
        &mut self,
        task: &mut dyn Task,
        validation: Option<&dyn Source>,
        progress: &mut Progress,
        batches: usize,
    ) -> Result<()> {
        let last_step = task.steps().saturating_sub(1);
        let rate = task.rate(&progress.pace(&self.schedule), last_step);
        let mut log = progress.close(task);
        log.learning_rate = rate;
        if let Some(validation) = validation {
            // The model that is kept is the averaged one, if there is one.
            let all = task.with_averages(|task| gathered(task, validation))??;
            let numbers = all.values(task);
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

/// The short forms that Keras has too; [`Fit`] says more.
impl Learner {
    /// Trains for so many epochs at the optimiser's rate, and gives their history; of 0 epochs there is none. It ends with
    /// [`TrainError::Diverged`] when the loss is no longer a number: of the batch that gave it nothing is learned, and the message names the
    /// op. With a [`Fit`] of your own that is [`TerminateOnNan`](crate::callbacks::TerminateOnNan)'s to say.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::*};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Arrays, Learner, optim::Adam};
    /// let x = Tensor::randn([64, 2], 1);
    /// let labels = x.select(1, 0).gt(0.0).cast(gradus_tensor::DType::I64); // on which side of a line
    /// let data = Arrays::new(&x, &labels, 16)?.shuffle(0);
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(relu()).add(dense(2));
    /// let mut learner = Learner::new(model.into(), Adam::new(0.03));
    /// let history = learner.fit(&data, 20)?.series("loss");
    /// assert!(history[19].1 < 0.5 * history[0].1);
    /// assert!(learner.evaluate(&data)?.loss < 0.3);
    /// assert_eq!(learner.predict(&data)?.shape(), [64, 2].into());
    /// # Ok::<(), gradus_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// When data cannot be read or holds a bad value, or the loss is no longer a number.
    pub fn fit(&mut self, train: &dyn Source, epochs: u64) -> Result<Progress> {
        let mut progress = Progress::default();
        let mut fit = Fit { epochs, ..Fit::default() };
        fit.callbacks.push(Box::new(TerminateOnNan));
        fit.run(self, train, None, &mut progress)?;
        Ok(progress)
    }

    /// [`evaluate`].
    ///
    /// # Errors
    /// When data cannot be read or holds a bad value.
    pub fn evaluate(&mut self, data: &dyn Source) -> Result<BatchResult> {
        evaluate(self, data)
    }

    /// What the model gives for the first epoch's samples, in its order: `[N, ..]`.
    ///
    /// # Errors
    /// When data cannot be read, or there is none.
    pub fn predict(&mut self, data: &dyn Source) -> Result<Tensor> {
        let mut all = vec![];
        for batch in data.from(0, 0) {
            all.push(self.predict_on(&batch?)?);
        }
        let sample = |y: &Tensor| y.shape().without(0);
        if let Some(other) = all.iter().find(|y| sample(y) != sample(&all[0])) {
            let what = format!(
                "one batch gives {}, another {}: they make no single tensor; predict_on gives that of each",
                all[0].shape(),
                other.shape()
            );
            return Err(TrainError::Engine(gradus_base::Error::shape("predict", what)));
        }
        if all.is_empty() {
            let what = "there are no samples to predict".to_owned();
            return Err(TrainError::Engine(gradus_base::Error::value("predict", what)));
        }
        let all = Tensor::concat(&all.iter().collect::<Vec<_>>(), 0);
        all.try_read()?;
        Ok(all)
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

/// The error of a task whose evaluations give no numbers.
fn expect_evaluation(task: &dyn Task) -> Result<()> {
    if task.evaluates() {
        return Ok(());
    }
    let what = "this task evaluates nothing, expected numbers: Objectives::evaluate says which";
    Err(TrainError::Engine(gradus_base::Error::value("evaluate", what)))
}

/// Every number of a task over all batches of a source, in the order of [`Task::numbers`]; NaN for one that evaluations do not give:
/// [`measure_by_name`] leaves those out. A state that is carried from batch to batch
/// goes on within the source, and is afterwards as it was before.
///
/// # Errors
/// When data cannot be read or holds a bad value, or there are none, or the task evaluates nothing.
pub fn measure(task: &mut dyn Task, source: &dyn Source) -> Result<Vec<f64>> {
    let all = gathered(task, source)?;
    Ok(all.values(task).into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// The numbers that a task's evaluation gives over all batches of a source, by their names.
///
/// ```
/// use gradus_nn::{Init, Layer, Sequential, layers::dense};
/// use gradus_tensor::Tensor;
/// use gradus_train::{Arrays, Objectives, Updater, measure_by_name, optim::Sgd};
/// use std::sync::Arc;
/// let model = Arc::new(Sequential::new([1], &Init::new(0)).add(dense(1)));
/// let own = model.clone();
/// let mut task = Objectives::new(0)
///     .module("model", model)
///     .minimize("loss", Updater::new(Sgd::new(0.1)), &["model"], move |batch, cx| {
///         (own.forward(&batch["x"], cx) - &batch["t"]).square().into()
///     })
///     .evaluate(|batch, _| vec![("largest".into(), batch["t"].max(..))]);
/// let x = Tensor::from([[1f32], [2.0]]);
/// let numbers = measure_by_name(&mut task, &Arrays::new(&x, &x, 2)?)?;
/// assert_eq!(numbers, [("largest".into(), 2.0)]);
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
///
/// # Errors
/// As [`measure`].
pub fn measure_by_name(
    task: &mut dyn Task,
    source: &dyn Source,
) -> Result<Vec<(crate::Name, f64)>> {
    let all = gathered(task, source)?;
    let names = task.numbers().into_iter().map(|number| number.name);
    Ok(names.zip(all.values(task)).filter_map(|(name, value)| Some((name, value?))).collect())
}

fn gathered(task: &mut dyn Task, source: &dyn Source) -> Result<Gathered> {
    expect_evaluation(task)?;
    let before: Vec<_> = task.state().into_iter().map(|(_, v)| (v.value(), v)).collect();
    let found = over_all(task, source);
    let buffer = |t: &Tensor| t.node().value().map(Arc::as_ptr);
    for (own, variable) in before {
        if buffer(&own) != buffer(&variable.value()) {
            variable.set(&own)?;
        }
    }
    let all = found?;
    if all.samples == 0 {
        let what = "there are no samples to evaluate on".to_owned();
        return Err(TrainError::Engine(gradus_base::Error::value("evaluate", what)));
    }
    Ok(all)
}

fn over_all(task: &mut dyn Task, source: &dyn Source) -> Result<Gathered> {
    let mut all = Gathered::default();
    for batch in source.from(0, 0) {
        let batch = batch?;
        batch.check()?;
        all.add(task.evaluate_step(&batch)?);
    }
    Ok(all)
}

/// Mean loss and metrics over all batches of a source.
///
/// # Errors
/// When data cannot be read or holds a bad value.
pub fn evaluate(learner: &mut Learner, source: &dyn Source) -> Result<BatchResult> {
    let all = gathered(learner, source)?;
    let names = Task::numbers(learner).into_iter().map(|number| number.name);
    let values = all.values(learner).into_iter().map(|value| value.unwrap_or(f64::NAN));
    let numbers: Vec<_> = names.zip(values).collect();
    let number = |wanted: &str| numbers.iter().find(|(name, _)| name == wanted).map(|n| n.1);
    let named = |name: &crate::Name| number(name).unwrap_or(f64::NAN);
    let metrics = learner.metric_names().iter().map(named).collect();
    Ok(BatchResult { loss: numbers[0].1, metrics, samples: all.samples })
}
