//! Scratch memory: each thread keeps a few buffers that grow to what was ever asked and are then reused, so a
//! kernel that packs or accumulates allocates nothing after its first run.

use gradus_base::Buffer;
use std::cell::Cell;
use std::ptr::null_mut;

/// Nested calls up to this depth keep their buffer; deeper ones allocate each time.
const KEPT: usize = 8;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where each depth's buffer begins and its bytes: read at every call, so it has no destructor that a call would have to
    /// ask for.
    static PLACES: [Cell<(*mut u8, usize)>; KEPT] =
        const { [const { Cell::new((null_mut(), 0)) }; KEPT] };
    static OWNER: Owner = const { Owner([const { Cell::new(None) }; KEPT]) };
}

/// Holds the buffers that [`PLACES`] leads to.
struct Owner([Cell<Option<Buffer>>; KEPT]);

impl Drop for Owner {
    fn drop(&mut self) {
        PLACES.with(|places| places.iter().for_each(|p| p.set((null_mut(), 0))));
    }
}

/// Calls `f` with `bytes` bytes of the calling thread's scratch memory, 64-byte aligned, contents undefined.
/// Nested calls get distinct buffers. The memory may not be used after `f` returns.
#[inline]
pub fn with_scratch<R>(bytes: usize, f: impl FnOnce(*mut u8) -> R) -> R {
    let depth = DEPTH.get();
    let (kept, room) = match depth < KEPT {
        true => PLACES.with(|places| places[depth].get()),
        false => (null_mut(), 0),
    };
    let (begin, _own) = match room >= bytes.max(1) {
        true => (kept, None),
        false => grow(depth, bytes),
    };
    DEPTH.set(depth + 1);
    let _back = Back(depth);
    f(begin)
}

/// Goes back to a depth on drop, so also when a call panics.
struct Back(usize);

impl Drop for Back {
    fn drop(&mut self) {
        DEPTH.set(self.0);
    }
}

/// A larger buffer for a depth: kept, or, too deep or while the thread ends, given to the caller.
#[cold]
fn grow(depth: usize, bytes: usize) -> (*mut u8, Option<Box<Buffer>>) {
    if depth < KEPT {
        PLACES.with(|places| places[depth].set((null_mut(), 0)));
    }
    let keeps = depth < KEPT && OWNER.try_with(|owner| owner.0[depth].set(None)).is_ok();
    // Powers of two: a slowly growing demand reallocates few times.
    let mut buffer = Buffer::zeroed(bytes.next_power_of_two());
    let begin = buffer.as_mut_ptr();
    if !keeps {
        return (begin, Some(Box::new(buffer)));
    }
    PLACES.with(|places| places[depth].set((begin, buffer.bytes())));
    OWNER.with(|owner| owner.0[depth].set(Some(buffer)));
    (begin, None)
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
    #[cfg(panic = "unwind")]
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
