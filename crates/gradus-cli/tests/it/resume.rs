//! Runs that are interrupted or killed and then go on: the same bits as a run that was never stopped.

use super::{gradus, ok, ran};
use gradus::io::tfevents::What;
use gradus::train::callbacks::Checkpoints;
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
        assert_eq!(records(f, run), records(f, "straight"), "each step is logged once");
        assert_eq!(events(f, run), events(f, "straight"), "and drawn once");
    }
    assert!(!leftover.exists());
    // A finished run has nothing left to do, and says the same again.
    assert_eq!(ok(f, &["train", "--resume", "straight"]).out, straight.out);
}

/// Whatever steps and epochs a checkpoint falls between: the log and the plots, record by record.
#[test]
fn resumed_runs_have_the_records_of_uninterrupted_ones() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for (accumulate, every) in [("1", "3"), ("4", "1"), ("4", "2"), ("3", "4")] {
        let options = ["--epochs", "3", "--limit-batches", "6", "--validation-split", "0.05"];
        let more = ["--accumulate", accumulate, "--checkpoint-steps", every];
        let run = |name: &str| format!("{name}-{accumulate}-{every}");
        let (whole, again) = (run("whole"), run("again"));
        ok(f, &[&["train", "lenet", "--out", &whole][..], &options, &more].concat());
        copy(&f.join(&whole), &f.join(&again));
        let all = Checkpoints::all(&f.join(&again).join("checkpoints")).unwrap();
        // As if killed before it was written; what is logged after the one before is there already.
        fs::remove_file(all.last().unwrap()).unwrap();
        assert_eq!(all.len(), 2);
        ok(f, &["train", "--resume", &again]);
        assert_eq!(model(f, &again), model(f, &whole), "{again}");
        assert_eq!(records(f, &again), records(f, &whole), "{again}");
        assert_eq!(events(f, &again), events(f, &whole), "{again}");
    }
    // Without a checkpoint it begins anew, and so do its records.
    fs::remove_dir_all(f.join("again-1-3/checkpoints")).unwrap();
    fs::remove_file(f.join("again-1-3/best.safetensors")).unwrap();
    ok(f, &["train", "--resume", "again-1-3"]);
    assert_eq!(events(f, "again-1-3"), events(f, "whole-1-3"));
    assert_eq!(records(f, "again-1-3"), records(f, "whole-1-3"));
}

/// Copies a run.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

/// All events of a run in the order of its files, without their times and where files begin.
fn events(folder: &Path, run: &str) -> Vec<(i64, What)> {
    let entries = fs::read_dir(folder.join(run)).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = entries.filter(|p| name(p).starts_with("events.out.")).collect();
    files.sort();
    assert!(!files.is_empty());
    let read = |path: &std::path::PathBuf| gradus::io::tfevents::read(path).unwrap().events;
    let all = files.iter().flat_map(read).map(|event| (event.step, event.what));
    all.filter(|(_, what)| !matches!(what, What::Start | What::FileVersion(_))).collect()
}

/// The log without what the clock says.
fn records(folder: &Path, run: &str) -> Vec<serde_json::Value> {
    let log = gradus::io::log::read_json_lines(&folder.join(run).join("log.jsonl")).unwrap();
    let mut records = log.records;
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
