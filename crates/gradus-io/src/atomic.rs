//! Files that are written whole or not at all: a temporary file in the same folder, fsync, rename,
//! fsync of the folder. A reader sees the old file or the new one, whenever the power goes.

use crate::{Error, Result};
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What [`atomic_write_on`] asks of a file system; tests give it one that fails.
pub trait Storage {
    /// An open file.
    type File: Write;
    /// Creates a file that must not exist yet.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Returns when the file's bytes are on the medium.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Puts `from` in the place of `to`, in one indivisible step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns when the folder's names are on the medium.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Storage for Disk {
    type File = File;
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
    #[cfg(unix)]
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
    /// Elsewhere a folder cannot be opened as a file, and the rename is journalled.
    #[cfg(not(unix))]
    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `path` whole or not at all, on the machine's file system.
///
/// `write` fills a buffered temporary file beside `path`. If it fails, or panics, or the disk is
/// full, the old file stays as it was and the temporary one is removed.
pub fn atomic_write<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> Result<T> {
    atomic_write_on(&Disk, path, write)
}

/// [`atomic_write`] on any [`Storage`].
pub fn atomic_write_on<S: Storage, T>(
    storage: &S,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> Result<T> {
    let mut temporary = Temporary { storage, path: temporary_path(path)?, renamed: false };
    replace(&mut temporary, path, write).map_err(|error| {
        let action = match temporary.renamed {
            true => "was written, but may be lost if the power goes: cannot sync its folder",
            false => "cannot write, nothing was changed",
        };
        Error::io(action, &error).in_file(path)
    })
}

fn replace<S: Storage, T>(
    temporary: &mut Temporary<'_, S>,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let storage = temporary.storage;
    let mut file = BufWriter::with_capacity(1 << 16, storage.create(&temporary.path)?);
    let result = write(&mut file)?;
    let file = file.into_inner().map_err(|error| error.into_error())?;
    storage.sync(&file)?;
    drop(file); // some systems refuse to rename an open file
    storage.rename(&temporary.path, path)?;
    temporary.renamed = true;
    storage.sync_folder(folder_of(path))?;
    Ok(result)
}

/// Removes the temporary files that killed processes left in `folder`, and says how many there
/// were. For the holder of the run's lock: a live writer's file would go as well.
pub fn remove_leftovers(folder: &Path) -> Result<usize> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let paths = list().map_err(|error| Error::io("cannot list", &error).in_file(folder))?;
    let mut removed = 0;
    for path in paths.iter().filter(|path| path.file_name().is_some_and(is_temporary_name)) {
        fs::remove_file(path).map_err(|error| Error::io("cannot remove", &error).in_file(path))?;
        removed += 1;
    }
    Ok(removed)
}

const TEMPORARY_PREFIX: &str = ".gradus-tmp-";

fn is_temporary_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes())
}

/// A name beside `path` that no other writer of this or another process uses.
fn temporary_path(path: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name =
        path.file_name().ok_or_else(|| Error::value("expected a file name").in_file(path))?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("{TEMPORARY_PREFIX}{}-{count}-", std::process::id());
    let mut temporary = std::ffi::OsString::from(prefix);
    temporary.push(name);
    Ok(path.with_file_name(temporary))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes the temporary file on the way out, unless it has become the real one.
struct Temporary<'a, S: Storage> {
    storage: &'a S,
    path: PathBuf,
    renamed: bool,
}

impl<S: Storage> Drop for Temporary<'_, S> {
    fn drop(&mut self) {
        if !self.renamed {
            // Best effort: the error that brought us here is the one to report.
            let _ = self.storage.remove(&self.path);
        }
    }
}

/// The machine's file system with a small disk: after `capacity` bytes it is full. It lets tests
/// see what a save does when space runs out at any byte.
#[derive(Debug)]
pub struct SmallDisk {
    free_bytes: std::rc::Rc<Cell<u64>>,
}

impl SmallDisk {
    /// A disk with room for `capacity` bytes.
    pub fn new(capacity: u64) -> SmallDisk {
        SmallDisk { free_bytes: std::rc::Rc::new(Cell::new(capacity)) }
    }
}

/// A file on a [`SmallDisk`].
#[derive(Debug)]
pub struct SmallDiskFile {
    file: File,
    free_bytes: std::rc::Rc<Cell<u64>>,
}

impl Write for SmallDiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let free = usize::try_from(self.free_bytes.get()).unwrap_or(usize::MAX);
        if free == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = self.file.write(&bytes[..bytes.len().min(free)])?;
        self.free_bytes.set(self.free_bytes.get() - written as u64);
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Storage for SmallDisk {
    type File = SmallDiskFile;
    fn create(&self, path: &Path) -> io::Result<SmallDiskFile> {
        Ok(SmallDiskFile { file: Disk.create(path)?, free_bytes: self.free_bytes.clone() })
    }
    fn sync(&self, file: &SmallDiskFile) -> io::Result<()> {
        Disk.sync(&file.file)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Disk.sync_folder(folder)
    }
}
