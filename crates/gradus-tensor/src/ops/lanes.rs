//! What the direct kernels of convolution and pooling share: eight f32 a vector, and pointers that tasks share.
#![allow(unsafe_code)]

pub use gradus_cpu::Isa;

/// Lanes of a vector.
pub(super) const LANES: usize = 8;

/// A pointer that tasks share; each writes its own part.
#[derive(Clone, Copy)]
pub(super) struct Shared<T>(*mut T);
// SAFETY: an address; following it is unsafe where it happens.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(super) fn new(p: *const T) -> Shared<T> {
        Shared(p.cast_mut())
    }
    #[inline(always)]
    pub(super) fn get(&self) -> *mut T {
        self.0
    }
    /// The address `n` elements on.
    #[inline(always)]
    pub(super) fn at(&self, n: usize) -> *mut T {
        self.0.wrapping_add(n)
    }
}
