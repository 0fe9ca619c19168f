//! Readers of outside bytes. Each format has a `parse_*(bytes, name)`, which touches no file system and never panics,
//! and a `read_*(path)` around it. Nothing is allocated by the word of a header: a declared size is first compared
//! with the bytes there are.

pub(crate) mod cifar;
pub(crate) mod csv;
pub(crate) mod folder;
pub(crate) mod idx;
pub(crate) mod listing;
pub(crate) mod meant;
pub(crate) mod picture;
mod resize;
pub(crate) mod text;
pub(crate) mod unreadable;
mod whole;

use std::fs;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::OnceLock;

use crate::error::{DataError, Place, Result};
use gradus_base::words::kind_of;

/// Larger single files are refused; data of that size belongs in a folder that is read item by item.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// What stands for stdin where a file is named.
pub(crate) const STDIN: &str = "-";

/// The content of a file of at most 4 GiB; of `-`, what comes in on stdin, which is read once and kept.
///
/// # Errors
/// When it is no regular file: what a pipe or device of the file system would give is not waited for.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new(STDIN) {
        return read_stdin();
    }
    let metadata = require_file(path)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(DataError::malformed(
            &path.display().to_string(),
            Place::Whole,
            format!("{} bytes", metadata.len()),
            format!("at most {MAX_FILE_BYTES}"),
        ));
    }
    fs::read(path).map_err(DataError::io(path, "read the file"))
}

/// A regular file, opened to be read piece by piece.
///
/// # Errors
/// As [`read_file`].
pub fn open_file(path: &Path) -> Result<fs::File> {
    require_file(path)?;
    fs::File::open(path).map_err(DataError::io(path, "open the file"))
}

/// Looks at what lies at a path, without opening it: a pipe would block, and a device may never end.
pub(crate) fn require_file(path: &Path) -> Result<fs::Metadata> {
    let metadata = fs::metadata(path).map_err(DataError::io(path, "open the file"))?;
    if metadata.is_file() {
        return Ok(metadata);
    }
    let name = path.display().to_string();
    Err(DataError::malformed(&name, Place::Whole, kind_of(metadata.file_type()), "a regular file"))
}

/// Data are opened more than once, but come only once.
static STDIN_BYTES: OnceLock<Vec<u8>> = OnceLock::new();

fn read_stdin() -> Result<Vec<u8>> {
    if let Some(bytes) = STDIN_BYTES.get() {
        return Ok(bytes.clone());
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(DataError::malformed("stdin", Place::Whole, "a terminal", "a file or a pipe"));
    }
    let mut bytes = vec![];
    let read = stdin.lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(DataError::io(Path::new("stdin"), "read"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let expected = format!("at most {MAX_FILE_BYTES} bytes");
        return Err(DataError::malformed("stdin", Place::Whole, "more", expected));
    }
    Ok(STDIN_BYTES.get_or_init(|| bytes).clone())
}
