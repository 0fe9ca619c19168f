//! Searches for bytes that break the target `ts`.
#![no_main]

fuzz::fuzz!("ts");
