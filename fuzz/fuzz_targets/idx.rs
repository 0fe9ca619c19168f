//! Searches for bytes that break the target `idx`.
#![no_main]

fuzz::fuzz!("idx");
