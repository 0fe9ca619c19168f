//! Data in chunks: where each lies (a B-tree, a fixed array, or one after the other), and how they
//! are put together.

use super::btree::{self, Node};
use super::file::{Cursor, File, corrupt};
use super::filters::Filters;
use crate::{Error, Result};
use std::collections::HashSet;

/// Where chunks lie.
pub(super) enum Index {
    /// A B-tree of version 1 at this address.
    Tree(Option<u64>),
    /// There is one chunk; where it is packed: its bytes and the filters left out.
    Single { address: Option<u64>, packed: Option<(u64, u32)> },
    /// One after the other, none packed.
    Implicit(Option<u64>),
    /// A fixed array of addresses.
    FixedArray(Option<u64>),
}

impl Index {
    /// Of a layout of version 3; also the chunk's sizes, with the element's size last.
    pub(super) fn read_old<'a>(
        file: &File<'a>,
        at: &mut Cursor<'a>,
    ) -> Result<(Index, Vec<usize>)> {
        let rank = at.u8()?;
        let index = Index::Tree(file.address(at)?);
        let sizes = (0..rank).map(|_| at.u32().map(|size| size as usize));
        Ok((index, sizes.collect::<Result<_>>()?))
    }

    /// Of a layout of version 4.
    pub(super) fn read_new<'a>(
        file: &File<'a>,
        at: &mut Cursor<'a>,
    ) -> Result<(Index, Vec<usize>)> {
        let (flags, rank, size_len) = (at.u8()?, at.u8()?, at.u8()?);
        if !(1..=8).contains(&size_len) {
            return Err(corrupt());
        }
        let size = |_| {
            let size = at.uint(size_len.into())?;
            usize::try_from(size).map_err(|_| corrupt())
        };
        let sizes = (0..rank).map(size).collect::<Result<_>>()?;
        let index = match at.u8()? {
            1 => {
                let packed = match flags & 2 != 0 {
                    true => Some((file.len(at)?, at.u32()?)),
                    false => None,
                };
                Index::Single { address: file.address(at)?, packed }
            }
            2 => Index::Implicit(file.address(at)?),
            3 => {
                at.take(1)?; // the size of its pages
                Index::FixedArray(file.address(at)?)
            }
            other => {
                let name = ["an extensible array", "a B-tree of version 2"]
                    .get(usize::from(other).wrapping_sub(4));
                return Err(Error::format(format!(
                    "its chunks are found by {}, as for data sets that can grow; save it with a fixed \
                     shape, or without libver=\"latest\"",
                    name.unwrap_or(&"an unknown index")
                )));
            }
        };
        Ok((index, sizes))
    }
}

/// A data set's shape, cut into chunks; all sizes but the last count elements.
pub(super) struct Cut<'s> {
    pub(super) shape: &'s [usize],
    pub(super) chunk: &'s [usize],
    pub(super) size: usize,
}

