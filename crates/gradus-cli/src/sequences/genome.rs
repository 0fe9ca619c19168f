//! Classifiers of nucleotides by name: `splice`.

use super::{file, steps, units_and_layers};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use gradus::sequences::System;
use gradus::sequences::genome::{Genome, GenomeModel, Genomes};

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
