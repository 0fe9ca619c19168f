//! A lab as a browser meets it: pages, refusals at the door, sessions that outlive their sockets and the process.

use gradus_lab::{Lab, Options, Stopper};
use gradus_lab_core::wire::{VERSION, decode, encode};
use gradus_lab_core::{Command, Event, Hello, PageName};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// A lab that runs.
struct Running {
    address: SocketAddr,
    key: String,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(folder: Option<&Path>) -> Running {
        let folder = folder.map(Path::to_owned);
        let options = Options { port: 0, folder, ..Options::default() };
        let lab = Lab::bind(&options).expect("a port");
        let (address, url) = (lab.bound().address(), lab.bound().url());
        let key = url.split_once("?key=").expect("a key").1.to_owned();
        let stopper = lab.stopper();
        let thread = Some(std::thread::spawn(move || lab.serve().expect("serving")));
        Running { address, key, stopper, thread }
    }

    /// What is answered to a request.
    fn answer(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut text = vec![];
        let _ = stream.read_to_end(&mut text); // a reset ends it, too
        String::from_utf8_lossy(&text).into_owned()
    }

    fn get(&self, path: &str) -> String {
        self.answer(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address))
    }

    /// A page's socket, and what it hears after its greeting.
    fn page(&self, hello: &Hello) -> (Page, Vec<Event>) {
        let mut page =
            self.socket(&self.key, &format!("http://{}", self.address)).expect("a socket");
        let events = page.asks(encode(hello));
        (page, events)
    }

    fn socket(&self, key: &str, origin: &str) -> Option<Page> {
        let url = format!("ws://{}/session?key={key}", self.address);
        let mut request = url.into_client_request().expect("a request");
        request.headers_mut().insert("Origin", origin.parse().expect("an origin"));
        let stream = TcpStream::connect(self.address).expect("a connection");
        tungstenite::client(request, stream).ok().map(|(socket, _)| Page(socket))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        self.thread.take().expect("a thread").join().expect("an end");
    }
}

/// A page's side of its socket.
struct Page(WebSocket<TcpStream>);

impl Page {
    fn asks(&mut self, bytes: Vec<u8>) -> Vec<Event> {
        self.0.send(Message::binary(bytes)).expect("to be heard");
        let answer = self.0.read().expect("an answer").into_data();
        decode(&answer).expect("events")
    }

    fn does(&mut self, command: Command) -> Vec<Event> {
        self.asks(encode(&command))
    }
}

fn hello(session: Option<String>) -> Hello {
    Hello { version: VERSION, page: PageName::Neuron, settings: "table=or".into(), session }
}

/// Steps of the first event, which says them.
fn step(events: &[Event]) -> u32 {
    match &events[0] {
        Event::Opened { step, .. } | Event::Playing { step, .. } => *step,
        other => panic!("{other:?}"),
    }
}

fn token(events: &[Event]) -> String {
    match &events[1] {
        Event::Session { token } => token.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_are_served_with_their_policy() {
    let lab = Running::start(None);
    let page = lab.get("/");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("Content-Security-Policy: default-src 'none';"), "{page}");
    assert!(page.contains(r#"name="engine" content="socket""#), "{page}");
    assert!(lab.get("/lab.js").contains("text/javascript"));
    for path in ["/../Cargo.toml", "/etc/passwd", "/session", "//", "/%2e%2e/x"] {
        assert!(lab.get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn strangers_are_refused() {
    let lab = Running::start(None);
    let foreign = lab.answer("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    assert!(lab.answer("no request\r\n\r\n").starts_with("HTTP/1.1 400"));
    let post = format!("POST / HTTP/1.1\r\nHost: {}\r\n\r\n", lab.address);
    assert!(lab.answer(&post).starts_with("HTTP/1.1 405"));
    let own = format!("http://{}", lab.address);
    assert!(lab.socket(&lab.key, &own).is_some());
    assert!(lab.socket("00000000000000000000000000000000", &own).is_none());
    assert!(lab.socket(&lab.key, "http://evil.example").is_none());
    assert!(lab.socket(&lab.key, "null").is_none());
}

#[test]
fn bytes_that_are_no_messages_are_told() {
    let lab = Running::start(None);
    let own = format!("http://{}", lab.address);
    let mut stranger = lab.socket(&lab.key, &own).expect("a socket");
    let other = Hello { version: 9, ..hello(None) };
    let events = stranger.asks(encode(&other));
    let wanted = "not a message of version 1: it was written by version 9";
    assert_eq!(events, [Event::Refused { what: wanted.into() }]);
    let (mut page, _) = lab.page(&hello(None));
    for bytes in [vec![], vec![255], vec![5, 255, 255, 255, 255], vec![0, 0]] {
        let events = page.asks(bytes.clone());
        assert!(matches!(events[..], [Event::Refused { .. }]), "{bytes:?}: {events:?}");
    }
    assert_eq!(step(&page.does(Command::Step)), 1);
}

#[test]
fn a_session_outlives_its_socket() {
    let lab = Running::start(None);
    let (mut page, opened) = lab.page(&hello(None));
    assert_eq!(step(&page.does(Command::Step)), 1);
    let token = token(&opened);
    // Another page takes it while the first still sits there.
    let (mut again, opened) = lab.page(&hello(Some(token.clone())));
    assert_eq!(step(&opened), 1);
    assert_eq!(step(&again.does(Command::Step)), 2);
    assert!(page.0.read().is_ok_and(|message| message.is_close()), "the first is told to go");
    drop(again);
    assert_eq!(step(&lab.page(&hello(Some(token))).1), 2);
}

#[test]
fn a_session_outlives_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Running::start(Some(folder.path()));
    let (mut page, opened) = lab.page(&hello(None));
    page.does(Command::Step);
    page.does(Command::Step);
    drop(page);
    let key = lab.key.clone();
    drop(lab);
    let lab = Running::start(Some(folder.path()));
    assert_eq!(lab.key, key, "an open page may go on");
    let (_, events) = lab.page(&hello(Some(token(&opened))));
    assert_eq!(step(&events), 2);
    assert_eq!(token(&events), token(&opened));
}

#[test]
fn sessions_that_are_gone_or_spoiled_begin_anew_and_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "0123456789abcdef0123456789abcdef";
    std::fs::write(folder.path().join(name).with_extension("session"), b"xx").expect("a file");
    let lab = Running::start(Some(folder.path()));
    for (token, why) in [(name, "cannot be read"), ("../../x", "not kept here any more")] {
        let (_, events) = lab.page(&hello(Some(token.into())));
        let Event::Opened { remarks, step: 0, .. } = &events[0] else { panic!("{events:?}") };
        assert!(remarks[0].contains(why), "{remarks:?}");
    }
}

#[test]
fn a_taken_port_is_passed_over() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let lab = Lab::bind(&Options { port, ..Options::default() }).expect("the next port");
    assert_eq!(lab.bound().taken(), Some(port));
    assert_ne!(lab.bound().address().port(), port);
}
