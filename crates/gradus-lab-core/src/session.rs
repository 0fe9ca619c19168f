//! One page of one browser tab: its engine, its journal, and whether it works.

use crate::journal::{Entry, Journal};
use crate::page::Opened;
use crate::wire::{Unreadable, Wire, decode, encode};
use crate::{Command, Event, Hello, Page, PageName, pages};
use std::collections::VecDeque;

/// A page that is used: commands in, events out, work in small pieces. It reads no clock and no file: whoever holds it says when to
/// work and keeps what it saves.
///
/// ```
/// use gradus_lab_core::{Command, Event, PageName, Session};
/// let (mut session, opened) = Session::open(PageName::Neuron, "table=or");
/// assert!(matches!(opened, Event::Opened { step: 0, .. }));
/// session.handle(Command::Play);
/// while session.step() < 10 && session.work() {}
/// let picture = session.handle(Command::Frame);
/// assert_eq!((session.step(), picture.len()), (10, 1));
/// ```
pub struct Session {
    name: PageName,
    page: Box<dyn Page>,
    playing: bool,
    journal: Journal,
    /// What is left of a journal that is replayed, and how far it goes.
    replayed: VecDeque<Entry>,
    until: u32,
    /// Why a journal could not be done to its end, until it is told.
    broken: Option<String>,
}

/// A session as it is kept.
#[derive(Wire)]
struct Kept {
    /// [`VERSION`](crate::wire::VERSION) of what follows.
    version: u16,
    /// Its page.
    name: PageName,
    /// Whether it worked.
    playing: bool,
    /// What was done.
    journal: Vec<u8>,
    /// All that the page holds.
    page: Vec<u8>,
    /// What is left of a journal that is replayed.
    replayed: Vec<Entry>,
    /// How far it goes.
    until: u32,
}

impl Session {
    /// Opens a page with settings as an address holds them. What of them is unknown or out of range is told, and has its default.
    pub fn open(name: PageName, settings: &str) -> (Session, Event) {
        let Opened { page, remarks } = pages::open(name, settings);
        let journal = Journal::new(name, page.settings());
        let (replayed, until) = (VecDeque::new(), page.wanted());
        let session =
            Session { name, page, playing: false, journal, replayed, until, broken: None };
        let opened = session.opened(remarks);
        (session, opened)
    }

    /// Opens the page that the bytes of a [`Hello`](crate::Hello) ask for.
    ///
    /// # Errors
    /// Bytes of another version, or that are no greeting.
    pub fn greet(hello: &[u8]) -> Result<(Session, Event), Unreadable> {
        let hello = greeting(hello)?;
        Ok(Session::open(hello.page, &hello.settings))
    }

    /// Takes up a session from what [`save`](Session::save) gave, where it was.
    ///
    /// # Errors
    /// Bytes of another version, or that are no session.
    pub fn restore(bytes: &[u8]) -> Result<(Session, Event), Unreadable> {
        crate::journal::version_of(bytes)?;
        let kept: Kept = decode(bytes)?;
        let page = pages::load(kept.name, &kept.page)?;
        let journal = Journal::read(&kept.journal)?;
        let Kept { name, playing, replayed, until, .. } = kept;
        let replayed = replayed.into();
        let session = Session { name, page, playing, journal, replayed, until, broken: None };
        let opened = session.opened(vec![]);
        Ok((session, opened))
    }

    /// All that the session holds.
    pub fn save(&self) -> Vec<u8> {
        encode(&Kept {
            version: crate::wire::VERSION,
            name: self.name,
            playing: self.playing,
            journal: self.journal.write(self.page.step()),
            page: self.page.save(),
            replayed: self.replayed.iter().cloned().collect(),
            until: self.until,
        })
    }

    /// Which page it is.
    pub fn page(&self) -> PageName {
        self.name
    }

    /// Steps that the engine has taken.
    pub fn step(&self) -> u32 {
        self.page.step()
    }

    /// Whether [`work`](Session::work) has something to do.
    pub fn is_working(&self) -> bool {
        self.playing || self.is_replaying()
    }

    fn is_replaying(&self) -> bool {
        !self.replayed.is_empty() || self.page.step() < self.until
    }

    /// Takes the next small piece of work; gives whether there is more.
    pub fn work(&mut self) -> bool {
        if self.is_replaying() {
            self.replay();
        } else if self.playing {
            self.playing = self.page.work();
        }
        self.is_working()
    }

