//! Searches for bytes that break the target `idx_gzip`.
#![no_main]

fuzz::fuzz!("idx_gzip");
