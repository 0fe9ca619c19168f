//! PyTorch's `.pth` and `.pt` files: the zip archives of today, TorchScript's among them, and the
//! bare pickles of before 1.6. Read only, and nothing in them is run.
//!
//! A file holds a pickle whose tensors are views of storages; storages lie beside the pickle, one
//! archive member each, or behind it, one after the other.

mod legacy;
mod storage;
mod zipped;

pub(crate) use legacy::is_legacy;

use crate::{Budget, Error, NamedArray, Result};
use std::path::Path;

/// Reads a file: see [`parse`].
///
/// # Errors
/// When the file cannot be read, breaks the format, or its pickle wants to call something.
pub fn read(path: &Path) -> Result<Vec<NamedArray>> {
    let bytes = crate::read_file(path)?;
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
    parse_within(bytes, &Budget::default())
}

/// [`parse`] of a file that may unpack, and whose tensors may together come, to so many bytes.
///
/// # Errors
/// As [`parse`]; and when they come to more.
pub fn parse_within(bytes: &[u8], budget: &Budget) -> Result<Vec<NamedArray>> {
    let limit = budget.bytes(bytes.len());
    if bytes.starts_with(b"PK") {
        zipped::parse(bytes, limit)
    } else if is_legacy(bytes) {
        legacy::parse(bytes, limit)
    } else {
        Err(Error::format(
            "not a PyTorch file: neither a zip archive nor the format of before PyTorch 1.6 \
             (a tar file of 0.1 must be loaded and saved again by a later PyTorch)",
        ))
    }
}
