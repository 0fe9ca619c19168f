//! Buffers: the bytes that a tensor's elements live in, a buffer's own or somebody else's.
#![allow(unsafe_code)]

use crate::{DType, Element};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::any::Any;
use std::ptr::NonNull;
use std::sync::Arc;

/// Cache-line alignment of memory that buffers make themselves, and of every value in an arena.
pub const ALIGN: usize = 64;

/// What adopted memory is aligned to: to the elements of any type. No kernel asks for more of what it reads or writes, since a view
/// may begin at any element; what it lends itself, workspaces and packed forms, lies in an arena or in a buffer's own memory.
const ELEMENT: usize = 8;

/// A panic and no abort: a run that asks for too much ends with a message and with its files in order.
#[cold]
fn refused(bytes: usize) -> ! {
    let gib = bytes as f64 / f64::from(1 << 30);
    panic!("out of memory: the system refuses {gib:.1} GiB at once. A smaller batch needs less")
}

/// An aligned run of bytes: its own, or memory that it adopted and whose owner it keeps.
pub struct Buffer {
    /// The first byte.
    ptr: NonNull<u8>,
    bytes: usize,
    memory: Memory,
}

/// Where a buffer's bytes lie.
enum Memory {
    /// In this allocation of [`Buffer::layout`].
    Own(NonNull<u8>),
    /// In memory that lasts as long as its owner.
    Adopted {
        /// Dropped with the buffer, or when the bytes move into memory of its own. Nobody looks at it.
        _owner: Arc<dyn Any + Send + Sync>,
        /// Whether the buffer may write there.
        writable: bool,
    },
}

