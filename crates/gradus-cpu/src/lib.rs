//! The CPU vocabulary of Gradus: threads, lanes, tiles, GEMM. Safe outside, unsafe inside.
#![allow(unsafe_code)]

mod buffer;
pub mod exec;

pub use buffer::{ALIGN, Buffer};
