//! What the command does while training: shows progress, writes the log, keeps the chosen model.

use crate::bars::{duration, four_places, grouped};
use crate::description::Description;
use crate::model_file;
use crate::number_scores::shown;
use gradus::io::log::JsonLog;
use gradus::train::callbacks::{Callback, Flow, Moment};
use gradus::train::{EpochLog, NumberName, Result, Task, TrainError};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Steps between two entries in the log.
const LOG_EVERY: u64 = 10;
/// The shortest time between two messages beside the bar.
const REDRAW: Duration = Duration::from_millis(50);

/// A bar on a terminal, and a line per epoch anywhere, both on stderr.
pub struct Report {
    bar: ProgressBar,
    start: Instant,
    drawn: Option<Instant>,
    steps: u64,
    noun: &'static str,
}

impl Report {
    /// Of a training of so many steps, some of which may be done already, on samples that are called `noun`.
    pub fn new(steps: u64, done: u64, noun: &'static str) -> Report {
        let bar = ProgressBar::new(steps).with_position(done);
        let template = "{prefix} [{bar:24}] {msg}";
        let style = ProgressStyle::with_template(template).expect("the template is sound");
        bar.set_style(style.progress_chars("=> "));
        Report { bar, start: Instant::now(), drawn: None, steps: 0, noun }
    }

    /// The bar, beside which others can write by its `suspend`.
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }
}

impl Callback for Report {
    fn name(&self) -> &'static str {
        "report"
    }
    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.steps += 1;
        self.bar.inc(1);
        // A step may take microseconds; writing its message takes as long.
        if self.bar.is_hidden() || self.drawn.is_some_and(|t| t.elapsed() < REDRAW) {
            return Ok(Flow::Continue);
        }
        self.drawn = Some(Instant::now());
        let progress = &moment.progress;
        let numbers = moment.task.numbers().into_iter().zip(progress.means()).skip(1);
        let means: Vec<String> = numbers.map(|(number, x)| told(&number, x)).collect();
        let loss = four_places(progress.means()[0]);
        let left = self.bar.length().unwrap_or(0).saturating_sub(self.bar.position());
        let left = left as f64 * self.start.elapsed().as_secs_f64() / self.steps as f64;
        let speed = progress.samples as f64 / progress.seconds.max(1e-9);
        self.bar.set_prefix(format!("epoch {}/{}", progress.epoch + 1, moment.epochs));
        self.bar.set_message(format!(
            "loss {loss}{}  {} {}s/s  {} left",
            means.concat(),
            grouped(speed as u64),
            self.noun,
            duration(left)
        ));
        Ok(Flow::Continue)
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(log) = moment.epoch() else { return Ok(Flow::Continue) };
        let all = moment.task.numbers();
        let metrics = |prefix: &str| -> String {
            let value = |name: &str| log.get(&format!("{prefix}{name}"));
            all[1..].iter().filter_map(|n| Some(told(n, value(&n.name)?))).collect()
        };
        let validation = match log.val_loss {
            Some(loss) => {
                format!("  validation loss {}{}", four_places(loss), metrics("val_"))
            }
            None => String::new(),
        };
        let line = format!(
            "epoch {}/{}  loss {}{}{validation}  {} {}s/s  {:.1} s",
            log.epoch,
            moment.epochs,
            four_places(log.loss),
            metrics(""),
            grouped(log.samples_per_second as u64),
            self.noun,
            log.seconds
        );
        self.bar.suspend(|| say!("{line}"));
        Ok(Flow::Continue)
    }
    fn at_end(&mut self, _: &mut Moment<'_>) -> Result<()> {
        self.bar.finish_and_clear();
        Ok(())
    }
}

/// `  accuracy 0.9790`
fn told(number: &NumberName, value: f64) -> String {
    format!("  {} {}", number.name, shown(value, number.maximize))
}

/// Writes `log.jsonl`: every tenth step, every epoch.
pub struct RunLog(pub Rc<RefCell<JsonLog>>);

