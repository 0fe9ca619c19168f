//! A run whose loss is no longer a number, or that learned nothing for its rate: what helps. Going on with it does not, as the
//! same settings take the same steps.

use crate::error::{CliError, shell_word};
use crate::model_file::{self, SavedModel};
use crate::remedies::{DIVERGED, again, anew};
use crate::run_dir::RunDir;
use crate::settings::Settings;
use gradus::io::log::JsonLog;
use gradus::train::{EpochLog, TrainError};
use serde_json::json;

/// The error that ends a run: a loss that is no number is noted in the run's log, and comes with what helps.
pub fn ended(
    run: &RunDir,
    settings: &Settings,
    history: &[EpochLog],
    error: TrainError,
) -> CliError {
    let TrainError::Diverged { step, epoch, moved, ref cause, .. } = error else {
        return error.into();
    };
    let record = json!({ "kind": DIVERGED, "epoch": epoch, "step": step, "cause": cause });
    // What ended it is said below in any case.
    let _ = JsonLog::append(&run.log()).and_then(|mut log| log.write(&record));
    let remedy = match moved {
        true => format!("\n{}{}", again(run.path(), settings), from_kept(run, settings, history)),
        // No rate had a part in it.
        false => String::new(),
    };
    CliError::Diverged { error: Box::new(error), remedy }
}

/// A command that begins with the model of an earlier epoch, if one is kept that had learned something.
fn from_kept(run: &RunDir, settings: &Settings, history: &[EpochLog]) -> String {
    let Ok(SavedModel { description, file }) = model_file::read(&run.best()) else {
        return String::new();
    };
    let log = history.iter().find(|log| log.epoch == description.epoch);
    let learned = log.is_some_and(|log| log.loss < description.guessing());
    let mut numbers = file.arrays.iter().flat_map(|a| a.to_f32().unwrap_or_default());
    if !learned || numbers.any(|x| !x.is_finite()) {
        return String::new();
    }
    let from = shell_word(run.path());
    let (epoch, lower) = (description.epoch, anew(run.path(), settings));
    format!("\nor from the model of epoch {epoch}, which is kept:\n  {lower} --from {from}")
}
