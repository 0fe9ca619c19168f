//! What was done on a page, and at which step: enough to do it again.

use crate::wire::{Reader, Unreadable, VERSION, Wire, decode, encode};
use crate::{Command, PageName};

/// The most bytes of commands that are kept.
const ROOM: usize = 4 << 20;

/// A command and the step at which it came.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Steps taken before it.
    pub(crate) step: u32,
    /// The command.
    pub(crate) command: Command,
}

/// What was done on a page.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(crate) struct Journal {
    /// Version of the messages.
    pub(crate) version: u16,
    /// The page.
    pub(crate) page: PageName,
    /// What it was opened with.
    pub(crate) settings: String,
    /// What was done then.
    pub(crate) entries: Vec<Entry>,
    /// Steps taken in all.
    pub(crate) step: u32,
    /// Bytes of the commands.
    taken: u32,
}

impl Journal {
    pub(crate) fn new(page: PageName, settings: String) -> Journal {
        Journal { version: VERSION, page, settings, entries: vec![], step: 0, taken: 0 }
    }

    /// Keeps a command; gives false, and keeps nothing, if there is no room left.
    pub(crate) fn add(&mut self, step: u32, command: &Command) -> bool {
        let taken = self.taken as usize + encode(command).len() + 4;
        if taken > ROOM {
            return false;
        }
        self.taken = taken as u32;
        self.entries.push(Entry { step, command: command.clone() });
        true
    }

    /// As bytes, with the steps taken so far.
    pub(crate) fn write(&self, step: u32) -> Vec<u8> {
        encode(&Journal { step, ..self.clone() })
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Journal, Unreadable> {
        version_of(bytes)?;
        let journal: Journal = decode(bytes)?;
        let is_ordered = journal.entries.is_sorted_by_key(|entry| entry.step);
        let last = journal.entries.last().map_or(0, |entry| entry.step);
        if !is_ordered || last > journal.step {
            return Err(Unreadable::new("a journal's steps go backwards".into()));
        }
        Ok(journal)
    }
}

/// Refuses what another version wrote: the version is the first field of everything.
pub(crate) fn version_of(bytes: &[u8]) -> Result<(), Unreadable> {
    match u16::read(&mut Reader::new(bytes))? {
        VERSION => Ok(()),
        other => Err(Unreadable::new(format!("it was written by version {other}"))),
    }
}
