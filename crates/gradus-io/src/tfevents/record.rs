//! TFRecord framing: length (u64), its checksum (u32), the data, its checksum (u32), all little
//! endian. Checksums are CRC-32C, rotated and shifted so that a checksum of a record that itself
//! holds checksums stays strong.

use crate::{Crc32c, Error, Result};

/// A longer record is taken for corruption: a quarter of what protobuf can hold.
pub const MAX_RECORD_BYTES: usize = 1 << 29;

const HEAD: usize = 12;
const TAIL: usize = 4;

/// The frame of `data`.
pub(super) fn frame(data: &[u8]) -> Vec<u8> {
    let len = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(HEAD + data.len() + TAIL);
    record.extend(len);
    record.extend(masked_crc(&len).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc(data).to_le_bytes());
    record
}

fn masked_crc(bytes: &[u8]) -> u32 {
    Crc32c::of(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The records of a file, one by one.
pub(super) struct Records<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Records<'a> {
        Records { rest: bytes, at: 0 }
    }

    /// The data of the next record; `None` at the end or where the file is cut off.
    pub(super) fn next(&mut self) -> Result<Option<&'a [u8]>> {
        let Some((head, rest)) = self.rest.split_first_chunk::<HEAD>() else { return Ok(None) };
        let (len_bytes, crc) = head.split_at(8);
        self.check(crc, len_bytes, "length")?;
        let len = len_bytes.iter().rev().fold(0, |len: u64, &byte| len << 8 | u64::from(byte));
        let len = usize::try_from(len).ok().filter(|&len| len <= MAX_RECORD_BYTES);
        let len = len.ok_or_else(|| self.error("is longer than any event"))?;
        let Some((data, rest)) = rest.split_at_checked(len) else { return Ok(None) };
        let Some((crc, rest)) = rest.split_first_chunk::<TAIL>() else { return Ok(None) };
        self.check(crc, data, "data")?;
        self.rest = rest;
        self.at += HEAD + len + TAIL;
        Ok(Some(data))
    }

    /// Whether bytes are left that are no whole record.
    pub(super) fn torn(&self) -> bool {
        !self.rest.is_empty()
    }

    fn check(&self, crc: &[u8], bytes: &[u8], what: &str) -> Result<()> {
        if crc == masked_crc(bytes).to_le_bytes() {
            return Ok(());
        }
        Err(self.error(&format!("is corrupt: the checksum of its {what} differs")))
    }

    fn error(&self, what: &str) -> Error {
        Error::format(format!("the event record at byte {} {what}", self.at))
    }
}
