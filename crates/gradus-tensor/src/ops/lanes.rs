//! f32 lanes for the direct kernels of convolution and pooling.
//!
//! A kernel is written once over [`Lanes`], `#[inline(always)]`, and instantiated once per instruction set behind
//! a function with that set's `#[target_feature]`.
#![allow(unsafe_code)]

pub use gradus_cpu::Isa;

/// Lanes of a vector.
pub(super) const LANES: usize = 8;

/// A vector of eight f32.
///
/// # Safety
/// Every method may only run on a machine with the instruction set of the type; the `_first` methods touch the
/// first `len` elements only.
pub(super) trait Lanes: Copy {
    unsafe fn zero() -> Self;
    unsafe fn splat(p: *const f32) -> Self;
    unsafe fn load(p: *const f32) -> Self;
    /// The first `len` lanes, zeros behind.
    unsafe fn load_first(p: *const f32, len: usize) -> Self;
    unsafe fn store(self, p: *mut f32);
    unsafe fn store_first(self, p: *mut f32, len: usize);
    /// As many lanes as `left` elements fill: all of them, or the first and zeros behind.
    #[inline(always)]
    unsafe fn load_left(p: *const f32, left: usize) -> Self {
        // SAFETY: the caller's promise: `left` elements are there.
        unsafe { if left >= LANES { Self::load(p) } else { Self::load_first(p, left) } }
    }
    /// As many lanes as `left` elements take.
    #[inline(always)]
    unsafe fn store_left(self, p: *mut f32, left: usize) {
        // SAFETY: as above.
        unsafe { if left >= LANES { self.store(p) } else { self.store_first(p, left) } }
    }
    /// self·b + c, fused where the machine fuses.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    /// All lanes `x`.
    unsafe fn set(x: f32) -> Self;
    /// Lane l of vector i is element i behind `rows[l]`: eight rows of eight, transposed.
    unsafe fn transpose(rows: [*const f32; LANES]) -> [Self; LANES];
    /// Lane l is `*places[l]`.
    unsafe fn collect(places: [*const f32; LANES]) -> Self;
    /// Fetches a cache line early where the machine knows how. Any address will do.
    unsafe fn prefetch(p: *const f32);
    /// The sums of the lanes of eight vectors, one after the other from `p` on.
    unsafe fn sums(p: *const f32) -> Self;
}

/// Lanes as an array.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

