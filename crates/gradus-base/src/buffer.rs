//! Buffers: 64-byte aligned, zero-initialised bytes that a tensor's elements live in.
#![allow(unsafe_code)]

use crate::{DType, Element};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Cache-line alignment of every buffer and of every value in an arena.
pub const ALIGN: usize = 64;

/// A panic and no abort: a run that asks for too much ends with a message and with its files in order.
#[cold]
fn refused(bytes: usize) -> ! {
    let gib = bytes as f64 / f64::from(1 << 30);
    panic!("out of memory: the system refuses {gib:.1} GiB at once. A smaller batch needs less")
}

/// An owned, aligned run of bytes.
pub struct Buffer {
    /// The first aligned byte of the allocation.
    ptr: NonNull<u8>,
    /// The allocation.
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a Buffer owns its bytes; shared access only reads, exclusive access is by `&mut`.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `bytes` zero bytes.
    ///
    /// # Panics
    /// When `bytes` exceeds what the address space holds, or the system refuses so much memory.
    pub fn zeroed(bytes: usize) -> Buffer {
        let layout = Buffer::layout(bytes);
        // SAFETY: the layout's size is at least ALIGN, never zero.
        let base = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(base).unwrap_or_else(|| refused(bytes));
        let skipped = base.as_ptr().align_offset(ALIGN);
        // SAFETY: the layout has room for ALIGN − 1 bytes before the first.
        let ptr = unsafe { base.add(skipped) };
        Buffer { ptr, base, bytes }
    }

    /// A copy of `values`.
    pub fn from_slice<T: Element>(values: &[T]) -> Buffer {
        let mut buffer = Buffer::zeroed(std::mem::size_of_val(values));
        buffer.as_mut_slice::<T>().copy_from_slice(values);
        buffer
    }

    /// Room for the bytes and for aligning them by hand: asked for more than its own alignment, the system's allocator
    /// would write the zeros itself, and touch memory that nobody may ever look at.
    fn layout(bytes: usize) -> Layout {
        let size = bytes.max(1).checked_next_multiple_of(ALIGN).expect("buffer size overflows");
        let size = size.checked_add(ALIGN).expect("buffer size overflows");
        Layout::from_size_align(size, 1).expect("buffer size overflows")
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first byte's address.
    pub fn as_ptr(&self) -> *const u8 {
        self.ptr.as_ptr()
    }

    /// The first byte's address, to write through.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.ptr.as_ptr()
    }

    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `bytes` initialised bytes are owned at `ptr`.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.bytes) }
    }

    /// All bytes, to write. Booleans must stay 0 or 1.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        // SAFETY: as above, exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.bytes) }
    }

    /// The elements; the trailing bytes of a part of an element are left out.
    ///
    /// # Panics
    /// If `T` is bool and a byte is neither 0 nor 1.
    pub fn as_slice<T: Element>(&self) -> &[T] {
        if T::DTYPE == DType::Bool {
            assert!(self.as_bytes().iter().all(|&b| b < 2), "a bool buffer holds a byte above 1");
        }
        // SAFETY: ALIGN suffices for every element type, all bit patterns are valid for numbers, and booleans
        // were checked.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr().cast(), self.bytes / size_of::<T>()) }
    }

    /// The elements, to write.
    ///
    /// # Panics
    /// As [`Buffer::as_slice`].
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        let len = self.as_slice::<T>().len();
        // SAFETY: as `as_slice`, exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr().cast(), len) }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Buffer {
        let mut copy = Buffer::zeroed(self.bytes);
        copy.as_mut_bytes().copy_from_slice(self.as_bytes());
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with the same layout.
        unsafe { dealloc(self.base.as_ptr(), Buffer::layout(self.bytes)) }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_aligned_elements() {
        let mut b = Buffer::from_slice(&[1.5f32, -2.0, 3.0]);
        assert_eq!(b.as_ptr() as usize % ALIGN, 0);
        b.as_mut_slice::<f32>()[1] = 4.0;
        assert_eq!(b.clone().as_slice::<f32>(), [1.5, 4.0, 3.0]);
        assert_eq!(Buffer::zeroed(0).as_slice::<f64>(), [0.0; 0]);
    }

    #[test]
    #[should_panic(expected = "byte above 1")]
    fn refuses_bytes_that_are_no_bool() {
        Buffer::from_slice(&[0u8, 2]).as_slice::<bool>();
    }
}
