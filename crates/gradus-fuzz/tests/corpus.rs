//! Replays the files of `fuzz/corpus`. `valid-*` must be accepted; the others once broke a target. Each is also read cut at
//! many places and with flipped bits: what a bad disk or a broken download leaves.

use gradus_fuzz::{BAD_GRAPHS, BadGraph, TARGETS, damaged, files, is_valid};
use std::fs;
use std::path::Path;

#[test]
fn every_file_is_read_as_it_should() {
    for target in TARGETS {
        let files = files(target);
        assert!(files.iter().any(|file| is_valid(file)), "{}: no valid file", target.name);
        for file in files {
            println!("{}", file.display());
            let accepted = (target.run)(&fs::read(&file).unwrap());
            assert!(accepted || !is_valid(&file), "a valid file is refused");
        }
    }
}

#[test]
fn damaged_files_break_nothing() {
    for target in TARGETS {
        for file in files(target) {
            println!("{}", file.display());
            let whole = fs::read(&file).unwrap();
            for bytes in damaged(&whole) {
                (target.run)(&bytes);
            }
        }
    }
}

#[test]
fn bad_graphs_are_refused() {
    let faults: Vec<String> = BAD_GRAPHS.iter().filter_map(BadGraph::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Each target is searched too, and its program's name is its own.
#[test]
fn every_target_has_its_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    for target in TARGETS {
        let text = fs::read_to_string(folder.join(format!("{}.rs", target.name))).unwrap();
        assert!(text.contains(&format!("fuzz!(\"{}\")", target.name)), "{}", target.name);
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), TARGETS.len());
}
