//! Downloading named data sets. A file arrives under a `.part` name, locked against other processes; an interrupted
//! download goes on where it stopped (HTTP Range); only a file of the pinned SHA-256 gets its real name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::error::{DataError, Result};
use crate::locate::Places;
use crate::named::{NamedSet, RemoteFile};

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes on disk.
    pub done: u64,
    /// Size of the file.
    pub total: u64,
}

/// A connection that is cut is taken up again, until this many in a row have brought nothing new.
const FRUITLESS_ATTEMPTS: usize = 3;
/// A connection is renewed after this time, so that a stalled one does not hang for ever.
const RENEW_AFTER: Duration = Duration::from_secs(300);
const BUFFER_BYTES: usize = 1 << 16;

/// Downloads what is missing of `set`, and returns the folder with the data. Nothing is transferred if a copy is
/// found in `places`.
pub fn fetch(
    set: &NamedSet,
    places: &Places,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf> {
    if set.files.is_empty() {
        let expected = "a set that is not embedded in the program";
        return Err(DataError::invalid("fetch", set.name, expected));
    }
    let Some(folder) = places.download_folder(set) else {
        let expected = "$GRADUS_DATA, a home folder, or a folder given explicitly";
        return Err(DataError::invalid("download folder", "none", expected));
    };
    if let Ok(root) = set.find(places) {
        return Ok(root);
    }
    fs::create_dir_all(&folder).map_err(DataError::io(&folder, "create the folder"))?;
    for file in set.files {
        download(file, &folder, progress)?;
    }
    if let (Some(name), [archive]) = (set.unpacked, set.files) {
        unpack(&folder.join(archive.name), &folder, name)?;
    }
    set.find(places)
}

/// Downloads one file into `folder`, unless it is there, and returns its path.
pub fn download(
    file: &RemoteFile,
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf> {
    let path = folder.join(file.name);
    if path.is_file() {
        return Ok(path);
    }
    let part = PartFile::open(folder.join(format!("{}.part", file.name)))?;
    let mut last = None;
    // All mirrors hold the same bytes, so each goes on where the one before it failed.
    for mirror in file.mirrors {
        let url = format!("{mirror}{}", file.name);
        match from_mirror(file, &url, &part, progress) {
            Ok(()) => return part.finish(&path).map(|()| path),
            Err(error @ (DataError::Download { .. } | DataError::Checksum { .. })) => {
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| DataError::invalid(file.name, "no address", "at least one mirror")))
}

/// Brings the part file to its full length and checks it.
fn from_mirror(
    file: &RemoteFile,
    url: &str,
    part: &PartFile,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let mut most = part.len()?;
    let mut fruitless = 0;
    while part.len()? < file.bytes {
        let outcome = transfer(file, url, part, progress);
        let have = part.len()?;
        fruitless = if have > most { 0 } else { fruitless + 1 };
        most = most.max(have);
        match outcome {
            Ok(()) => {}
            Err(Interruption::Cut(_)) if fruitless < FRUITLESS_ATTEMPTS => {}
            Err(Interruption::Cut(problem)) | Err(Interruption::Refused(problem)) => {
                return Err(DataError::Download { url: url.to_owned(), problem });
            }
            Err(Interruption::Disk(error)) => return Err(error),
        }
    }
    part.verify(file.sha256)
}

/// Why a transfer ended early.
enum Interruption {
    /// The connection broke; asking for the rest may help.
    Cut(String),
    /// The server said no.
    Refused(String),
    /// The local file could not be written.
    Disk(DataError),
}

/// One request for what is missing, written to the part file as it arrives.
fn transfer(
    file: &RemoteFile,
    url: &str,
    part: &PartFile,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Interruption> {
    let have = part.len().map_err(Interruption::Disk)?;
    let response = request(url, have)?;
    let range = response.headers().get("content-range").and_then(|v| v.to_str().ok());
    let offset = match response.status().as_u16() {
        200 => 0,
        206 if range.is_some_and(|r| r.starts_with(&format!("bytes {have}-"))) => have,
        206 => return Err(Interruption::Refused(format!("the server sent range {range:?}"))),
        status => return Err(Interruption::Refused(refusal(status))),
    };
    let mut to = part.writer_at(offset).map_err(Interruption::Disk)?;
    let mut from = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut done = offset;
    loop {
        progress(Progress { file: file.name, done, total: file.bytes });
        let cut = |cause: String| {
            Interruption::Cut(format!("{cause} after {done} of {} bytes", file.bytes))
        };
        let n = match from.read(&mut buffer) {
            Ok(0) if done < file.bytes => return Err(cut("the connection ended".into())),
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) => return Err(cut(error.to_string())),
        };
        done += n as u64;
        if done > file.bytes {
            part.truncate().map_err(Interruption::Disk)?;
            let problem = format!("the server sends more than the {} bytes expected", file.bytes);
            return Err(Interruption::Refused(problem));
        }
        to.write_all(&buffer[..n])
            .map_err(|error| Interruption::Disk(part.error("write the file")(error)))?;
    }
}

/// Asks for the bytes from `have` on.
fn request(url: &str, have: u64) -> Result<ureq::http::Response<ureq::Body>, Interruption> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(RENEW_AFTER))
        .build()
        .into();
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    request.call().map_err(|error| match error {
        ureq::Error::BadUri(_) => Interruption::Refused(error.to_string()),
        _ => Interruption::Cut(error.to_string()),
    })
}

fn refusal(status: u16) -> String {
    match status {
        404 => "the server answered 404 (no such file)".into(),
        _ => format!("the server answered {status}, expected 200 or 206"),
    }
}

/// The file that a download grows in, locked for this process as long as it is open.
struct PartFile {
    path: PathBuf,
    file: File,
}

impl PartFile {
    fn open(path: PathBuf) -> Result<PartFile> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(DataError::io(&path, "open the file"))?;
        match file.try_lock() {
            Ok(()) => Ok(PartFile { path, file }),
            Err(TryLockError::WouldBlock) => Err(DataError::invalid(
                path.display().to_string(),
                "a download by another process",
                "a file of our own",
            )),
            Err(TryLockError::Error(error)) => Err(DataError::io(&path, "lock the file")(error)),
        }
    }

    fn error(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> DataError {
        DataError::io(&self.path, action)
    }

    fn len(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(self.error("read the size"))?.len())
    }

    fn truncate(&self) -> Result<()> {
        self.file.set_len(0).map_err(self.error("truncate the file"))
    }

    /// A handle that writes from `offset` on; what lies behind it is cut off.
    fn writer_at(&self, offset: u64) -> Result<&File> {
        self.file.set_len(offset).map_err(self.error("truncate the file"))?;
        (&self.file).seek(SeekFrom::Start(offset)).map_err(self.error("seek in the file"))?;
        Ok(&self.file)
    }

    /// Compares the content with the pinned hash; wrong bytes are discarded.
    fn verify(&self, expected: &str) -> Result<()> {
        let mut from = &self.file;
        from.seek(SeekFrom::Start(0)).map_err(self.error("seek in the file"))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match from.read(&mut buffer).map_err(self.error("read the file"))? {
                0 => break,
                n => hasher.update(&buffer[..n]),
            }
        }
        let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == expected {
            return Ok(());
        }
        self.truncate()?;
        Err(DataError::Checksum { path: self.path.clone(), found, expected: expected.to_owned() })
    }

    /// Makes the content durable, then visible under its real name.
    fn finish(self, path: &Path) -> Result<()> {
        self.file.sync_all().map_err(self.error("sync the file"))?;
        fs::rename(&self.path, path).map_err(self.error("rename the file"))?;
        sync_folder(path)
    }
}

