//! Tests of the crate's public face.

#![allow(unsafe_code)]

mod random;
mod tile;
