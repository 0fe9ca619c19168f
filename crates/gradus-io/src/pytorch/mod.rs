//! PyTorch's `.pth` and `.pt` files: the zip archives of today, TorchScript's among them, and the
//! bare pickles of before 1.6. Read only, and nothing in them is run.
//!
//! A file holds a pickle whose tensors are views of storages; storages lie beside the pickle, one
//! archive member each, or behind it, one after the other.

mod legacy;
mod storage;
mod zipped;

pub(crate) use legacy::is_legacy;

use crate::{Error, NamedArray, Result};
use std::path::Path;

/// Reads a file: see [`parse`].
///
/// # Errors
/// When the file cannot be read, breaks the format, or its pickle wants to call something.
pub fn read(path: &Path) -> Result<Vec<NamedArray>> {
    let bytes =
        std::fs::read(path).map_err(|error| Error::io("cannot read", &error).in_file(path))?;
    parse(&bytes).map_err(|error| error.in_file(path))
}

/// The tensors of a file in memory, named by their paths.
///
/// A state dict gives its own names. Of a checkpoint with weights under `state_dict`,
/// `model_state_dict`, `model_state`, `model`, `net`, `network`, `module`, `params` or `weights` only those are read. Of a whole module the
/// parameters and buffers are read, under the names its state dict would have. Views, transposed or
/// shared storages come out as arrays of their own in row-major order; 8- and 16-bit integers as i32.
///
/// ```
/// let error = gradus_io::pytorch::parse(b"hello").unwrap_err();
/// assert!(error.to_string().starts_with("not a PyTorch file"));
/// ```
pub fn parse(bytes: &[u8]) -> Result<Vec<NamedArray>> {
    if bytes.starts_with(b"PK") {
        zipped::parse(bytes)
    } else if is_legacy(bytes) {
        legacy::parse(bytes)
    } else {
        Err(Error::format(
            "not a PyTorch file: neither a zip archive nor the format of before PyTorch 1.6 \
             (a tar file of 0.1 must be loaded and saved again by a later PyTorch)",
        ))
    }
}

/// What the tensors of a file may take together: they may share storages, but not to fill the memory.
fn limit(file_len: usize) -> usize {
    file_len.saturating_mul(4).saturating_add(1 << 24)
}
