//! The CPU vocabulary of Gradus: threads, lanes, tiles, GEMM. Safe outside, unsafe inside.
#![allow(unsafe_code)]

mod buffer;
pub mod exec;
#[allow(missing_docs, clippy::all)]
mod standin;
pub use standin::*;

pub use buffer::{ALIGN, Buffer};
