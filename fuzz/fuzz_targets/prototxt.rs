//! Searches for bytes that break the target `prototxt`.
#![no_main]

fuzz::fuzz!("prototxt");
