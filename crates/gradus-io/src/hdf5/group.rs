//! Groups: the tree of names, in its three encodings.

use super::btree::{self, Node};
use super::file::{Cursor, File, corrupt};
use super::header::{Header, LINK, LINK_INFO, SYMBOL_TABLE};
use super::heap::Heap;
use crate::{Error, Result};
use std::collections::HashSet;

const MAX_DEPTH: usize = 64;
const MAX_NAME_BYTES: usize = 1024;

/// Calls `visit` with the path and header of the group at `root`, and of each group and data set below it.
///
/// A group that is reached twice, as by a link to one of its parents, is walked once.
pub(super) fn walk<'a>(
    file: &File<'a>,
    root: u64,
    visit: &mut dyn FnMut(&str, &Header<'a>) -> Result<()>,
) -> Result<()> {
    let mut seen = HashSet::from([root]);
    let mut stack = vec![(String::new(), root, 0)];
    while let Some((path, address, depth)) = stack.pop() {
        let header = Header::read(file, address)?;
        visit(&path, &header)?;
        if header.is_data_set() {
            continue;
        }
        if depth >= MAX_DEPTH || path.len() > MAX_NAME_BYTES {
            return Err(Error::format(format!(
                "the HDF5 file nests groups deeper than {MAX_DEPTH}, or a path exceeds \
                 {MAX_NAME_BYTES} bytes"
            )));
        }
        // The stack turns the order around, so it is filled from the end.
        for (name, child) in links(file, &header)?.into_iter().rev() {
            if seen.insert(child) {
                let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                stack.push((path, child, depth + 1));
            }
        }
    }
    Ok(())
}

/// The hard links of a group; soft and external ones lead nowhere here.
fn links<'a>(file: &File<'a>, header: &Header<'a>) -> Result<Vec<(String, u64)>> {
    let mut links = vec![];
    if let Some(mut table) = header.message(SYMBOL_TABLE) {
        let tree = file.address(&mut table)?.ok_or_else(corrupt)?;
        let heap = file.address(&mut table)?.ok_or_else(corrupt)?;
        symbols(file, tree, heap, &mut links)?;
    }
    for message in header.messages(LINK) {
        links.extend(link(file, message)?);
    }
    if let Some(mut info) = header.message(LINK_INFO) {
        info.take(1)?;
        let flags = info.u8()?;
        info.take(if flags & 1 != 0 { 8 } else { 0 })?;
        let (heap, names) = (file.address(&mut info)?, file.address(&mut info)?);
        if let (Some(heap), Some(names)) = (heap, names) {
            let heap = Heap::read(file, heap)?;
            btree::records(file, names, &mut |mut record| {
                record.take(4)?; // the name's hash
                links.extend(link(file, Cursor { bytes: heap.object(file, record)? })?);
                Ok(())
            })?;
        }
    }
    Ok(links)
}

/// The entries of a symbol table: a B-tree of nodes, names in a local heap.
fn symbols(file: &File<'_>, tree: u64, heap: u64, links: &mut Vec<(String, u64)>) -> Result<()> {
    let mut at = file.at(heap)?;
    at.expect(b"HEAP")?;
    at.take(4)?;
    let len = file.len(&mut at)?;
    file.len(&mut at)?;
    let names = file.slice(file.address(&mut at)?.ok_or_else(corrupt)?, len)?;
    let key_size = file.length_size();
    btree::leaves(file, tree, Node { kind: 0, key_size }, &mut |_, child| {
        let mut at = file.at(child)?;
        at.expect(b"SNOD")?;
        at.take(2)?;
        for _ in 0..at.u16()? {
            file.count()?;
            let name = file.address(&mut at)?.ok_or_else(corrupt)?;
            let header = file.address(&mut at)?; // a soft link has none
            let soft = at.u32()? == 2;
            at.take(20)?;
            let name = usize::try_from(name).ok().and_then(|start| names.get(start..));
            let name = name.and_then(|n| n.split(|&b| b == 0).next()).ok_or_else(corrupt)?;
            if let (Some(header), false) = (header, soft) {
                links.push((text(name)?, header));
            }
        }
        Ok(())
    })
}

fn link<'a>(file: &File<'a>, mut at: Cursor<'a>) -> Result<Option<(String, u64)>> {
    let (version, flags) = (at.u8()?, at.u8()?);
    if version != 1 {
        return Err(Error::format(format!("an HDF5 link of version {version}, 1 is read")));
    }
    let hard = flags & 8 == 0 || at.u8()? == 0;
    at.take(if flags & 4 != 0 { 8 } else { 0 })?; // the order of making
    at.take(if flags & 0x10 != 0 { 1 } else { 0 })?; // the character set
    let len = at.uint(1 << (flags & 3))?;
    let name = text(at.take(usize::try_from(len).map_err(|_| corrupt())?)?)?;
    Ok(match hard {
        true => Some((name, file.address(&mut at)?.ok_or_else(corrupt)?)),
        false => None,
    })
}

fn text(name: &[u8]) -> Result<String> {
    if name.len() > MAX_NAME_BYTES {
        return Err(Error::format(format!("an HDF5 name of {} bytes", name.len())));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}
