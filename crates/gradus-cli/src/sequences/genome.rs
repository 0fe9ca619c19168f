//! Classifiers of nucleotides by name: `splice`.

use super::{file, steps, units_and_layers};
use crate::error::{CliError, Result};
use crate::model_file;
use crate::settings::Settings;
use gradus::nn::Init;
use gradus::sequences::genome::{Genome, GenomeModel, GenomeReader, Genomes};
use gradus::sequences::{Model, System};
use gradus::train::set_weights;
use std::path::Path;

/// A classifier of the sequences of a file.
pub(super) fn open(settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    let path =
        file(data, &settings.model, "FASTA whose headers are >NAME LABEL, such as genes.fa")?;
    let set = Genomes::read(path)?;
    let usual = GenomeModel::new(&set);
    let hidden = match units_and_layers(settings) {
        Some((_, layers @ 2..)) => {
            return Err(CliError::Usage(format!(
                "hidden: found {layers} layers, expected one, such as 64"
            )));
        }
        found => found.map_or(usual.hidden, |(units, _)| units),
    };
    let length = settings.sequence.length.unwrap_or(usual.length);
    let model = GenomeModel {
        hidden,
        length,
        width: usual.width.min(length),
        dropout: settings.sequence.dropout.unwrap_or(usual.dropout),
        ..usual
    };
    Ok(Box::new(Genome::new(set, model, steps(settings))?))
}

/// A trained classifier of nucleotides.
pub struct GenomeRun {
    /// The system's name.
    pub name: String,
    /// What the classes are called.
    pub classes: Vec<String>,
    /// The network at work.
    pub reader: GenomeReader,
}

/// The classifier of nucleotides of a run or a file; none of another network.
///
/// # Errors
/// When there is no such file, or it cannot be read.
pub fn genome_model(run_or_file: &Path) -> Result<Option<GenomeRun>> {
    let path = model_file::locate(run_or_file)?;
    let saved = model_file::read(&path)?;
    let name = saved.description.architecture.clone();
    let Some(Model::Genome(model)) = saved.description.sequences.map(|own| own.model) else {
        return Ok(None);
    };
    let network = model.network(&Init::blank())?;
    set_weights(&*network, &saved.file)?;
    let reader = GenomeReader::new(&model, network);
    Ok(Some(GenomeRun { name, classes: model.classes.clone(), reader }))
}
