//! Runs that are interrupted or killed and then go on: the same bits as a run that was never stopped.

use super::{gradus, ok, ran};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::tempdir;

const EPOCHS: &str = "20";

/// Starts a run and waits for the line of its first epoch.
pub(super) fn start(folder: &Path, args: &[&str]) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = gradus(folder, args)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while !line.starts_with("epoch 1/") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before its first epoch");
    }
    (child, lines)
}

/// Every step is followed by a checkpoint, so that a kill falls between two in mid-epoch.
fn arguments(run: &str) -> [&str; 12] {
    [
        "train",
        "linear",
        "--epochs",
        EPOCHS,
        "--limit-batches",
        "7",
        "--checkpoint-every",
        "0",
        "--validation-split",
        "0.1",
        "--out",
        run,
    ]
}

pub(super) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

pub(super) fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("best.safetensors")).unwrap()
}

#[test]
fn stopped_runs_go_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let (mut child, mut lines) = start(f, &arguments("asked"));
    // Meanwhile the directory is taken.
    ran(f, &["train", "--resume", "asked"]).fails(1, &["asked: another process (id "]);
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut rest = String::new();
    while lines.read_line(&mut rest).unwrap() > 0 {}
    assert!(
        rest.contains("finishing the step") && rest.contains("gradus train --resume asked"),
        "{rest}"
    );

    let (mut child, _) = start(f, &arguments("killed"));
    signal(&child, "-KILL");
    child.wait().unwrap();
    // As a save that is killed leaves it; going on clears it away.
    let leftover = f.join("killed/.gradus-tmp-1-0-best.safetensors");
    std::fs::write(&leftover, b"half").unwrap();

    let straight = ok(f, &arguments("straight"));
    for run in ["asked", "killed"] {
        let resumed = ok(f, &["train", "--resume", run]);
        assert!(resumed.err.contains("going on with"), "{}", resumed.err);
        assert_eq!(model(f, run), model(f, "straight"), "{run}");
        assert_eq!(resumed.out.replace(run, "straight"), straight.out);
        assert_eq!(steps(f, run), steps(f, "straight"), "each step is logged once");
    }
    assert!(!leftover.exists());
    // A finished run has nothing left to do, and says the same again.
    assert_eq!(ok(f, &["train", "--resume", "straight"]).out, straight.out);
}

/// The log without what the clock says.
fn steps(folder: &Path, run: &str) -> Vec<serde_json::Value> {
    let log = gradus::io::log::read_json_lines(&folder.join(run).join("log.jsonl")).unwrap();
    let mut records = log.records;
    // What was seen inside in an epoch depends on how much of it this process trained.
    records.retain(|record| record["kind"] != "layers");
    for record in &mut records {
        record["seconds"].take();
        record["samples_per_second"].take();
    }
    records
}

#[test]
fn bits_do_not_depend_on_threads() {
    let folder = tempdir().unwrap();
    for threads in ["1", "3"] {
        let args = ["train", "mlp", "--epochs", "1", "--limit-batches", "8", "--threads", threads];
        ok(folder.path(), &[&args[..], &["--out", threads]].concat());
    }
    assert_eq!(model(folder.path(), "1"), model(folder.path(), "3"));
}
