//! Bytes read from the front, and what is wrong with them.

use std::fmt;

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl Unreadable {
    /// With what is wrong in words.
    pub fn new(what: String) -> Unreadable {
        Unreadable(told(&what))
    }

    /// A variant that an enum does not have.
    #[doc(hidden)] // for the derive
    pub fn tag(name: &str, tag: u8) -> Unreadable {
        Unreadable(format!("{name} has no variant {tag}"))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a message of version {}: {}", super::VERSION, self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Bytes of which the front is read.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// Makes sure that so many bytes are there.
    pub(crate) fn expect(&self, count: usize) -> Result<(), Unreadable> {
        if count > self.bytes.len() {
            let left = self.bytes.len();
            return Err(Unreadable(format!("{count} bytes are needed where {left} are left")));
        }
        Ok(())
    }

    /// The next bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        self.expect(count)?;
        let (front, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        Ok(front)
    }
}

/// The most letters of a message.
const LONGEST: usize = 600;

/// A text that may quote what somebody sent, in letters that a terminal and a page show as they are, and not too many of them.
pub(crate) fn told(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
    let mut told: String = text.chars().take(LONGEST).map(shown).collect();
    if text.chars().nth(LONGEST).is_some() {
        told.push('…');
    }
    told
}
