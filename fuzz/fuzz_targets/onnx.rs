//! Searches for bytes that break the target `onnx`.
#![no_main]

fuzz::fuzz!("onnx");
