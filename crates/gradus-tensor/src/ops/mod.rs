//! Every op, one place each.
//!
//! Three species: *derived* ops are compositions and need no gradient of their own; *pointwise* ops
//! are one formula (`pointwise/`, one file each); *kernel* ops bring kernels (a folder each).

#[cfg(test)]
mod all;
mod all_any;
mod arg_extreme;
pub mod attention;
mod bitwise;
mod cast_whole;
pub mod conv2d;
mod cross_entropy;
mod cumsum;
pub mod detection;
mod divisor;
mod einsum;
pub mod fold;
mod gather;
mod kernel;
mod lanes;
pub mod linalg;
mod logsumexp;
mod moments;
pub(crate) mod norm;
mod number;
mod operand;
pub(crate) mod pad;
pub mod pointwise;
pub mod pool2d;
mod prod;
pub(crate) mod random;
pub mod recurrent;
mod reduce;
#[cfg(test)]
mod registry;
pub mod sampling;
pub mod scan;
pub mod scatter;
mod softmax;
mod sort;
#[cfg(test)]
mod testing;
mod upsample;
mod vector_norm;
mod views;
pub mod volume;

pub use number::Number;
pub use operand::Operand;
#[cfg(test)]
pub(crate) use testing::{check, check_all};