/// Makes a rename durable where folders can be synced.
fn sync_folder(path: &Path) -> Result<()> {
    if cfg!(unix) {
        let folder = path.parent().unwrap_or(Path::new("."));
        let sync = File::open(folder).and_then(|file| file.sync_all());
        sync.map_err(DataError::io(folder, "sync the folder"))?;
    }
    Ok(())
}

/// Unpacks a .tar.gz whose single top folder is `name` into `folder`, whole or not at all, and removes the archive.
fn unpack(archive: &Path, folder: &Path, name: &str) -> Result<()> {
    let staging = folder.join(format!(".unpacking-{name}"));
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(DataError::io(&staging, "remove the folder"))?;
    }
    let file = File::open(archive).map_err(DataError::io(archive, "open the file"))?;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
    // `unpack` refuses entries that would land outside of the staging folder.
    tar.unpack(&staging).map_err(DataError::io(archive, "unpack the archive"))?;
    let (from, to) = (staging.join(name), folder.join(name));
    fs::rename(&from, &to).map_err(DataError::io(&from, "rename the folder"))?;
    sync_folder(&to)?;
    fs::remove_dir_all(&staging).map_err(DataError::io(&staging, "remove the folder"))?;
    fs::remove_file(archive).map_err(DataError::io(archive, "remove the file"))
}
