//! Systems of gradus-sequences by name: their usual settings, and how one is made of settings and data.

mod experiment;
mod language;
mod train;

use crate::error::{CliError, Result};
use crate::settings::{SequenceSettings, Settings, default_optimizer};
use gradus::sequences::{Steps, System};
use std::path::Path;

pub use experiment::SequenceExperiment;
pub use language::{LanguageRun, language_model};
pub use train::{evaluate, train};

/// A system that is trained by name.
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Where that is from.
    pub source: &'static str,
    /// The entries of `[sequence]` that it has.
    pub has: &'static [&'static str],
    /// What it learns from where nobody says so; none where data must be named.
    pub data: Option<&'static str>,
    /// Puts what is usual for it into settings.
    usual: fn(&mut Settings),
    /// Makes it of settings; the data are found by this name or path.
    open: fn(&Settings, &str) -> Result<Box<dyn System>>,
}

/// All of them.
pub const SYSTEMS: &[Known] =
    &[language::LSTM, language::GRU, language::RNN, language::TRANSFORMER, language::WINDOW];

/// The system of a name.
pub fn find(name: &str) -> Option<&'static Known> {
    SYSTEMS.iter().find(|known| known.name == name)
}

impl Known {
    /// Puts what is usual for it into the settings of no network.
    pub fn settle(&self, settings: &mut Settings) {
        settings.data = self.data.unwrap_or_default().into();
        settings.augment.clear();
        (self.usual)(settings);
    }

    /// Refuses settings that it does not have, or that cannot work.
    pub fn check(&self, settings: &Settings) -> Result<()> {
        settings.sequence.check(self.name, self.has)?;
        let SequenceSettings { dropout, steps, length, context, heads, .. } = settings.sequence;
        for (name, found) in
            [("steps", steps), ("length", length), ("context", context), ("heads", heads)]
        {
            if found == Some(0) {
                return Err(CliError::Usage(format!("{name}: found 0, expected at least 1")));
            }
        }
        if let Some(p) = dropout.filter(|p| !(0.0..1.0).contains(p)) {
            return Err(CliError::Usage(format!("dropout: found {p}, expected 0 to below 1")));
        }
        let hidden = &settings.network.hidden;
        if hidden.iter().any(|&units| units == 0 || units != hidden[0]) {
            let found = hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            let what = format!(
                "hidden: found {found}, expected as many units in each layer, such as 256,256 for two layers"
            );
            return Err(CliError::Usage(what));
        }
        self.refuse_of_others(settings)
    }

    /// Refuses what is of networks for pictures and tables only, and would change nothing here.
    fn refuse_of_others(&self, settings: &Settings) -> Result<()> {
        let training = &settings.training;
        let of_others = [
            ("width", settings.network.width != 1.0),
            ("from", settings.from.is_some()),
            ("loss", training.loss.is_some()),
            ("metrics", !training.metrics.is_empty()),
            ("class-weights", training.class_weights.is_some()),
            ("freeze", !training.freeze.is_empty()),
            ("unfreeze-every", training.unfreeze_every.is_some()),
            ("layer-decay", training.layer_decay.is_some()),
            ("rate-scale", !training.groups.is_empty()),
            ("augment", !settings.augment.is_empty()),
            ("evaluate", !settings.evaluate.is_empty()),
            ("target", !settings.target.is_empty()),
            ("validation", settings.validation_split > 0.0),
        ];
        match of_others.iter().find(|(_, stated)| *stated) {
            Some((option, _)) => {
                let what = format!(
                    "--{option} is of networks for pictures and tables; {} has no such option",
                    self.name
                );
                Err(CliError::Usage(what))
            }
            None => Ok(()),
        }
    }
}

/// Units and layers of `--hidden`.
fn units_and_layers(settings: &Settings) -> Option<(usize, usize)> {
    settings.network.hidden.first().map(|&units| (units, settings.network.hidden.len()))
}

/// How steps are taken.
fn steps(settings: &Settings) -> Steps {
    Steps {
        optimizer: settings.optimizer(),
        recipe: settings.training.plain_recipe(),
        batch: settings.batch,
        seed: settings.seed,
    }
}

/// Adam at a rate, with gradients whose norm is bounded: what recurrent nets are usually trained by.
fn adam(settings: &mut Settings, rate: f64, clip: f64) {
    settings.optimizer = default_optimizer("adam");
    settings.optimizer.learning_rate = rate;
    settings.training.clip_norm = Some(clip);
}

/// The path that data are named by, if there is such a file.
///
/// # Errors
/// When there is none.
fn file<'a>(data: &'a str, system: &str, kind: &str) -> Result<&'a Path> {
    let path = Path::new(data);
    if data.is_empty() {
        return Err(CliError::Usage(format!(
            "{system} learns from data of your own: --data FILE, {kind}"
        )));
    }
    match path.is_dir() {
        true => Err(CliError::Work(format!("{data}: found a folder, expected {kind}"))),
        false => Ok(path),
    }
}