impl Lanes for Portable {
    #[inline(always)]
    unsafe fn zero() -> Self {
        Portable([0.0; LANES])
    }
    #[inline(always)]
    unsafe fn splat(p: *const f32) -> Self {
        // SAFETY: the caller's promise.
        Portable([unsafe { *p }; LANES])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller's promise; an array has its element's alignment.
        Portable(unsafe { *p.cast() })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, len: usize) -> Self {
        // SAFETY: only the first `len` are read.
        Portable(std::array::from_fn(|i| if i < len { unsafe { *p.add(i) } } else { 0.0 }))
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { *p.cast() = self.0 }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, len: usize) {
        for i in 0..len {
            // SAFETY: only the first `len` are written.
            unsafe { *p.add(i) = self.0[i] }
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        let fused = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
        Portable(std::array::from_fn(|i| {
            let (x, y, z) = (self.0[i], b.0[i], c.0[i]);
            // Without the instruction, mul_add is a slow library call.
            if fused { x.mul_add(y, z) } else { x * y + z }
        }))
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] + b.0[i]))
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] - b.0[i]))
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] * b.0[i]))
    }
    #[inline(always)]
    unsafe fn set(x: f32) -> Self {
        Portable([x; LANES])
    }
    #[inline(always)]
    unsafe fn transpose(rows: [*const f32; LANES]) -> [Self; LANES] {
        // SAFETY: the caller's promise.
        std::array::from_fn(|i| Portable(std::array::from_fn(|l| unsafe { *rows[l].add(i) })))
    }
    #[inline(always)]
    unsafe fn collect(places: [*const f32; LANES]) -> Self {
        // SAFETY: the caller's promise.
        Portable(places.map(|p| unsafe { *p }))
    }
    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}
    #[inline(always)]
    unsafe fn sums(p: *const f32) -> Self {
        Portable(std::array::from_fn(|i| {
            // SAFETY: the caller's promise.
            let [a, b, c, d, e, f, g, h] = unsafe { Self::load(p.add(i * LANES)).0 };
            ((a + b) + (c + d)) + ((e + f) + (g + h))
        }))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! Every `unsafe` here rests on the trait's contract: AVX2 and FMA are there, and the pointers are good for the
    //! lanes named.
    #![allow(clippy::undocumented_unsafe_blocks)]

    use super::{LANES, Lanes};
    use std::arch::x86_64::*;

    /// A 256-bit register.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256);

    /// `MASK[LANES - n..]` begins with n set lanes.
    static MASK: [i32; 2 * LANES] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

    #[inline(always)]
    unsafe fn mask(len: usize) -> __m256i {
        unsafe { _mm256_loadu_si256(MASK.as_ptr().add(LANES - len).cast()) }
    }

    impl Lanes for Avx2 {
        #[inline(always)]
        unsafe fn zero() -> Self {
            Avx2(unsafe { _mm256_setzero_ps() })
        }
        #[inline(always)]
        unsafe fn splat(p: *const f32) -> Self {
            Avx2(unsafe { _mm256_broadcast_ss(&*p) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            Avx2(unsafe { _mm256_loadu_ps(p) })
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, len: usize) -> Self {
            Avx2(unsafe { _mm256_maskload_ps(p, mask(len)) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { _mm256_storeu_ps(p, self.0) }
        }
        #[inline(always)]
        unsafe fn store_first(self, p: *mut f32, len: usize) {
            unsafe { _mm256_maskstore_ps(p, mask(len), self.0) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            Avx2(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            Avx2(unsafe { _mm256_add_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn sub(self, b: Self) -> Self {
            Avx2(unsafe { _mm256_sub_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, b: Self) -> Self {
            Avx2(unsafe { _mm256_mul_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn set(x: f32) -> Self {
            Avx2(unsafe { _mm256_set1_ps(x) })
        }
        /// Pairs, then quadruples, then halves.
        #[inline(always)]
        unsafe fn transpose(rows: [*const f32; LANES]) -> [Self; LANES] {
            unsafe {
                let mut pairs = [_mm256_setzero_ps(); LANES];
                for i in 0..4 {
                    let a = _mm256_loadu_ps(rows[2 * i]);
                    let b = _mm256_loadu_ps(rows[2 * i + 1]);
                    pairs[2 * i] = _mm256_unpacklo_ps(a, b);
                    pairs[2 * i + 1] = _mm256_unpackhi_ps(a, b);
                }
                // Of rows 0..4, then of rows 4..8: columns i and, in the upper half, i + 4.
                let mut quads = [_mm256_setzero_ps(); LANES];
                for half in 0..2 {
                    for i in 0..2 {
                        let (a, b) = (pairs[4 * half + i], pairs[4 * half + 2 + i]);
                        quads[4 * half + 2 * i] = _mm256_shuffle_ps::<0x44>(a, b);
                        quads[4 * half + 2 * i + 1] = _mm256_shuffle_ps::<0xEE>(a, b);
                    }
                }
                let mut out = [Avx2(quads[0]); LANES];
                for i in 0..4 {
                    out[i] = Avx2(_mm256_permute2f128_ps::<0x20>(quads[i], quads[4 + i]));
                    out[i + 4] = Avx2(_mm256_permute2f128_ps::<0x31>(quads[i], quads[4 + i]));
                }
                out
            }
        }
        #[inline(always)]
        unsafe fn collect(p: [*const f32; LANES]) -> Self {
            unsafe {
                let (a, b) = ((*p[0], *p[1], *p[2], *p[3]), (*p[4], *p[5], *p[6], *p[7]));
                Avx2(_mm256_setr_ps(a.0, a.1, a.2, a.3, b.0, b.1, b.2, b.3))
            }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn sums(p: *const f32) -> Self {
            unsafe {
                let x = |i: usize| _mm256_loadu_ps(p.add(i * LANES));
                let pair = |i| _mm256_hadd_ps(x(i), x(i + 1));
                let (a, b) = (_mm256_hadd_ps(pair(0), pair(2)), _mm256_hadd_ps(pair(4), pair(6)));
                let low = _mm256_permute2f128_ps::<0x20>(a, b);
                Avx2(_mm256_add_ps(low, _mm256_permute2f128_ps::<0x31>(a, b)))
            }
        }
    }
}

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
