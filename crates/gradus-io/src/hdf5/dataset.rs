//! Data sets: element type, shape and where the elements lie.

use super::chunked::{self, Index};
use super::file::{Cursor, File, corrupt};
use super::filters::Filters;
use super::header::{DATASPACE, DATATYPE, FILTERS, Header, LAYOUT};
use crate::{DType, Error, NamedArray, Result, byte_len};

/// Reads data sets one after the other, within a limit for all of them.
pub(super) struct Reader<'f, 'a> {
    file: &'f File<'a>,
    pub(super) arrays: Vec<NamedArray>,
    /// Bytes that data sets may still take, be it that they share what the file holds, or unpack to more.
    left: usize,
}

/// How an element lies in the file, and what it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stored {
    size: usize,
    big_endian: bool,
    signed: bool,
    dtype: DType,
}

/// Where the elements lie.
enum Layout<'a> {
    Whole(&'a [u8]),
    Chunks { index: Index, chunk: Vec<usize> },
}

impl<'f, 'a> Reader<'f, 'a> {
    pub(super) fn new(file: &'f File<'a>, left: usize) -> Reader<'f, 'a> {
        Reader { file, arrays: vec![], left }
    }

    /// Takes so many bytes of what is left.
    fn spend(&mut self, len: usize) -> Result<()> {
        let left = self.left.checked_sub(len).ok_or_else(|| {
            Error::format(format!(
                "it has {len} bytes, {} are left of the limit for a file of this length",
                self.left
            ))
        })?;
        self.left = left;
        Ok(())
    }

    /// Reads the data set of a header, if it is numeric.
    pub(super) fn read(&mut self, name: &str, header: &Header<'a>) -> Result<()> {
        self.array(name, header)
            .map(|array| self.arrays.extend(array))
            .map_err(|error| Error { what: format!("data set `{name}`: {}", error.what), ..error })
    }

    fn array(&mut self, name: &str, header: &Header<'a>) -> Result<Option<NamedArray>> {
        let message = |kind| header.message(kind).ok_or_else(corrupt);
        let Some(stored) = datatype(message(DATATYPE)?)? else { return Ok(None) };
        let Some(shape) = dataspace(self.file, message(DATASPACE)?)? else { return Ok(None) };
        // Both as it lies and as it becomes: they differ for widened integers.
        let len = shape.iter().try_fold(stored.size, |len, &axis| len.checked_mul(axis));
        let (len, becomes) = len
            .zip(byte_len(stored.dtype, &shape))
            .ok_or_else(|| Error::format(format!("the shape {shape:?} is too large")))?;
        self.spend(becomes.max(len))?;
        let data = match len {
            0 => vec![],
            _ => self.data(header, &shape, stored.size, len)?,
        };
        NamedArray::new(name, stored.dtype, shape, stored.convert(data)?).map(Some)
    }

    /// The elements as they lie in the file, row by row.
    fn data(
        &mut self,
        header: &Header<'a>,
        shape: &[usize],
        size: usize,
        len: usize,
    ) -> Result<Vec<u8>> {
        let filters = header.message(FILTERS).map(Filters::read).transpose()?.unwrap_or_default();
        match layout(self.file, header.message(LAYOUT).ok_or_else(corrupt)?, shape, size)? {
            Layout::Whole(data) => {
                if data.len() != len {
                    let what = format!("{shape:?} takes {len} bytes, it has {}", data.len());
                    return Err(Error::format(what));
                }
                Ok(data.to_vec())
            }
            Layout::Chunks { index, chunk } => {
                let cut = chunked::Cut { shape, chunk: &chunk, size };
                // Chunks may reach beyond the shape. Deflate packs at most 1032 to 1.
                let possible =
                    self.left.saturating_add(len).min(self.file.size().saturating_mul(1032));
                let total = cut.unpacked_len().filter(|&total| total <= possible);
                total.ok_or_else(|| {
                    Error::format(format!(
                        "{shape:?} in chunks of {chunk:?} unpacks to more than a file of this length may"
                    ))
                })?;
                cut.read(self.file, &index, &filters)
            }
        }
    }
}

