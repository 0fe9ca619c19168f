//! `.npz`: a zip archive whose members are `NAME.npy`.

use super::npy::{parse_npy, write_npy};
use crate::zip::{self, Archive};
use crate::{Error, NamedArray, Result, atomic_write};
use std::path::Path;

/// What an archive may unpack to.
pub use crate::Budget as Limits;

/// Reads a file.
pub fn read_npz(path: &Path, limits: Limits) -> Result<Vec<NamedArray>> {
    let bytes = crate::read_file(path)?;
    parse_npz(&bytes, limits).map_err(|error| error.in_file(path))
}

/// Parses a file in memory.
pub fn parse_npz(bytes: &[u8], limits: Limits) -> Result<Vec<NamedArray>> {
    let archive = Archive::parse(bytes, limits.members)?;
    let mut left = limits.bytes(bytes.len());
    let mut arrays = Vec::with_capacity(archive.members().len());
    for member in archive.members() {
        let Some(name) = member.name.strip_suffix(".npy") else {
            return Err(Error::format(format!(
                "the member `{}` is not an array: its name does not end in .npy",
                member.name
            )));
        };
        let unpacked = archive.unpack(member, left)?;
        left -= unpacked.len();
        arrays.push(parse_npy(name, &unpacked)?);
    }
    Ok(arrays)
}

/// Whether the zip archive `bytes` holds arrays of NumPy.
pub(crate) fn is_npz(bytes: &[u8]) -> Result<bool> {
    let archive = Archive::parse(bytes, Limits::default().members)?;
    let members = archive.members();
    Ok(!members.is_empty() && members.iter().all(|member| member.name.ends_with(".npy")))
}

/// Writes a file whole or not at all, each member deflated.
pub fn save_npz(path: &Path, arrays: &[NamedArray]) -> Result<()> {
    let bytes = write_npz(arrays).map_err(|error| error.in_file(path))?;
    atomic_write(path, |w| w.write_all(&bytes))
}

/// The bytes of an archive of `arrays`, each member deflated. The same arrays give the same bytes.
pub fn write_npz(arrays: &[NamedArray]) -> Result<Vec<u8>> {
    let mut writer = zip::Writer::default();
    for array in arrays {
        let mut npy = Vec::new();
        write_npy(&mut npy, array)?;
        writer.add(&format!("{}.npy", array.name), &npy)?;
    }
    writer.finish()
}
