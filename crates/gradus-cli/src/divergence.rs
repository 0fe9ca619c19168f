//! A run whose loss is no longer a number, or that learned nothing for its rate: what helps. Going on with it does not, as the
//! same settings take the same steps.

use crate::error::{CliError, shell_word};
use crate::model_file::{self, Description, SavedModel};
use crate::run_dir::{self, RunDir};
use crate::settings::{Settings, default_optimizer};
use gradus::io::log::{JsonLog, read_json_lines};
use gradus::train::{EpochLog, TrainError};
use serde_json::json;
use std::path::Path;

/// The kind of a log's entry that says that the run diverged.
pub const DIVERGED: &str = "diverged";

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

/// Whether a run ended like this.
pub fn has_diverged(run: &Path) -> bool {
    let records = read_json_lines(&run_dir::log(run)).map(|log| log.records).unwrap_or_default();
    records.iter().any(|record| record["kind"] == DIVERGED)
}

/// Commands that begin a run anew.
pub fn again(run: &Path, settings: &Settings) -> String {
    let lower = anew(run, settings);
    let config = shell_word(&run_dir::config(run));
    format!(
        "the same settings end the same way, with --resume too; at a lower rate:\n  {lower}\n\
         or at one that is looked for:\n  gradus train {config} --find-lr"
    )
}

/// The command for the same run at a lower rate.
pub fn anew(run: &Path, settings: &Settings) -> String {
    let config = shell_word(&run_dir::config(run));
    format!("gradus train {config} --lr {}", lower_rate(settings))
}

/// A command that begins with the model of an earlier epoch, if one is kept that had learned something.
fn from_kept(run: &RunDir, settings: &Settings, history: &[EpochLog]) -> String {
    let Ok(SavedModel { description, file }) = model_file::read(&run.best()) else {
        return String::new();
    };
    let log = history.iter().find(|log| log.epoch == description.epoch);
    let learned = log.is_some_and(|log| log.loss < guessing(&description));
    let mut numbers = file.arrays.iter().flat_map(|a| a.to_f32().unwrap_or_default());
    if !learned || numbers.any(|x| !x.is_finite()) {
        return String::new();
    }
    let from = shell_word(run.path());
    let (epoch, lower) = (description.epoch, anew(run.path(), settings));
    format!("\nor from the model of epoch {epoch}, which is kept:\n  {lower} --from {from}")
}

/// The loss of who knows nothing: ln of the number of classes; of numbers the mean square of their deviations, which is 1. Infinite
/// where it depends on the data.
pub fn guessing(description: &Description) -> f64 {
    match &*description.aim().loss {
        "cross_entropy" => (description.classes.len() as f64).ln(),
        "mse" => 1.0,
        "bce" => std::f64::consts::LN_2,
        _ => f64::INFINITY,
    }
}

/// A tenth of the rate, or what is usual for the network if that is less; to two digits.
fn lower_rate(settings: &Settings) -> f64 {
    let usual = match Settings::of_model(&settings.model) {
        Ok(mut usual) if usual.optimizer.name == settings.optimizer.name => {
            usual.suit(&settings.data);
            usual.optimizer
        }
        _ => default_optimizer(&settings.optimizer.name),
    };
    let rate = usual.learning_rate.min(settings.optimizer.learning_rate / 10.0);
    format!("{rate:.1e}").parse().expect("it was a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_lower_and_no_higher_than_usual() {
        let lower = |model: &str, optimizer: &str, rate: f64| {
            let mut s = Settings::of_model(model).unwrap();
            s.optimizer = default_optimizer(optimizer);
            s.optimizer.learning_rate = rate;
            lower_rate(&s)
        };
        assert_eq!(lower("lenet", "adam", 1000.0), 0.005);
        assert_eq!(lower("mlp", "sgd", 30.0), 0.05);
        assert_eq!(lower("mlp", "sgd", 0.1234), 0.012);
        assert_eq!(lower("mlp", "adam", 1e-6), 1e-7);
    }
}
