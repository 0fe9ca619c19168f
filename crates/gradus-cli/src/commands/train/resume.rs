//! Going on with a run: its newest checkpoint, what it learned from, and what was logged after it.

use super::recover::{self, Restored, is_damage};
use crate::bars::figure;
use crate::callbacks::KeepRecord;
use crate::computing::Computing;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::{Begin, Trainee};
use crate::model_file;
use crate::record::RunRecord;
use crate::remedies::{CHANGED, DIVERGED, RATE, TESTED, WITHDRAWN};
use crate::run_dir::{self, RunDir};
use crate::settings::Settings;
use gradus::io::log::{JsonLog, read_json_lines, retain_json_lines};
use gradus::io::tfevents::remove_events;
use gradus::io::{Checkpoint, atomic_write};
use gradus::train::Progress;
use gradus::train::callbacks::{Checkpoints, restore_checkpoint};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A run that is to go on.
pub struct Resumed<E> {
    pub run: RunDir,
    pub settings: Settings,
    pub experiment: E,
    pub restored: Restored,
}

/// What a run is to do otherwise as it goes on.
pub struct Further {
    /// Epochs in all.
    pub epochs: Option<u64>,
    /// The optimiser's rate.
    pub rate: Option<f64>,
}

impl Further {
    /// Puts it into settings; gives what changes by it, as an entry's name and its values before and after.
    fn apply(&self, settings: &mut Settings) -> Result<Vec<(&'static str, Value, Value)>> {
        let mut changes = vec![];
        if let Some(epochs) = self.epochs.filter(|epochs| *epochs != settings.epochs) {
            changes.push(("epochs", json!(settings.epochs), json!(epochs)));
            settings.epochs = epochs;
        }
        let own = &mut settings.optimizer.learning_rate;
        if let Some(rate) = self.rate.filter(|rate| rate != own) {
            changes.push((RATE, json!(*own), json!(rate)));
            *own = rate;
        }
        settings.check()?;
        Ok(changes)
    }

    /// Refuses an end that lies behind the run.
    fn check(&self, path: &Path, progress: &Progress) -> Result<()> {
        let done = progress.epoch;
        match self.epochs.filter(|epochs| *epochs <= done) {
            Some(epochs) => Err(CliError::Usage(format!(
                "epochs: found {epochs} with --resume, expected more than the {done} that {} has behind it",
                path.display()
            ))),
            None => Ok(()),
        }
    }
}

