//! Who comes in: a request is looked at, and gets a file, a refusal, or a seat at a session.

use crate::head::{self, Head};
use crate::{Shared, bundle, seat, token};
use std::net::TcpStream;
use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};

/// The largest message of a page: a picture of 4096 × 4096 in colours.
const LARGEST: usize = 72 << 20;

/// Answers a connection.
pub(crate) fn answer(mut stream: TcpStream, shared: &Shared) {
    let (head, rest) = match head::read(&mut stream) {
        Ok(Some(asked)) => asked,
        Ok(None) => return,
        Err(_) => return refuse(&mut stream, "400 Bad Request", "this is no HTTP request"),
    };
    let host = head.field("Host").unwrap_or_default();
    if !shared.bound.is_host(host) {
        let why = format!("{host:?} is not this lab: open the address that it printed");
        return refuse(&mut stream, "403 Forbidden", &why);
    }
    match (head.path.as_str(), head.is_upgrade()) {
        ("/session", true) => session(stream, &head, host, rest, shared),
        (path, false) => file(&mut stream, &head, path, host),
        _ => refuse(&mut stream, "404 Not Found", "sockets are at /session"),
    }
}

/// Says that too many have come.
pub(crate) fn too_many(mut stream: TcpStream) {
    let why = "too many pages of the lab are open: close some";
    refuse(&mut stream, "503 Service Unavailable", why);
}

fn refuse(stream: &mut TcpStream, status: &str, why: &str) {
    head::answer(stream, status, &[("Content-Type", "text/plain; charset=utf-8")], why.as_bytes());
}

/// Sends a file of the bundle.
fn file(stream: &mut TcpStream, head: &Head, path: &str, host: &str) {
    if !["GET", "HEAD"].contains(&head.method.as_str()) {
        return refuse(stream, "405 Method Not Allowed", "pages are got, not changed");
    }
    let Some(file) = bundle::file(path) else {
        return refuse(stream, "404 Not Found", "there is no such page");
    };
    let policy = policy(host);
    let fields = [
        ("Content-Type", file.kind),
        ("Content-Security-Policy", &policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(self), microphone=(), geolocation=()"),
        ("Cache-Control", "no-store"),
    ];
    let body = if head.method == "HEAD" { vec![] } else { file.served() };
    head::answer(stream, "200 OK", &fields, &body);
}

/// What a page may load: itself.
fn policy(host: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' ws://{host}; \
         worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Opens a socket for a page of this lab that knows the key.
fn session(mut stream: TcpStream, head: &Head, host: &str, rest: Vec<u8>, shared: &Shared) {
    let origin = head.field("Origin").unwrap_or_default();
    if !shared.bound.is_origin(origin, host) {
        return refuse(&mut stream, "403 Forbidden", "a page of another site asks");
    }
    if !head.asked("key").is_some_and(|key| token::same(key, &shared.bound.key)) {
        return refuse(&mut stream, "403 Forbidden", "the key is not this lab's");
    }
    let Some(key) = head.field("Sec-WebSocket-Key") else {
        return refuse(&mut stream, "400 Bad Request", "a socket's request has a key");
    };
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    use std::io::Write;
    if stream.write_all(answer.as_bytes()).is_err() || stream.set_nodelay(true).is_err() {
        return;
    }
    let config =
        WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let socket = WebSocket::from_partially_read(stream, rest, Role::Server, Some(config));
    seat::sit(socket, shared);
}