impl Callback for RunLog {
    fn name(&self) -> &'static str {
        "run_log"
    }
    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let (step, open) = (moment.task.steps(), moment.task.open_batches());
        // A batch whose gradients are only added up is no step.
        let due = step.is_multiple_of(LOG_EVERY) && open == 0;
        let Some(batch) = moment.batch.filter(|_| due) else {
            return Ok(Flow::Continue);
        };
        let mut record = json!({
            "kind": "step", "epoch": moment.progress.epoch + 1, "step": step,
            "loss": batch.loss(), "learning_rate": batch.rate,
        });
        for (number, mean) in moment.task.numbers().iter().zip(&batch.numbers.means) {
            record[&*number.name] = json!(mean.value);
        }
        self.0.borrow_mut().write(&record)?;
        Ok(Flow::Continue)
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        if let Some(log) = moment.epoch() {
            let mut record = json!(log);
            record["kind"] = json!("epoch");
            self.0.borrow_mut().write(&record)?;
        }
        Ok(Flow::Continue)
    }
    fn at_end(&mut self, _: &mut Moment<'_>) -> Result<()> {
        self.sync()
    }
    fn sync(&self) -> Result<()> {
        Ok(self.0.borrow().sync()?)
    }
}

/// What a run learned from, kept in each of its checkpoints.
pub struct KeepRecord(pub Value);

impl KeepRecord {
    /// Its name among the states of a checkpoint.
    pub const NAME: &'static str = "record";
}

impl Callback for KeepRecord {
    fn name(&self) -> &'static str {
        Self::NAME
    }
    fn state(&self) -> Value {
        self.0.clone()
    }
}

/// Keeps the model in one file: that of the best epoch by validation accuracy, or by validation loss where no accuracy is measured,
/// or without validation data the last; with the averages of its weights, if there are such.
pub struct KeepBest {
    path: PathBuf,
    description: Description,
    best: Option<(f64, u64)>,
}

impl KeepBest {
    /// Into a file.
    pub fn new(path: PathBuf, description: Description) -> KeepBest {
        KeepBest { path, description, best: None }
    }

    /// Its name among the states of a checkpoint.
    pub const NAME: &'static str = "keep_best";

    /// How good the model of an epoch is, and which epoch that was; none where nothing tells, so that the last is kept.
    pub fn score(log: &EpochLog) -> Option<(f64, u64)> {
        // A loss that is no number is worse than any; JSON, which the state is kept in, has no infinity.
        let by_loss = |loss: f64| if loss.is_nan() { f64::MIN } else { (-loss).max(f64::MIN) };
        let score = log.get("val_accuracy").or(log.val_loss.map(by_loss));
        score.map(|score| (score, log.epoch))
    }

    /// Writes the model of an epoch, with the averages of its weights if there are such.
    pub fn save(path: &Path, description: &Description, task: &mut dyn Task) -> Result<()> {
        let failed = |e: crate::error::CliError| TrainError::Run {
            path: path.to_owned(),
            what: e.to_string(),
        };
        let save = |task: &mut dyn Task| {
            let model = task.model().expect("the command line trains models");
            model_file::save(path, description, &**model)
        };
        task.with_averages(save)?.map_err(failed)
    }
}

impl Callback for KeepBest {
    fn name(&self) -> &'static str {
        Self::NAME
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(log) = moment.epoch() else { return Ok(Flow::Continue) };
        let score = KeepBest::score(log);
        if score.zip(self.best).is_some_and(|((score, _), (best, _))| score <= best) {
            return Ok(Flow::Continue);
        }
        self.best = score;
        self.description.epoch = log.epoch;
        KeepBest::save(&self.path, &self.description, moment.task)?;
        Ok(Flow::Continue)
    }
    fn state(&self) -> Value {
        json!(self.best)
    }
    fn restore(&mut self, state: &Value) {
        self.best = serde_json::from_value(state.clone()).unwrap_or(None);
    }
}
