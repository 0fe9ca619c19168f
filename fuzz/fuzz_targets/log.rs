//! Searches for bytes that break the target `log`.
#![no_main]

fuzz::fuzz!("log");
