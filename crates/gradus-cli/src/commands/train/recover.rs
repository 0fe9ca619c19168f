//! The chosen model of a run that goes on, should its file be lost: it is made again of a checkpoint that has its weights, or it is
//! said that none has.

use crate::callbacks::KeepBest;
use crate::error::{CliError, Result};
use crate::experiment::Trainee;
use crate::model_file;
use crate::run_dir::RunDir;
use gradus::io::{Checkpoint, Kind};
use gradus::train::callbacks::{Checkpoints, restore_checkpoint};
use gradus::train::{EpochLog, Progress};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// Where training stood and the callbacks' states.
pub type Restored = (Progress, BTreeMap<String, Value>);

/// Whether a file is no longer what was written, or a disk no longer gives it. One of a newer version is no damage.
pub fn is_damage(kind: Kind) -> bool {
    match kind {
        Kind::Format => true,
        Kind::Io(kind) => !matches!(kind, ErrorKind::PermissionDenied | ErrorKind::OutOfMemory),
        _ => false,
    }
}

/// Sees to it that the chosen model is there. `newest` is what the learner has just been restored from.
///
/// # Errors
/// When files cannot be read or written.
pub fn chosen(
    run: &RunDir,
    newest: &Checkpoint,
    e: &mut impl Trainee,
    restored: &mut Restored,
) -> Result<()> {
    let Some(last) = restored.0.history.last().cloned() else { return Ok(()) };
    let lost = match model_file::read(&run.best()) {
        Ok(_) => return Ok(()),
        Err(CliError::File(error)) if !is_damage(error.kind) => return Err(error.into()),
        Err(error) => error,
    };
    let state = restored.1.get(KeepBest::NAME).cloned().unwrap_or_default();
    let best: Option<(f64, u64)> = serde_json::from_value(state).unwrap_or(None);
    let wanted = best.map_or(last.epoch, |(_, epoch)| epoch);
    if is_of(&restored.0, wanted) {
        say!("warning: {lost}; it is made again of the newest checkpoint");
        return save(run, e, wanted);
    }
    if let Some(older) = of_epoch(run, wanted) {
        restore_checkpoint(&older, e.task())?;
        let saved = save(run, e, wanted);
        restore_checkpoint(newest, e.task())?;
        say!("warning: {lost}; it is made again of the checkpoint of epoch {wanted}");
        return saved;
    }
    if best.is_none() {
        return Ok(()); // the epoch at hand writes it anew
    }
    say!("warning: {lost}; no checkpoint has the model of epoch {wanted}, the best so far");
    restored.1.insert(KeepBest::NAME.into(), begin_with(run, e, &restored.0, &last)?);
    Ok(())
}

/// Keeps the best of what is still there and of what will come: the model of the last epoch, if the checkpoint is of its end.
fn begin_with(
    run: &RunDir,
    e: &mut impl Trainee,
    progress: &Progress,
    last: &EpochLog,
) -> Result<Value> {
    if !is_of(progress, last.epoch) {
        return Ok(Value::Null);
    }
    say!("warning: instead of it that of epoch {} is kept", last.epoch);
    save(run, e, last.epoch)?;
    Ok(json!(KeepBest::score(last)))
}

/// Whether a checkpoint is of the end of an epoch.
fn is_of(progress: &Progress, epoch: u64) -> bool {
    progress.epoch == epoch && progress.batch == 0
}

/// The checkpoint of the end of an epoch, if it is kept and can be read.
fn of_epoch(run: &RunDir, epoch: u64) -> Option<Checkpoint> {
    let all = Checkpoints::all(&run.checkpoints()).ok()?;
    let mut files = all.iter().rev().filter_map(|path| Checkpoint::load(path).ok());
    files.find(|file| file.get("progress").is_ok_and(|progress| is_of(&progress, epoch)))
}

fn save(run: &RunDir, e: &mut impl Trainee, epoch: u64) -> Result<()> {
    let mut description = e.description().clone();
    description.epoch = epoch;
    Ok(KeepBest::save(&run.best(), &description, e.task())?)
}
