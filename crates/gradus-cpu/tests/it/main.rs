//! Tests of the crate's public face.

mod random;
mod tile;
