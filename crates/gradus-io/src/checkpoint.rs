//! Checkpoints: one safetensors file with arrays, and state as JSON in its text entries.
//!
//! `format` is `gradus/1`; `checksum` is the CRC-32C of everything else, so a flipped bit is found
//! on loading and not as a strange loss. It is compared before anything is made of the contents, the
//! version included: a later version must have another checksum, so that one flipped bit never makes
//! a file of this version look like one of the next; every other text entry is one piece of state (optimiser
//! counters, random state, position in the data, architecture, class names) as a JSON value.

use crate::safetensors::{self, Contents, Metadata};
use crate::{Crc32c, DType, Disk, Error, Kind, NamedArray, Result, Storage, atomic_write_on};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The version this crate writes; it reads all up to it.
pub const VERSION: u32 = 1;

const FORMAT: &str = "format";
const CHECKSUM: &str = "checksum";

/// How many differences of each sort a mismatch lists.
const LISTED: usize = 8;

/// Arrays and state of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The arrays.
    pub arrays: Vec<NamedArray>,
    /// JSON texts by key; use [`Checkpoint::set`] and [`Checkpoint::get`].
    state: BTreeMap<String, String>,
    /// The file it came from, for messages.
    path: Option<PathBuf>,
}

/// What a network expects of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The name, such as `fc1.weight`.
    pub name: String,
    /// The type of the elements.
    pub dtype: DType,
    /// The sizes.
    pub shape: Vec<usize>,
}

impl Checkpoint {
    /// A checkpoint of these arrays, without state.
    pub fn new(arrays: Vec<NamedArray>) -> Checkpoint {
        Checkpoint { arrays, ..Checkpoint::default() }
    }

    /// Sets a piece of state. Finite floats keep their bits; JSON has no NaN and no infinity,
    /// which become null, so those belong into arrays.
    pub fn set(&mut self, key: &str, value: &impl Serialize) -> Result<()> {
        if key == FORMAT || key == CHECKSUM {
            return Err(Error::value(format!("the checkpoint keeps the key `{key}` to itself")));
        }
        let text = serde_json::to_string(value)
            .map_err(|error| Error::value(format!("state `{key}` is not JSON: {error}")))?;
        self.state.insert(key.to_owned(), text);
        Ok(())
    }

    /// A piece of state, which must be there and of type `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let missing = || self.error(Kind::Format, format!("the checkpoint has no state `{key}`"));
        let text = self.state.get(key).ok_or_else(missing)?;
        serde_json::from_str(text).map_err(|error| {
            self.error(Kind::Format, format!("state `{key}` is not what was expected: {error}"))
        })
    }

    /// The keys of the state.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.state.keys().map(String::as_str)
    }

    /// The array called `name`.
    pub fn array(&self, name: &str) -> Option<&NamedArray> {
        self.arrays.iter().find(|array| array.name == name)
    }

    /// Writes the file whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_on(&Disk, path)
    }

    /// [`Checkpoint::save`] on any [`Storage`].
    pub fn save_on<S: Storage>(&self, storage: &S, path: &Path) -> Result<()> {
        safetensors::check(&self.arrays).map_err(|error| error.in_file(path))?;
        let mut metadata: Metadata = self.state.clone();
        metadata.insert(FORMAT.to_owned(), format!("gradus/{VERSION}"));
        metadata.insert(CHECKSUM.to_owned(), checksum(&self.state, &self.arrays));
        atomic_write_on(storage, path, |w| safetensors::write_checked(w, &metadata, &self.arrays))
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let checkpoint =
            safetensors::read(path).and_then(from_contents).map_err(|e| e.in_file(path))?;
        Ok(Checkpoint { path: Some(path.to_path_buf()), ..checkpoint })
    }

    /// Parses a file in memory.
    pub fn parse(bytes: &[u8]) -> Result<Checkpoint> {
        safetensors::parse(bytes).and_then(from_contents)
    }

    /// Refuses a checkpoint of another architecture, listing what differs.
    pub fn expect(&self, expected: &[Expected]) -> Result<()> {
        let sections = differences(expected, &self.arrays);
        if sections.is_empty() {
            return Ok(());
        }
        let what = format!("a checkpoint of another architecture\n{}", sections.join("\n"));
        Err(self.error(Kind::Mismatch, what))
    }

    fn error(&self, kind: Kind, what: String) -> Error {
        Error { kind, path: self.path.clone(), what }
    }
}

