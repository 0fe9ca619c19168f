//! Searches for bytes that break the target `steps`.
#![no_main]

fuzz::fuzz!("steps");
