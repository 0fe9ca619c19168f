//! Searches for bytes that break the target `onnx_beside`.
#![no_main]

fuzz::fuzz!("onnx_beside");
