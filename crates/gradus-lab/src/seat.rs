//! A page at its session: messages in, answers out, and work in slices between them.

use crate::Shared;
use crate::keeper::{Seated, Taken};
use gradus_lab_core::wire::{decode, encode};
use gradus_lab_core::{Command, Event, Session, greeting};
use std::io;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tungstenite::{Error, Message, WebSocket};

/// The longest time that a page waits for an answer because of work.
const SLICE: Duration = Duration::from_millis(8);
/// How long an idle session waits for a message before it looks around.
const LOOK: Duration = Duration::from_millis(100);
/// How often a session that has changed is kept.
const KEEP: Duration = Duration::from_millis(500);

type Socket = WebSocket<TcpStream>;

/// What comes of a socket.
enum Heard {
    /// A message.
    Bytes(Vec<u8>),
    /// Nothing yet.
    Nothing,
    /// The page has gone.
    Gone,
}

/// Greets a page, and stays until it goes.
pub(crate) fn sit(mut socket: Socket, shared: &Shared) {
    let bytes = match hear(&mut socket, Some(Duration::from_secs(10))) {
        Heard::Bytes(bytes) => bytes,
        Heard::Nothing | Heard::Gone => return,
    };
    let Some((mut seated, events)) = seat(&mut socket, &bytes, shared) else { return };
    let stayed = catch_unwind(AssertUnwindSafe(|| {
        if say(&mut socket, &events) {
            stay(&mut socket, &mut seated, shared);
        }
    }));
    match stayed {
        Ok(()) => shared.keeper.leave(seated),
        // What the panic left behind is not to be trusted; other sessions do not know of it.
        Err(_) => {
            shared.keeper.forget(&seated);
            let what =
                "the engine of this page failed, which is a mistake of ours: load the page anew";
            say(&mut socket, &[Event::Refused { what: what.into() }]);
        }
    }
    let _ = socket.close(None);
    let _ = socket.flush();
}

/// The session that a greeting asks for, and what is answered; nothing, if the greeting is refused.
fn seat(socket: &mut Socket, bytes: &[u8], shared: &Shared) -> Option<(Seated, Vec<Event>)> {
    let hello = match greeting(bytes) {
        Ok(hello) => hello,
        Err(what) => {
            say(socket, &[Event::Refused { what: what.to_string() }]);
            return None;
        }
    };
    let mut remark = None;
    if let Some(token) = &hello.session {
        match shared.keeper.take(token) {
            Taken::Session(seated) if seated.session.page() == hello.page => {
                let opened = seated.session.opened(vec![]);
                return Some(told(seated, opened));
            }
            Taken::Session(seated) => shared.keeper.leave(seated),
            Taken::Nothing => remark = Some("the session is not kept here any more".to_owned()),
            Taken::Unreadable(what) => remark = Some(format!("the session cannot be read: {what}")),
        }
    }
    let (session, mut opened) = Session::open(hello.page, &hello.settings);
    if let (Event::Opened { remarks, .. }, Some(why)) = (&mut opened, remark) {
        remarks.push(format!("{why}: the page begins anew"));
    }
    match shared.keeper.begin(session) {
        Ok(seated) => Some(told(seated, opened)),
        Err(e) => {
            say(socket, &[Event::Refused { what: format!("no session can be kept: {e}") }]);
            None
        }
    }
}

/// A session with what its page hears first.
fn told(seated: Seated, opened: Event) -> (Seated, Vec<Event>) {
    let token = seated.token().to_owned();
    (seated, vec![opened, Event::Session { token }])
}

/// Answers and works until the page goes, another takes the session, or the lab ends.
fn stay(socket: &mut Socket, seated: &mut Seated, shared: &Shared) {
    let (mut kept, mut changed) = (Instant::now(), true);
    while !seated.is_wanted() && !shared.stopped.load(Ordering::Relaxed) {
        let working = seated.session.is_working();
        match hear(socket, (!working).then_some(LOOK)) {
            Heard::Bytes(bytes) => {
                let is_frame = bytes == encode(&Command::Frame);
                if !say(socket, &handled(&mut seated.session, &bytes)) {
                    return;
                }
                changed |= !is_frame;
            }
            Heard::Nothing if working => {
                let begun = Instant::now();
                while seated.session.work() && begun.elapsed() < SLICE {}
                changed = true;
            }
            Heard::Nothing => {}
            Heard::Gone => return,
        }
        if changed && kept.elapsed() > KEEP {
            shared.keeper.keep(seated);
            (kept, changed) = (Instant::now(), false);
        }
    }
}

/// What a session answers to a message.
fn handled(session: &mut Session, bytes: &[u8]) -> Vec<Event> {
    match decode::<Command>(bytes) {
        Ok(command) => session.handle(command),
        Err(what) => vec![Event::Refused { what: what.to_string() }],
    }
}

/// Waits so long for a message, or not at all.
fn hear(socket: &mut Socket, wait: Option<Duration>) -> Heard {
    let stream = socket.get_ref();
    let ready = match wait {
        Some(wait) => {
            stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(wait)))
        }
        None => stream.set_nonblocking(true),
    };
    if ready.is_err() {
        return Heard::Gone;
    }
    let heard = match socket.read() {
        Ok(Message::Binary(bytes)) => Heard::Bytes(bytes.into()),
        Ok(Message::Close(_)) => Heard::Gone,
        Ok(_) => Heard::Nothing,
        Err(Error::Io(e)) if is_nothing(&e) => Heard::Nothing,
        Err(_) => Heard::Gone,
    };
    match socket.get_ref().set_nonblocking(false) {
        Ok(()) => heard,
        Err(_) => Heard::Gone,
    }
}

fn is_nothing(e: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(e.kind(), WouldBlock | TimedOut | Interrupted)
}

/// Sends events; gives whether the page is still there.
fn say(socket: &mut Socket, events: &[Event]) -> bool {
    socket.send(Message::binary(encode(&events.to_vec()))).is_ok()
}
