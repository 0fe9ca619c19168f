//! Searches for bytes that break the target `lab_session`.
#![no_main]

fuzz::fuzz!("lab_session");
