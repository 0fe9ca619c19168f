//! A write that fails at any byte leaves the old file and nothing else.

use gradus_io::{Disk, Kind, SmallDisk, Storage, atomic_write, atomic_write_on, remove_leftovers};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "GRADUS_TEST_ATOMIC_FOLDER";

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn replaces_a_file_and_returns_what_the_writer_returned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    for text in ["first", "second"] {
        let len = atomic_write(&path, |w| w.write_all(text.as_bytes()).map(|()| text.len()));
        assert_eq!(len.unwrap(), text.len());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    assert_eq!(names(folder.path()), ["a.bin"]);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::write(&path, "old").unwrap();
    let new = vec![1; 200_000];
    for capacity in [0, 1, 65_535, 65_536, 65_537, 199_999] {
        let error =
            atomic_write_on(&SmallDisk::new(capacity), &path, |w| w.write_all(&new)).unwrap_err();
        assert_eq!(error.kind, Kind::Io(io::ErrorKind::StorageFull));
        assert!(
            error
                .to_string()
                .ends_with("a.bin: cannot write, nothing was changed: no storage space")
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }
    atomic_write_on(&SmallDisk::new(200_000), &path, |w| w.write_all(&new)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), new);
}

/// Nothing was changed is said of what was not changed.
#[test]
fn a_folder_that_cannot_be_synced_is_told_apart() {
    struct Unsynced;
    impl Storage for Unsynced {
        type File = fs::File;
        fn create(&self, path: &Path) -> io::Result<fs::File> {
            Disk.create(path)
        }
        fn sync(&self, file: &fs::File) -> io::Result<()> {
            Disk.sync(file)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            Disk.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            Disk.remove(path)
        }
        fn sync_folder(&self, _: &Path) -> io::Result<()> {
            Err(io::Error::other("the cable is out"))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::write(&path, "old").unwrap();
    let error = atomic_write_on(&Unsynced, &path, |w| w.write_all(b"new")).unwrap_err();
    let told = "a.bin: was written, but may be lost if the power goes: cannot sync its folder: the cable is out";
    assert!(error.to_string().ends_with(told), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(names(folder.path()), ["a.bin"]);
}

#[test]
fn a_failing_or_panicking_writer_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::write(&path, "old").unwrap();
    let failed = atomic_write(&path, |w| {
        w.write_all(b"half")?;
        Err::<(), _>(io::Error::other("the model is gone"))
    });
    assert!(failed.unwrap_err().to_string().ends_with("the model is gone"));
    let panicked = std::panic::catch_unwind(|| {
        atomic_write(&path, |_| -> io::Result<()> { panic!("in a writer, on purpose") })
    });
    assert!(panicked.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["a.bin"]);
}

#[test]
fn a_missing_folder_and_a_missing_name_are_clear_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/a.bin");
    let error = atomic_write(&path, |w| w.write_all(b"x")).unwrap_err();
    assert_eq!(error.kind, Kind::Io(io::ErrorKind::NotFound));
    assert_eq!(error.path.as_deref(), Some(path.as_path()));
    let error = atomic_write(Path::new("/"), |w| w.write_all(b"x")).unwrap_err();
    assert_eq!(error.to_string(), "/: expected a file name");
}

#[test]
fn leftovers_of_killed_writers_are_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".gradus-tmp-17-0-a.bin", ".gradus-tmp-17-1-b.bin", "a.bin", ".hidden"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    assert_eq!(remove_leftovers(folder.path()).unwrap(), 2);
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, [".hidden", "a.bin"]);
}

/// Not a test of its own: the process that the next test kills while it saves.
#[test]
fn save_for_ever_in_the_folder_named_by_the_environment() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    for round in 0u8.. {
        let bytes = vec![round; 3_000_000];
        atomic_write(&Path::new(&folder).join("a.bin"), |w| w.write_all(&bytes)).unwrap();
    }
}

#[test]
fn a_process_killed_while_saving_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::write(&path, vec![0; 3_000_000]).unwrap();
    for kill in 0..8 {
        let mut saver = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "atomic::save_for_ever_in_the_folder_named_by_the_environment"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(40 + 7 * kill));
        saver.kill().unwrap();
        saver.wait().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 3_000_000);
        assert!(bytes.iter().all(|&byte| byte == bytes[0]));
    }
    remove_leftovers(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["a.bin"]);
}
