//! Linear algebra.

mod matmul;
