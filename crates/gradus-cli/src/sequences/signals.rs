//! Labels of signals by name: `sequence-labels`.

use super::{file, steps, units_and_layers};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::table_form::HeaderIs;
use gradus::sequences::System;
use gradus::sequences::signals::{Cell, SignalColumns, SignalLabels, SignalModel, Signals};
use std::path::{Path, PathBuf};

/// A network for labelled signals.
pub(super) fn open(settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    let path = file(data, &settings.model, "a .ts file, or a CSV file of a row a step")?;
    let sequence = &settings.sequence;
    let columns = SignalColumns {
        id: sequence.sequence_id.clone(),
        label: settings.label.clone(),
        leave_out: settings.leave_out.clone(),
        header: HeaderIs::stated(settings.header),
    };
    let signals = match test_part(path) {
        Some(test) => Signals::read_parts(path, &test, &columns)?,
        None => Signals::read(path, &columns)?,
    };
    let cell = match sequence.cell.as_deref() {
        None | Some("gru") => Cell::Gru,
        Some("lstm") => Cell::Lstm,
        Some(other) => {
            return Err(CliError::Usage(format!("cell: found {other:?}, expected gru or lstm")));
        }
    };
    let usual = SignalModel::new(cell, &signals);
    let (hidden, layers) = units_and_layers(settings).unwrap_or((usual.hidden, usual.layers));
    let dropout = sequence.dropout.unwrap_or(usual.dropout);
    let model = SignalModel { hidden, layers, dropout, ..usual };
    Ok(Box::new(SignalLabels::new(signals, model, steps(settings))?))
}

/// The file beside one that is called `…_TRAIN.ts`, if it is there: `…_TEST.ts`.
fn test_part(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let at = name.rfind("_TRAIN.")?;
    let test = path.with_file_name(format!("{}_TEST.{}", &name[..at], &name[at + 7..]));
    test.is_file().then_some(test)
}
