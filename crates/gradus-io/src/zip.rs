//! As much of zip as NumPy's and PyTorch's archives need: stored and deflated members, read from the
//! central directory (zip64 included), written plain. Checked: bounds, CRC-32, sizes, duplicate names.

use crate::{Error, Result};
use flate2::{Compression, Crc, read::DeflateDecoder, write::DeflateEncoder};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{Read, Write};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const END64_LOCATOR: u32 = 0x0706_4b50;
const END_LEN: usize = 22;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// 1980-01-01, the earliest day zip knows: archives carry no clock, so they are reproducible.
const DATE: u16 = 0x21;

/// A member as the central directory describes it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    method: u16,
    crc: u32,
    packed_len: usize,
    unpacked_len: usize,
    local_start: usize,
}

/// An archive in memory.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    members: Vec<Member>,
}

impl<'a> Archive<'a> {
    /// Reads the central directory.
    pub(crate) fn parse(bytes: &'a [u8], max_members: usize) -> Result<Archive<'a>> {
        let (count, start) = find_directory(bytes)?;
        if count > max_members {
            return Err(Error::format(format!(
                "the archive has {count} members, at most {max_members} are accepted"
            )));
        }
        let mut cursor = Cursor::at(bytes, start)?;
        let mut names = HashSet::new();
        let mut members = Vec::new();
        for _ in 0..count {
            let member = read_member(&mut cursor)?;
            if !names.insert(member.name.clone()) {
                return Err(Error::format(format!("the member `{}` comes twice", member.name)));
            }
            members.push(member);
        }
        Ok(Archive { bytes, members })
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Unpacks a member of at most `limit` bytes and checks its length and CRC-32.
    pub(crate) fn unpack(&self, member: &Member, limit: usize) -> Result<Cow<'a, [u8]>> {
        let bad = |what: String| Error::format(format!("the member `{}` {what}", member.name));
        let mut cursor = Cursor::at(self.bytes, member.local_start)?;
        if cursor.u32()? != LOCAL {
            return Err(bad("has no local header".to_owned()));
        }
        cursor.take(22)?; // all this is in the central directory, which is the one to believe
        let (name_len, extra_len) = (cursor.u16()?, cursor.u16()?);
        // Data have a checksum, a name has none; but it is there twice.
        if cursor.take(usize::from(name_len))? != member.name.as_bytes() {
            return Err(bad("has another name in its local header".to_owned()));
        }
        cursor.take(usize::from(extra_len))?;
        let packed = cursor.take(member.packed_len)?;
        if member.unpacked_len > limit {
            return Err(bad(format!(
                "unpacks to {} bytes, {limit} are left of the limit",
                member.unpacked_len
            )));
        }
        let unpacked = match member.method {
            STORED => Cow::Borrowed(packed),
            // One byte more than announced is enough to see that it lies.
            DEFLATED => inflate(packed, member.unpacked_len as u64 + 1)
                .map_err(|error| bad(format!("cannot be unpacked: {error}")))?
                .into(),
            other => return Err(bad(format!("is packed by method {other}, expected 0 or 8"))),
        };
        if unpacked.len() != member.unpacked_len {
            return Err(bad(format!("does not unpack to {} bytes", member.unpacked_len)));
        }
        if crc32(&unpacked) != member.crc {
            return Err(bad("is corrupt: its CRC-32 differs".to_owned()));
        }
        Ok(unpacked)
    }
}

/// Writes an archive into memory.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    names: HashSet<String>,
}

impl Writer {
    /// Adds a deflated member.
    pub(crate) fn add(&mut self, name: &str, data: &[u8]) -> Result<()> {
        if !self.names.insert(name.to_owned()) {
            return Err(Error::value(format!("two members are called `{name}`")));
        }
        let name_len = u16::try_from(name.len())
            .map_err(|_| Error::value(format!("a name of {} bytes is too long", name.len())))?;
        let packed = deflate(data).map_err(|error| Error::io("cannot deflate", &error))?;
        let start = small(self.bytes.len())?;
        let mut fields = Vec::new(); // what the local header and the directory have in common
        fields.extend([20u16, 1 << 11, DEFLATED, 0, DATE].map(u16::to_le_bytes).concat());
        fields.extend(crc32(data).to_le_bytes());
        fields.extend(small(packed.len())?.to_le_bytes());
        fields.extend(small(data.len())?.to_le_bytes());
        fields.extend(name_len.to_le_bytes());
        fields.extend(0u16.to_le_bytes());

        self.bytes.extend(LOCAL.to_le_bytes());
        self.bytes.extend(&fields);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(packed);

        self.directory.extend(CENTRAL.to_le_bytes());
        self.directory.extend(20u16.to_le_bytes());
        self.directory.extend(&fields);
        self.directory.extend([0; 10]); // comment, disk, attributes
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        let too_many = |_| Error::value(format!("{} arrays are too many", self.names.len()));
        let count = u16::try_from(self.names.len()).map_err(too_many)?;
        let (start, len) = (small(self.bytes.len())?, small(self.directory.len())?);
        self.bytes.extend(&self.directory);
        self.bytes.extend(END.to_le_bytes());
        self.bytes.extend([0, 0, count, count].map(u16::to_le_bytes).concat());
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(start.to_le_bytes());
        self.bytes.extend(0u16.to_le_bytes());
        Ok(self.bytes)
    }
}

