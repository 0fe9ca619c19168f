//! `fit`: epochs of training steps with callbacks. Step 1 of the walk.

use crate::callbacks::{Callback, Flow, Moment, Others};
use crate::learner::{BatchResult, Learner};
use crate::schedule::Schedule;
use crate::source::Source;
use crate::{Result, TrainError};
use gradus_tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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
    /// Sums over the samples of this epoch: the loss, then the metrics.
    #[serde(with = "crate::number")]
    pub sums: Vec<f64>,
    /// Samples summed.
    pub samples: usize,
    /// Seconds spent in this epoch.
    pub seconds: f64,
    /// The epochs that ended.
    pub history: Vec<EpochLog>,
    /// Why training ended before its last epoch, if it did.
    pub stopped: Option<String>,
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
    /// Wall-clock seconds of training, validation excluded.
    pub seconds: f64,
    /// Training samples a second.
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
    /// When data cannot be read, a callback fails, or the loss is no longer a number and a callback says to give up.
    pub fn run(
        &mut self,
        learner: &mut Learner,
        train: &dyn Source,
        validation: Option<&dyn Source>,
        progress: &mut Progress,
    ) -> Result<()> {
        progress.stopped = None;
        let batches = self.limit_batches.unwrap_or(usize::MAX).min(train.batches());
        while progress.epoch < self.epochs && progress.stopped.is_none() {
            self.epoch(learner, train, batches, progress)?;
            if progress.stopped.is_none() {
                self.close_epoch(learner, validation, progress, batches)?;
            }
        }
        self.each(learner, progress, batches, None, |c, m| c.at_end(m).map(|()| Flow::Continue))
    }

    fn epoch(
        &mut self,
        learner: &mut Learner,
        train: &dyn Source,
        batches: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        let mut start = Instant::now();
        let rest = batches.saturating_sub(progress.batch);
        for pair in train.from(progress.epoch, progress.batch).take(rest) {
            let (x, t) = pair?;
            let scale = progress.rate_scale.unwrap_or(1.0);
            let rate = self.schedule.rate(learner.learning_rate() * scale, learner.step());
            learner.set_momentum(self.schedule.momentum(learner.step()))?;
            let result = learner.train_batch(&x, &t, rate)?;
            progress.batch += 1;
            progress.seconds += start.elapsed().as_secs_f64();
            start = Instant::now();
            progress.add(&result);
            let batch = BatchEnd { result, rate, x, t };
            self.each(learner, progress, batches, Some(&batch), |c, m| c.after_batch(m))?;
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
        learner: &mut Learner,
        validation: Option<&dyn Source>,
        progress: &mut Progress,
        batches: usize,
    ) -> Result<()> {
        let names = learner.metric_names();
        let scale = progress.rate_scale.unwrap_or(1.0);
        let last_step = learner.step().saturating_sub(1);
        let mut log = progress.close(&names, learner.step());
        log.learning_rate = self.schedule.rate(learner.learning_rate() * scale, last_step);
        if let Some(validation) = validation {
            // The model that is kept is the averaged one, if there is one.
            let result = learner.with_averages(|learner| evaluate(learner, validation))??;
            log.val_loss = Some(result.loss);
            log.val_metrics = named(&names, &result.metrics);
        }
        progress.history.push(log);
        progress.epoch += 1;
        progress.batch = 0;
        self.each(learner, progress, batches, None, |c, m| c.after_epoch(m))
    }

    fn each(
        &mut self,
        learner: &mut Learner,
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
            let mut moment = Moment { learner, progress, batch, batches, epochs, others };
            if let Flow::Stop(why) = call(&mut **callback, &mut moment)? {
                progress.stopped.get_or_insert(why);
            }
        }
        Ok(())
    }
}

/// The short forms that Keras has too; [`Fit`] says more.
impl Learner {
    /// Trains for so many epochs at the optimiser's rate, and gives their history.
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
    /// When data cannot be read or holds a bad value.
    pub fn fit(&mut self, train: &dyn Source, epochs: u64) -> Result<Progress> {
        let mut progress = Progress::default();
        let mut fit = Fit { epochs, ..Fit::default() };
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
        for pair in data.from(0, 0) {
            all.push(self.predict_batch(&pair?.0)?);
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
    /// Its loss and metrics.
    pub result: BatchResult,
    /// The rate of its step.
    pub rate: f64,
    /// Its inputs.
    pub x: Tensor,
    /// Its targets.
    pub t: Tensor,
}

impl Progress {
    fn add(&mut self, result: &BatchResult) {
        let n = result.samples as f64;
        self.sums.resize(1 + result.metrics.len(), 0.0);
        let values = std::iter::once(&result.loss).chain(&result.metrics);
        self.sums.iter_mut().zip(values).for_each(|(sum, v)| *sum += v * n);
        self.samples += result.samples;
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
        self.sums.iter().map(|s| s / self.samples.max(1) as f64).collect()
    }

    fn close(&mut self, names: &[&str], step: u64) -> EpochLog {
        let means = self.means();
        let (loss, metrics) = means.split_first().map_or((f64::NAN, &[][..]), |(l, m)| (*l, m));
        let log = EpochLog {
            epoch: self.epoch + 1,
            step,
            loss,
            metrics: named(names, metrics),
            seconds: self.seconds,
            samples_per_second: self.samples as f64 / self.seconds.max(1e-9),
            ..EpochLog::default()
        };
        (self.sums, self.samples, self.seconds) = (vec![], 0, 0.0);
        log
    }
}

fn named(names: &[&str], values: &[f64]) -> BTreeMap<String, f64> {
    names.iter().map(|n| (*n).to_owned()).zip(values.iter().copied()).collect()
}

/// Mean loss and metrics over all batches of a source.
///
/// # Errors
/// When data cannot be read or holds a bad value.
pub fn evaluate(learner: &mut Learner, source: &dyn Source) -> Result<BatchResult> {
    let mut all = Progress::default();
    for pair in source.from(0, 0) {
        let (x, t) = pair?;
        all.add(&learner.evaluate_batch(&x, &t)?);
    }
    if all.samples == 0 {
        let what = "there are no samples to evaluate on".to_owned();
        return Err(TrainError::Engine(gradus_base::Error::value("evaluate", what)));
    }
    let means = all.means();
    Ok(BatchResult { loss: means[0], metrics: means[1..].to_vec(), samples: all.samples })
}
