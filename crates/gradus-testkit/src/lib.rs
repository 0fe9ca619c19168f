//! The op test harness of Gradus: oracles, gradient checks, tolerances.

mod golden;

pub use golden::{GoldenCase, formula, read_golden};
