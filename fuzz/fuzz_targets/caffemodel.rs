//! Searches for bytes that break the target `caffemodel`.
#![no_main]

fuzz::fuzz!("caffemodel");
