//! The filters of chunks: deflate, shuffle and the Fletcher-32 checksum, undone in reverse order.

use super::file::{Cursor, corrupt};
use crate::{Error, Result};
use flate2::read::ZlibDecoder;
use std::borrow::Cow;
use std::io::Read;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Deflate,
    /// Bytes of the same significance together; the element's size.
    Shuffle(usize),
    Fletcher32,
}

/// The filters of a data set, in the order of writing.
#[derive(Clone, Debug, Default)]
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    pub(super) fn read(mut at: Cursor<'_>) -> Result<Filters> {
        let (version, count) = (at.u8()?, at.u8()?);
        if version == 1 {
            at.take(6)?;
        }
        let mut filters = vec![];
        for _ in 0..count {
            let id = at.u16()?;
            let name_len = if version == 1 || id >= 256 { at.u16()? } else { 0 };
            at.take(2)?; // flags
            let values = usize::from(at.u16()?);
            at.take(usize::from(name_len))?; // padded to eight already
            let mut parameters = Cursor { bytes: at.take(4 * values)? };
            if version == 1 && values % 2 == 1 {
                at.take(4)?;
            }
            filters.push(match id {
                1 => Filter::Deflate,
                2 => Filter::Shuffle(parameters.u32()? as usize),
                3 => Filter::Fletcher32,
                _ => return Err(unknown(id)),
            });
        }
        Ok(Filters(filters))
    }

    /// The bytes of a chunk of `len` bytes; bit i of `skipped` says that filter i was left out.
    pub(super) fn undo<'a>(
        &self,
        packed: &'a [u8],
        skipped: u32,
        len: usize,
    ) -> Result<Cow<'a, [u8]>> {
        let mut data = Cow::Borrowed(packed);
        for (i, filter) in self.0.iter().enumerate().rev() {
            if i < 32 && skipped >> i & 1 == 1 {
                continue;
            }
            data = match *filter {
                Filter::Deflate => {
                    let mut unpacked = vec![];
                    // A checksum's four bytes may follow the elements; one more shows a lie.
                    let read =
                        ZlibDecoder::new(&*data).take(len as u64 + 5).read_to_end(&mut unpacked);
                    read.map_err(|e| Error::format(format!("a chunk cannot be unpacked: {e}")))?;
                    unpacked.into()
                }
                Filter::Shuffle(size) => unshuffled(&data, size).into(),
                Filter::Fletcher32 => {
                    let (data, sum) = data.split_last_chunk::<4>().ok_or_else(corrupt)?;
                    if fletcher32(data) != u32::from_le_bytes(*sum) {
                        return Err(Error::format("a chunk is corrupt: its checksum differs"));
                    }
                    data.to_vec().into()
                }
            };
        }
        if data.len() != len {
            let what = format!("a chunk of {} bytes, {len} are expected", data.len());
            return Err(Error::format(what));
        }
        Ok(data)
    }
}

fn unknown(id: u16) -> Error {
    let name = match id {
        4 => "szip".to_owned(),
        5 => "nbit".to_owned(),
        6 => "scaleoffset".to_owned(),
        32000 => "lzf".to_owned(),
        32001 => "blosc".to_owned(),
        32015 => "zstd".to_owned(),
        _ => format!("number {id}"),
    };
    Error::format(format!("packed by the filter {name}; gzip, shuffle and fletcher32 are read"))
}

/// Undoes a shuffle; bytes that make no whole element stay where they are.
fn unshuffled(data: &[u8], size: usize) -> Vec<u8> {
    if size < 2 || size > data.len() {
        return data.to_vec();
    }
    let count = data.len() / size;
    let mut out = Vec::with_capacity(data.len());
    for i in 0..count {
        out.extend((0..size).map(|byte| data[byte * count + i]));
    }
    out.extend(&data[count * size..]);
    out
}

/// Fletcher's checksum over big-endian 16-bit words.
fn fletcher32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    let mut add = |word: u32| {
        low = (low + word) % 65535;
        high = (high + low) % 65535;
    };
    let (pairs, rest) = data.as_chunks::<2>();
    pairs.iter().for_each(|&pair| add(u16::from_be_bytes(pair).into()));
    rest.iter().for_each(|&byte| add(u32::from(byte) << 8));
    high << 16 | low
}
