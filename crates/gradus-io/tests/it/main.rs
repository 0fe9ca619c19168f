//! Tests of the public API, one module per format.

mod arrays;
mod atomic;
mod budget;
mod checkpoint;
mod hdf5;
mod keras;
mod lock;
mod log;
mod numpy;
mod onnx;
mod pytorch;
mod safetensors;
mod tfevents;
