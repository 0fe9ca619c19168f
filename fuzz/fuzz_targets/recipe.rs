//! Searches for bytes that break the target `recipe`.
#![no_main]

fuzz::fuzz!("recipe");
