//! Searches for bytes that break the target `events`.
#![no_main]

fuzz::fuzz!("events");
