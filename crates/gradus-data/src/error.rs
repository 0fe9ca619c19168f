//! The one error type of this crate. Every message names the file or option, what was found and what was expected.

use std::fmt;
use std::path::{Path, PathBuf};

/// `Result` with this crate's error.
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// Where in a file something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Byte offset from the start of the (decompressed) file.
    Byte(u64),
    /// Line number, from 1.
    Line(u64),
    /// Byte offset from the start of the file, and the number of the line it lies in, from 1.
    InText {
        /// Offset in the file.
        byte: u64,
        /// Line in the file.
        line: u64,
    },
    /// Line number and column number (both from 1), with the column's name if there is a header.
    Cell {
        /// Line in the file.
        line: u64,
        /// Column in the line.
        column: usize,
        /// Name of the column.
        name: Option<String>,
    },
    /// The file as a whole.
    Whole,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Byte(offset) => write!(f, ", byte {offset}"),
            Place::Line(line) => write!(f, ", line {line}"),
            Place::InText { byte, line } => write!(f, ", byte {byte} (line {line})"),
            Place::Cell { line, column, name: None } => write!(f, ", line {line}, column {column}"),
            Place::Cell { line, column, name: Some(name) } => {
                write!(f, ", line {line}, column {column} ({})", quote(name))
            }
            Place::Whole => Ok(()),
        }
    }
}

/// Whatever can go wrong between a user's data and a batch.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file's content is not what its format asks for.
    #[error("{file}{at}: found {found}, expected {expected}")]
    Malformed {
        /// The file's name.
        file: String,
        /// Where in the file.
        at: Place,
        /// What is there.
        found: String,
        /// What the format asks for.
        expected: String,
    },
    /// A label names no class.
    #[error("{file}: sample {sample} has label {label}, expected 0..{classes} ({classes} classes)")]
    Label {
        /// File or data set.
        file: String,
        /// Index of the sample, from 0.
        sample: usize,
        /// Its label.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
    /// An option or argument has a value that cannot work.
    #[error("{what}: found {found}, expected {expected}")]
    Invalid {
        /// The option or argument.
        what: String,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// No data set of that name.
    #[error("unknown data set {name:?}, expected a folder, a CSV file or one of: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A named data set has no local copy.
    #[error("no copy of {name} found; looked in {looked}; `gradus data fetch {name}` downloads it")]
    Absent {
        /// The data set.
        name: String,
        /// The folders searched.
        looked: String,
    },
    /// A download failed. What has arrived is kept, so the next try goes on from there.
    #[error("{url}: {problem}")]
    Download {
        /// The address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// A downloaded file is not the pinned one.
    #[error("{}: SHA-256 is {found}, expected {expected}; the download was discarded", path.display())]
    Checksum {
        /// The partial file.
        path: PathBuf,
        /// The hash of what arrived.
        found: String,
        /// The pinned hash.
        expected: String,
    },
    /// A data set or augmentation panicked while a batch was being made.
    #[error("loading epoch {epoch}, batch {batch} panicked: {message}")]
    Panicked {
        /// The epoch.
        epoch: u64,
        /// The batch in it.
        batch: usize,
        /// The panic's message.
        message: String,
    },
}

/// As it is displayed: a program whose `main` returns it shows a message, not its parts.
impl fmt::Debug for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl DataError {
    /// The system's answer to what was tried at a path, `action`.
    pub fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> DataError {
        move |source| DataError::Io { path: path.to_owned(), action, source }
    }

    /// Content that is not what a format asks for: `file, place: found …, expected …`.
    pub fn malformed(
        file: &str,
        at: Place,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> DataError {
        DataError::Malformed {
            file: file.to_owned(),
            at,
            found: printable(found.into()),
            expected: printable(expected.into()),
        }
    }

    /// The same, about a file.
    pub(crate) fn in_file(self, path: &Path) -> DataError {
        match self {
            DataError::Invalid { what, found, expected } => {
                let what = format!("{}: {what}", path.display());
                DataError::invalid(what, found, expected)
            }
            other => other,
        }
    }

    /// What is wrong, without the file, which is told beside it: `found …, expected …`.
    pub fn reason(&self) -> String {
        match self {
            DataError::Malformed { at, found, expected, .. } => {
                let at = at.to_string();
                let at = at.strip_prefix(", ").map_or(String::new(), |at| format!("{at}: "));
                format!("{at}found {found}, expected {expected}")
            }
            DataError::Io { action, source, .. } => format!("cannot {action}: {source}"),
            error => error.to_string(),
        }
    }

    /// An option or argument that cannot work: `what: found …, expected …`.
    pub fn invalid(
        what: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> DataError {
        DataError::Invalid {
            what: printable(what.into()),
            found: printable(found.into()),
            expected: printable(expected.into()),
        }
    }
}

/// Characters of outside text in a message; of a longer one the middle is left out.
const LONGEST: usize = 400;

/// A text that may come out of a file, without control characters and not too long for a terminal.
fn printable(text: String) -> String {
    if text.len() <= LONGEST && !text.contains(char::is_control) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => clean.extend(c.escape_default()),
            false => clean.push(c),
        }
    }
    let edge = |at: usize| clean.char_indices().nth(at).map_or(clean.len(), |(byte, _)| byte);
    match clean.chars().count() {
        ..=LONGEST => clean,
        n => format!("{} … {}", &clean[..edge(LONGEST / 2)], &clean[edge(n - LONGEST / 2)..]),
    }
}

/// A number of things: `1 file`, `2 files`.
///
/// ```
/// assert_eq!([1, 2].map(|n| gradus_data::count(n, "file")), ["1 file", "2 files"]);
/// ```
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// At most 40 characters of outside text, quoted, so that a hostile file cannot flood a message.
///
/// ```
/// assert_eq!(gradus_data::quote("a\nb"), r#""a\nb""#);
/// ```
pub fn quote(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
