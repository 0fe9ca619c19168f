//! Every op, one place each.
//!
//! Three species: *derived* ops are compositions and need no gradient of their own; *pointwise* ops are one formula
//! (`pointwise/`, one file each); *kernel* ops bring kernels (a folder each).

mod arg_extreme;
mod cross_entropy;
mod cumsum;
mod gather;
mod kernel;
pub mod linalg;
#[cfg(test)]
mod numeric;
pub mod pointwise;
pub(crate) mod random;
mod reduce;
mod reference;
mod series;
mod softmax;
mod sort;
mod views;
