//! Scratch memory: each thread keeps a few buffers that grow to what was ever asked and are then reused, so a
//! kernel that packs or accumulates allocates nothing after its first run.

use crate::Buffer;
use std::cell::Cell;

/// Nested calls up to this depth keep their buffer; deeper ones allocate each time.
const KEPT: usize = 8;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static BUFFERS: [Cell<Option<Buffer>>; KEPT] = const { [const { Cell::new(None) }; KEPT] };
}

/// Calls `f` with `bytes` bytes of the calling thread's scratch memory, 64-byte aligned, contents undefined.
/// Nested calls get distinct buffers. The memory may not be used after `f` returns.
pub fn with_scratch<R>(bytes: usize, f: impl FnOnce(*mut u8) -> R) -> R {
    let mut lease = Lease::new(bytes);
    f(lease.buffer.as_mut().expect("held until drop").as_mut_ptr())
}

/// A buffer taken out of its slot; goes back on drop, so also when `f` panics.
struct Lease {
    depth: usize,
    buffer: Option<Buffer>,
}

impl Lease {
    fn new(bytes: usize) -> Lease {
        let depth = DEPTH.get();
        let kept = (depth < KEPT).then(|| BUFFERS.with(|b| b[depth].take())).flatten();
        let buffer = match kept {
            Some(b) if b.bytes() >= bytes => b,
            // Powers of two: a slowly growing demand reallocates few times.
            _ => Buffer::zeroed(bytes.next_power_of_two()),
        };
        DEPTH.set(depth + 1);
        Lease { depth, buffer: Some(buffer) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        DEPTH.set(self.depth);
        if self.depth < KEPT {
            BUFFERS.with(|b| b[self.depth].set(self.buffer.take()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_calls_get_distinct_aligned_buffers() {
        with_scratch(100, |a| {
            with_scratch(100, |b| {
                assert_ne!(a, b);
                assert_eq!((a as usize % 64, b as usize % 64), (0, 0));
            });
        });
    }

    #[test]
    fn a_buffer_is_kept_and_survives_a_panic() {
        let first = with_scratch(1 << 12, |p| p as usize);
        let unwound = std::panic::catch_unwind(|| with_scratch(64, |_| panic!("on purpose")));
        assert!(unwound.is_err());
        assert_eq!(with_scratch(1 << 12, |p| p as usize), first);
    }

    #[test]
    fn deep_nesting_works() {
        fn nest(depth: usize) -> usize {
            if depth == 0 { 0 } else { with_scratch(depth, |_| 1 + nest(depth - 1)) }
        }
        assert_eq!(nest(20), 20);
    }
}
