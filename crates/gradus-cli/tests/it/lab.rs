//! `gradus lab`: where it says it is, what it refuses, and what is left of a session after `kill -9`.

use super::gradus;
use super::signals::wait_for;
use gradus_lab_core::wire::{VERSION, decode, encode};
use gradus_lab_core::{Command, Event, Hello, PageName};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::tempdir;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// A lab that serves.
struct Lab {
    child: Child,
    url: String,
}

impl Lab {
    fn start(folder: &Path, port: u16) -> Lab {
        let port = port.to_string();
        let mut command = gradus(folder, &["lab", "--no-open", "--json", "--port", &port]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("stdout");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let record: Value = serde_json::from_str(&line).expect("an object");
        Lab { child, url: record["url"].as_str().expect("a url").to_owned() }
    }

    /// What it has said when it has ended.
    fn said(mut self) -> String {
        let mut text = String::new();
        let mut from = self.child.stderr.take().expect("stderr");
        from.read_to_string(&mut text).expect("text");
        self.child.wait().expect("an end");
        text
    }

    fn page(&self, session: Option<String>) -> (WebSocket<TcpStream>, Vec<Event>) {
        let url = self.url.replace("http:", "ws:").replace("/?", "/session?");
        let host = url.split('/').nth(2).expect("a host").to_owned();
        let mut request = url.into_client_request().expect("a request");
        let origin = format!("http://{host}").parse().expect("an origin");
        request.headers_mut().insert("Origin", origin);
        let stream = TcpStream::connect(&host).expect("a connection");
        let (mut socket, _) = tungstenite::client(request, stream).expect("a socket");
        let settings = "table=xor".into();
        let hello = Hello { version: VERSION, page: PageName::Neuron, settings, session };
        let events = ask(&mut socket, encode(&hello));
        (socket, events)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(socket: &mut WebSocket<TcpStream>, bytes: Vec<u8>) -> Vec<Event> {
    socket.send(Message::binary(bytes)).expect("to be heard");
    decode(&socket.read().expect("an answer").into_data()).expect("events")
}

/// Steps that the first event tells.
fn step(events: &[Event]) -> u32 {
    match events {
        [Event::Opened { step, .. } | Event::Playing { step, .. }, ..] => *step,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_taken_port_is_said_and_ctrl_c_ends_it() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let lab = Lab::start(folder.path(), port);
    assert!(!lab.url.contains(&format!(":{port}/")), "{}", lab.url);
    super::resume::signal(&lab.child, "-INT");
    let said = lab.said();
    assert!(said.contains(&format!("port {port} is taken")), "{said}");
    assert!(said.contains("its sessions are kept"), "{said}");
}

#[test]
fn what_was_learned_a_second_before_a_kill_is_there_after_it() {
    let folder = tempdir().unwrap();
    let mut lab = Lab::start(folder.path(), 0);
    let (mut socket, events) = lab.page(None);
    let [Event::Opened { .. }, Event::Session { token }] = &events[..] else {
        panic!("{events:?}")
    };
    let token = token.clone();
    ask(&mut socket, encode(&Command::Play));
    // Steps at the times when they were seen.
    let (clock, mut seen) = (Instant::now(), vec![]);
    wait_for("two seconds of work", || clock.elapsed() > Duration::from_secs(2));
    for _ in 0..15 {
        let events = ask(&mut socket, encode(&Command::Play));
        seen.push((Instant::now(), step(&events)));
        std::thread::sleep(Duration::from_millis(100));
    }
    let killed = Instant::now();
    lab.child.kill().unwrap();
    lab.child.wait().unwrap();
    let lab = Lab::start(folder.path(), 0);
    let (_, events) = lab.page(Some(token));
    let before = seen.iter().rfind(|(at, _)| killed - *at > Duration::from_secs(1));
    let (_, least) = before.expect("a step a second before");
    assert!(step(&events) >= *least, "{} of {least}", step(&events));
    assert!(matches!(events[0], Event::Opened { playing: true, .. }), "it goes on: {events:?}");
}

#[test]
fn impossible_addresses_are_refused() {
    let folder = tempdir().unwrap();
    super::ran(folder.path(), &["lab", "--no-open", "--host", "203.0.113.9"])
        .fails(1, &["cannot serve the lab at 203.0.113.9, port 8710"]);
    super::ran(folder.path(), &["lab", "--no-open", "--port", "70000"]).fails(2, &["70000"]);
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    super::ran(folder.path(), &["lab", "--no-open", "--port", "0", "--sessions", "file"])
        .fails(1, &["cannot serve the lab"]);
}
