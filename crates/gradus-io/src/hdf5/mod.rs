//! HDF5 files as Keras and h5py write weights, read only: groups by symbol table, by link message
//! and by fractal heap; data contiguous, compact or in chunks, with the deflate, shuffle and
//! checksum filters. Of attributes only texts are read, for [`crate::keras`]. Format: "HDF5 File Format Specification", version 3.
//!
//! Own because it must live on `&[u8]` from anywhere: every address is checked, every cycle ends,
//! and nothing is allocated that the file does not justify.

mod attribute;
mod btree;
mod chunked;
mod dataset;
mod file;
mod filters;
mod group;
mod header;
mod heap;

use crate::{Budget, Error, NamedArray, Result};
use file::File;
use std::path::Path;

/// Whether `bytes` start like an HDF5 file.
pub(crate) fn is_hdf5(bytes: &[u8]) -> bool {
    bytes.starts_with(file::SIGNATURE)
}

/// Reads a file: see [`parse`].
///
/// # Errors
/// When the file cannot be read, breaks the format, or uses a part of it that is not read.
pub fn read(path: &Path) -> Result<Vec<NamedArray>> {
    let bytes = crate::read_file(path)?;
    parse(&bytes).map_err(|error| error.in_file(path))
}

/// The numeric data sets of a file in memory, named by their paths: `block1/conv2d/kernel`.
///
/// Integers of other widths become i32 or i64; data sets of texts and records are left out.
///
/// ```
/// let error = gradus_io::hdf5::parse(b"\x89HDF\r\n\x1a\n").unwrap_err().to_string();
/// assert_eq!(error, "the HDF5 file is truncated or corrupt: a field lies beyond its end");
/// ```
pub fn parse(bytes: &[u8]) -> Result<Vec<NamedArray>> {
    parse_within(bytes, &Budget::default())
}

/// [`parse`] of a file whose data sets may together come to so many bytes.
///
/// # Errors
/// As [`parse`]; and when they come to more.
pub fn parse_within(bytes: &[u8], budget: &Budget) -> Result<Vec<NamedArray>> {
    let (file, root) = File::open(bytes)?;
    let mut reader = dataset::Reader::new(&file, budget.bytes(bytes.len()));
    group::walk(&file, root, &mut |name, header| match header.is_data_set() {
        true => reader.read(name, header),
        false => Ok(()),
    })?;
    Ok(reader.arrays)
}

/// A file's arrays, and its groups with what their attributes say in texts.
pub(crate) struct Tree {
    pub(crate) arrays: Vec<NamedArray>,
    pub(crate) groups: Vec<Group>,
}

/// A group by its path, the first one's being empty.
pub(crate) struct Group {
    pub(crate) path: String,
    pub(crate) texts: Vec<(String, Vec<String>)>,
}

/// Like [`parse`], with groups and their attributes; data sets may come to `limit` bytes together.
pub(crate) fn parse_tree(bytes: &[u8], limit: usize) -> Result<Tree> {
    let (file, root) = File::open(bytes)?;
    let mut reader = dataset::Reader::new(&file, limit);
    let mut groups = vec![];
    group::walk(&file, root, &mut |path, header| {
        if header.is_data_set() {
            return reader.read(path, header);
        }
        let texts = attribute::texts(&file, header)
            .map_err(|e| Error { what: format!("group `{path}`: {}", e.what), ..e })?;
        groups.push(Group { path: path.to_owned(), texts });
        Ok(())
    })?;
    Ok(Tree { arrays: reader.arrays, groups })
}
