//! Searches for bytes that break the target `word_index`.
#![no_main]

fuzz::fuzz!("word_index");
