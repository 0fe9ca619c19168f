//! Searches for bytes that break the target `npz`.
#![no_main]

fuzz::fuzz!("npz");
