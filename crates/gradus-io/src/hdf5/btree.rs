//! The two kinds of B-tree: version 1 for symbol tables and chunks, version 2 for many links.

use super::file::{Cursor, File, corrupt};
use crate::{Error, Result};
use std::collections::HashSet;

/// What kind of tree of version 1 is walked.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// 0 for symbol tables, 1 for chunks.
    pub(super) kind: u8,
    pub(super) key_size: usize,
}

/// Calls `leaf` with the key and the address of each child of the lowest nodes.
pub(super) fn leaves<'a>(
    file: &File<'a>,
    root: u64,
    node: Node,
    leaf: &mut dyn FnMut(Cursor<'a>, u64) -> Result<()>,
) -> Result<()> {
    let mut seen = HashSet::new();
    let mut stack = vec![root];
    while let Some(address) = stack.pop() {
        if !seen.insert(address) {
            return Err(cycle());
        }
        let mut at = file.at(address)?;
        at.expect(b"TREE")?;
        let (kind, level, count) = (at.u8()?, at.u8()?, at.u16()?);
        if kind != node.kind {
            return Err(Error::format("the HDF5 file is corrupt: a tree of another kind"));
        }
        at.take(2 * file.address_size())?; // siblings
        let start = stack.len();
        for _ in 0..count {
            file.count()?;
            let key = Cursor { bytes: at.take(node.key_size)? };
            let child = file.address(&mut at)?.ok_or_else(corrupt)?;
            match level {
                0 => leaf(key, child)?,
                _ => stack.push(child),
            }
        }
        stack[start..].reverse(); // the first child first
    }
    Ok(())
}

/// Calls `record` with each record of a tree of version 2, those of one node after the other.
pub(super) fn records<'a>(
    file: &File<'a>,
    address: u64,
    record: &mut dyn FnMut(Cursor<'a>) -> Result<()>,
) -> Result<()> {
    let mut at = file.at(address)?;
    at.expect(b"BTHD")?;
    at.take(2)?; // version, kind
    let (node_size, record_size, depth) = (at.u32()?, at.u16()?, at.u16()?);
    at.take(2)?;
    let Some(root) = file.address(&mut at)? else { return Ok(()) };
    let count = at.u16()?;
    let sizes = child_sizes(file, node_size.into(), record_size.into(), depth)?;
    let mut seen = HashSet::new();
    let mut stack = vec![(root, count as u64, depth)];
    while let Some((address, count, depth)) = stack.pop() {
        if !seen.insert(address) {
            return Err(cycle());
        }
        let mut at = file.at(address)?;
        at.expect(if depth == 0 { b"BTLF" } else { b"BTIN" })?;
        at.take(2)?;
        for _ in 0..count {
            file.count()?;
            record(Cursor { bytes: at.take(record_size.into())? })?;
        }
        for _ in 0..if depth == 0 { 0 } else { count + 1 } {
            let child = file.address(&mut at)?.ok_or_else(corrupt)?;
            let (count_size, total_size) = sizes[usize::from(depth) - 1];
            let count = at.uint(count_size)?;
            at.take(total_size)?;
            stack.push((child, count, depth - 1));
        }
    }
    Ok(())
}

/// For the children at each depth: the bytes of their number of records, and of the records below.
fn child_sizes(
    file: &File<'_>,
    node_size: u64,
    record_size: u64,
    depth: u16,
) -> Result<Vec<(usize, usize)>> {
    let bad = || Error::format("the HDF5 file is corrupt: a tree of impossible sizes");
    let overhead = 10; // letters, version, kind, checksum
    let leaf = node_size.checked_sub(overhead).ok_or_else(bad)?;
    let most = leaf.checked_div(record_size).filter(|&n| n > 0).ok_or_else(bad)?;
    let count_size = bytes_for(most);
    let mut below = most;
    let mut sizes = vec![];
    for level in 0..depth {
        // A leaf's records are all the records below it, so they are not counted twice.
        let total_size = if level == 0 { 0 } else { bytes_for(below) };
        sizes.push((count_size, total_size));
        let pointer = (file.address_size() + count_size + total_size) as u64;
        let space = leaf.checked_sub(pointer).ok_or_else(bad)?;
        let most = space / (record_size + pointer);
        below = most
            .checked_add(1)
            .and_then(|n| n.checked_mul(below))
            .and_then(|n| n.checked_add(most))
            .ok_or_else(bad)?;
    }
    Ok(sizes)
}

/// The bytes that a number of up to `most` takes.
pub(super) fn bytes_for(most: u64) -> usize {
    (most.max(1).ilog2() / 8 + 1) as usize
}

fn cycle() -> Error {
    Error::format("the HDF5 file is corrupt: a tree leads back to itself")
}
