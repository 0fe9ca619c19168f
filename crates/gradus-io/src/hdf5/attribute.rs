//! Attributes that hold texts: names of layers and of weights, a model's description. Others are passed over.

use super::btree;
use super::dataset::dataspace;
use super::file::{Cursor, File, corrupt};
use super::header::{ATTRIBUTE, ATTRIBUTE_INFO, Header};
use super::heap::Heap;
use crate::{Error, Result};

/// How a text lies in an attribute.
enum Text {
    /// In so many bytes, the rest filled.
    Fixed(usize),
    /// In a heap of the file's; here are its length and its place.
    Elsewhere,
}

/// The attributes of an object that hold texts, in the file's order: each one's name and its elements.
pub(super) fn texts(file: &File<'_>, header: &Header<'_>) -> Result<Vec<(String, Vec<String>)>> {
    let mut found = vec![];
    for message in header.messages(ATTRIBUTE) {
        found.extend(attribute(file, message)?);
    }
    if let Some(mut info) = header.message(ATTRIBUTE_INFO) {
        info.take(1)?;
        let flags = info.u8()?;
        info.take(if flags & 1 != 0 { 2 } else { 0 })?; // the highest order of making
        let (heap, names) = (file.address(&mut info)?, file.address(&mut info)?);
        if let (Some(heap), Some(names)) = (heap, names) {
            let heap = Heap::read(file, heap)?;
            btree::records(file, names, &mut |record| {
                found.extend(attribute(file, Cursor { bytes: heap.object(file, record)? })?);
                Ok(())
            })?;
        }
    }
    Ok(found)
}

/// An attribute's name and texts; `None` for numbers, and for types that data sets share.
fn attribute<'a>(file: &File<'a>, mut at: Cursor<'a>) -> Result<Option<(String, Vec<String>)>> {
    let (version, flags) = (at.u8()?, at.u8()?);
    if !(1..=3).contains(&version) {
        return Err(Error::format(format!(
            "an HDF5 attribute of version {version}, 1 to 3 are read"
        )));
    }
    let lens = [at.u16()?, at.u16()?, at.u16()?].map(usize::from);
    at.take(if version == 3 { 1 } else { 0 })?; // the name's character set
    let mut part = |len: usize| {
        let padded = if version == 1 { len.next_multiple_of(8) } else { len };
        // What ends the block need not be padded.
        let padded = padded.min(at.bytes.len().max(len));
        at.take(padded).map(|bytes| Cursor { bytes: &bytes[..len] })
    };
    let (name, datatype, space) = (part(lens[0])?, part(lens[1])?, part(lens[2])?);
    if version > 1 && flags & 3 != 0 {
        return Ok(None);
    }
    let name = until_zero(name.bytes);
    let Some(kind) = text_type(datatype)? else { return Ok(None) };
    let Some(shape) = dataspace(file, space)? else { return Ok(Some((name, vec![]))) };
    let count = shape.iter().try_fold(1usize, |count, &axis| count.checked_mul(axis));
    let count = count.ok_or_else(corrupt)?;
    let mut texts = vec![];
    for _ in 0..count {
        file.count()?;
        texts.push(match kind {
            Text::Fixed(size) => {
                file.count_text(size)?;
                until_zero(at.take(size)?).trim_end().to_owned()
            }
            Text::Elsewhere => {
                let len = at.u32()? as usize;
                let heap = file.address(&mut at)?;
                let index = at.u32()?;
                file.count_text(len)?;
                match (len, heap) {
                    (0, _) | (_, None) => String::new(),
                    (_, Some(heap)) => {
                        until_zero(global(file, heap, index)?.get(..len).ok_or_else(corrupt)?)
                    }
                }
            }
        });
    }
    Ok(Some((name, texts)))
}

/// How the elements of a type of texts lie; `None` for other types.
fn text_type(mut at: Cursor<'_>) -> Result<Option<Text>> {
    let (class, bits) = (at.u8()? & 15, at.u8()?);
    at.take(2)?;
    let size = at.u32()? as usize;
    Ok(match class {
        3 if size > 0 => Some(Text::Fixed(size)),
        9 if bits & 15 == 1 => Some(Text::Elsewhere),
        _ => None,
    })
}

/// An object of the collection at an address ("global heap").
fn global<'a>(file: &File<'a>, address: u64, wanted: u32) -> Result<&'a [u8]> {
    let mut at = file.at(address)?;
    let whole = at.bytes.len();
    at.expect(b"GCOL")?;
    at.take(4)?; // version
    let len = usize::try_from(file.len(&mut at)?).map_err(|_| corrupt())?;
    let header = whole - at.bytes.len();
    let mut at = Cursor { bytes: at.take(len.checked_sub(header).ok_or_else(corrupt)?)? };
    while at.bytes.len() >= 8 + file.length_size() {
        file.count()?;
        let index = u32::from(at.u16()?);
        at.take(6)?; // references
        let len = usize::try_from(file.len(&mut at)?).map_err(|_| corrupt())?;
        if index == 0 {
            break; // what follows is free
        }
        let object = at.take(len)?;
        if index == wanted {
            return Ok(object);
        }
        at.take((len.next_multiple_of(8) - len).min(at.bytes.len()))?;
    }
    Err(corrupt())
}

fn until_zero(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&b| b == 0).next().unwrap_or(&[])).into_owned()
}
