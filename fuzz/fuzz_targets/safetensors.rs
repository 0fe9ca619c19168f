//! Searches for bytes that break the target `safetensors`.
#![no_main]

fuzz::fuzz!("safetensors");
