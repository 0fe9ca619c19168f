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

/// A finished run is trained further: to another epoch, at another rate from there on; nothing else changes.
#[test]
fn runs_go_on_further() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let fixed = "train linear --limit-batches 6 --schedule constant --no-tensorboard --epochs";
    let begin = |epochs: &str, run: &str| {
        let args = fixed.split(' ').chain([epochs, "--out", run]);
        ok(f, &args.collect::<Vec<_>>())
    };
    begin("2", "short");
    begin("4", "long");
    let config = |run: &str| fs::read_to_string(f.join(run).join("config.toml")).unwrap();
    // At a constant rate a run that is made longer has the bits of one that was as long.
    let longer = ok(f, &["train", "--resume", "short", "--epochs", "4"]);
    assert!(longer.err.contains("epochs: 2 until now, 4 from step 13 on"), "{}", longer.err);
    assert!(longer.err.contains("going on with short after step 12, in epoch 3"), "{}", longer.err);
    assert_eq!(model(f, "short"), model(f, "long"));
    assert_eq!(config("short"), config("long"));
    // At another rate it has not, and the log says so.
    let other = ok(f, &["train", "--resume", "short", "--epochs", "5", "--lr", "0.0007", "--json"]);
    assert_eq!(other.json()["epochs"], 5);
    assert!(
        config("short").contains("learning_rate = 0.0007\n")
            && config("short").contains("epochs = 5\n")
    );
    let log = gradus::io::log::read_json_lines(&f.join("short/log.jsonl")).unwrap().records;
    let changed: Vec<_> = log.iter().filter(|r| r["kind"] == "changed").collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert_eq!(changed[1]["settings"]["optimizer.learning_rate"]["now"], 0.0007);
    assert_eq!((&changed[1]["step"], &changed[1]["epoch"]), (&24.into(), &5.into()));
    let epochs: Vec<_> = log.iter().filter(|r| r["kind"] == "epoch").collect();
    assert_eq!((epochs.len(), &epochs[4]["learning_rate"]), (5, &0.0007.into()));
    assert_eq!(ok(f, &["train", "--resume", "short", "--json"]).json()["epochs"], 5);
    // Killed before a checkpoint knew of the new rate, it goes on all the same.
    for entry in fs::read_dir(f.join("short/checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("30") {
            fs::remove_file(path).unwrap();
        }
    }
    ok(f, &["train", "--resume", "short"]);
    // What lies behind it, and what decides what is learned, is refused by name.
    ran(f, &["train", "--resume", "short", "--epochs", "3"])
        .fails(2, &["epochs: found 3 with --resume, expected more than the 5 that short has"]);
    ran(f, &["train", "--resume", "short", "--lr", "-1"])
        .fails(2, &["learning rate: found -1, expected a positive number"]);
    ran(f, &["train", "--resume", "short", "--batch", "8"])
        .fails(2, &["'--resume <DIR>' cannot be used with '--batch <N>'"]);
}
