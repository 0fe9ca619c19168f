//! What a page of the lab is to its session.

use crate::{Command, Event};

/// A page: settings, an engine, and the pictures of it. What it holds depends on the settings it was opened with, on the commands
/// and on the steps at which they came, and on nothing else.
pub(crate) trait Page: Send {
    /// Does what the page's own command says; commands of other pages never come.
    fn handle(&mut self, command: Command) -> Vec<Event>;

    /// Whether a command changes nothing of what is computed: it asks, or says what pictures hold. The journal does not keep it, and it is
    /// answered while a journal is replayed.
    fn only_asks(&self, command: &Command) -> bool {
        let _ = command;
        false
    }

    /// Takes the next small piece of work, two milliseconds at most; gives whether there is more. A page that does not learn has none.
    fn work(&mut self) -> bool {
        false
    }

    /// Steps that the engine has taken: what the journal counts by. It grows by one at most in a piece of work.
    fn step(&self) -> u32 {
        0
    }

    /// Steps that the settings it was opened with ask for: it works until there at once.
    fn wanted(&self) -> u32 {
        0
    }

    /// The newest picture.
    fn picture(&mut self) -> Event;

    /// Settings, as the address holds them: opening a page with them begins the same again.
    fn settings(&self) -> String;

    /// All that the page holds, to go on with after the process has ended.
    fn save(&self) -> Vec<u8>;
}

/// A page just opened, and what of its settings could not be taken.
pub(crate) struct Opened {
    pub(crate) page: Box<dyn Page>,
    pub(crate) remarks: Vec<String>,
}
