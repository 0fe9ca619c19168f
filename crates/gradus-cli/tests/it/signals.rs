//! Signals: what ends a training, when, and what is left of it; what was ignored stays ignored.

use super::resume::{model, signal, start};
use super::{gradus, ok, program};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::tempdir;

const FEW: [&str; 8] =
    ["train", "linear", "--epochs", "12", "--limit-batches", "20", "--out", "run"];

/// A training that a shell starts with a signal ignored, as `nohup` and background jobs of scripts do.
fn with_ignored(folder: &Path, name: &str) -> Child {
    let script = format!("trap '' {name}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(program()).args(FEW).current_dir(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell starts")
}

#[track_caller]
pub(crate) fn wait_for(what: &str, is: impl Fn() -> bool) {
    let clock = Instant::now();
    while !is() {
        assert!(clock.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_is_ignored_stays_ignored() {
    for name in ["HUP", "INT", "TERM"] {
        let folder = tempdir().unwrap();
        let mut child = with_ignored(folder.path(), name);
        let log = folder.path().join("run/log.jsonl");
        wait_for("a step is logged", || fs::metadata(&log).is_ok_and(|log| log.len() > 0));
        signal(&child, &format!("-{name}"));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
        assert!(folder.path().join("run/best.safetensors").exists());
    }
}

#[test]
fn a_signal_saves_and_says_how_to_go_on() {
    for name in ["-HUP", "-TERM"] {
        let folder = tempdir().unwrap();
        let (mut child, mut lines) = start(folder.path(), &FEW);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("everything is saved") && rest.contains("--resume run"), "{rest}");
        ok(folder.path(), &["train", "--resume", "run"]);
    }
}

/// When all is saved, the test need not be waited for; it is done when the run goes on.
#[test]
fn a_signal_ends_the_final_test() {
    let folder = tempdir().unwrap();
    let args = ["train", "lenet", "--epochs", "1", "--limit-batches", "2"];
    // On a busy machine the test may be done before the signal comes.
    let stopped = (0..5).any(|_| {
        let _ = fs::remove_dir_all(folder.path().join("run"));
        let (mut child, mut lines) = start(folder.path(), &[&args[..], &["--out", "run"]].concat());
        signal(&child, "-TERM");
        let code = child.wait().unwrap().code();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert!(code == Some(0) || rest.contains("everything is saved"), "{rest}");
        code == Some(130)
    });
    assert!(stopped);
    let told = ok(folder.path(), &["train", "--resume", "run"]);
    let whole = ok(folder.path(), &[&args[..], &["--out", "whole"]].concat());
    assert_eq!(told.out, whole.out.replace("whole", "run"));
    assert_eq!(model(folder.path(), "run"), model(folder.path(), "whole"));
}

/// Before the first step there is nothing to save or to wait for.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_loading_at_once() {
    let folder = tempdir().unwrap();
    let row = "0.25,0.5,0.75,1.25,1.5,1.75,2.25,2.5,2.75,3.25,";
    let rows: String = (0..300_000).map(|i| format!("{row}{}\n", i % 3)).collect();
    fs::write(folder.path().join("t.csv"), rows).unwrap();
    let args = ["train", "linear", "--data", "t.csv", "--out", "run"];
    let mut command = gradus(folder.path(), &args);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    wait_for("it listens", || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> 14 & 1 == 1) // SIGTERM is 15
    });
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "interrupted before the first step\n");
    assert!(!folder.path().join("run").exists());
}
