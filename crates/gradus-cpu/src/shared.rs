//! The one pointer that the tasks of [`parallel`](crate::parallel) share.

/// An address that tasks share; each follows it to a part of its own.
#[derive(Debug)]
pub struct Shared<T>(*mut T);

// SAFETY: an address; following it is unsafe where it happens.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        *self
    }
}
impl<T> Copy for Shared<T> {}

impl<T> Shared<T> {
    /// Of something that tasks write, or, if it is but read, also of a `*const T`.
    pub fn new(p: *const T) -> Shared<T> {
        Shared(p.cast_mut())
    }
    /// The address.
    #[inline(always)]
    pub fn get(&self) -> *mut T {
        self.0
    }
    /// The address `n` elements on.
    #[inline(always)]
    pub fn at(&self, n: usize) -> *mut T {
        self.0.wrapping_add(n)
    }
}
