//! Logs that grow line by line: `log.jsonl`. A process killed in mid-line leaves a torn last line;
//! readers drop it, and opening for append mends it.

use crate::atomic::folder_of;
use crate::{Disk, Error, Result, Storage, atomic_write};
use serde::Serialize;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The lines of a JSON log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonLines {
    /// One object a line.
    pub records: Vec<Value>,
    /// Whether an unfinished last line was dropped.
    pub torn: bool,
}

/// Parses a JSON log. A last line without newline may be torn; any other must be an object.
pub fn parse_json_lines(bytes: &[u8]) -> Result<JsonLines> {
    let mut log = JsonLines::default();
    for (i, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match serde_json::from_slice(line) {
            Ok(record @ Value::Object(_)) => log.records.push(record),
            _ if !line.ends_with(b"\n") => log.torn = true,
            Ok(_) => return Err(Error::format(format!("line {}: expected an object", i + 1))),
            Err(error) => {
                return Err(Error::format(format!("line {}: not JSON: {error}", i + 1)));
            }
        }
    }
    Ok(log)
}

/// Reads a JSON log.
pub fn read_json_lines(path: &Path) -> Result<JsonLines> {
    let bytes = crate::read_file(path)?;
    parse_json_lines(&bytes).map_err(|error| error.in_file(path))
}

/// Keeps the records that `keep` accepts and drops the others, whole or not at all. A resumed run
/// drops what it logged after its checkpoint, since it will log that again.
pub fn retain_json_lines(path: &Path, keep: impl Fn(&Value) -> bool) -> Result<()> {
    crate::expect_own_file(path)?;
    let log = read_json_lines(path)?;
    atomic_write(path, |w| {
        log.records.iter().filter(|record| keep(record)).try_for_each(|r| writeln!(w, "{r}"))
    })
}

/// A JSON log open for append.
#[derive(Debug)]
pub struct JsonLog {
    lines: LineFile,
}

impl JsonLog {
    /// Opens or creates a log; a torn last line is removed.
    pub fn append(path: &Path) -> Result<JsonLog> {
        let is_whole = |line: &[u8]| matches!(serde_json::from_slice(line), Ok(Value::Object(_)));
        Ok(JsonLog { lines: LineFile::open(path, is_whole)? })
    }

    /// Appends a record, which must serialize to an object. NaN and infinities become null.
    pub fn write(&mut self, record: &impl Serialize) -> Result<()> {
        let value = serde_json::to_value(record)
            .map_err(|error| Error::value(format!("the record is not JSON: {error}")))?;
        if !value.is_object() {
            return Err(Error::value(format!("a log record must be an object, not {value}")));
        }
        self.lines.push(value.to_string())
    }

    /// Returns when all records are on the medium.
    pub fn sync(&self) -> Result<()> {
        self.lines.sync()
    }
}

/// A file of whole lines.
#[derive(Debug)]
struct LineFile {
    file: File,
    path: PathBuf,
    len: u64,
}

impl LineFile {
    /// Opens or creates the file. A last line without newline gets one where `is_whole` accepts
    /// it, and is cut off otherwise. A link is refused: its file would be written to.
    fn open(path: &Path, is_whole: impl Fn(&[u8]) -> bool) -> Result<LineFile> {
        crate::expect_own_file(path)?;
        let open = || -> io::Result<(File, u64)> {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            // The name of a new file is to outlast a power cut as its lines do.
            Disk.sync_folder(folder_of(path))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let start = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let tail = &bytes[start..];
            if !tail.is_empty() && is_whole(tail) {
                file.write_all(b"\n")?;
                return Ok((file, bytes.len() as u64 + 1));
            }
            file.set_len(start as u64)?;
            file.seek(SeekFrom::Start(start as u64))?;
            Ok((file, start as u64))
        };
        let (file, len) = open().map_err(|e| Error::io("cannot open", &e).in_file(path))?;
        Ok(LineFile { file, path: path.to_path_buf(), len })
    }

    /// Appends a line with one write; if that fails half-way, takes it back.
    fn push(&mut self, mut line: String) -> Result<()> {
        line.push('\n');
        let written = self.file.write_all(line.as_bytes());
        if let Err(error) = written {
            // Best effort: what stays is a torn last line, which readers and `open` accept.
            let _ = self.file.set_len(self.len);
            let _ = self.file.seek(SeekFrom::Start(self.len));
            return Err(Error::io("cannot append", &error).in_file(&self.path));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::io("cannot sync", &error).in_file(&self.path))
    }
}
