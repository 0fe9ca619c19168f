//! Searches for bytes that break the target `pickle`.
#![no_main]

fuzz::fuzz!("pickle");
