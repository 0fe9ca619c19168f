//! Searches for bytes that break the target `fasta`.
#![no_main]

fuzz::fuzz!("fasta");
