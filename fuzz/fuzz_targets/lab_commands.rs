//! Searches for bytes that break the target `lab_commands`.
#![no_main]

fuzz::fuzz!("lab_commands");
