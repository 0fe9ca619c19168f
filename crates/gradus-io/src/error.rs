//! The one error of this crate: which file, what was found, what was expected.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The family an error belongs to, for callers that react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The operating system refused: missing file, full disk, no permission.
    Io(io::ErrorKind),
    /// The bytes are not what the format promises.
    Format,
    /// The file is of a newer or unknown version of its format.
    Version,
    /// The file is sound but belongs to another architecture.
    Mismatch,
    /// Another process holds the run directory.
    Locked,
    /// The file asks for code to be run.
    Refused,
    /// The caller asked for something the format cannot hold.
    Value,
}

/// An error of reading or writing a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// The family.
    pub kind: Kind,
    /// The file or folder, where one is known.
    pub path: Option<PathBuf>,
    /// What was found and what was expected.
    pub what: String,
}

impl Error {
    /// An error of `kind`, not yet tied to a file.
    pub fn new(kind: Kind, what: impl Into<String>) -> Error {
        Error { kind, path: None, what: what.into() }
    }

    /// Bytes that break their format.
    pub fn format(what: impl Into<String>) -> Error {
        Error::new(Kind::Format, what)
    }

    /// A request the format cannot hold.
    pub fn value(what: impl Into<String>) -> Error {
        Error::new(Kind::Value, what)
    }

    /// The operating system's refusal of `action` ("cannot read").
    pub fn io(action: &str, error: &io::Error) -> Error {
        Error::new(Kind::Io(error.kind()), format!("{action}: {error}"))
    }

    /// Names the file, unless one is named already.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Error {
        self.path.get_or_insert_with(|| path.to_path_buf());
        self
    }
}

/// Characters of a line of a message; of a longer one the middle is left out.
const LINE: usize = 400;

/// Lines of a message; of a longer one the middle is left out.
const LINES: usize = 20;

impl fmt::Display for Error {
    /// Names and texts out of a file may be long or hold control characters: neither reaches a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&printable(&self.what))
    }
}

/// A message as a terminal may show it: control characters escaped, and the middle of overlong lines and of overlong
/// messages left out. Names and texts out of a file may hold the one and be the other.
///
/// ```
/// assert_eq!(gradus_io::printable("node \"\x1b[2J\"\nis odd"), "node \"\\u{1b}[2J\"\nis odd");
/// ```
pub fn printable(message: &str) -> String {
    let mut lines: Vec<Cow<'_, str>> = message.split('\n').map(printable_line).collect();
    if lines.len() > LINES {
        lines.splice(LINES / 2..lines.len() - LINES / 2, [" … ".into()]);
    }
    lines.join("\n")
}

fn printable_line(line: &str) -> Cow<'_, str> {
    let clean = visible(line);
    let edge = |at: usize| clean.char_indices().nth(at).map_or(clean.len(), |(byte, _)| byte);
    match clean.chars().count() {
        ..=LINE => clean,
        n => format!("{} … {}", &clean[..edge(LINE / 2)], &clean[edge(n - LINE / 2)..]).into(),
    }
}

/// A text out of a file in one line, whose control characters are shown as escapes, line breaks too: they would command the terminal,
/// or break a table.
///
/// ```
/// assert_eq!(gradus_io::visible("cat\x1b[2J\n"), "cat\\u{1b}[2J\\n");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => clean.extend(c.escape_default()),
            false => clean.push(c),
        }
    }
    clean.into()
}

/// As it is displayed: a program whose `main` returns it shows a message, not its parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn what_a_file_says_cannot_steer_a_terminal() {
        let error = Error::format(format!("array `\x1b[2J{}` is odd\n  two", "\0".repeat(900)));
        let text = error.to_string();
        assert!(text.starts_with("array `\\u{1b}[2J\\u{0}"), "{text}");
        assert!(text.contains(" … ") && text.ends_with("\\u{0}` is odd\n  two"), "{text}");
        assert!(text.chars().count() < 500);
    }

    #[test]
    fn a_name_of_many_lines_does_not_fill_the_screen() {
        let text = Error::format(format!("the member `a{}b` is odd", "\n".repeat(500))).to_string();
        assert!(text.starts_with("the member `a\n") && text.ends_with("\nb` is odd"), "{text}");
        assert_eq!(text.lines().count(), 21);
    }
}
