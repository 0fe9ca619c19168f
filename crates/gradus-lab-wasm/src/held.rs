//! The one session of a worker, and the bytes of its last message and answer.

use gradus_lab_core::wire::{Unreadable, decode, encode};
use gradus_lab_core::{Command, Event, Session};

/// A worker's session.
///
/// ```
/// use gradus_lab_core::wire::{VERSION, decode, encode};
/// use gradus_lab_core::{Command, Event, Hello, PageName};
/// let mut held = gradus_lab_wasm::Held::default();
/// let hello = Hello { version: VERSION, page: PageName::Neuron, settings: "table=or".into(), session: None };
/// held.input = encode(&hello);
/// held.greet();
/// assert!(matches!(decode::<Vec<Event>>(&held.output).unwrap()[0], Event::Opened { step: 0, .. }));
/// held.input = encode(&Command::Play);
/// held.handle();
/// assert!(held.work());
/// ```
#[derive(Default)]
pub struct Held {
    /// The next message.
    pub input: Vec<u8>,
    /// The last answer.
    pub output: Vec<u8>,
    session: Option<Session>,
}

impl Held {
    /// Opens the page that a `Hello` asks for.
    pub fn greet(&mut self) {
        self.begin(Session::greet(&self.input));
    }

    /// Takes up what [`save`](Held::save) gave.
    pub fn restore(&mut self) {
        self.begin(Session::restore(&self.input));
    }

    fn begin(&mut self, begun: Result<(Session, Event), Unreadable>) {
        let event = match begun {
            Ok((session, opened)) => {
                self.session = Some(session);
                opened
            }
            Err(what) => Event::Refused { what: what.to_string() },
        };
        self.output = encode(&vec![event]);
    }

    /// Does what a `Command` says.
    pub fn handle(&mut self) {
        let events = match (&mut self.session, decode::<Command>(&self.input)) {
            (Some(session), Ok(command)) => session.handle(command),
            (Some(_), Err(what)) => vec![Event::Refused { what: what.to_string() }],
            (None, _) => vec![Event::Refused { what: "no page is open: say Hello first".into() }],
        };
        self.output = encode(&events);
    }

    /// Takes the next small piece of work; gives whether there is more.
    pub fn work(&mut self) -> bool {
        self.session.as_mut().is_some_and(|session| session.is_working() && session.work())
    }

    /// All that the session holds, as the answer: empty without one.
    pub fn save(&mut self) {
        self.output = self.session.as_ref().map(Session::save).unwrap_or_default();
    }
}
