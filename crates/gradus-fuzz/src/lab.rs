//! Targets of gradus-lab-core: what a page sends, and sessions as they lie on a disk.

use crate::readable;
use gradus_lab_core::wire::{Reader, Wire, decode, encode};
use gradus_lab_core::{Command, Event, Hello, Session};

/// Pieces of work between two commands: enough to see a step.
const PIECES: usize = 3;

/// A greeting, and the commands after it.
pub(crate) fn lab_commands(bytes: &[u8]) -> bool {
    let mut from = Reader::new(bytes);
    let read = Hello::read(&mut from).and_then(|hello| Ok((hello, Vec::read(&mut from)?)));
    let Ok((hello, commands)) = read.inspect_err(|error| readable(error)) else { return false };
    let commands: Vec<Command> = commands;
    let greeted = Session::greet(&encode(&hello)).inspect_err(|error| readable(error));
    let Ok((mut session, _)) = greeted else { return false };
    let mut refused = false;
    for command in commands {
        let events = session.handle(command);
        refused |= told(&events);
        work(&mut session);
    }
    again(&mut session);
    !refused
}

fn work(session: &mut Session) {
    for _ in 0..PIECES {
        session.work();
    }
}

/// A session's file.
pub(crate) fn lab_session(bytes: &[u8]) -> bool {
    let restored = Session::restore(bytes).inspect_err(|error| readable(error));
    let Ok((mut session, _)) = restored else { return false };
    again(&mut session);
    for command in [Command::Frame, Command::Play, Command::Step, Command::Frame] {
        told(&session.handle(command));
        work(&mut session);
    }
    true
}

/// What is saved is the same session.
fn again(session: &mut Session) {
    let (mut restored, _) = Session::restore(&session.save()).expect("what was saved is read");
    let picture = |session: &mut Session| encode(&session.handle(Command::Frame));
    assert_eq!(picture(&mut restored), picture(session));
}

/// Events are read again by a page; gives whether one refuses.
fn told(events: &Vec<Event>) -> bool {
    let bytes = encode(events);
    let read: Vec<Event> = decode(&bytes).expect("what was written is read");
    assert_eq!(encode(&read), bytes);
    events.iter().any(|event| match event {
        Event::Refused { what } => {
            readable(what);
            true
        }
        _ => false,
    })
}
