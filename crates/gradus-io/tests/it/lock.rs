//! One process on a run directory; a killed holder leaves no trace.

use gradus_io::{Kind, RunLock};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const FOLDER: &str = "GRADUS_TEST_LOCK_FOLDER";

/// Not a test of its own: the second process of the next test, which holds the lock until killed.
#[test]
fn hold_the_lock_named_by_the_environment() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let _lock = RunLock::acquire(Path::new(&folder)).unwrap();
    println!("\nlocked");
    std::thread::sleep(std::time::Duration::from_secs(60));
}

fn start_holder(folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lock::hold_the_lock_named_by_the_environment", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "locked"));
    child
}

#[test]
fn a_second_process_is_told_and_a_killed_one_frees_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = start_holder(folder.path());
    let error = RunLock::acquire(folder.path()).unwrap_err();
    assert_eq!(error.kind, Kind::Locked);
    // Where locks are mandatory the holder's id cannot be read.
    let holder_text = if cfg!(windows) { String::new() } else { format!(" (id {})", holder.id()) };
    let expected = format!(
        "{}: another process{holder_text} is working on this run; wait for it or choose another \
         directory",
        folder.path().display()
    );
    assert_eq!(error.to_string(), expected);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let lock = RunLock::acquire(folder.path()).unwrap();
    assert_eq!(lock.folder(), folder.path());
}

#[test]
fn within_a_process_a_lock_excludes_until_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let lock = RunLock::acquire(folder.path()).unwrap();
    let error = RunLock::acquire(folder.path()).unwrap_err();
    assert_eq!(error.kind, Kind::Locked);
    drop(lock);
    assert!(RunLock::acquire(folder.path()).is_ok());
}

#[test]
fn a_missing_run_directory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = RunLock::acquire(&folder.path().join("no-such-run")).unwrap_err();
    assert!(error.to_string().contains("run.lock: cannot lock: "), "{error}");
}
