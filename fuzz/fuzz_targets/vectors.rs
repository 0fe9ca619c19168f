//! Searches for bytes that break the target `vectors`.
#![no_main]

fuzz::fuzz!("vectors");
