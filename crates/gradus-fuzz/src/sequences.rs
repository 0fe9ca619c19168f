//! Targets of gradus-sequences: files of nucleotides and of signals.

use crate::readable;
use gradus::sequences::genome::{Genomes, LETTERS, parse_fasta};
use gradus::sequences::signals::{SignalColumns, Signals, parse_ts};
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

/// A `.ts` file.
pub(crate) fn ts(bytes: &[u8]) -> bool {
    let Ok(read) = parse_ts(bytes, "x").inspect_err(|error| readable(error)) else { return false };
    assert!(read.channels > 0 && read.samples.len() == read.labels.len());
    assert!(read.samples.iter().all(|sample| sample.len().is_multiple_of(read.channels)));
    Signals::parse_ts(bytes, "x").inspect_err(|error| readable(error)).is_ok()
}

/// A table of a row a step.
pub(crate) fn steps(bytes: &[u8]) -> bool {
    let columns = SignalColumns::default();
    let read = Signals::parse_csv(bytes, "x", &columns).inspect_err(|error| readable(error));
    read.is_ok_and(|signals| {
        assert!(!signals.is_empty() && !signals.channels().is_empty());
        true
    })
}
