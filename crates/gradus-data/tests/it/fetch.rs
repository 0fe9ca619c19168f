//! Downloads from a server on the loopback interface that can misbehave: cut, resumed, refused, wrong.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use expect_test::expect;
use flate2::{Compression, write::GzEncoder};
use gradus_data::{NamedSet, Places, RemoteFile, Result, download, fetch, named};
use sha2::{Digest, Sha256};

use crate::check_error;

/// How the server answers, request by request; after the last way it goes on whole.
#[derive(Clone, Copy)]
enum Answer {
    Whole,
    /// Closes the connection after so many bytes of the body.
    Cut(usize),
    /// Ignores the Range header.
    NoRange,
    Status(u16),
}

struct Server {
    address: String,
    /// The Range header of each request, or an empty text.
    ranges: Arc<Mutex<Vec<String>>>,
}

/// Serves `body` under any path, on a thread that ends with the test process.
fn serve(body: Vec<u8>, answers: &[Answer]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let (seen, answers) = (ranges.clone(), answers.to_vec());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let answer = answers.get(number).copied().unwrap_or(Answer::Whole);
            let _ = respond(stream.unwrap(), &body, answer, &seen);
        }
    });
    Server { address, ranges }
}

fn respond(
    stream: TcpStream,
    body: &[u8],
    answer: Answer,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut range = String::new();
    for line in BufReader::new(&stream).lines() {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("range: ") {
            range = value.to_owned();
        }
    }
    seen.lock().unwrap().push(range.clone());
    let start = range.strip_prefix("bytes=").and_then(|r| r.trim_end_matches('-').parse().ok());
    let start = start.filter(|_| !matches!(answer, Answer::NoRange)).unwrap_or(0);
    let rest = &body[start..];
    let status = match answer {
        Answer::Status(code) => format!("{code} No"),
        _ if start > 0 => "206 Partial Content".to_owned(),
        _ => "200 OK".to_owned(),
    };
    let sent = match answer {
        Answer::Status(_) => &[][..],
        Answer::Cut(bytes) => &rest[..bytes.min(rest.len())],
        _ => rest,
    };
    let length = if matches!(answer, Answer::Status(_)) { 0 } else { rest.len() };
    let last = body.len() - 1;
    let headers = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\
         Content-Range: bytes {start}-{last}/{}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(headers.as_bytes())?;
    stream.write_all(sent)
}

fn body() -> Vec<u8> {
    (0..300_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
}

fn sha256(bytes: &[u8]) -> &'static str {
    let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    hash.leak()
}

/// The catalogue's types hold static text, so a test's addresses are leaked.
fn remote(name: &'static str, body: &[u8], servers: &[&Server]) -> RemoteFile {
    let mirrors: Vec<&'static str> = servers.iter().map(|s| &*s.address.clone().leak()).collect();
    RemoteFile { name, mirrors: mirrors.leak(), bytes: body.len() as u64, sha256: sha256(body) }
}

fn get(file: &RemoteFile, folder: &Path) -> Result<Vec<u8>> {
    download(file, folder, &mut |_| {}).map(|path| std::fs::read(path).unwrap())
}

/// Errors name the server's address, which has another port each time.
fn check(result: Result<Vec<u8>>, server: &Server, folder: &Path, expect: expect_test::Expect) {
    let message = result.unwrap_err().to_string();
    let message = message.replace(&server.address, "http://SERVER/");
    expect.assert_eq(&message.replace(&folder.display().to_string(), "DIR"));
}

#[test]
fn whole_with_progress_and_only_once() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let server = serve(body.clone(), &[]);
    let file = remote("a.bin", &body, &[&server]);
    let mut steps = Vec::new();
    let path = download(&file, dir.path(), &mut |p| steps.push((p.done, p.total))).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), body);
    assert_eq!((steps[0], *steps.last().unwrap()), ((0, 300_000), (300_000, 300_000)));
    assert!(steps.is_sorted() && !dir.path().join("a.bin.part").exists());
    assert_eq!(get(&file, dir.path()).unwrap(), body);
    assert_eq!(server.ranges.lock().unwrap().len(), 1, "the second call finds the file");
}

#[test]
fn a_cut_connection_is_taken_up_again() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let server = serve(body.clone(), &[Answer::Cut(100_000), Answer::Cut(50_000)]);
    assert_eq!(get(&remote("a.bin", &body, &[&server]), dir.path()).unwrap(), body);
    assert_eq!(*server.ranges.lock().unwrap(), ["", "bytes=100000-", "bytes=150000-"]);
}

#[test]
fn a_later_call_goes_on_where_an_earlier_one_stopped() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let cut = Answer::Cut;
    let server = serve(body.clone(), &[cut(1000), cut(3000), cut(0), cut(0), cut(0)]);
    let file = remote("a.bin", &body, &[&server]);
    check(
        get(&file, dir.path()),
        &server,
        dir.path(),
        expect!["http://SERVER/a.bin: Peer disconnected after 4000 of 300000 bytes"],
    );
    assert_eq!(get(&file, dir.path()).unwrap(), body);
    assert_eq!(server.ranges.lock().unwrap()[5], "bytes=4000-");
}

