//! `check(op)`: the one harness every op is tested with.
//!
//! A [`Case`] says what an op takes and, independently of the engine, what it should give. From that follow: values in
//! every element type against an f64 oracle; strided, sliced, broadcast and empty inputs; first- and second-order
//! gradients in random directions against central differences, refused where there is nothing to differentiate; and for pointwise
//! ops values and derivatives of both orders at large arguments.
//!
//! Golden numbers of other frameworks are read by [`read_golden`].
//!
//! The harness works on [`gradus_graph::Node`] and knows no op, so the crate of the ops can use it in its own tests.

mod array;
mod case;
mod far;
mod golden;
mod gradient;
mod layout;
mod tolerance;
mod value;

pub use array::Array;
pub use case::{Case, check};
pub use golden::{GoldenCase, formula, read_golden};
pub use tolerance::Species;
