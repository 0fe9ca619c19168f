//! The CPU vocabulary of Gradus: threads, lanes, tiles, GEMM. Safe outside, unsafe inside.
#![allow(unsafe_code)]

pub mod bench;
pub mod gemm;
pub mod lanes;
pub mod pool;
mod reduce;
pub mod scratch;
mod shared;
mod steps;
mod tile;

pub use gemm::{Clip, Epilogue, Mat, MatMut, PackedB, gemm, gemm_packed, pack_b};
pub use lanes::{Isa, IsaError};
pub use pool::{parallel, set_threads, threads};
pub use reduce::Reduce;
pub use scratch::with_scratch;
pub use shared::Shared;
pub use steps::parallel_steps;
pub use tile::{Pointwise, RowEpilogue, RowLoop};

/// Whether the kernels are compiled with optimisation. The profiles of this workspace do so in debug builds too; those of a program that
/// depends on it are its own, and plain `cargo run` optimises nothing there.
///
/// ```
/// if !gradus_cpu::OPTIMIZED {
///     eprintln!("this will take a while");
/// }
/// ```
pub const OPTIMIZED: bool = !cfg!(unoptimized);
