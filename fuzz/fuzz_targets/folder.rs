//! Searches for bytes that break the target `folder`.
#![no_main]

fuzz::fuzz!("folder");
