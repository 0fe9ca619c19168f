//! Searches for bytes that break the target `hugging_face`.
#![no_main]

fuzz::fuzz!("hugging_face");