/// Takes up a run where its newest checkpoint left it; `make` makes what it trains.
///
/// # Errors
/// When settings or data are not those that it began with.
pub fn resume<E: Trainee>(
    path: &Path,
    computing: &Computing,
    further: &Further,
    make: impl Fn(&Settings, &Begin<'_>) -> Result<E>,
) -> Result<Resumed<E>> {
    let (run, mut settings) = RunDir::resume(path)?;
    computing.begin(&settings.device)?;
    let checkpoint = newest(&run)?;
    if checkpoint.is_none() && run.best().exists() {
        return Err(CliError::Work(format!(
            "{}: found no checkpoint, but a trained model beside it, which going on would overwrite; {}",
            run.checkpoints().display(),
            begin_again(&run)
        )));
    }
    let record = match &checkpoint {
        Some(checkpoint) => kept_record(checkpoint)?,
        None => run_dir::read_record(path)?,
    };
    match &record {
        Some(record) => {
            record.verify().map_err(|e| CliError::Work(format!("{}: {e}", path.display())))?;
            let compared = as_it_began(&run, &settings, record)?;
            run_dir::require_same(path, &record.differing_settings(&compared), "put it back")?;
            record.remark_on_beginning();
        }
        None => say!(
            "remark: {} was begun by an older version, which did not keep what it learned from: that the data are the same is not checked",
            path.display()
        ),
    }
    let before = settings.clone();
    let changes = further.apply(&mut settings)?;
    let has_weights = checkpoint.is_some();
    let begin = Begin::Again { run: path, record: record.as_ref(), has_weights };
    let mut experiment = make(&settings, &begin)?;
    let mut restored = match &checkpoint {
        Some(checkpoint) => {
            let mut restored = restore_checkpoint(checkpoint, experiment.task())?;
            recover::chosen(&run, checkpoint, &mut experiment, &mut restored)?;
            restored
        }
        None => {
            remove_events(run.path())?;
            Restored::default()
        }
    };
    further.check(path, &restored.0)?;
    forget_later(&run, experiment.task().steps(), &restored)?;
    if !changes.is_empty() {
        // Whatever ended it, it is to go on.
        restored.0.stopped = None;
        let step = experiment.task().steps();
        let rates = Rates::of(&before, &settings, experiment.batches_per_epoch(&settings), step);
        keep(&run, &settings, &changes, rates, &restored.0, step)?;
    }
    Ok(Resumed { run, settings, experiment, restored })
}

/// Writes down what is otherwise from now on: into the settings, and into the log from which step on.
fn keep(
    run: &RunDir,
    settings: &Settings,
    changes: &[(&str, Value, Value)],
    rates: Option<Rates>,
    progress: &Progress,
    step: u64,
) -> Result<()> {
    let (text, epoch) = (settings.to_toml(), progress.epoch + 1);
    atomic_write(&run.config(), |w| w.write_all(text.as_bytes()))?;
    let mut record = json!({ "kind": CHANGED, "epoch": epoch, "step": step });
    for (entry, before, now) in changes {
        say!("{entry}: {before} until now, {now} from step {} on", step + 1);
        record["settings"][entry] = json!({ "before": before, "now": now });
    }
    if let Some(rates) = rates {
        say!("{}", rates.text(&settings.schedule.name));
        record["rates"] = json!(rates);
    }
    JsonLog::append(&run.log())?.write(&record)?;
    Ok(())
}

/// What the rate does where a run goes on otherwise than it began.
#[derive(Serialize)]
struct Rates {
    /// At the last step so far, where there was one.
    before: Option<f64>,
    /// At the next step.
    now: f64,
    /// At most, from there on.
    peak: f64,
    /// At the last step.
    end: f64,
}

impl Rates {
    /// Of a run after so many steps, by its settings until now and from now on. None where what is seen of the run decides the rate, or no step comes.
    fn of(before: &Settings, now: &Settings, batches: u64, step: u64) -> Option<Rates> {
        let each = batches.div_ceil(now.training.accumulate.max(1) as u64);
        let steps = now.epochs.saturating_mul(each);
        if now.schedule.name == "plateau" || step >= steps {
            return None;
        }
        let rate = |settings: &Settings| {
            let (schedule, base) = (settings.schedule(batches), settings.optimizer.learning_rate);
            move |step: u64| schedule.rate(base, step)
        };
        let at = rate(now);
        let looked_at = (step..steps).step_by(((steps - step) / LOOKS + 1) as usize);
        Some(Rates {
            before: step.checked_sub(1).map(rate(before)),
            now: at(step),
            peak: looked_at.map(&at).fold(0.0, f64::max),
            end: at(steps - 1),
        })
    }

    /// `the rate goes on at 0.0031, where it was 5e-8; one-cycle from here: at most 0.0031, in the end 2e-8`
    fn text(&self, schedule: &str) -> String {
        let Rates { before, now, peak, end } = self;
        let three = |rate: &f64| figure(*rate, 3);
        let was = before.map_or(String::new(), |rate| format!(", where it was {}", three(&rate)));
        let (now, peak, end) = (three(now), three(peak), three(end));
        format!(
            "the rate goes on at {now}{was}; {schedule} from here: at most {peak}, in the end {end}"
        )
    }
}

/// So many of the steps to come are looked at for the highest rate.
const LOOKS: u64 = 10_000;

/// Settings to be compared with those of the record: a rate that was changed on the way, as the log says, is as it began. A checkpoint
/// that was written since has the new one.
fn as_it_began(run: &RunDir, settings: &Settings, record: &RunRecord) -> Result<Settings> {
    let mut compared = settings.clone();
    if !run.log().exists() {
        return Ok(compared);
    }
    let changed = read_json_lines(&run.log())?.records.into_iter();
    let changed = changed.filter(|entry| entry["kind"] == CHANGED);
    let mut rates = changed.filter_map(|entry| entry["settings"][RATE]["now"].as_f64());
    if rates.next_back() == Some(settings.optimizer.learning_rate) {
        compared.optimizer.learning_rate = record.settings.optimizer.learning_rate;
    }
    Ok(compared)
}

/// The record in a checkpoint; one of an older version has none.
fn kept_record(checkpoint: &Checkpoint) -> Result<Option<RunRecord>> {
    let mut states: BTreeMap<String, Value> = checkpoint.get("callbacks")?;
    let bad = |e| CliError::Work(format!("the checkpoint's record of its run: {e}"));
    let record = states.remove(KeepRecord::NAME).map(serde_json::from_value);
    record.transpose().map_err(bad)
}

/// The newest checkpoint that can be read, if there is one.
fn newest(run: &RunDir) -> Result<Option<Checkpoint>> {
    let mut all = Checkpoints::all(&run.checkpoints())?;
    while let Some(path) = all.pop() {
        match Checkpoint::load(&path) {
            // A disk may have lost a file's end; the one before is as good, only older.
            Err(error) if is_damage(error.kind) && !all.is_empty() => {
                say!("warning: {error}; going on with the checkpoint before it");
            }
            Err(error) if is_damage(error.kind) => {
                let what = format!("{error}\nno checkpoint can be read; {}", begin_again(run));
                return Err(CliError::Work(what));
            }
            result => return Ok(Some(result?)),
        }
    }
    Ok(None)
}

/// What can be done with a run that has nothing to go on with: its model is kept, if that can be read.
fn begin_again(run: &RunDir) -> String {
    let (config, path) = (shell_word(&run.config()), shell_word(run.path()));
    let anew = format!("begin a new run:\n  gradus train {config}");
    match model_file::read(&run.best()) {
        Ok(model) => format!(
            "{anew}\nor one from the model of epoch {}, which is kept:\n  gradus train {config} --from {path}",
            model.description.epoch
        ),
        Err(_) => anew,
    }
}

/// Drops what was logged after the checkpoint.
fn forget_later(run: &RunDir, step: u64, restored: &Restored) -> Result<()> {
    if !run.log().exists() {
        return Ok(());
    }
    let epoch = restored.0.epoch;
    let said = restored.1.get("diagnose").map(|memory| memory["said"].clone());
    let said = said.as_ref().and_then(Value::as_array);
    retain_json_lines(&run.log(), |record| match record["kind"].as_str() {
        Some("epoch" | "layers") => record["epoch"].as_u64().is_some_and(|e| e <= epoch),
        // Judged again at the end.
        Some(DIVERGED | WITHDRAWN | TESTED) => false,
        // What the checkpoint does not know of will be said again.
        Some("remark") => said.is_some_and(|said| said.contains(&record["ailment"])),
        _ => record["step"].as_u64().is_some_and(|s| s <= step),
    })?;
    Ok(())
}