    /// One command of a journal, or one step on the way to it.
    fn replay(&mut self) {
        let next = self.replayed.front().map_or(self.until, |entry| entry.step);
        if self.page.step() < next {
            if !self.page.work() && self.page.step() < next {
                let (left, at) = (self.replayed.len(), self.page.step());
                self.replayed.clear();
                self.until = at;
                self.broken = Some(format!(
                    "the journal goes on to step {next}, but the page stops at {at}: {left} commands of it are not done"
                ));
            }
        } else if let Some(entry) = self.replayed.pop_front() {
            self.own(entry.command);
        }
    }

    /// Does what a command says.
    pub fn handle(&mut self, command: Command) -> Vec<Event> {
        match command {
            Command::Frame if self.is_replaying() => {
                let picture = self.page.picture();
                vec![Event::Replaying { step: self.page.step(), until: self.until }, picture]
            }
            Command::Frame => {
                let broken = self.broken.take().map(refused);
                broken.into_iter().chain([self.page.picture()]).collect()
            }
            Command::Play => self.play(true),
            Command::Pause => self.play(false),
            Command::Step if self.is_replaying() => vec![self.on_the_way()],
            Command::Step => {
                self.playing = false;
                let before = self.page.step();
                while self.page.step() == before && self.page.work() {}
                self.play(false)
            }
            Command::Journal => {
                vec![Event::Journal { journal: self.journal.write(self.page.step()) }]
            }
            Command::Replay { journal } => match Journal::read(&journal) {
                Ok(journal) if journal.page == self.name => self.begin(journal),
                Ok(journal) => vec![refused(format!(
                    "the journal is of the page {:?}, this is {:?}",
                    journal.page, self.name
                ))],
                Err(what) => vec![refused(what.to_string())],
            },
            Command::Open { settings } => {
                let Opened { page, remarks } = pages::open(self.name, &settings);
                self.page = page;
                self.journal = Journal::new(self.name, self.page.settings());
                (self.playing, self.until) = (false, self.page.wanted());
                self.replayed.clear();
                vec![self.opened(remarks)]
            }
            own => {
                if self.page.only_asks(&own) && pages::belongs(&own, self.name) {
                    return self.page.handle(own);
                }
                if self.is_replaying() {
                    return vec![self.on_the_way()];
                }
                self.own(own)
            }
        }
    }

    /// Refuses what would come between two steps of a journal.
    fn on_the_way(&self) -> Event {
        let (step, until) = (self.page.step(), self.until);
        refused(format!(
            "step {step} of {until} is reached: wait for the rest, or open the page anew"
        ))
    }

    /// A command of the page itself, kept in the journal.
    fn own(&mut self, command: Command) -> Vec<Event> {
        let (before, step) = (self.page.settings(), self.page.step());
        if !pages::belongs(&command, self.name) {
            return vec![refused(format!("a command of another page than {:?}", self.name))];
        }
        if !self.journal.add(step, &command) {
            return vec![refused("the journal is full: open the page anew to go on".into())];
        }
        let mut events = self.page.handle(command);
        let settings = self.page.settings();
        if settings != before {
            events.push(Event::Settings { settings });
        }
        events
    }

    fn play(&mut self, playing: bool) -> Vec<Event> {
        self.playing = playing;
        vec![Event::Playing { playing, step: self.page.step() }]
    }

    /// Begins a journal's page; [`work`](Session::work) does what it says.
    fn begin(&mut self, journal: Journal) -> Vec<Event> {
        let Opened { page, remarks } = pages::open(self.name, &journal.settings);
        (self.page, self.playing, self.until) = (page, false, journal.step);
        self.journal = Journal::new(self.name, journal.settings);
        self.replayed = journal.entries.into();
        vec![self.opened(remarks)]
    }

    /// What a page hears first of a session that it opens or takes up.
    pub fn opened(&self, remarks: Vec<String>) -> Event {
        let (page, settings, step) = (self.name, self.page.settings(), self.page.step());
        Event::Opened { page, settings, step, playing: self.playing, remarks }
    }
}

/// A greeting, if it is of this version.
///
/// # Errors
/// Bytes of another version, or that are no greeting.
pub fn greeting(bytes: &[u8]) -> Result<Hello, Unreadable> {
    crate::journal::version_of(bytes)?;
    decode(bytes)
}

fn refused(what: String) -> Event {
    Event::Refused { what: crate::wire::told(&what) }
}
