//! Classifiers of nucleotides from the command line: trained, killed, tested, drawn, refused.

use super::{ok, ran};
use std::fs;
use tempfile::tempdir;

/// Sequences of 30 letters, half of them with a donor site in the middle.
fn fasta(count: u64) -> String {
    let mut state = 1u64;
    let mut letter = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b"ACGT"[(state >> 60) as usize % 4])
    };
    let one = |n: u64| {
        let mut text: String = (0..30).map(|_| letter()).collect();
        if n.is_multiple_of(2) {
            text.replace_range(11..19, "AGGTAAGT");
        }
        format!(">s{n} {}\n{text}\n", ["donor", "none"][(n % 2) as usize])
    };
    (0..count).map(one).collect()
}

#[test]
fn borders_are_found_and_what_filters_look_for_is_drawn() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("genes.fa"), fasta(400)).unwrap();
    let train = ["train", "splice", "--data", "genes.fa", "--epochs", "15", "--out", "s", "--json"];
    let ran = ok(f, &train);
    let found = ran.json();
    assert!(found["test_accuracy"].as_f64() > Some(0.9), "{}", ran.out);
    assert!(found["baseline_majority"].as_f64() < Some(0.7));
    let motifs = found["motifs"].as_array().unwrap();
    let shown = |motif: &serde_json::Value| motif["consensus"].as_str().unwrap().to_uppercase();
    assert!(motifs.iter().any(|motif| shown(motif).contains("GT")), "{motifs:?}");
    assert!(fs::read_to_string(f.join("s/motifs.svg")).unwrap().contains(">G</text>"));
    assert_eq!(ok(f, &["eval", "s", "--json"]).json()["test_accuracy"], found["test_accuracy"]);
    super::ran(f, &["eval", "s", "--data", "other.fa"]).fails(
        2,
        &["--data: a network of sequences is tested on what was held out of its own data"],
    );
}

#[test]
#[cfg(unix)]
fn a_killed_classifier_goes_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("genes.fa"), fasta(400)).unwrap();
    let args = |run| {
        [
            "train",
            "splice",
            "--data",
            "genes.fa",
            "--epochs",
            "12",
            "--checkpoint-every",
            "0",
            "--out",
            run,
        ]
        .to_vec()
    };
    super::resume::is_whole_when_killed(f, args);
}

#[test]
fn files_that_are_no_labelled_sequences() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let train = |text: &str| {
        fs::write(f.join("g.fa"), text).unwrap();
        ran(f, &["train", "splice", "--data", "g.fa"])
    };
    train(">a x\nACGT\n>b y\nACXT\n")
        .fails(1, &["g.fa, line 4: found \"X\", expected a letter of nucleotides"]);
    train("ACGT\n").fails(1, &["g.fa", "expected"]);
    train(">a x\n>b y\nACGT\n").fails(1, &["g.fa, line 1: found a header without a sequence"]);
    train(">a\nACGT\n>b\nACGT\n").fails(1, &["g.fa: found no label in the header of \"a\""]);
    train(">a x\nACGT\n>b x\nACGA\n")
        .fails(1, &["found the class \"x\" only, expected two classes"]);
    train("").fails(1, &["g.fa: found an empty file"]);
    ran(f, &["train", "splice"]).fails(2, &["splice learns from data of your own", "FASTA"]);
    assert!(!f.join("runs").exists(), "a run was left behind");
}
