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

/// A run that is killed after its first epoch, and then goes on, has the bits of one that was left alone. `args` are those of a run into a folder.
#[track_caller]
pub(super) fn is_whole_when_killed<'a>(folder: &Path, args: impl Fn(&'static str) -> Vec<&'a str>) {
    ok(folder, &args("whole"));
    let (mut child, _lines) = start(folder, &args("killed"));
    signal(&child, "-KILL");
    assert_eq!(child.wait().unwrap().code(), None, "it ended before it was killed");
    ok(folder, &["train", "--resume", "killed"]);
    assert!(model(folder, "whole") == model(folder, "killed"), "other bits: {:?}", args("killed"));
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

    // Whoever uses it as it is is told how far it has come.
    let tested = ok(f, &["eval", "asked", "--json"]);
    let told = "remark: asked is not at its end: ";
    assert!(tested.err.contains(told) && tested.err.contains(" of 20 epochs"), "{}", tested.err);
    let unfinished = tested.json()["unfinished"].clone();
    let done = unfinished["done"].as_u64().unwrap();
    assert!((1..20).contains(&done) && unfinished["epochs"] == 20, "{unfinished}");
    assert!((1..=done).contains(&unfinished["epoch"].as_u64().unwrap()), "{unfinished}");
    let exported = ok(f, &["export", "asked", "--out", "asked.npz", "--json"]);
    assert_eq!(exported.json()["unfinished"], unfinished);
    assert!(exported.err.contains(told), "{}", exported.err);

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
    assert_eq!(ok(f, &["eval", "asked", "--json"]).json()["unfinished"], serde_json::Value::Null);
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

/// A finished run is trained further: to another epoch, at another rate from there on; nothing else changes.
#[test]
fn runs_go_on_further() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let fixed = "train linear --limit-batches 6 --no-tensorboard --epochs";
    let begin = |epochs: &str, run: &str| {
        let args = fixed.split(' ').chain(epochs.split(' ')).chain(["--out", run]);
        ok(f, &args.collect::<Vec<_>>())
    };
    begin("2 --schedule constant", "short");
    begin("4 --schedule constant", "long");
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
    // A schedule that had fallen is entered where the longer one stands.
    begin("2 --schedule cosine", "fallen");
    let risen = ok(f, &["train", "--resume", "fallen", "--epochs", "4"]);
    let rate = "the rate goes on at 0.0015, where it was 5.11e-5; cosine from here: at most 0.0015, in the end 1.28e-5";
    assert!(risen.err.contains(rate), "{}", risen.err);
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
