//! A run as files: for other programs, and to go on with at full size.

mod command_line;
mod json;
mod onnx;
mod rust;

use super::messages::{Event, Format};
use super::run::Run;

/// What a file holds, and what it leaves out or needs, in words.
struct File {
    name: &'static str,
    bytes: Vec<u8>,
    remarks: Vec<String>,
}

/// The file of a format.
///
/// # Errors
/// What the format cannot hold, and what can.
pub(super) fn of(run: &Run, format: Format) -> Result<Event, String> {
    let File { name, bytes, remarks } = match format {
        Format::CommandLine => command_line::of(run)?,
        Format::Rust => rust::of(run)?,
        Format::Onnx => onnx::of(run),
        Format::Csv => {
            let text = super::csv::write(&run.points());
            File { name: "points.csv", bytes: text.into_bytes(), remarks: vec![] }
        }
        Format::Json => json::of(run),
    };
    Ok(Event::Exported { format, name: name.into(), bytes, remarks })
}
