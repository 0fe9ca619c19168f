//! Shapes, element types, views, scalar expressions, buffers, kernels and errors: the words every other Gradus crate speaks.
//!
//! Nothing here computes and nothing here knows a graph or a device: see `gradus-graph` and `gradus-cpu`.

mod buffer;
mod dtype;
mod error;
pub mod exec;
pub mod expr;
mod machine;
pub mod philox;
mod place;
mod real;
mod reduce;
mod shape;
mod view;
pub mod words;

pub use buffer::{ALIGN, Buffer};
pub use dtype::{DType, Element};
pub use error::{Error, Kind, Result};
pub use expr::Expr;
pub use half::{bf16, f16};
pub use machine::{HAS_THREADS, Stopwatch};
pub use place::Place;
pub use real::Real;
pub use reduce::ReduceOp;
pub use shape::{MAX_RANK, Shape};
pub use view::View;