/// Whether text entries are a checkpoint's, be it a damaged one: `gradus/` in some entry, or a checksum beside nothing but
/// JSON. A flipped bit removes one of these signs at most, so a checkpoint is never taken for another program's file.
pub(crate) fn has_signs(metadata: &Metadata) -> bool {
    let is_checksum =
        |text: &String| text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let others = metadata.iter().filter(|(key, _)| *key != FORMAT && *key != CHECKSUM);
    metadata.values().any(|text| text.starts_with("gradus/"))
        || (metadata.get(CHECKSUM).is_some_and(is_checksum)
            && others.map(|(_, text)| text).all(|text| is_json(text)))
}

pub(crate) fn from_contents(contents: Contents) -> Result<Checkpoint> {
    let Contents { metadata: mut state, arrays } = contents;
    let (format, found) = (state.remove(FORMAT), state.remove(CHECKSUM));
    let expected = checksum(&state, &arrays);
    if found.as_deref() != Some(&expected) {
        // Another version may have another checksum.
        check_version(format.as_deref())?;
        let found = found.as_deref().unwrap_or("none");
        return Err(Error::format(format!(
            "the checkpoint is corrupt: its checksum is {found}, its contents give {expected}"
        )));
    }
    // No later version has the checksum of this one, so it is the version that a flipped bit has changed.
    let own = format!("gradus/{VERSION}");
    if format.as_deref() != Some(&own) {
        let format = format.as_deref().unwrap_or("none");
        return Err(Error::format(format!(
            "the checkpoint is corrupt: its version is {format:?}, its checksum that of {own:?}"
        )));
    }
    Ok(Checkpoint { arrays, state, path: None })
}

fn check_version(format: Option<&str>) -> Result<()> {
    let Some(format) = format else {
        return Err(Error::format(
            "a safetensors file, but not a Gradus checkpoint: the text entry `format` is missing",
        ));
    };
    match format.strip_prefix("gradus/").map(str::parse::<u32>) {
        Some(Ok(1..=VERSION)) => Ok(()),
        Some(Ok(newer)) if newer > VERSION => Err(Error::new(
            Kind::Version,
            format!(
                "a checkpoint of format gradus/{newer}, this program reads up to \
                 gradus/{VERSION}; a newer Gradus wrote it"
            ),
        )),
        _ => Err(Error::format(format!(
            "unknown checkpoint format {format:?}, expected gradus/{VERSION}"
        ))),
    }
}

/// CRC-32C over state and arrays, in an order that no writer can change. Every text is preceded
/// by its length, so that moving a byte from one to the next changes the sum.
fn checksum(state: &BTreeMap<String, String>, arrays: &[NamedArray]) -> String {
    let mut crc = Crc32c::default();
    let mut text = |bytes: &[u8]| {
        crc.update(&(bytes.len() as u64).to_le_bytes());
        crc.update(bytes);
    };
    for (key, value) in state {
        text(key.as_bytes());
        text(value.as_bytes());
    }
    let mut by_name: Vec<&NamedArray> = arrays.iter().collect();
    by_name.sort_by_key(|array| &array.name);
    for array in by_name {
        text(array.name.as_bytes());
        text(format!("{} {:?}", array.dtype, array.shape).as_bytes());
        text(&array.data);
    }
    format!("{:08x}", crc.value())
}

/// A line each for arrays that are missing, unexpected, or of another type or shape.
fn differences(expected: &[Expected], found: &[NamedArray]) -> Vec<String> {
    let mut rest: HashMap<&str, &NamedArray> =
        found.iter().map(|array| (array.name.as_str(), array)).collect();
    let (mut missing, mut differs) = (Vec::new(), Vec::new());
    for Expected { name, dtype, shape } in expected {
        match rest.remove(name.as_str()) {
            None => missing.push(format!("{name} {dtype} {shape:?}")),
            Some(array) if (array.dtype, &array.shape) != (*dtype, shape) => differs.push(format!(
                "{name}: the file has {} {:?}, the network {dtype} {shape:?}",
                array.dtype, array.shape
            )),
            Some(_) => {}
        }
    }
    let unexpected = found.iter().filter(|array| rest.contains_key(array.name.as_str()));
    let unexpected: Vec<String> = unexpected
        .map(|array| format!("{} {} {:?}", array.name, array.dtype, array.shape))
        .collect();
    let sections =
        [("missing in the file", missing), ("unexpected", unexpected), ("different", differs)];
    sections
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(title, lines)| section(title, &lines))
        .collect()
}

fn section(title: &str, lines: &[String]) -> String {
    let mut text = format!("  {title} ({}):", lines.len());
    for line in lines.iter().take(LISTED) {
        text.push_str("\n    ");
        text.push_str(line);
    }
    if lines.len() > LISTED {
        text.push_str(&format!("\n    and {} more", lines.len() - LISTED));
    }
    text
}
