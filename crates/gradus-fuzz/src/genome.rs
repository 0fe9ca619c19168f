//! Targets of gradus-sequences: files of nucleotides.

use crate::readable;
use gradus::sequences::genome::{Genomes, LETTERS, parse_fasta};
use std::fmt::Write;

/// A file of labelled sequences.
pub(crate) fn fasta(bytes: &[u8]) -> bool {
    let labelled = Genomes::parse(bytes, "x").inspect_err(|error| readable(error)).is_ok();
    let Ok(text) = std::str::from_utf8(bytes) else { return labelled };
    let Ok(all) = parse_fasta(text, "x").inspect_err(|error| readable(error)) else {
        return labelled;
    };
    assert!(all.iter().all(|entry| !entry.codes.is_empty()));
    // What was read is read again from its letters.
    let mut written = String::new();
    for entry in &all {
        let letters: String =
            entry.codes.iter().map(|&code| char::from(LETTERS[code as usize].0)).collect();
        let _ = writeln!(written, ">a b\n{letters}");
    }
    let again = parse_fasta(&written, "x").expect("what was written is read");
    assert!(again.iter().zip(&all).all(|(a, b)| a.codes == b.codes) && again.len() == all.len());
    labelled
}