// SAFETY: nobody writes a Buffer's bytes but the Buffer, its own by `zeroed` and adopted ones by the promise of `adopt`; shared access
// only reads, exclusive access is by `&mut`. An owner is Send and Sync.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `bytes` zero bytes.
    ///
    /// # Panics
    /// When `bytes` exceeds what the address space holds, or the system refuses so much memory.
    pub fn zeroed(bytes: usize) -> Buffer {
        Buffer::try_zeroed(bytes).unwrap_or_else(|| refused(bytes))
    }

    /// `bytes` zero bytes, or `None` where the system refuses so much memory.
    ///
    /// ```
    /// use gradus_base::Buffer;
    /// assert_eq!(Buffer::try_zeroed(8).unwrap().as_slice::<i64>(), [0]);
    /// assert!(Buffer::try_zeroed(1 << 60).is_none());
    /// ```
    ///
    /// # Panics
    /// When `bytes` exceeds what the address space holds.
    pub fn try_zeroed(bytes: usize) -> Option<Buffer> {
        let layout = Buffer::layout(bytes);
        // SAFETY: the layout's size is at least ALIGN, never zero.
        let base = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(base)?;
        let skipped = base.as_ptr().align_offset(ALIGN);
        // SAFETY: the layout has room for ALIGN − 1 bytes before the first.
        let ptr = unsafe { base.add(skipped) };
        Some(Buffer { ptr, bytes, memory: Memory::Own(base) })
    }

    /// The `bytes` bytes at `ptr`, which stay where they are; `owner` is dropped once, with the buffer. They are never written: a
    /// buffer that is to be written copies them first. So does this where `ptr` is no multiple of 8, as an element of any type needs
    /// it; then `owner` is dropped here. Bytes that are to be booleans must be 0 or 1.
    ///
    /// # Safety
    /// Until `owner` is dropped, and wherever it is moved, the bytes must be initialised and valid to read, and nobody may write them.
    pub unsafe fn adopt(ptr: *const u8, bytes: usize, owner: impl Send + Sync + 'static) -> Buffer {
        // SAFETY: the caller's promise; this one never writes.
        unsafe { Buffer::adopted(ptr.cast_mut(), bytes, Arc::new(owner), false) }
    }

    /// As [`Buffer::adopt`], of bytes that the buffer writes in place.
    ///
    /// # Safety
    /// Until `owner` is dropped, and wherever it is moved, the bytes must be initialised and valid to read and write, and nobody else
    /// may read or write them.
    pub unsafe fn adopt_mut(
        ptr: *mut u8,
        bytes: usize,
        owner: impl Send + Sync + 'static,
    ) -> Buffer {
        // SAFETY: the caller's promise.
        unsafe { Buffer::adopted(ptr, bytes, Arc::new(owner), true) }
    }

    /// The bytes that `owner` holds, without a copy where they are aligned: an `Arc<[u8]>`, a mapped file. A buffer that is to be written
    /// copies them first.
    ///
    /// ```
    /// use gradus_base::Buffer;
    /// use std::sync::Arc;
    /// let file: Arc<[u8]> = Arc::from(2.0f32.to_ne_bytes());
    /// let mut buffer = Buffer::from_owner(file.clone());
    /// assert_eq!((buffer.as_slice::<f32>(), buffer.as_ptr()), (&[2.0][..], file.as_ptr()));
    /// buffer.as_mut_slice::<f32>()[0] = 5.0;
    /// assert_eq!((buffer.as_slice::<f32>(), file[..] == 2.0f32.to_ne_bytes()), (&[5.0][..], true));
    /// ```
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Buffer {
        let owner = Arc::new(owner);
        let (ptr, bytes) = {
            let held: &[u8] = (*owner).as_ref();
            (held.as_ptr(), held.len())
        };
        // SAFETY: the slice is borrowed from what the Arc holds, which neither moves nor is touched until it is dropped.
        unsafe { Buffer::adopted(ptr.cast_mut(), bytes, owner, false) }
    }

    /// # Safety
    /// As [`Buffer::adopt_mut`]; if it is not `writable`, as [`Buffer::adopt`].
    unsafe fn adopted(
        ptr: *mut u8,
        bytes: usize,
        owner: Arc<dyn Any + Send + Sync>,
        writable: bool,
    ) -> Buffer {
        match NonNull::new(ptr).filter(|ptr| ptr.addr().get().is_multiple_of(ELEMENT)) {
            Some(ptr) => Buffer { ptr, bytes, memory: Memory::Adopted { _owner: owner, writable } },
            None if bytes == 0 => Buffer::zeroed(0),
            // SAFETY: the caller's promise: the bytes may be read as long as the owner is there.
            None => Buffer::from_slice(unsafe { std::slice::from_raw_parts(ptr, bytes) }),
        }
    }

    /// Whether the bytes lie in somebody else's memory.
    pub fn is_adopted(&self) -> bool {
        matches!(self.memory, Memory::Adopted { .. })
    }

    /// Moves the bytes into memory of its own, unless it may write where they are.
    #[inline]
    fn make_writable(&mut self) {
        if let Memory::Adopted { writable: false, .. } = self.memory {
            *self = self.clone();
        }
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
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first byte's address.
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.ptr.as_ptr()
    }

    /// The first byte's address, to write through.
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.make_writable();
        self.ptr.as_ptr()
    }

    /// All bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `bytes` initialised bytes lie at `ptr`, its own or adopted.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.bytes) }
    }

    /// All bytes, to write. Booleans must stay 0 or 1.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.make_writable();
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
        // SAFETY: ALIGN and ELEMENT suffice for every element type, all bit patterns are valid for numbers, and booleans
        // were checked.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr().cast(), self.bytes / size_of::<T>()) }
    }

    /// The elements, to write.
    ///
    /// # Panics
    /// As [`Buffer::as_slice`].
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        self.make_writable();
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
        if let Memory::Own(base) = self.memory {
            // SAFETY: allocated in `zeroed` with the same layout.
            unsafe { dealloc(base.as_ptr(), Buffer::layout(self.bytes)) }
        }
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn holds_aligned_elements() {
        let mut b = Buffer::from_slice(&[1.5f32, -2.0, 3.0]);
        assert_eq!(b.as_ptr() as usize % ALIGN, 0);
        b.as_mut_slice::<f32>()[1] = 4.0;
        assert_eq!(b.clone().as_slice::<f32>(), [1.5, 4.0, 3.0]);
        assert_eq!(Buffer::zeroed(0).as_slice::<f64>(), [0.0; 0]);
    }

    /// Sixteen bytes from an address that is a multiple of 8, and who was dropped how often.
    struct Lent(Box<[u64; 2]>, Arc<AtomicUsize>);

    impl Drop for Lent {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lent() -> (Lent, *mut u8, Arc<AtomicUsize>) {
        let drops = Arc::new(AtomicUsize::new(0));
        let mut lent = Lent(Box::new([1, 2]), drops.clone());
        let ptr = lent.0.as_mut_ptr().cast();
        (lent, ptr, drops)
    }

    #[test]
    fn what_is_adopted_stays_where_it_is_and_its_owner_goes_once() {
        let (owner, ptr, drops) = lent();
        // SAFETY: the box is the owner's and stays where it is; nobody else writes it.
        let buffer = unsafe { Buffer::adopt(ptr, 16, owner) };
        assert!(buffer.is_adopted() && buffer.as_ptr() == ptr.cast_const());
        assert_eq!(buffer.as_slice::<i64>(), [1, 2]);
        let copy = buffer.clone();
        assert!(!copy.is_adopted() && (copy.as_ptr() as usize).is_multiple_of(ALIGN));
        let buffer = std::thread::spawn(move || buffer).join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        drop(buffer);
        assert_eq!((drops.load(Ordering::Relaxed), copy.as_slice::<i64>()), (1, &[1, 2][..]));
    }

    #[test]
    fn who_may_only_read_writes_to_a_copy() {
        let (owner, ptr, drops) = lent();
        // SAFETY: as above.
        let mut buffer = unsafe { Buffer::adopt(ptr, 16, owner) };
        buffer.as_mut_slice::<i64>()[0] = 7;
        assert!(!buffer.is_adopted() && drops.load(Ordering::Relaxed) == 1);
        assert_eq!(buffer.as_slice::<i64>(), [7, 2]);

        let (owner, ptr, drops) = lent();
        // SAFETY: as above, and nobody else reads it until the owner is gone.
        let mut buffer = unsafe { Buffer::adopt_mut(ptr, 16, owner) };
        buffer.as_mut_bytes()[0] = 7;
        assert!(buffer.is_adopted() && buffer.as_mut_ptr() == ptr);
        assert_eq!((buffer.as_slice::<i64>(), drops.load(Ordering::Relaxed)), (&[7, 2][..], 0));
    }

    #[test]
    fn what_is_not_aligned_is_copied() {
        let (owner, ptr, drops) = lent();
        // SAFETY: as above, of eight of the bytes.
        let buffer = unsafe { Buffer::adopt(ptr.wrapping_add(4), 8, owner) };
        assert!(!buffer.is_adopted() && drops.load(Ordering::Relaxed) == 1);
        let zero_then_two = if cfg!(target_endian = "little") { [0, 2] } else { [1, 0] };
        assert_eq!(buffer.as_slice::<i32>(), zero_then_two);
        // SAFETY: of no bytes nothing is asked.
        assert_eq!(unsafe { Buffer::adopt(std::ptr::null(), 0, ()) }.bytes(), 0);
        // Bytes that lie inside of their owner move with it only once.
        let inside: [u8; 3] = [1, 2, 3];
        assert_eq!(Buffer::from_owner(inside).as_bytes(), inside);
    }

    #[test]
    #[should_panic(expected = "byte above 1")]
    fn refuses_bytes_that_are_no_bool() {
        Buffer::from_slice(&[0u8, 2]).as_slice::<bool>();
    }
}
