//! Shapes, element types, views, scalar expressions and errors: the words every other Gradus crate speaks.
//!
//! Nothing here computes on buffers and nothing here knows a graph; see `gradus-graph` for that.

mod dtype;
mod error;
pub mod expr;
pub mod philox;
mod real;
mod shape;
mod view;

pub use dtype::{DType, Element};
pub use error::{Error, Kind, Result, is_rusts_own};
pub use expr::Expr;
pub use half::{bf16, f16};
pub use real::Real;
pub use shape::{MAX_RANK, Shape};
pub use view::View;
