//! Commands by which a run that learned nothing, or diverged, is begun anew.

use crate::error::shell_word;
use crate::run_dir;
use crate::settings::{Settings, default_optimizer};
use gradus::io::log::read_json_lines;
use std::path::Path;

/// The kind of a log's entry that says that the run diverged.
pub const DIVERGED: &str = "diverged";
/// The kind of a log's entry with what the test of the chosen model gave.
pub const TESTED: &str = "test";
/// The kind of a log's entry that says that a remark did not hold at the end.
pub const WITHDRAWN: &str = "withdrawn";

/// The kind of a log's entry that says that settings changed.
pub const CHANGED: &str = "changed";
/// The entry of the rate, in settings and there.
pub const RATE: &str = "optimizer.learning_rate";

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

/// A tenth of the rate, or what is usual for the network if that is less; to two digits.
fn lower_rate(settings: &Settings) -> f64 {
    let rate = usual_rate(settings).min(settings.optimizer.learning_rate / 10.0);
    format!("{rate:.1e}").parse().expect("it was a number")
}

/// The rate that is usual for the network, its optimiser and the data.
pub fn usual_rate(settings: &Settings) -> f64 {
    let usual = match Settings::of_model(&settings.model) {
        Ok(mut usual) if usual.optimizer.name == settings.optimizer.name => {
            usual.suit(&settings.data);
            usual.optimizer
        }
        _ => default_optimizer(&settings.optimizer.name),
    };
    usual.learning_rate
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
