//! Tests of the crate's public face.

#![allow(unsafe_code)] // buffers are passed as pointers

mod edges;
mod random;
mod tile;
