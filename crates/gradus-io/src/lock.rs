//! One process at a time on a run directory. The lock is the operating system's: it ends with the
//! process, however that dies, so no stale file can ever shut a user out.

use crate::{Error, Kind, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "run.lock";

/// Holds a run directory until dropped.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    folder: PathBuf,
}

impl RunLock {
    /// Takes `folder`, which must exist, or says which process has it.
    ///
    /// The file `run.lock` stays for ever: removing it would let two processes each hold a lock
    /// on a file of that name. Its text, the holder's process id, only serves the message. A link of that name is refused: its
    /// file would be overwritten.
    pub fn acquire(folder: &Path) -> Result<RunLock> {
        let path = folder.join(FILE_NAME);
        crate::expect_own_file(&path)?;
        let io_error = |error| Error::io("cannot lock", &error).in_file(&path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(folder, &path)),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        let lock = RunLock { file, folder: folder.to_path_buf() };
        lock.note(&std::process::id().to_string()).map_err(io_error)?;
        Ok(lock)
    }

    /// The directory held.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn note(&self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(text.as_bytes())
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // The lock goes with the file; an id left behind could only blur a later message.
        let _ = self.file.set_len(0);
    }
}

fn held(folder: &Path, path: &Path) -> Error {
    let holder = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let holder = match holder {
        Some(id) if id == std::process::id() => "this process holds the run already".to_owned(),
        Some(id) => format!("another process (id {id}) is working on this run"),
        None => "another process is working on this run".to_owned(),
    };
    Error::new(Kind::Locked, format!("{holder}; wait for it or choose another directory"))
        .in_file(folder)
}
