//! Searches for bytes that break the target `csv`.
#![no_main]

fuzz::fuzz!("csv");