/// The element type, or `None` for texts, records and other things that are no numbers.
fn datatype(mut at: Cursor<'_>) -> Result<Option<Stored>> {
    let (class, bits) = (at.u8()? & 15, at.u8()?);
    at.take(2)?;
    let size = at.u32()? as usize;
    let (big_endian, signed) = (bits & 1 != 0, bits & 8 != 0);
    let unknown = |what: String| Err(Error::format(what));
    let dtype = match class {
        0 => match (size, signed) {
            (1, false) => DType::U8,
            (1 | 2, _) | (4, true) => DType::I32,
            (4, false) | (8, _) => DType::I64,
            _ => return unknown(format!("integers of {size} bytes")),
        },
        1 => {
            at.take(5)?;
            let exponent_bits = at.u8()?;
            match (size, exponent_bits) {
                (2, 5) => DType::F16,
                (2, 8) => DType::BF16,
                (4, 8) => DType::F32,
                (8, 11) => DType::F64,
                _ => {
                    return unknown(format!(
                        "floats of {size} bytes with {exponent_bits} bits of exponent"
                    ));
                }
            }
        }
        // An enumeration of one byte is how h5py writes a bool: its base type follows.
        8 if size == 1 => DType::Bool,
        _ => return Ok(None),
    };
    Ok(Some(Stored { size, big_endian, signed, dtype }))
}

impl Stored {
    /// The bytes as an array has them: little endian, integers widened.
    fn convert(self, mut data: Vec<u8>) -> Result<Vec<u8>> {
        if self.big_endian && self.size > 1 {
            data.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
        }
        let fits = self.signed || self.dtype != DType::I64;
        if fits && self.size == self.dtype.size() {
            return Ok(data);
        }
        let mut wide = Vec::with_capacity(data.len() / self.size * self.dtype.size());
        for element in data.chunks_exact(self.size) {
            let top = element[self.size - 1];
            let fill = if self.signed && top >= 0x80 { 0xff } else { 0 };
            let mut bytes = [fill; 8];
            bytes[..self.size].copy_from_slice(element);
            if self.size == 8 && top >= 0x80 {
                let value = u64::from_le_bytes(bytes);
                return Err(Error::format(format!(
                    "the integer {value} does not fit 64 bits with a sign"
                )));
            }
            wide.extend_from_slice(&bytes[..self.dtype.size()]);
        }
        Ok(wide)
    }
}

/// The shape, or `None` for a data set without elements or axes ("null").
pub(super) fn dataspace(file: &File<'_>, mut at: Cursor<'_>) -> Result<Option<Vec<usize>>> {
    let (version, rank) = (at.u8()?, at.u8()?);
    at.take(1)?;
    match version {
        1 => drop(at.take(5)?),
        2 => {
            if at.u8()? == 2 {
                return Ok(None);
            }
        }
        _ => return Err(Error::format(format!("an HDF5 shape of version {version}"))),
    }
    let size = |_| {
        let size = at.uint(file.length_size())?;
        usize::try_from(size).map_err(|_| Error::format(format!("an axis of size {size}")))
    };
    (0..rank).map(size).collect::<Result<_>>().map(Some)
}

fn layout<'a>(
    file: &File<'a>,
    mut at: Cursor<'a>,
    shape: &[usize],
    size: usize,
) -> Result<Layout<'a>> {
    let (version, class) = (at.u8()?, at.u8()?);
    if ![3, 4, 5].contains(&version) {
        return Err(Error::format(format!(
            "an HDF5 layout of version {version}; 3 and 4 are read (saving it again by a present h5py \
             writes those)"
        )));
    }
    match class {
        0 => {
            let len = at.u16()?;
            Ok(Layout::Whole(at.take(len.into())?))
        }
        1 => {
            let address = file.address(&mut at)?;
            let address = address.ok_or_else(|| Error::format("its data were never written"))?;
            Ok(Layout::Whole(file.slice(address, file.len(&mut at)?)?))
        }
        2 => {
            let (index, chunk) = match version {
                3 => Index::read_old(file, &mut at)?,
                _ => Index::read_new(file, &mut at)?,
            };
            // The last one is the element's size.
            if chunk.len() != shape.len() + 1 || chunk[shape.len()] != size || chunk.contains(&0) {
                return Err(Error::format(format!(
                    "chunks of {chunk:?} for the shape {shape:?} of elements of {size} bytes"
                )));
            }
            Ok(Layout::Chunks { index, chunk: chunk[..shape.len()].to_vec() })
        }
        _ => Err(Error::format("its data lie in other files (a virtual data set)")),
    }
}
