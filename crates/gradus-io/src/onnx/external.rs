//! Elements that lie beside a model, in a file of its folder: PyTorch exports so by default, and models of more than two
//! gigabytes have to.   <https://onnx.ai/onnx/repo-docs/ExternalData.html>
//!
//! A model is not trusted with paths: what it names must lie in the model's own folder, links followed, and hold what it says.

use crate::sha1::Sha1;
use crate::wire::fields;
use crate::{Error, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// All arrays together may take so many times the bytes of the file they lie in: few weights are shared.
const MOST_SHARED: u64 = 4;

/// Where an array's elements lie.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// The file, as a path within the model's folder.
    pub location: String,
    /// The first byte.
    pub offset: u64,
    /// Bytes; all the rest of the file if nothing is said.
    pub length: Option<u64>,
    /// The file's SHA-1 in hexadecimal.
    pub checksum: Option<String>,
}

impl Place {
    /// Takes up an entry of a tensor's list of keys and values.
    pub(super) fn entry(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut key, mut value) = (String::new(), String::new());
        fields(bytes, |number, field| {
            match number {
                1 => key = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
            Ok(())
        })?;
        let number = || {
            let what = || format!("external {key} {value:?}; expected a whole number of bytes");
            value.parse().map_err(|_| Error::format(what()))
        };
        match &*key {
            "location" => self.location = value,
            "offset" => self.offset = number()?,
            "length" => self.length = Some(number()?),
            "checksum" => self.checksum = Some(value),
            // Others are for other programs.
            _ => {}
        }
        Ok(())
    }

    /// The keys and values that [`Place::entry`] takes up.
    pub(super) fn entries(&self) -> Vec<(&'static str, String)> {
        let mut entries = vec![("location", self.location.clone())];
        entries.push(("offset", self.offset.to_string()));
        entries.extend(self.length.map(|length| ("length", length.to_string())));
        entries.extend(self.checksum.clone().map(|sum| ("checksum", sum)));
        entries
    }

    fn unread(&self, error: &std::io::Error) -> Error {
        let action = format!("its elements lie in {:?}, which cannot be read", self.location);
        Error::io(&action, error)
    }

    fn wrong(&self, what: &str) -> Error {
        Error::format(format!("its elements lie in {:?}, {what}", self.location))
    }

    /// Whether a file of `size` bytes has `len` bytes there, no more and no fewer than are said.
    fn check(&self, size: u64, len: u64) -> Result<()> {
        let rest = size.checked_sub(self.offset);
        let length = self.length.or(rest).unwrap_or(0);
        let from = self.offset;
        match rest.is_some_and(|rest| length <= rest) {
            false => {
                let what = format!("{length} bytes from {from} on, but the file has {size}");
                Err(self.wrong(&what))
            }
            true if length != len => {
                Err(self.wrong(&format!("{length} bytes from {from} on; expected {len}")))
            }
            true => Ok(()),
        }
    }

    /// The path within the folder, if it cannot lead out of it by itself.
    fn path(&self) -> Result<&Path> {
        let path = Path::new(&self.location);
        let named = path.components().any(|part| matches!(part, Component::Normal(_)));
        let inside =
            path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        match named && inside && !self.location.contains(['\\', '\0']) {
            true => Ok(path),
            false => Err(self.wrong("expected a file in the model's folder")),
        }
    }
}

/// Where elements that lie beside a model are taken from.
pub(super) trait Beside {
    /// The bytes at a place, of which `len` are needed.
    fn bytes(&mut self, place: &Place, len: u64) -> Result<Vec<u8>>;
}

/// For a model in memory, which has no folder.
pub(super) struct Nowhere;

impl Beside for Nowhere {
    fn bytes(&mut self, place: &Place, _: u64) -> Result<Vec<u8>> {
        Err(place.wrong("beside the model; only a model's file is read together with it"))
    }
}

/// A model's folder.
pub(super) struct Folder {
    path: PathBuf,
    /// By their true paths: one file under many names is one file.
    files: HashMap<PathBuf, Taken>,
}

/// What was taken from a file. It is not kept open: old exports have one for each array.
#[derive(Default)]
struct Taken {
    bytes: u64,
    /// Computed when an array states one.
    checksum: Option<String>,
}

impl Folder {
    /// The folder of a model's file.
    pub(super) fn of(model: &Path) -> Folder {
        let parent = model.parent().filter(|folder| !folder.as_os_str().is_empty());
        Folder { path: parent.unwrap_or(Path::new(".")).to_owned(), files: HashMap::new() }
    }

    /// The true path of a file in the folder. Links are followed before anything is opened, and what they lead to is what is
    /// opened.
    fn find(&self, place: &Place) -> Result<PathBuf> {
        let path = self.path.join(place.path()?);
        let root = self.path.canonicalize().map_err(|e| place.unread(&e))?;
        let path = path.canonicalize().map_err(|e| place.unread(&e))?;
        if !path.starts_with(&root) {
            return Err(place.wrong(
                "which links lead out of the model's folder; the file itself must be there",
            ));
        }
        // Opening a pipe would wait for ever.
        match path.metadata().map_err(|e| place.unread(&e))?.is_file() {
            true => Ok(path),
            false => Err(place.wrong("which is no file")),
        }
    }
}

impl Beside for Folder {
    fn bytes(&mut self, place: &Place, len: u64) -> Result<Vec<u8>> {
        let path = self.find(place)?;
        let mut file = File::open(&path).map_err(|e| place.unread(&e))?;
        let size = file.metadata().map_err(|e| place.unread(&e))?.len();
        place.check(size, len)?;
        let taken = self.files.entry(path).or_default();
        taken.bytes = taken.bytes.saturating_add(len);
        if taken.bytes > size.saturating_mul(MOST_SHARED) {
            let what = format!("and arrays take more than {MOST_SHARED} times its {size} bytes");
            return Err(place.wrong(&what));
        }
        if let Some(stated) = &place.checksum {
            if taken.checksum.is_none() {
                taken.checksum = Some(digest(&mut file).map_err(|e| place.unread(&e))?);
            }
            let found = taken.checksum.as_deref().unwrap_or_default();
            if !found.eq_ignore_ascii_case(stated) {
                let what = format!("whose SHA-1 is {found}; the model says {stated}");
                return Err(place.wrong(&what));
            }
        }
        let mut bytes = vec![0; len as usize];
        file.seek(SeekFrom::Start(place.offset))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|error| place.unread(&error))?;
        Ok(bytes)
    }
}

fn digest(file: &mut File) -> std::io::Result<String> {
    let (mut sha1, mut block) = (Sha1::default(), vec![0; 1 << 16]);
    file.seek(SeekFrom::Start(0))?;
    loop {
        match file.read(&mut block)? {
            0 => return Ok(sha1.hex()),
            n => sha1.update(&block[..n]),
        }
    }
}
