//! Object headers: the messages that say what a group or a data set is.

use super::file::{Cursor, File, corrupt};
use crate::{Error, Result};

pub(super) const DATASPACE: u16 = 0x01;
pub(super) const LINK_INFO: u16 = 0x02;
pub(super) const DATATYPE: u16 = 0x03;
pub(super) const LINK: u16 = 0x06;
pub(super) const LAYOUT: u16 = 0x08;
pub(super) const FILTERS: u16 = 0x0b;
pub(super) const ATTRIBUTE: u16 = 0x0c;
const CONTINUATION: u16 = 0x10;
pub(super) const SYMBOL_TABLE: u16 = 0x11;
pub(super) const ATTRIBUTE_INFO: u16 = 0x15;

/// More blocks than this is a cycle, or no header that a library wrote.
const MAX_BLOCKS: usize = 1 << 12;

/// The messages of an object.
pub(super) struct Header<'a> {
    messages: Vec<(u16, &'a [u8])>,
}

impl<'a> Header<'a> {
    pub(super) fn read(file: &File<'a>, address: u64) -> Result<Header<'a>> {
        let mut header = Header { messages: vec![] };
        let mut at = file.at(address)?;
        let mut more = vec![]; // continuation blocks: address and length
        if at.bytes.starts_with(b"OHDR") {
            at.take(4)?;
            let (version, flags) = (at.u8()?, at.u8()?);
            if version != 2 {
                return Err(Error::format(format!("an HDF5 object header of version {version}")));
            }
            at.take(if flags & 0x20 != 0 { 16 } else { 0 })?; // times
            at.take(if flags & 0x10 != 0 { 4 } else { 0 })?; // limits of attribute storage
            let len = at.uint(1 << (flags & 3))?;
            let block = at.take(usize::try_from(len).map_err(|_| corrupt())?)?;
            let order = flags & 4 != 0;
            header.new_messages(file, block, order, &mut more)?;
            let mut blocks = 0;
            while let Some((address, len)) = more.pop() {
                blocks += 1;
                let mut at = Cursor { bytes: file.slice(address, len)? };
                at.expect(b"OCHK")?;
                let len = at.bytes.len().checked_sub(4).ok_or_else(corrupt)?; // the checksum
                header.new_messages(file, at.take(len)?, order, &mut more)?;
                check_blocks(blocks)?;
            }
            return Ok(header);
        }
        if at.u8()? != 1 {
            return Err(Error::format("the HDF5 file is corrupt: an object header is expected"));
        }
        at.take(7)?; // reserved, number of messages, references
        let len = at.u32()?;
        at.take(4)?; // up to a multiple of eight
        header.old_messages(file, at.take(len as usize)?, &mut more)?;
        let mut blocks = 0;
        while let Some((address, len)) = more.pop() {
            blocks += 1;
            header.old_messages(file, file.slice(address, len)?, &mut more)?;
            check_blocks(blocks)?;
        }
        Ok(header)
    }

    /// Whether it is that of a data set, not of a group.
    pub(super) fn is_data_set(&self) -> bool {
        self.message(LAYOUT).is_some()
    }

    /// The first message of a kind.
    pub(super) fn message(&self, kind: u16) -> Option<Cursor<'a>> {
        self.messages(kind).next()
    }

    /// All messages of a kind.
    pub(super) fn messages(&self, kind: u16) -> impl Iterator<Item = Cursor<'a>> {
        self.messages.iter().filter(move |m| m.0 == kind).map(|m| Cursor { bytes: m.1 })
    }

    fn old_messages(
        &mut self,
        file: &File<'a>,
        block: &'a [u8],
        more: &mut Vec<(u64, u64)>,
    ) -> Result<()> {
        let mut at = Cursor { bytes: block };
        while at.bytes.len() >= 8 {
            let (kind, len, flags) = (at.u16()?, at.u16()?, at.u8()?);
            at.take(3)?;
            self.message_of(file, kind, flags, at.take(len.into())?, more)?;
        }
        Ok(())
    }

    fn new_messages(
        &mut self,
        file: &File<'a>,
        block: &'a [u8],
        order: bool,
        more: &mut Vec<(u64, u64)>,
    ) -> Result<()> {
        let mut at = Cursor { bytes: block };
        let prefix = if order { 6 } else { 4 };
        // What is shorter than a message's prefix is a gap.
        while at.bytes.len() >= prefix {
            let (kind, len, flags) = (at.u8()?, at.u16()?, at.u8()?);
            at.take(prefix - 4)?;
            self.message_of(file, kind.into(), flags, at.take(len.into())?, more)?;
        }
        Ok(())
    }

    fn message_of(
        &mut self,
        file: &File<'a>,
        kind: u16,
        flags: u8,
        data: &'a [u8],
        more: &mut Vec<(u64, u64)>,
    ) -> Result<()> {
        file.count()?;
        if kind == CONTINUATION {
            let mut at = Cursor { bytes: data };
            let address = file.address(&mut at)?.ok_or_else(corrupt)?;
            more.push((address, file.len(&mut at)?));
        } else if flags & 2 != 0 && [DATASPACE, DATATYPE, LAYOUT, FILTERS].contains(&kind) {
            return Err(Error::format(
                "the HDF5 file shares a type or shape between data sets (a named datatype), which \
                 is not read",
            ));
        } else if kind != 0 {
            self.messages.push((kind, data));
        }
        Ok(())
    }
}

fn check_blocks(blocks: usize) -> Result<()> {
    match blocks > MAX_BLOCKS {
        true => Err(Error::format("the HDF5 file is corrupt: an object header without an end")),
        false => Ok(()),
    }
}
