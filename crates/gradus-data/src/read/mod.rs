//! Readers of outside bytes. Each format has a `parse_*(bytes, name)`, which touches no file system and never panics,
//! and a `read_*(path)` around it. Nothing is allocated by the word of a header: a declared size is first compared
//! with the bytes there are.

pub(crate) mod cifar;
pub(crate) mod csv;
pub(crate) mod folder;
pub(crate) mod idx;

use std::fs;
use std::path::Path;

use crate::error::{DataError, Place, Result};

/// Larger single files are refused; data of that size belongs in a folder that is read item by item.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// The content of a file of at most 4 GiB.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let metadata = fs::metadata(path).map_err(DataError::io(path, "open the file"))?;
    if metadata.is_dir() {
        let name = path.display().to_string();
        return Err(DataError::malformed(&name, Place::Whole, "a folder", "a file"));
    }
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
