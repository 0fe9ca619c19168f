//! The head of a request, read and answered.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The longest head.
const LONGEST: usize = 16 << 10;
/// The most fields of a head.
const FIELDS: usize = 64;
/// How long a request may take to come, an answer to go.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was asked.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Without what follows `?`.
    pub(crate) path: String,
    /// What follows `?`.
    pub(crate) query: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// A field's text, if it is there once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, text) = found.next()?;
        found.next().is_none().then_some(text)
    }

    /// The text of a key of the query.
    pub(crate) fn asked(&self, key: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == key).map(|(_, text)| text)
    }

    /// Whether it asks for a socket.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.field("Upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
    }
}

/// Reads a head; gives it with the bytes that followed it, or nothing if none came.
///
/// # Errors
/// The socket's own, or bytes that are no head.
pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<(Head, Vec<u8>)>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = vec![];
    let mut room = [0; 4096];
    loop {
        let count = stream.read(&mut room)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&room[..count]);
        match parse(&bytes)? {
            Some((head, end)) => return Ok(Some((head, bytes.split_off(end)))),
            None if bytes.len() > LONGEST => return Err(io::Error::other("a head too long")),
            None => {}
        }
    }
}

/// The head that bytes begin with and where it ends; nothing yet if it goes on.
fn parse(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let end = match request.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(e) => return Err(io::Error::other(e.to_string())),
    };
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let method = request.method.unwrap_or_default().to_owned();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let fields = request.headers.iter().map(|field| (field.name.to_owned(), text(field.value)));
    let (path, query) = (path.to_owned(), query.to_owned());
    Ok(Some((Head { method, path, query, fields: fields.collect() }, end)))
}

/// Answers, and that is all: the connection ends. Whoever has hung up misses it.
pub(crate) fn answer(stream: &mut TcpStream, status: &str, fields: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for (name, text) in fields {
        head += &format!("{name}: {text}\r\n");
    }
    head += "Connection: close\r\n\r\n";
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_and_doubled_fields_are_none() {
        let text = b"GET /session?key=ab&x=1 HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\nrest";
        let (head, end) = parse(text).expect("a head").expect("all of it");
        assert_eq!((head.path.as_str(), head.asked("key"), end), ("/session", Some("ab"), 65));
        assert!(head.is_upgrade() && head.field("origin").is_none());
        assert_eq!(parse(&text[..30]).expect("a beginning"), None);
        assert!(parse(b"\x16\x03\x01\x02").is_err());
        let twice = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
        assert_eq!(parse(twice).expect("a head").expect("all").0.field("Host"), None);
    }
}
