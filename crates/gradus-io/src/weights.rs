//! Any file of weights: its format is told from its first bytes, not from its name.

use crate::{
    Error, NamedArray, Result, checkpoint, hdf5, keras, numpy, pickle, pytorch, safetensors,
};
use std::path::Path;

/// A format that weights come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// safetensors of another program.
    Safetensors,
    /// A model or checkpoint of Gradus, whose checksum is right.
    Gradus,
    /// PyTorch's `.pth` and `.pt`.
    PyTorch,
    /// NumPy's `.npz`.
    Npz,
    /// A pickle of NumPy arrays.
    Pickle,
    /// HDF5, as Keras writes it.
    Hdf5,
    /// Keras's `.keras`.
    Keras,
}

impl Format {
    /// The format of a file that holds `bytes`. Whether safetensors are a model of Gradus shows when they are parsed.
    ///
    /// # Errors
    /// When it is none of them; the message lists them.
    ///
    /// ```
    /// use gradus_io::weights::Format;
    /// assert_eq!(Format::of(b"\x80\x02}.").unwrap(), Format::Pickle);
    /// assert!(Format::of(b"hello").is_err());
    /// ```
    pub fn of(bytes: &[u8]) -> Result<Format> {
        let zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
        if hdf5::is_hdf5(bytes) {
            Ok(Format::Hdf5)
        } else if zip && numpy::is_npz(bytes)? {
            Ok(Format::Npz)
        } else if zip && keras::is_keras(bytes)? {
            Ok(Format::Keras)
        } else if zip || pytorch::is_legacy(bytes) {
            Ok(Format::PyTorch)
        } else if bytes.first() == Some(&0x80) && bytes.get(1).is_some_and(|v| (2..=5).contains(v))
        {
            Ok(Format::Pickle)
        } else if bytes.get(8) == Some(&b'{') {
            Ok(Format::Safetensors)
        } else {
            Err(Error::format(
                "not a file of weights that is known: safetensors, PyTorch's .pth, .npz, HDF5, .keras and \
                 pickles of NumPy arrays are read",
            ))
        }
    }

    /// The name users know it by.
    pub fn name(self) -> &'static str {
        match self {
            Format::Safetensors => "safetensors",
            Format::Gradus => "Gradus",
            Format::PyTorch => "PyTorch",
            Format::Npz => "npz",
            Format::Pickle => "pickle of NumPy arrays",
            Format::Hdf5 => "HDF5",
            Format::Keras => "Keras",
        }
    }
}

/// Reads a file of any of the formats.
///
/// # Errors
/// When the file cannot be read or is not what its first bytes promise.
pub fn read(path: &Path) -> Result<(Format, Vec<NamedArray>)> {
    let bytes =
        std::fs::read(path).map_err(|error| Error::io("cannot read", &error).in_file(path))?;
    parse(&bytes).map_err(|error| error.in_file(path))
}

/// Parses a file in memory. A model of Gradus obeys its checksum here as everywhere: if it is damaged it is an error, and
/// never taken for another program's file.
pub fn parse(bytes: &[u8]) -> Result<(Format, Vec<NamedArray>)> {
    let format = Format::of(bytes)?;
    let arrays = match format {
        Format::Safetensors | Format::Gradus => {
            let contents = safetensors::parse(bytes)?;
            if checkpoint::has_signs(&contents.metadata) {
                return Ok((Format::Gradus, checkpoint::from_contents(contents)?.arrays));
            }
            contents.arrays
        }
        Format::PyTorch => pytorch::parse(bytes)?,
        Format::Npz => numpy::parse_npz(bytes, numpy::Limits::default())?,
        Format::Pickle => pickle::parse(bytes)?,
        Format::Hdf5 => hdf5::parse(bytes)?,
        Format::Keras => keras::parse(bytes)?.into_arrays(),
    };
    Ok((format, arrays))
}
