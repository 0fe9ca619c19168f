//! Searches for bytes that break the target `image`.
#![no_main]

fuzz::fuzz!("image");
