//! The superblock, and fields at addresses.

use crate::{Error, Result};
use std::cell::Cell;

pub(super) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// A file in memory, and how wide its addresses and lengths are.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    base: u64,
    address_size: usize,
    length_size: usize,
    /// How many messages, links and chunks may still be looked at: a sound file has fewer of them
    /// than bytes, a hostile one lets many headers share them.
    work: Cell<usize>,
    /// How many bytes of texts may still be read, for the same reason.
    text: Cell<usize>,
}

impl<'a> File<'a> {
    /// Reads the superblock; also the address of the root group's header.
    pub(super) fn open(bytes: &'a [u8]) -> Result<(File<'a>, u64)> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(Error::format("not an HDF5 file: the first eight bytes differ"));
        }
        let (work, text) = (Cell::new(bytes.len()), Cell::new(bytes.len()));
        let mut file = File { bytes, base: 0, address_size: 8, length_size: 8, work, text };
        let mut at = Cursor { bytes: &bytes[SIGNATURE.len()..] };
        let version = at.u8()?;
        if version > 3 {
            return Err(Error::format(format!(
                "an HDF5 superblock of version {version}, 0 to 3 are read"
            )));
        }
        let old = version < 2;
        if old {
            at.take(4)?; // versions of parts that have only one
        }
        (file.address_size, file.length_size) = (at.u8()?.into(), at.u8()?.into());
        if ![file.address_size, file.length_size].iter().all(|size| [2, 4, 8].contains(size)) {
            return Err(Error::format(format!(
                "HDF5 addresses of {} bytes and lengths of {}, expected 2, 4 or 8",
                file.address_size, file.length_size
            )));
        }
        at.take(match version {
            0 => 9,  // reserved, sizes of B-tree nodes, flags
            1 => 13, // and the size of those for chunks
            _ => 1,
        })?;
        let base = file.address(&mut at)?;
        // Old: free space, end, driver, the root's name. New: extension, end.
        at.take(if old { 4 } else { 2 } * file.address_size)?;
        let root = file.address(&mut at)?;
        file.base = base.unwrap_or(0);
        Ok((file, root.ok_or_else(corrupt)?))
    }

    /// The fields at an address.
    pub(super) fn at(&self, address: u64) -> Result<Cursor<'a>> {
        let start = self.base.checked_add(address).and_then(|a| usize::try_from(a).ok());
        let bytes = start.and_then(|start| self.bytes.get(start..)).ok_or_else(corrupt)?;
        Ok(Cursor { bytes })
    }

    /// So many bytes at an address.
    pub(super) fn slice(&self, address: u64, len: u64) -> Result<&'a [u8]> {
        self.at(address)?.take(usize::try_from(len).map_err(|_| corrupt())?)
    }

    /// An address, or `None` where it is undefined: all bits are one.
    pub(super) fn address(&self, at: &mut Cursor<'a>) -> Result<Option<u64>> {
        let address = at.uint(self.address_size)?;
        let undefined = u64::MAX >> (64 - 8 * self.address_size);
        Ok((address != undefined).then_some(address))
    }

    /// A length, or an offset within a block.
    pub(super) fn len(&self, at: &mut Cursor<'a>) -> Result<u64> {
        at.uint(self.length_size)
    }

    /// Counts one message, link or chunk.
    pub(super) fn count(&self) -> Result<()> {
        let left = self.work.get().checked_sub(1);
        self.work.set(left.ok_or_else(|| {
            Error::format("the HDF5 file is corrupt: it describes more than it can hold")
        })?);
        Ok(())
    }

    /// Counts so many bytes of a text.
    pub(super) fn count_text(&self, len: usize) -> Result<()> {
        let left = self.text.get().checked_sub(len);
        self.text.set(left.ok_or_else(|| {
            Error::format("the HDF5 file is corrupt: its texts are longer than the file")
        })?);
        Ok(())
    }

    /// The bytes an address takes.
    pub(super) fn address_size(&self) -> usize {
        self.address_size
    }

    /// The bytes a length takes.
    pub(super) fn length_size(&self) -> usize {
        self.length_size
    }

    /// The number of bytes in the file.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// Little-endian fields one after the other, never beyond the end.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(corrupt)?;
        self.bytes = rest;
        Ok(taken)
    }
    /// An unsigned integer of up to eight bytes.
    pub(super) fn uint(&mut self, size: usize) -> Result<u64> {
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(self.take(size)?);
        Ok(u64::from_le_bytes(wide))
    }
    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.uint(1)? as u8)
    }
    pub(super) fn u16(&mut self) -> Result<u16> {
        Ok(self.uint(2)? as u16)
    }
    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(self.uint(4)? as u32)
    }
    /// The letters a block starts with.
    pub(super) fn expect(&mut self, letters: &[u8; 4]) -> Result<()> {
        let found = self.take(4)?;
        if found == letters {
            return Ok(());
        }
        Err(Error::format(format!(
            "the HDF5 file is corrupt: {:?} where {:?} was expected",
            String::from_utf8_lossy(found),
            String::from_utf8_lossy(letters)
        )))
    }
}

pub(super) fn corrupt() -> Error {
    Error::format("the HDF5 file is truncated or corrupt: a field lies beyond its end")
}
