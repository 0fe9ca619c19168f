//! Searches for bytes that break the target `npy`.
#![no_main]

fuzz::fuzz!("npy");
