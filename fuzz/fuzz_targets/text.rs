//! Searches for bytes that break the target `text`.
#![no_main]

fuzz::fuzz!("text");
