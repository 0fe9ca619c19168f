//! The JSON header of a safetensors file: parsed without trust, checked against the data's length.

use super::{DTYPES, Metadata};
use crate::{DType, Error, Result, byte_len};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

/// A longer header is refused, as the reference implementation does.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Where an array lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The array's name.
    pub name: String,
    /// The type of its elements.
    pub dtype: DType,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its bytes, counted from the end of the header.
    pub range: Range<usize>,
}

/// A header that fits its data: entries are in the order of their bytes and cover them all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The text entries.
    pub metadata: Metadata,
    /// The arrays.
    pub entries: Vec<Entry>,
}

impl Header {
    /// Parses the JSON of a header that `data_len` bytes of data follow.
    pub fn parse(json: &[u8], data_len: u64) -> Result<Header> {
        if json.first() != Some(&b'{') {
            return Err(Error::format("not a safetensors file: the header does not start with {"));
        }
        let raw: RawHeader = serde_json::from_slice(json)
            .map_err(|error| Error::format(format!("bad safetensors header: {error}")))?;
        let mut entries = Vec::with_capacity(raw.entries.len());
        for (name, entry) in raw.entries {
            entries.push(check_entry(name, &entry)?);
        }
        // By end as well: an empty array may share its start with the next one.
        entries.sort_by_key(|entry| (entry.range.start, entry.range.end));
        check_cover(&entries, data_len)?;
        Ok(Header { metadata: raw.metadata, entries })
    }

    /// The entry called `name`.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// The length of the header from the first eight bytes, checked against the file's length.
pub(super) fn header_len(first: [u8; 8], file_len: u64) -> Result<usize> {
    let len = u64::from_le_bytes(first);
    if len > MAX_HEADER_BYTES {
        return Err(Error::format(match kind(first) {
            Some(kind) => format!("found {kind}, expected a safetensors file"),
            None => format!(
                "not a safetensors file: it announces a header of {len} bytes, at most \
                 {MAX_HEADER_BYTES} are accepted"
            ),
        }));
    }
    if len > file_len - 8 {
        return Err(Error::format(format!(
            "truncated: it announces a header of {len} bytes, {} follow",
            file_len - 8
        )));
    }
    Ok(len as usize)
}

/// What a file is by its first bytes, of those that are mistaken for a model's.
fn kind(first: [u8; 8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG image"),
        (b"\xFF\xD8\xFF", "a JPEG image"),
        (b"PK\x03\x04", "a zip archive, such as PyTorch's .pth or NumPy's .npz"),
        (b"\x89HDF", "an HDF5 file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x1F\x8B", "a gzip file"),
        (b"\x80\x02", "a pickle, such as PyTorch's older .pth"),
    ];
    let known = KINDS.iter().find(|(magic, _)| first.starts_with(magic));
    // An ONNX model begins with its version (field 1), then its producer (field 2) or its operator sets (8).
    let onnx = first[0] == 8 && first[1] < 32 && [0x12, 0x42].contains(&first[2]);
    let text = first.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    known
        .map(|(_, kind)| *kind)
        .or(onnx.then_some("an ONNX model"))
        .or(text.then_some("a text file"))
}

fn check_entry(name: String, raw: &RawEntry) -> Result<Entry> {
    let bad = |what: String| Error::format(format!("array `{name}`: {what}"));
    let known = DTYPES.iter().find(|(_, text)| *text == raw.dtype);
    let &(dtype, _) = known.ok_or_else(|| {
        let names: Vec<_> = DTYPES.iter().map(|(_, text)| *text).collect();
        bad(format!("unknown dtype {:?}, expected one of {}", raw.dtype, names.join(", ")))
    })?;
    let [start, end] = raw.data_offsets;
    if start > end {
        return Err(bad(format!("its data ends at {end}, before its start at {start}")));
    }
    let expected = byte_len(dtype, &raw.shape)
        .ok_or_else(|| bad(format!("the shape {:?} is too large", raw.shape)))?;
    if end - start != expected {
        return Err(bad(format!(
            "{dtype} {:?} takes {expected} bytes, its data offsets hold {}",
            raw.shape,
            end - start
        )));
    }
    Ok(Entry { dtype, shape: raw.shape.clone(), range: start..end, name })
}

fn check_cover(entries: &[Entry], data_len: u64) -> Result<()> {
    let mut end = 0;
    let mut previous = "";
    for entry in entries {
        let (name, start) = (&entry.name, entry.range.start);
        if start < end {
            return Err(Error::format(format!(
                "array `{name}`: its data starts at {start} and overlaps `{previous}`, which \
                 ends at {end}"
            )));
        }
        if start > end {
            return Err(Error::format(format!(
                "array `{name}`: its data starts at {start}, bytes {end}..{start} belong to no \
                 array"
            )));
        }
        end = entry.range.end;
        previous = name;
        if end as u64 > data_len {
            return Err(Error::format(format!(
                "truncated: array `{name}` ends at byte {end} of the data, {data_len} are there"
            )));
        }
    }
    if (end as u64) < data_len {
        return Err(Error::format(format!(
            "{} bytes follow the last array's end",
            data_len - end as u64
        )));
    }
    Ok(())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// The header as JSON has it; a name that comes twice is an error, not an overwrite.
struct RawHeader {
    metadata: Metadata,
    entries: Vec<(String, RawEntry)>,
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(RawHeaderVisitor)
    }
}

struct RawHeaderVisitor;

impl<'de> Visitor<'de> for RawHeaderVisitor {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of arrays")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<RawHeader, A::Error> {
        let mut header = RawHeader { metadata: Metadata::new(), entries: Vec::new() };
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom(format!("the name `{name}` comes twice")));
            }
            let in_entry = |error| de::Error::custom(format!("array `{name}`: {error}"));
            if name == "__metadata__" {
                header.metadata = map.next_value::<UniqueMetadata>()?.0;
            } else {
                let entry = map.next_value().map_err(in_entry)?;
                header.entries.push((name, entry));
            }
        }
        Ok(header)
    }
}

/// Text entries of which none comes twice.
struct UniqueMetadata(Metadata);

impl<'de> Deserialize<'de> for UniqueMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(MetadataVisitor).map(UniqueMetadata)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts in __metadata__")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Metadata, A::Error> {
        let mut metadata = Metadata::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if metadata.contains_key(&key) {
                return Err(de::Error::custom(format!("the metadata key `{key}` comes twice")));
            }
            metadata.insert(key, value);
        }
        Ok(metadata)
    }
}
