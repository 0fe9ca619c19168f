//! Searches for bytes that break the target `keras`.
#![no_main]

fuzz::fuzz!("keras");
