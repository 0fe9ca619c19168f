//! Reading safetensors: a whole file at once, or array by array.

use super::header::header_len;
use super::{Contents, Entry, Header};
use crate::{Error, NamedArray, Result};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Parses a whole file in memory.
pub fn parse(bytes: &[u8]) -> Result<Contents> {
    let (first, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| too_short(bytes.len()))?;
    let (json, data) = rest.split_at(header_len(*first, bytes.len() as u64)?);
    let header = Header::parse(json, data.len() as u64)?;
    let arrays = header.entries.into_iter().map(|entry| {
        let data = data[entry.range.clone()].to_vec();
        to_array(entry, data)
    });
    Ok(Contents { arrays: arrays.collect::<Result<_>>()?, metadata: header.metadata })
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Contents> {
    let mut reader = Reader::open(path)?;
    let entries = reader.header.entries.clone();
    let arrays = entries.into_iter().map(|entry| reader.read_entry(entry));
    Ok(Contents { arrays: arrays.collect::<Result<_>>()?, metadata: reader.header.metadata })
}

/// An open file whose header has been checked and whose arrays are read on demand.
#[derive(Debug)]
pub struct Reader {
    file: File,
    path: PathBuf,
    header: Header,
    data_start: u64,
}

impl Reader {
    /// Opens a file and checks its header against its length.
    pub fn open(path: &Path) -> Result<Reader> {
        crate::expect_file(path)?;
        let mut file =
            File::open(path).map_err(|error| Error::io("cannot open", &error).in_file(path))?;
        let (header, data_start) = read_header(&mut file).map_err(|error| error.in_file(path))?;
        Ok(Reader { file, path: path.to_path_buf(), header, data_start })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the array called `name`.
    pub fn read(&mut self, name: &str) -> Result<NamedArray> {
        let missing = || Error::format(format!("it has no array `{name}`")).in_file(&self.path);
        let entry = self.header.entry(name).ok_or_else(missing)?.clone();
        self.read_entry(entry)
    }

    fn read_entry(&mut self, entry: Entry) -> Result<NamedArray> {
        let mut data = vec![0; entry.range.len()];
        let start = self.data_start + entry.range.start as u64;
        let read =
            self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut data));
        read.map_err(|error| cannot_read(&error))
            .and_then(|()| to_array(entry, data))
            .map_err(|error| error.in_file(&self.path))
    }
}

fn read_header(file: &mut File) -> Result<(Header, u64)> {
    let file_len = file.metadata().map_err(|error| cannot_read(&error))?.len();
    if file_len < 8 {
        return Err(too_short(file_len as usize));
    }
    let mut first = [0; 8];
    file.read_exact(&mut first).map_err(|error| cannot_read(&error))?;
    let mut json = vec![0; header_len(first, file_len)?];
    file.read_exact(&mut json).map_err(|error| cannot_read(&error))?;
    let data_start = 8 + json.len() as u64;
    Ok((Header::parse(&json, file_len - data_start)?, data_start))
}

fn to_array(entry: Entry, data: Vec<u8>) -> Result<NamedArray> {
    NamedArray::new(entry.name, entry.dtype, entry.shape, data)
}

fn cannot_read(error: &io::Error) -> Error {
    Error::io("cannot read", error)
}

fn too_short(len: usize) -> Error {
    Error::format(format!("not a safetensors file: it has {len} bytes, at least 8 are needed"))
}
