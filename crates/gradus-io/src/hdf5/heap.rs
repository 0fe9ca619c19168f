//! The fractal heap, where a group with many links keeps them. Blocks double in size from the third
//! row on; a heap that outgrows its direct blocks (half a megabyte of links) is not read.

use super::btree::bytes_for;
use super::file::{Cursor, File, corrupt};
use crate::{Error, Result};

/// The blocks of a heap: where each lies in the heap, its size and its address.
pub(super) struct Heap {
    blocks: Vec<(u64, u64, u64)>,
    offset_size: usize,
    length_size: usize,
}

impl Heap {
    pub(super) fn read(file: &File<'_>, address: u64) -> Result<Heap> {
        let mut at = file.at(address)?;
        at.expect(b"FRHP")?;
        at.take(3)?; // version, length of ids
        let filters = at.u16()?;
        at.take(1)?;
        let largest_object = at.u32()?;
        file.len(&mut at)?;
        file.address(&mut at)?;
        file.len(&mut at)?;
        file.address(&mut at)?;
        for _ in 0..8 {
            file.len(&mut at)?; // space and numbers of objects
        }
        let width = at.u16()?;
        let (first, largest) = (file.len(&mut at)?, file.len(&mut at)?);
        let bits = at.u16()?;
        at.take(2)?;
        let root = file.address(&mut at)?;
        let rows = at.u16()?;
        if filters != 0 {
            return Err(Error::format("the HDF5 file packs its list of names, which is not read"));
        }
        let offset_size = usize::from(bits).div_ceil(8);
        let length_size = bytes_for(largest).min(bytes_for(largest_object.into()));
        if offset_size > 8 || first == 0 {
            return Err(Error::format("the HDF5 file is corrupt: a heap of impossible sizes"));
        }
        let mut heap = Heap { blocks: vec![], offset_size, length_size };
        match root {
            None => {}
            Some(root) if rows == 0 => heap.blocks.push((0, first, root)),
            Some(root) => heap.rows(file, root, rows, width, (first, largest))?,
        }
        Ok(heap)
    }

    fn rows(
        &mut self,
        file: &File<'_>,
        root: u64,
        rows: u16,
        width: u16,
        (first, largest): (u64, u64),
    ) -> Result<()> {
        let mut at = file.at(root)?;
        at.expect(b"FHIB")?;
        at.take(1 + file.address_size() + self.offset_size)?;
        let (mut start, mut size) = (0u64, first);
        for row in 0..rows {
            if row > 1 {
                size = size.checked_mul(2).ok_or_else(corrupt)?;
            }
            if size > largest {
                return Err(Error::format(
                    "an HDF5 group with so many names that they fill nested blocks, which are not \
                     read",
                ));
            }
            for _ in 0..width {
                if let Some(address) = file.address(&mut at)? {
                    self.blocks.push((start, size, address));
                }
                start = start.checked_add(size).ok_or_else(corrupt)?;
            }
        }
        Ok(())
    }

    /// The object of an id.
    pub(super) fn object<'a>(&self, file: &File<'a>, mut id: Cursor<'a>) -> Result<&'a [u8]> {
        let kind = id.u8()? >> 4 & 3;
        if kind != 0 {
            return Err(Error::format(
                "an HDF5 link of more than a block's size, which is not read",
            ));
        }
        let (offset, len) = (id.uint(self.offset_size)?, id.uint(self.length_size)?);
        let block = self.blocks.iter().find(|(start, size, _)| {
            offset >= *start && offset - start < *size && len <= size - (offset - start)
        });
        let &(start, _, address) = block.ok_or_else(corrupt)?;
        file.slice(address.checked_add(offset - start).ok_or_else(corrupt)?, len)
    }
}
