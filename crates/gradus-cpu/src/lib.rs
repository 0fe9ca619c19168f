//! The CPU vocabulary of Gradus: threads, lanes, tiles, GEMM. Safe outside, unsafe inside.
