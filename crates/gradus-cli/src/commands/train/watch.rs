//! What `gradus train` does after batches and epochs: the callbacks in their order.

use crate::callbacks::{KeepBest, KeepRecord, Report, RunLog};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::guess::Guess;
use crate::remedies::WITHDRAWN;
use crate::run_dir::RunDir;
use crate::settings::Settings;
use gradus::io::log::JsonLog;
use gradus::train::callbacks::{
    Callback, Checkpoints, CsvLog, EarlyStopping, ReduceOnPlateau, TensorBoard, TerminateOnNan,
};
use gradus::train::diagnosis::{Diagnose, Inside, Remark};
use gradus::train::schedule::Plateau;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The callbacks of a run of which so many batches are done. A checkpoint holds the states of those before it, so it comes last.
pub fn callbacks(
    run: &RunDir,
    settings: &Settings,
    e: &Experiment,
    done: u64,
    csv: Option<&Path>,
) -> Result<Vec<Box<dyn Callback>>> {
    let training = &settings.training;
    let log = Rc::new(RefCell::new(JsonLog::append(&run.log())?));
    let batches = e.batches_per_epoch(settings);
    let steps = settings.epochs.saturating_mul(batches);
    let report = Report::new(steps, done, e.description.noun());
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
        let diagnose = diagnose.guessing(Guess::of(e, settings)?.loss);
        // What a guess costs is known of cross-entropy only.
        all.push(Box::new(match &*e.description.aim().loss {
            "cross_entropy" => diagnose,
            _ => diagnose.hopeless(f64::INFINITY),
        }));
    }
    if let Some(unfreezing) = &e.unfreezing {
        all.push(Box::new(unfreezing.clone()));
    }
    let validated = if e.validation.is_some() { "val_loss" } else { "loss" };
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
    all.push(Box::new(KeepRecord(json!(e.record(settings)))));
    let mut checkpoints =
        Checkpoints::new(run.checkpoints()).every(Duration::from_secs(settings.checkpoint_every));
    if let Some(steps) = training.checkpoint_steps {
        checkpoints = checkpoints.every_steps(steps);
    }
    all.push(Box::new(checkpoints));
    Ok(all)
}
