//! Long memories by name: `adding` and `copy`.

use super::{steps, units_and_layers};
use crate::error::{CliError, Result};
use crate::settings::{GENERATED, Settings};
use gradus::sequences::System;
use gradus::sequences::memory::{Cell, LongMemory, MemoryModel, Problem};

/// A system that remembers.
pub(super) fn open(problem: Problem, settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    if data != GENERATED {
        let what = format!(
            "data: found {data}, expected none: the sequences of {} are made on the way, without end",
            settings.model
        );
        return Err(CliError::Usage(what));
    }
    let cell = settings.sequence.cell.as_deref().unwrap_or("lstm");
    let Some(cell) = Cell::ALL.into_iter().find(|own| own.name() == cell) else {
        let known = Cell::ALL.map(Cell::name).join(", ");
        return Err(CliError::Usage(format!("cell: found {cell:?}, expected one of {known}")));
    };
    let usual = MemoryModel::new(problem, cell);
    let hidden = match units_and_layers(settings) {
        Some((_, layers @ 2..)) => {
            return Err(CliError::Usage(format!(
                "hidden: found {layers} layers, expected one, such as 64"
            )));
        }
        Some((units, _)) => units,
        None => usual.hidden,
    };
    let length = settings.sequence.length.unwrap_or(usual.length);
    let model = MemoryModel { hidden, length, ..usual };
    Ok(Box::new(LongMemory::new(model, steps(settings))?))
}
