//! Files as they are opened: what is no regular file is refused by name before it is waited for (a pipe), read without end
//! (`/dev/zero`) or written through (a link that lies in a run's folder).

use crate::{Error, Kind, Result};
use gradus_base::words::kind_of;
use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::path::Path;

/// Reads a whole file, which must be a regular one.
///
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let error = gradus_io::read_file(folder.path()).unwrap_err().to_string();
/// assert!(error.ends_with(": found a folder, expected a file"), "{error}");
/// ```
///
/// # Errors
/// When it is a pipe, a device, a socket or a folder, cannot be read, or is larger than the memory.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    expect_file(path)?;
    fs::read(path).map_err(|error| Error::io("cannot read", &error).in_file(path))
}

/// Reads a whole text, which must be in a regular file and UTF-8.
///
/// # Errors
/// As [`read_file`]; and when it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    expect_file(path)?;
    fs::read_to_string(path).map_err(|error| Error::io("cannot read", &error).in_file(path))
}

/// Refuses what is there but no regular file, links being followed.
///
/// # Errors
/// When it is something else, or is not there.
pub fn expect_file(path: &Path) -> Result<()> {
    let found = fs::metadata(path).map_err(|e| Error::io("cannot read", &e).in_file(path))?;
    match found.is_file() {
        true => Ok(()),
        false => Err(other(path, found.file_type(), "a file")),
    }
}

/// Refuses to write to a file of a run if something else lies in its place. A link could lead out of the run's folder, to a
/// file that whoever sent the folder wants to see harmed; it is not followed.
///
/// # Errors
/// When a link, a folder, a pipe or a device is there.
pub fn expect_own_file(path: &Path) -> Result<()> {
    expect_own(path, FileType::is_file, "a file of the run's own")
}

/// The same for a folder in a run's folder.
///
/// # Errors
/// When something else is there.
pub fn expect_own_folder(path: &Path) -> Result<()> {
    expect_own(path, FileType::is_dir, "a folder of the run's own")
}

fn expect_own(path: &Path, is: fn(&FileType) -> bool, expected: &str) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if is(&found.file_type()) => Ok(()),
        Ok(found) => Err(other(path, found.file_type(), expected)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("cannot open", &error).in_file(path)),
    }
}

fn other(path: &Path, found: FileType, expected: &str) -> Error {
    let what = format!("found {}, expected {expected}", kind_of(found));
    Error::new(Kind::Io(ErrorKind::InvalidInput), what).in_file(path)
}
