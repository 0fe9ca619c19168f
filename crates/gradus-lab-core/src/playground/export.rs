//! A run as files.

use super::messages::{Event, Format};
use super::run::Run;

/// The file of a format.
///
/// # Errors
/// What the format cannot hold.
pub(super) fn of(run: &Run, format: Format) -> Result<Event, String> {
    let (name, text) = match format {
        Format::Csv => ("points.csv", super::csv::write(&run.points())),
        _ => return Err("not yet".into()),
    };
    Ok(Event::Exported { format, name: name.into(), bytes: text.into_bytes(), remarks: vec![] })
}
