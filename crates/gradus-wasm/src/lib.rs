//! Gradus in WebAssembly: some training that gives the same numbers there as here, and work to measure. `cargo xtask wasm` builds this
//! for `wasm32-unknown-unknown`, runs it in Node (`check.mjs`) and compares.

mod cases;
mod exports;
mod work;

pub use cases::{CASES, Case};
