//! What `gradus train` does after batches and epochs: the callbacks in their order.

use crate::callbacks::{KeepBest, KeepRecord, Report, RunLog};
use crate::description::Description;
use crate::error::Result;
use crate::experiment::{Experiment, Trainee};
use crate::guess::Guess;
use crate::remedies::WITHDRAWN;
use crate::run_dir::RunDir;
use crate::settings::Settings;
use gradus::io::log::JsonLog;
use gradus::train::callbacks::{
    Callback, Checkpoints, CsvLog, EarlyStopping, GradualUnfreezing, ReduceOnPlateau, TensorBoard,
    TerminateOnNan,
};
use gradus::train::diagnosis::{Diagnose, Inside, Remark};
use gradus::train::schedule::Plateau;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// What is watched of what a run trains.
pub struct Watched<'a> {
    /// The network, for the file it will be in.
    pub description: &'a Description,
    /// What the run learns from, as JSON.
    pub record: Value,
    /// What samples are called.
    pub noun: &'static str,
    /// What guessing costs.
    pub guessing: f64,
    /// Whether a loss that stays above that means that nothing is learned.
    pub is_hopeless_above: bool,
    /// Which layers learn from when on.
    pub unfreezing: Option<GradualUnfreezing>,
    /// Whether something is held out to look at after each epoch.
    pub is_validated: bool,
    /// Batches of an epoch.
    pub batches: u64,
}

impl Watched<'_> {
    /// Of a network for pictures or tables.
    pub fn of<'a>(e: &'a mut Experiment, settings: &Settings) -> Result<Watched<'a>> {
        let batches = e.batches_per_epoch(settings);
        Ok(Watched {
            record: json!(e.record(settings)),
            noun: e.description.noun(),
            guessing: Guess::of(e, settings)?.loss,
            // What a guess costs is known of cross-entropy only.
            is_hopeless_above: e.description.aim().loss == "cross_entropy",
            unfreezing: e.unfreezing.clone(),
            is_validated: e.validation.is_some(),
            description: &e.description,
            batches,
        })
    }
}

/// The callbacks of a run of which so many batches are done. A checkpoint holds the states of those before it, so it comes last.
pub fn callbacks(
    run: &RunDir,
    settings: &Settings,
    e: &Watched<'_>,
    done: u64,
    csv: Option<&Path>,
) -> Result<Vec<Box<dyn Callback>>> {
    let training = &settings.training;
    let log = Rc::new(RefCell::new(JsonLog::append(&run.log())?));
    let batches = e.batches;
    let steps = settings.epochs.saturating_mul(batches);
    let report = Report::new(steps, done, e.noun);
    let bar = report.bar();
    // It says all there is to say, and nothing comes after it.
    let mut all: Vec<Box<dyn Callback>> = vec![Box::new(TerminateOnNan)];
    if training.diagnose {
        let write = |log: &RefCell<JsonLog>, kind: &str, mut record: Value| {
            record["kind"] = json!(kind);
            // The log's own callback reports a disk that is full.
            let _ = log.borrow_mut().write(&record);
        };
        let (remarks, layers, withdrawals) = (log.clone(), log.clone(), log.clone());
        let again = bar.clone();
        let withdraw = move |remark: &Remark| {
            again.suspend(|| {
                say!(
                    "remark withdrawn ({}): {remark}",
                    json!(remark.ailment).as_str().unwrap_or_default()
                )
            });
            write(&withdrawals, WITHDRAWN, json!(remark));
        };
        let say = move |remark: &Remark| {
            bar.suspend(|| say!("remark: {remark}"));
            write(&remarks, "remark", json!(remark));
        };
        let show = move |inside: &Inside| write(&layers, "layers", json!(inside));
        // Where epochs are short, looking often would cost more than it tells.
        let looks = (batches as usize / 40).clamp(2, 8);
        let diagnose = Diagnose::new(say).show(show).withdraw(withdraw).looks(looks);
        let diagnose = diagnose.guessing(e.guessing);
        all.push(Box::new(match e.is_hopeless_above {
            true => diagnose,
            false => diagnose.hopeless(f64::INFINITY),
        }));
    }
    if let Some(unfreezing) = &e.unfreezing {
        all.push(Box::new(unfreezing.clone()));
    }
    let validated = if e.is_validated { "val_loss" } else { "loss" };
    if settings.schedule.name == "plateau" {
        let mut plateau = Plateau::new();
        plateau.factor = settings.schedule.gamma;
        // It lets so many epochs pass and drops at the next.
        plateau.patience = settings.schedule.every - 1;
        all.push(Box::new(ReduceOnPlateau::new(validated, plateau)));
    }
    if let Some(patience) = training.early_stopping {
        all.push(Box::new(EarlyStopping::new("val_loss", patience)));
    }
    all.push(Box::new(KeepBest::new(run.best(), e.description.clone())));
    all.push(Box::new(RunLog(log)));
    let table = CsvLog::new(run.table());
    all.push(Box::new(match csv {
        Some(path) => table.also(path),
        None => table,
    }));
    if training.tensorboard {
        all.push(Box::new(TensorBoard::new(run.path())));
    }
    all.push(Box::new(report));
    all.push(Box::new(KeepRecord(e.record.clone())));
    let mut checkpoints =
        Checkpoints::new(run.checkpoints()).every(Duration::from_secs(settings.checkpoint_every));
    if let Some(steps) = training.checkpoint_steps {
        checkpoints = checkpoints.every_steps(steps);
    }
    all.push(Box::new(checkpoints));
    Ok(all)
}