fn small(len: usize) -> Result<u32> {
    u32::try_from(len)
        .ok()
        .filter(|&len| len < u32::MAX)
        .ok_or_else(|| Error::value("the archive exceeds 4 GiB; write a safetensors file instead"))
}

/// The number of members and where their descriptions start.
fn find_directory(bytes: &[u8]) -> Result<(usize, usize)> {
    // A comment of up to 65,535 bytes may follow the end record.
    let last = bytes.len().checked_sub(END_LEN).ok_or_else(not_a_zip)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let end = (first..=last).rev().find(|&at| {
        let comment_len = u16::from_le_bytes([bytes[at + 20], bytes[at + 21]]);
        bytes[at..].starts_with(&END.to_le_bytes())
            && at + END_LEN + usize::from(comment_len) == bytes.len()
    });
    let end = end.ok_or_else(not_a_zip)?;
    let mut cursor = Cursor::at(bytes, end + 10)?;
    let (count, _len, start) = (cursor.u16()?, cursor.u32()?, cursor.u32()?);
    if count == u16::MAX || start == u32::MAX {
        return find_directory64(bytes, end);
    }
    Ok((usize::from(count), start as usize))
}

fn find_directory64(bytes: &[u8], end: usize) -> Result<(usize, usize)> {
    let mut locator = Cursor::at(bytes, end.checked_sub(20).ok_or_else(not_a_zip)?)?;
    if locator.u32()? != END64_LOCATOR {
        return Err(not_a_zip());
    }
    locator.u32()?;
    let mut record = Cursor::at(bytes, locator.len()?)?;
    if record.u32()? != END64 {
        return Err(not_a_zip());
    }
    record.take(28)?; // up to the number of members on all disks
    let count = record.len()?;
    record.take(8)?;
    Ok((count, record.len()?))
}

fn read_member(cursor: &mut Cursor<'_>) -> Result<Member> {
    if cursor.u32()? != CENTRAL {
        return Err(Error::format("the zip directory is corrupt"));
    }
    cursor.take(4)?;
    let flags = cursor.u16()?;
    let method = cursor.u16()?;
    cursor.take(4)?;
    let crc = cursor.u32()?;
    let (packed, unpacked) = (cursor.u32()?, cursor.u32()?);
    let (name_len, extra_len, comment_len) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    let local = cursor.u32()?;
    let name = String::from_utf8(cursor.take(name_len.into())?.to_vec())
        .map_err(|_| Error::format("a member's name is not UTF-8"))?;
    let extra = cursor.take(extra_len.into())?;
    cursor.take(comment_len.into())?;
    if flags & 1 == 1 {
        return Err(Error::format(format!("the member `{name}` is encrypted")));
    }
    let mut wide = Cursor { bytes: zip64_field(extra)? };
    let mut widen = |len: u32| if len == u32::MAX { wide.len() } else { Ok(len as usize) };
    let (unpacked_len, packed_len, local_start) = (widen(unpacked)?, widen(packed)?, widen(local)?);
    Ok(Member { name, method, crc, packed_len, unpacked_len, local_start })
}

/// The extra field that holds what does not fit 32 bits, or nothing.
fn zip64_field(extra: &[u8]) -> Result<&[u8]> {
    let mut cursor = Cursor { bytes: extra };
    while !cursor.bytes.is_empty() {
        let (id, len) = (cursor.u16()?, cursor.u16()?);
        let field = cursor.take(len.into())?;
        if id == 1 {
            return Ok(field);
        }
    }
    Ok(&[])
}

fn inflate(packed: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new(); // grows with what is there, not with what is announced
    DeflateDecoder::new(packed).take(limit).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

fn deflate(data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data)?;
    encoder.finish()
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

fn not_a_zip() -> Error {
    Error::format("not a zip archive, or a truncated one: its end record is missing")
}

/// Little-endian fields, never beyond the end.
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn at(bytes: &'a [u8], start: usize) -> Result<Cursor<'a>> {
        bytes.get(start..).map(|bytes| Cursor { bytes }).ok_or_else(out_of_bounds)
    }
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(out_of_bounds)?;
        self.bytes = rest;
        Ok(taken)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or_else(out_of_bounds)?;
        self.bytes = rest;
        Ok(*taken)
    }
    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }
    /// An eight-byte length or offset that fits this machine.
    fn len(&mut self) -> Result<usize> {
        usize::try_from(self.array().map(u64::from_le_bytes)?).map_err(|_| out_of_bounds())
    }
}

fn out_of_bounds() -> Error {
    Error::format("the zip archive is truncated or corrupt: a field points beyond its end")
}
