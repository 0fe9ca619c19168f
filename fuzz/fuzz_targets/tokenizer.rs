//! Searches for bytes that break the target `tokenizer`.
#![no_main]

fuzz::fuzz!("tokenizer");
