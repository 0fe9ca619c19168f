//! Searches for bytes that break the target `checkpoint`.
#![no_main]

fuzz::fuzz!("checkpoint");
