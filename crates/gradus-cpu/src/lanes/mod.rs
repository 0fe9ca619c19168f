//! Vectors and instruction sets: what kernels are written in, and what they are compiled for.
//!
//! A kernel is written once over [`Lanes`], `#[inline(always)]`, as a [`Form`] or a [`Task`], and instantiated once for each
//! [`InstructionSet`] of the table below. It makes vectors in loops, never in closures: a closure would be a function
//! without the instruction set, and each of its operations a call.
//!
//! A new instruction set is a file, with its vectors and its [`InstructionSet`], and a line in the table.

mod isa;
mod math;
mod numbers;
#[cfg(any(target_arch = "aarch64", target_feature = "simd128"))]
mod pair;
#[cfg(target_feature = "simd128")] // which takes its line in the table
mod portable;
mod scalar;
#[cfg(test)]
mod tests;
mod vector;

pub use isa::{Choice, Form, InstructionSet, Isa, IsaError, LoopForm, Task};
pub use numbers::Numbers;
#[cfg(target_feature = "simd128")]
pub use portable::*;
pub use scalar::Scalar;
pub use vector::{Bits, Clipping, F32s, Lanes, MOST, Square, prefetch};

isa::instruction_sets! {
    portable: AnyMachine where not(target_feature = "simd128");
    simd128: Simd128 where target_feature = "simd128";
    neon: Neon where target_arch = "aarch64";
    avx2: Avx2 where target_arch = "x86_64";
    avx512: Avx512 where target_arch = "x86_64";
}
