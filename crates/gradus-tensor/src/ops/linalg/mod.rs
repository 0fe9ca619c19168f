//! Linear algebra.

pub(super) mod matmul;
