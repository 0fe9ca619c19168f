//! Searches for bytes that break the target `arpa`.
#![no_main]

fuzz::fuzz!("arpa");
