//! Long memories and made-up names from the command line: trained, killed, tested, refused.

use super::{ok, ran};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

#[test]
fn two_numbers_are_added_and_symbols_copied() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let size = ["--hidden", "16", "--epochs", "1", "--length", "4"];
    let found =
        ok(f, &[&["train", "adding", "--cell", "gru", "--out", "a", "--json"][..], &size].concat());
    let number = |name: &str| found.json()[name].as_f64().unwrap_or_else(|| panic!("no {name}"));
    assert!(number("mse") < 0.05 && (number("guessing") - 1.0 / 6.0).abs() < 1e-9, "{}", found.out);
    let picture = fs::read_to_string(f.join("a/gradients.svg")).unwrap();
    assert!(["rnn", "lstm", "gru"].iter().all(|cell| picture.contains(cell)));
    assert_eq!(ok(f, &["eval", "a", "--json"]).json()["mse"], found.json()["mse"]);
    let copied = ok(
        f,
        &[
            "train",
            "copy",
            "--limit-batches",
            "20",
            "--hidden",
            "16",
            "--length",
            "3",
            "--epochs",
            "2",
            "--json",
        ],
    );
    assert!(copied.out.contains("recalled "), "{}", copied.out);
    assert!(copied.json()["cross_entropy"].as_f64() < Some(2.0));
}

#[test]
#[cfg(unix)]
fn killed_memories_go_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for problem in ["adding", "copy"] {
        let args = |run: &'static str| {
            let train = [
                "train",
                problem,
                "--limit-batches",
                "30",
                "--epochs",
                "6",
                "--checkpoint-every",
                "0",
            ];
            [&train[..], &["--hidden", "8", "--length", "5", "--out", run]].concat()
        };
        super::resume::is_whole_when_killed(f, args);
        for run in ["whole", "killed"] {
            fs::remove_dir_all(f.join(run)).unwrap();
        }
    }
    fs::write(f.join("names.txt"), names()).unwrap();
    super::resume::is_whole_when_killed(f, |run| {
        let train = ["train", "names", "--data", "names.txt", "--hidden", "16", "--epochs", "6"];
        [&train[..], &["--checkpoint-every", "0", "--out", run]].concat()
    });
}

/// Names of three parts.
fn names() -> String {
    let parts = ["an", "be", "cor", "di", "el", "fa", "gu", "ha"];
    let name = |n: usize| format!("{}{}{}\n", parts[n % 8], parts[n / 8 % 8], parts[n / 64 % 8]);
    (0..512).map(name).collect()
}

#[test]
fn names_are_made_up() {
    let folder = tempdir().unwrap();
    let f: &Path = folder.path();
    fs::write(f.join("names.txt"), names()).unwrap();
    let train = [
        "train",
        "names",
        "--data",
        "names.txt",
        "--hidden",
        "32",
        "--epochs",
        "6",
        "--lr",
        "0.01",
    ];
    let found = ok(f, &[&train[..], &["--out", "n", "--json"]].concat()).json();
    assert!(found["val_nats"].as_f64() < found["guessing_loss"].as_f64(), "{found}");
    assert_eq!(found["samples"].as_array().map(Vec::len), Some(20));
    let lines = ok(f, &["sample", "n", "--length", "7"]).out;
    assert_eq!(lines.lines().count(), 7, "{lines}");
    // A beginning is gone on with.
    let begun = ok(f, &["sample", "n", "--length", "3", "--prime", "be"]).out;
    assert!(begun.lines().all(|line| line.starts_with("be")), "{begun}");
    assert_eq!(ok(f, &["eval", "n", "--json"]).json()["val_nats"], found["val_nats"]);
}

#[test]
fn memories_that_cannot_be() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let adding = |more: &[&str]| ran(f, &[&["train", "adding"], more].concat());
    adding(&["--cell", "lstn"]).fails(2, &["cell: found \"lstn\", expected one of rnn, lstm, gru"]);
    adding(&["--length", "1"]).fails(1, &["length: found 1, expected 2 to"]);
    adding(&["--length", "0"]).fails(2, &["length: found 0, expected at least 1"]);
    adding(&["--hidden", "8,8"]).fails(2, &["hidden: found 2 layers, expected one"]);
    adding(&["--data", "x.csv"]).fails(2, &["data: found x.csv, expected none"]);
    adding(&["--steps", "4"])
        .fails(2, &["steps: found 4 with adding, which has only cell, length"]);
    ran(f, &["train", "names"]).fails(2, &["names learns from data of your own: --data FILE"]);
    fs::write(f.join("empty.txt"), "\n\n").unwrap();
    ran(f, &["train", "names", "--data", "empty.txt"]).fails(1, &["empty.txt"]);
    assert!(!f.join("runs").exists(), "a run was left behind");
}
