//! Every op, one place each.
//!
//! Three species: *derived* ops are compositions and need no gradient of their own; *pointwise* ops are one formula
//! (`pointwise/`, one file each); *kernel* ops bring kernels (a folder each).

pub mod conv2d;
mod lanes;
pub mod linalg;
pub mod pointwise;
mod reduce;
mod views;
