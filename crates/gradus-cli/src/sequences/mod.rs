//! Systems of gradus-sequences, made of settings and data.

mod experiment;
mod genome;
mod language;
mod memory;
mod signals;
mod text;

use crate::error::{CliError, Result};
use crate::settings::Settings;
use gradus::sequences::language::Architecture;
use gradus::sequences::memory::Problem;
use gradus::sequences::{Steps, System};
use std::path::Path;

pub use experiment::SequenceExperiment;
pub use genome::{GenomeRun, genome_model};
pub use language::{LanguageRun, language_model};
pub use text::{TextRun, text_model};

/// The system that settings name; its data are found by this name or path.
///
/// # Errors
/// When the data cannot be read, or the network cannot be built.
fn open(settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    match &*settings.model {
        "char-lstm" => language::open(Architecture::Lstm, settings, data),
        "char-gru" => language::open(Architecture::Gru, settings, data),
        "char-rnn" => language::open(Architecture::Rnn, settings, data),
        "char-transformer" => language::open(Architecture::Transformer, settings, data),
        "char-window" => language::open(Architecture::Window, settings, data),
        "names" => language::open_names(settings, data),
        "adding" => memory::open(Problem::Adding, settings, data),
        "copy" => memory::open(Problem::Copy, settings, data),
        "sentiment" => text::open(settings, data),
        "sequence-labels" => signals::open(settings, data),
        "splice" => genome::open(settings, data),
        name => Err(CliError::Work(format!(
            "{name}: it is none of this program's systems of sequences"
        ))),
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

/// The path that data are named by.
///
/// # Errors
/// When none is named.
fn named<'a>(data: &'a str, system: &str, kind: &str) -> Result<&'a Path> {
    match data.is_empty() {
        true => Err(CliError::Usage(format!(
            "{system} learns from data of your own: --data FILE, {kind}"
        ))),
        false => Ok(Path::new(data)),
    }
}

/// The same, of a file.
///
/// # Errors
/// When none is named, or a folder.
fn file<'a>(data: &'a str, system: &str, kind: &str) -> Result<&'a Path> {
    let path = named(data, system, kind)?;
    match path.is_dir() {
        true => Err(CliError::Work(format!("{data}: found a folder, expected {kind}"))),
        false => Ok(path),
    }
}
