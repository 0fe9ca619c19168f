//! Replays the files of `fuzz/corpus`. `valid-*` must be accepted; the others once broke a target. Each is also read cut at
//! many places and with flipped bits: what a bad disk or a broken download leaves.

use gradus_fuzz::{TARGETS, Target};
use std::fs;
use std::path::{Path, PathBuf};

/// Cuts and flips of each file.
const DAMAGES: usize = 48;

fn files(target: &Target) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target.name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn is_valid(file: &Path) -> bool {
    file.file_name().unwrap().to_str().unwrap().starts_with("valid-")
}

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
            for i in 0..DAMAGES {
                (target.run)(&whole[..whole.len() * i / DAMAGES]);
                // 2654435761 ≈ 2³²/φ: multiples of it are spread evenly.
                let bit = i.wrapping_mul(2_654_435_761) % (8 * whole.len()).max(1);
                let mut flipped = whole.clone();
                if let Some(byte) = flipped.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                (target.run)(&flipped);
            }
        }
    }
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
