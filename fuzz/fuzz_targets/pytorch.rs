//! Searches for bytes that break the target `pytorch`.
#![no_main]

fuzz::fuzz!("pytorch");