impl Cut<'_> {
    /// The bytes of all chunks, unpacked.
    pub(super) fn unpacked_len(&self) -> Option<usize> {
        self.grid().try_fold(self.chunk_len()?, |len, count| len.checked_mul(count))
    }

    /// The number of chunks along each axis.
    fn grid(&self) -> impl Iterator<Item = usize> {
        self.shape.iter().zip(self.chunk).map(|(axis, chunk)| axis.div_ceil(*chunk))
    }

    fn chunk_len(&self) -> Option<usize> {
        self.chunk.iter().try_fold(self.size, |len, &axis| len.checked_mul(axis))
    }

    /// The elements row by row. The caller has checked that [`Cut::unpacked_len`] is reasonable.
    pub(super) fn read(
        &self,
        file: &File<'_>,
        index: &Index,
        filters: &Filters,
    ) -> Result<Vec<u8>> {
        let chunk_len = self.chunk_len().ok_or_else(corrupt)?;
        let grid: Vec<usize> = self.grid().collect();
        let count: usize = grid.iter().product();
        let mut seen = HashSet::new();
        let mut out = vec![];
        let mut place = |number: usize, data: &[u8], skipped: u32| -> Result<()> {
            if number >= count || !seen.insert(number) {
                return Err(Error::format("a chunk lies outside or comes twice"));
            }
            if out.is_empty() {
                // Only now: a chunk is there that may justify it.
                out.resize(self.shape.iter().product::<usize>() * self.size, 0);
            }
            self.copy(&filters.undo(data, skipped, chunk_len)?, &unravel(number, &grid), &mut out);
            Ok(())
        };
        match *index {
            Index::Tree(root) => {
                let key_size = 8 + 8 * (self.shape.len() + 1);
                let root = root.ok_or_else(never_written)?;
                btree::leaves(file, root, Node { kind: 1, key_size }, &mut |mut key, address| {
                    let (len, skipped) = (key.u32()?, key.u32()?);
                    let mut number = 0;
                    for (count, chunk) in grid.iter().zip(self.chunk) {
                        let start = usize::try_from(key.uint(8)?).map_err(|_| corrupt())?;
                        let at = start / chunk;
                        if start % chunk != 0 || at >= *count {
                            return Err(Error::format("a chunk lies outside the shape"));
                        }
                        number = number * count + at;
                    }
                    place(number, file.slice(address, len.into())?, skipped)
                })?;
            }
            Index::Single { address, packed } => {
                let (len, skipped) = packed.unwrap_or((chunk_len as u64, 0));
                let data = file.slice(address.ok_or_else(never_written)?, len)?;
                // Without a length nothing was filtered.
                place(0, data, if packed.is_some() { skipped } else { u32::MAX })?;
            }
            Index::Implicit(address) => {
                let start = address.ok_or_else(never_written)?;
                for number in 0..count {
                    file.count()?;
                    let at = start.checked_add((number * chunk_len) as u64).ok_or_else(corrupt)?;
                    place(number, file.slice(at, chunk_len as u64)?, u32::MAX)?;
                }
            }
            Index::FixedArray(address) => {
                let address = address.ok_or_else(never_written)?;
                fixed_array(file, address, count, chunk_len, &mut place)?;
            }
        }
        match seen.len() == count {
            true => Ok(out),
            false => Err(never_written()),
        }
    }

    /// Copies what of a chunk lies within the shape, row by row.
    fn copy(&self, data: &[u8], position: &[usize], out: &mut [u8]) {
        let rank = self.shape.len();
        let start: Vec<usize> = position.iter().zip(self.chunk).map(|(p, c)| p * c).collect();
        let extent: Vec<usize> =
            (0..rank).map(|a| self.chunk[a].min(self.shape[a] - start[a])).collect();
        let row = extent.last().map_or(1, |&n| n) * self.size;
        let rows = extent[..rank.saturating_sub(1)].to_vec();
        for number in 0..rows.iter().product() {
            let index = unravel(number, &rows);
            let (mut from, mut to) = (0, 0);
            for axis in 0..rank {
                let i = index.get(axis).copied().unwrap_or(0);
                from = from * self.chunk[axis] + i;
                to = to * self.shape[axis] + start[axis] + i;
            }
            out[to * self.size..][..row].copy_from_slice(&data[from * self.size..][..row]);
        }
    }
}

/// Takes a chunk's number, its bytes and the filters left out.
type Place<'p> = dyn FnMut(usize, &[u8], u32) -> Result<()> + 'p;

/// A fixed array: a header, then a block of addresses, with lengths where chunks are packed.
fn fixed_array(
    file: &File<'_>,
    address: u64,
    count: usize,
    chunk_len: usize,
    place: &mut Place<'_>,
) -> Result<()> {
    let mut at = file.at(address)?;
    at.expect(b"FAHD")?;
    at.take(1)?;
    let (packed, entry_size, page_bits) = (at.u8()? == 1, at.u8()?, at.u8()?);
    let entries = file.len(&mut at)?;
    let block = file.address(&mut at)?.ok_or_else(never_written)?;
    if entries != count as u64 {
        return Err(Error::format(format!("an array of {entries} chunks, {count} are expected")));
    }
    if page_bits < 64 && entries > 1 << page_bits {
        return Err(Error::format(
            "an array of so many chunks that it has pages, which are not read",
        ));
    }
    let mut at = file.at(block)?;
    at.expect(b"FADB")?;
    at.take(2 + file.address_size())?;
    for number in 0..count {
        file.count()?;
        let address = file.address(&mut at)?.ok_or_else(never_written)?;
        let (len, skipped) = match packed {
            true => {
                let len_size = usize::from(entry_size).checked_sub(file.address_size() + 4);
                let len_size =
                    len_size.filter(|size| (1..=8).contains(size)).ok_or_else(corrupt)?;
                (at.uint(len_size)?, at.u32()?)
            }
            false => (chunk_len as u64, u32::MAX),
        };
        place(number, file.slice(address, len)?, skipped)?;
    }
    Ok(())
}

/// The index along each axis of the element of this number.
fn unravel(mut number: usize, sizes: &[usize]) -> Vec<usize> {
    let mut index = vec![0; sizes.len()];
    for (i, &size) in index.iter_mut().zip(sizes).rev() {
        *i = number % size;
        number /= size;
    }
    index
}

fn never_written() -> Error {
    Error::format("a part of its data was never written")
}
