//! The plain device: arrays of f64 and i64, loops that say what they mean, one thread.
//!
//! A kernel here is a function from arrays to arrays ([`ArrayKernel`]); what types and strides the arrays have in memory is seen to in one
//! place. Nothing is fused, packed or vectorised: this device is what the others are checked by.

mod array;
mod kernel;
mod pointwise;
mod reduce;

pub use array::{Array, Values};
pub use kernel::ArrayKernel;
pub use pointwise::pointwise;
pub use reduce::reduce;
