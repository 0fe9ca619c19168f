//! What the direct kernels of convolution and pooling share: eight f32 a vector, and pointers that
//! tasks share.

pub use gradus_cpu::Isa;
pub(super) use gradus_cpu::Shared;

/// Lanes of a vector.
pub(super) const LANES: usize = 8;
