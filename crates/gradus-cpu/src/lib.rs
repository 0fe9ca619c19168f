//! The CPU vocabulary of Gradus: threads, lanes, tiles, GEMM. Safe outside, unsafe inside.
#![allow(unsafe_code)]

mod buffer;
pub mod exec;
pub mod gemm;
pub mod pool;
pub mod scratch;
#[allow(missing_docs, clippy::all)]
mod standin;

pub use buffer::{ALIGN, Buffer};
pub use gemm::{Epilogue, Mat, MatMut, PackedB, gemm, gemm_packed, pack_b};
pub use pool::{parallel, set_threads, threads};
pub use scratch::with_scratch;
pub use standin::*;
