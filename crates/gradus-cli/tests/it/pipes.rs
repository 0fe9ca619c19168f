//! Nobody reads what is said: work goes on, and its files are written.

use super::{Ran, gradus};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tempfile::tempdir;

/// A table whose number is to be learned, and a training on it that says more than a pipe's reader waits for.
fn train(folder: &std::path::Path) -> Child {
    let mut command = training(folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

fn training(folder: &std::path::Path) -> Command {
    let rows: String = (0..200).map(|i| format!("{},{}\n", i % 17, 3 * (i % 17) + i % 5)).collect();
    std::fs::write(folder.join("t.csv"), format!("x,y\n{rows}")).unwrap();
    let args =
        ["train", "mlp", "--data", "t.csv", "--target", "y", "--epochs", "40", "--out", "run"];
    gradus(folder, &args)
}

#[test]
fn a_closed_stderr_does_not_end_training() {
    let folder = tempdir().unwrap();
    let mut child = train(folder.path());
    let mut first = String::new();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    errors.read_line(&mut first).unwrap();
    assert!(first.starts_with("mlp ("), "{first}");
    drop(errors);
    let ended = child.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{out}");
    assert!(out.contains("model          run/best.safetensors"), "{out}");
    let log = std::fs::read_to_string(folder.path().join("run/log.csv")).unwrap();
    assert_eq!(log.lines().count(), 41, "a header and all epochs");
}

#[test]
fn a_closed_stdout_loses_no_file() {
    let folder = tempdir().unwrap();
    let mut child = train(folder.path());
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{errors}");
    assert!(!errors.contains("error: "), "{errors}");
    for file in ["best.safetensors", "predicted.png", "log.csv", "log.jsonl"] {
        assert!(folder.path().join("run").join(file).exists(), "{file}");
    }
}

/// The disk that a log of stderr goes to is full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stderr_does_not_end_training() {
    let folder = tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ran: Ran = training(folder.path()).stderr(full).output().unwrap().into();
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(folder.path().join("run/best.safetensors").exists());
}

/// The results could not be told: that is a failure, but not of training.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_said() {
    let folder = tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ran: Ran = training(folder.path()).stdout(full).output().unwrap().into();
    ran.fails(1, &["epoch 40/40", "error: stdout: cannot write: "]);
    assert!(folder.path().join("run/predicted.png").exists());
}

/// The terminal is closed and nobody says so: what is written to it is refused with EIO, bar and all.
#[cfg(target_os = "linux")]
#[test]
fn a_dead_terminal_does_not_end_training() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let folder = tempdir().unwrap();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let side = std::fs::File::options().read(true).write(true).open(name).unwrap();
    let mut command = training(folder.path());
    let mut child = command.stderr(side).stdout(Stdio::null()).spawn().unwrap();
    drop(command); // and with it this process's hold on the terminal
    let mut first = String::new();
    let mut said = BufReader::new(std::fs::File::from(terminal));
    said.read_line(&mut first).unwrap();
    assert!(first.starts_with("mlp ("), "{first}");
    drop(said);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("run/log.csv")).unwrap();
    assert_eq!(log.lines().count(), 41, "a header and all epochs");
}