#[test]
fn a_server_without_ranges_starts_over() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let server = serve(body.clone(), &[Answer::Cut(100_000), Answer::NoRange]);
    assert_eq!(get(&remote("a.bin", &body, &[&server]), dir.path()).unwrap(), body);
}

#[test]
fn wrong_bytes_are_discarded() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let mut other = body.clone();
    other[200_000] ^= 1;
    let server = serve(other, &[]);
    let file = remote("a.bin", &body, &[&server]);
    check(
        get(&file, dir.path()),
        &server,
        dir.path(),
        expect![
            "DIR/a.bin.part: SHA-256 is b715714d556a93be9419c6a54036e1545a24cb5c3545c1c962000fa2985d90a1, expected d5397f395028a36a877582420027c07a9dffa109caf6625ee9fb42ba86859168; the download was discarded"
        ],
    );
    assert!(!dir.path().join("a.bin").exists());
    let longer = serve([&body[..], &[1]].concat(), &[]);
    let file = remote("a.bin", &body, &[&longer]);
    check(
        get(&file, dir.path()),
        &longer,
        dir.path(),
        expect!["http://SERVER/a.bin: the server sends more than the 300000 bytes expected"],
    );
    let good = serve(body.clone(), &[]);
    let file = remote("a.bin", &body, &[&server, &longer, &good]);
    assert_eq!(get(&file, dir.path()).unwrap(), body, "the third mirror is right");
}

#[test]
fn refusals() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let absent = serve(body.clone(), &[Answer::Status(404), Answer::Status(404)]);
    let file = remote("a.bin", &body, &[&absent]);
    check(
        get(&file, dir.path()),
        &absent,
        dir.path(),
        expect!["http://SERVER/a.bin: the server answered 404 (no such file)"],
    );
    let good = serve(body.clone(), &[]);
    let file = remote("a.bin", &body, &[&absent, &good]);
    assert_eq!(get(&file, dir.path()).unwrap(), body, "the second mirror has it");
    let broken = serve(body.clone(), &[Answer::Status(500); 9]);
    let file = remote("b.bin", &body, &[&broken]);
    check(
        get(&file, dir.path()),
        &broken,
        dir.path(),
        expect!["http://SERVER/b.bin: the server answered 500, expected 200 or 206"],
    );
}

#[test]
fn two_processes_do_not_write_one_file() {
    let (dir, body) = (tempfile::tempdir().unwrap(), body());
    let server = serve(body.clone(), &[]);
    let file = remote("a.bin", &body, &[&server]);
    let part = std::fs::File::create(dir.path().join("a.bin.part")).unwrap();
    part.lock().unwrap();
    check(
        get(&file, dir.path()),
        &server,
        dir.path(),
        expect!["DIR/a.bin.part: found a download by another process, expected a file of our own"],
    );
    drop(part);
    assert_eq!(get(&file, dir.path()).unwrap(), body);
}

/// A .tar.gz with `top/data_batch_1.bin` and so on.
fn archive(top: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let record = [&[4u8][..], &[1; 3072]].concat();
    let batches = (1..=5).map(|i| format!("data_batch_{i}.bin"));
    for name in batches.chain(["test_batch.bin".into()]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(record.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{top}/{name}"), &record[..]).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn an_archive_becomes_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let packed = archive("cifar-10-batches-bin");
    let server = serve(packed.clone(), &[]);
    let files = vec![remote("cifar.tar.gz", &packed, &[&server])].leak();
    let set = NamedSet { files, ..named("cifar-10").unwrap().clone() };
    let places = Places { cache: Some(dir.path().to_owned()), ..Places::default() };
    check_error(
        set.find(&places),
        dir.path(),
        expect![
            "no copy of cifar-10 found; looked in DIR/cifar-10; `gradus data fetch cifar-10` downloads it"
        ],
    );
    let root = fetch(&set, &places, &mut |_| {}).unwrap();
    assert_eq!(root, dir.path().join("cifar-10/cifar-10-batches-bin"));
    let names = std::fs::read_dir(dir.path().join("cifar-10")).unwrap();
    assert_eq!(names.count(), 1, "no archive, no staging folder");
    assert_eq!(fetch(&set, &places, &mut |_| {}).unwrap(), root);
    assert_eq!(server.ranges.lock().unwrap().len(), 1);
}

#[test]
fn fetch_messages() {
    let dir = tempfile::tempdir().unwrap();
    let fetch = |name: &str, places| fetch(named(name).unwrap(), &places, &mut |_| {});
    check_error(
        fetch("mnist-5k", Places::default()),
        dir.path(),
        expect!["fetch: found mnist-5k, expected a set that is not embedded in the program"],
    );
    check_error(
        fetch("mnist", Places::default()),
        dir.path(),
        expect![
            "download folder: found none, expected $GRADUS_DATA, a home folder, or a folder given explicitly"
        ],
    );
}
