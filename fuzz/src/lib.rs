//! What the programs of `fuzz_targets/` share: the search's entry, and a limit on memory. A file of a few kilobytes must not
//! make its reader ask for gigabytes, whatever its header says.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[doc(hidden)]
pub use libfuzzer_sys;

/// Memory a target may use, beside a share of the input.
const FREE_BYTES: usize = 64 << 20;
/// Memory it may use for each byte of the input: deflate's largest factor is 1,032, and a few copies.
const PER_BYTE: usize = 4096;
/// The same for images: 8 pixels in a byte before that, which become three bytes each.
const PER_BYTE_OF_IMAGE: usize = 80 << 10;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of the bytes in use.
struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; counting touches no memory of its callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's promise is the one asked for here.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs a target and checks what memory it took.
pub fn run(target: &gradus_fuzz::Target, bytes: &[u8]) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    (target.run)(bytes);
    let used = PEAK.load(Relaxed).saturating_sub(before);
    let of_images = ["image", "folder"].contains(&target.name);
    let limit = FREE_BYTES + if of_images { PER_BYTE_OF_IMAGE } else { PER_BYTE } * bytes.len();
    assert!(used <= limit, "{used} bytes of memory for {} of input", bytes.len());
}

/// The program of a target.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        static TARGET: std::sync::LazyLock<&gradus_fuzz::Target> =
            std::sync::LazyLock::new(|| gradus_fuzz::find($name));
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::run(&TARGET, bytes));
    };
}
