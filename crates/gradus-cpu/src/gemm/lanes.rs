//! SIMD lanes: the few vector operations the kernels are written in, for AVX2 + FMA and for any machine.

/// A vector of `LEN` scalars. Everything is `#[inline(always)]`: the instruction set is that of the function it
/// ends up in.
///
/// # Safety
/// Every method may only run on a machine with the instruction set of the type.
pub(super) trait Lanes: Copy {
    type Scalar: Copy;
    const LEN: usize;
    unsafe fn zero() -> Self;
    /// All lanes `*p`.
    unsafe fn splat(p: *const Self::Scalar) -> Self;
    unsafe fn load(p: *const Self::Scalar) -> Self;
    /// The first `len` lanes from memory, zeros behind; touches nothing past them.
    unsafe fn load_first(p: *const Self::Scalar, len: usize) -> Self;
    unsafe fn store(self, p: *mut Self::Scalar);
    /// Stores the first `len` lanes.
    unsafe fn store_first(self, p: *mut Self::Scalar, len: usize);
    /// self·b + c, fused where the machine fuses.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(self) -> Self::Scalar;
    unsafe fn prefetch(p: *const Self::Scalar);
    /// Writes `dst[p·width + i] = src[i·stride + p]` for i < rows ≤ LEN and p < k. If `pad`, all `LEN` lanes of
    /// each row of `dst` are written, zeros behind the `rows`.
    unsafe fn transpose(t: Transpose<Self::Scalar>, dst: *mut Self::Scalar);
}

/// Up to `LEN` rows, contiguous along k, to transpose.
#[derive(Clone, Copy)]
pub(super) struct Transpose<S> {
    pub(super) src: *const S,
    pub(super) stride: isize,
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) width: usize,
    pub(super) pad: bool,
}

/// Lanes as an array: what the compiler makes of it on the machine at hand.
#[derive(Clone, Copy)]
pub(super) struct Portable<S, const N: usize>([S; N]);

macro_rules! portable {
    ($s:ty, $n:literal) => {
        impl Lanes for Portable<$s, $n> {
            type Scalar = $s;
            const LEN: usize = $n;
            #[inline(always)]
            unsafe fn zero() -> Self {
                Portable([0.0; $n])
            }
            #[inline(always)]
            unsafe fn splat(p: *const $s) -> Self {
                // SAFETY: the caller's promise.
                Portable([unsafe { *p }; $n])
            }
            #[inline(always)]
            unsafe fn load(p: *const $s) -> Self {
                // SAFETY: the caller's promise; an array has its element's alignment.
                Portable(unsafe { *p.cast() })
            }
            #[inline(always)]
            unsafe fn load_first(p: *const $s, len: usize) -> Self {
                // SAFETY: only the first `len` are read.
                Portable(std::array::from_fn(|i| if i < len { unsafe { *p.add(i) } } else { 0.0 }))
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut $s) {
                // SAFETY: the caller's promise.
                unsafe { *p.cast() = self.0 }
            }
            #[inline(always)]
            unsafe fn store_first(self, p: *mut $s, len: usize) {
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
            unsafe fn sum(self) -> $s {
                let mut x = self.0;
                let mut half = $n / 2;
                while half > 0 {
                    for i in 0..half {
                        x[i] += x[i + half];
                    }
                    half /= 2;
                }
                x[0]
            }
            #[inline(always)]
            unsafe fn prefetch(_: *const $s) {}
            #[inline(always)]
            unsafe fn transpose(t: Transpose<$s>, dst: *mut $s) {
                for p in 0..t.k {
                    for i in 0..if t.pad { $n } else { t.rows } {
                        // SAFETY: within the block, as promised.
                        unsafe {
                            let x = if i < t.rows {
                                *t.src.offset(i as isize * t.stride + p as isize)
                            } else {
                                0.0
                            };
                            *dst.add(p * t.width + i) = x;
                        }
                    }
                }
            }
        }
    };
}
portable!(f32, 8);
portable!(f64, 4);

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::{F32x8, F64x4};
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::{F32x16, F64x8};

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! 256-bit vectors. Every `unsafe` here rests on the trait's contract: AVX2 and FMA are there, and the
    //! pointers are good for the lanes named.
    #![allow(clippy::undocumented_unsafe_blocks)]

    use super::{Lanes, Transpose};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(in super::super) struct F32x8(__m256);
    #[derive(Clone, Copy)]
    pub(in super::super) struct F64x4(__m256d);

    /// `MASK[8 - n..]` begins with n set lanes.
    static MASK32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    static MASK64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    impl Lanes for F32x8 {
        type Scalar = f32;
        const LEN: usize = 8;
        #[inline(always)]
        unsafe fn zero() -> Self {
            F32x8(unsafe { _mm256_setzero_ps() })
        }
        #[inline(always)]
        unsafe fn splat(p: *const f32) -> Self {
            F32x8(unsafe { _mm256_broadcast_ss(&*p) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            F32x8(unsafe { _mm256_loadu_ps(p) })
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, len: usize) -> Self {
            unsafe {
                let mask = _mm256_loadu_si256(MASK32.as_ptr().add(8 - len).cast());
                F32x8(_mm256_maskload_ps(p, mask))
            }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { _mm256_storeu_ps(p, self.0) }
        }
        /// In parts: a masked store is slow on AMD.
        #[inline(always)]
        unsafe fn store_first(self, mut p: *mut f32, len: usize) {
            unsafe {
                if len >= 8 {
                    return self.store(p);
                }
                let mut x = _mm256_castps256_ps128(self.0);
                if len & 4 != 0 {
                    _mm_storeu_ps(p, x);
                    x = _mm256_extractf128_ps::<1>(self.0);
                    p = p.add(4);
                }
                if len & 2 != 0 {
                    _mm_storel_pd(p.cast(), _mm_castps_pd(x));
                    x = _mm_movehl_ps(x, x);
                    p = p.add(2);
                }
                if len & 1 != 0 {
                    _mm_store_ss(p, x);
                }
            }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            F32x8(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            F32x8(unsafe { _mm256_add_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            unsafe {
                let x =
                    _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
                _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps::<1>(x, x)))
            }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn transpose(t: Transpose<f32>, dst: *mut f32) {
            unsafe {
                // The common widths get loops of their own: a variable store in the loop costs half its speed.
                match if t.pad { 8 } else { t.rows } {
                    8 => transpose_f32(t, 8, dst),
                    6 => transpose_f32(t, 6, dst),
                    lanes => transpose_f32(t, lanes, dst),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose_f32(t: Transpose<f32>, lanes: usize, dst: *mut f32) {
        unsafe {
            let mut p = 0;
            while p < t.k {
                let len = (t.k - p).min(8);
                // Loops, not closures: a closure would be compiled without AVX2.
                let mut x = [_mm256_setzero_ps(); 8];
                for i in 0..8 {
                    let row = t.src.wrapping_offset(i as isize * t.stride).wrapping_add(p);
                    if i < t.rows {
                        x[i] = if len == 8 {
                            _mm256_loadu_ps(row)
                        } else {
                            F32x8::load_first(row, len).0
                        };
                    }
                }
                let x = transpose8(x);
                for q in 0..8 {
                    if q < len {
                        F32x8(x[q]).store_first(dst.add((p + q) * t.width), lanes);
                    }
                }
                p += 8;
            }
        }
    }

    /// An 8×8 transpose: pairs, then quadruples, then halves.
    #[inline(always)]
    unsafe fn transpose8(r: [__m256; 8]) -> [__m256; 8] {
        unsafe {
            let (a, b) = (_mm256_unpacklo_ps(r[0], r[1]), _mm256_unpackhi_ps(r[0], r[1]));
            let (c, d) = (_mm256_unpacklo_ps(r[2], r[3]), _mm256_unpackhi_ps(r[2], r[3]));
            let (e, f) = (_mm256_unpacklo_ps(r[4], r[5]), _mm256_unpackhi_ps(r[4], r[5]));
            let (g, h) = (_mm256_unpacklo_ps(r[6], r[7]), _mm256_unpackhi_ps(r[6], r[7]));
            let low = [
                _mm256_shuffle_ps::<0x44>(a, c),
                _mm256_shuffle_ps::<0xEE>(a, c),
                _mm256_shuffle_ps::<0x44>(b, d),
                _mm256_shuffle_ps::<0xEE>(b, d),
            ];
            let high = [
                _mm256_shuffle_ps::<0x44>(e, g),
                _mm256_shuffle_ps::<0xEE>(e, g),
                _mm256_shuffle_ps::<0x44>(f, h),
                _mm256_shuffle_ps::<0xEE>(f, h),
            ];
            let mut out = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                out[i] = _mm256_permute2f128_ps::<0x20>(low[i], high[i]);
                out[i + 4] = _mm256_permute2f128_ps::<0x31>(low[i], high[i]);
            }
            out
        }
    }

    impl Lanes for F64x4 {
        type Scalar = f64;
        const LEN: usize = 4;
        #[inline(always)]
        unsafe fn zero() -> Self {
            F64x4(unsafe { _mm256_setzero_pd() })
        }
        #[inline(always)]
        unsafe fn splat(p: *const f64) -> Self {
            F64x4(unsafe { _mm256_broadcast_sd(&*p) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f64) -> Self {
            F64x4(unsafe { _mm256_loadu_pd(p) })
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f64, len: usize) -> Self {
            unsafe {
                let mask = _mm256_loadu_si256(MASK64.as_ptr().add(4 - len).cast());
                F64x4(_mm256_maskload_pd(p, mask))
            }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f64) {
            unsafe { _mm256_storeu_pd(p, self.0) }
        }
        #[inline(always)]
        unsafe fn store_first(self, mut p: *mut f64, len: usize) {
            unsafe {
                if len >= 4 {
                    return self.store(p);
                }
                let mut x = _mm256_castpd256_pd128(self.0);
                if len & 2 != 0 {
                    _mm_storeu_pd(p, x);
                    x = _mm256_extractf128_pd::<1>(self.0);
                    p = p.add(2);
                }
                if len & 1 != 0 {
                    _mm_store_sd(p, x);
                }
            }
        }
        #[inline(always)]
        unsafe fn mul_add(self, b: Self, c: Self) -> Self {
            F64x4(unsafe { _mm256_fmadd_pd(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            F64x4(unsafe { _mm256_add_pd(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn sum(self) -> f64 {
            unsafe {
                let x =
                    _mm_add_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
                _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)))
            }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f64) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
        }
        #[inline(always)]
        unsafe fn transpose(t: Transpose<f64>, dst: *mut f64) {
            unsafe {
                match if t.pad { 4 } else { t.rows } {
                    4 => transpose_f64(t, 4, dst),
                    2 => transpose_f64(t, 2, dst),
                    lanes => transpose_f64(t, lanes, dst),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose_f64(t: Transpose<f64>, lanes: usize, dst: *mut f64) {
        unsafe {
            for p in (0..t.k).step_by(4) {
                let len = (t.k - p).min(4);
                let mut x = [_mm256_setzero_pd(); 4];
                for i in 0..4 {
                    let row = t.src.wrapping_offset(i as isize * t.stride).wrapping_add(p);
                    if i < t.rows {
                        x[i] = F64x4::load_first(row, len).0;
                    }
                }
                let x = transpose4(x);
                for q in 0..4 {
                    if q < len {
                        F64x4(x[q]).store_first(dst.add((p + q) * t.width), lanes);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose4(r: [__m256d; 4]) -> [__m256d; 4] {
        unsafe {
            let (a, b) = (_mm256_unpacklo_pd(r[0], r[1]), _mm256_unpackhi_pd(r[0], r[1]));
            let (c, d) = (_mm256_unpacklo_pd(r[2], r[3]), _mm256_unpackhi_pd(r[2], r[3]));
            [
                _mm256_permute2f128_pd::<0x20>(a, c),
                _mm256_permute2f128_pd::<0x20>(b, d),
                _mm256_permute2f128_pd::<0x31>(a, c),
                _mm256_permute2f128_pd::<0x31>(b, d),
            ]
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    //! 512-bit vectors, under the trait's contract: AVX-512F is there, and the pointers are good for the lanes named.
    #![allow(clippy::undocumented_unsafe_blocks)]

    use super::{Lanes, Transpose};
    use std::arch::x86_64::*;

    /// Sixteen f32.
    #[derive(Clone, Copy)]
    pub(in super::super) struct F32x16(__m512);
    /// Eight f64.
    #[derive(Clone, Copy)]
    pub(in super::super) struct F64x8(__m512d);

    macro_rules! lanes {
        ($v:ident, $s:ty, $len:literal, $mask:ty,
         $zero:ident $splat:ident $load:ident $load_first:ident $store:ident $store_first:ident $fma:ident $add:ident
         $sum:ident) => {
            impl Lanes for $v {
                type Scalar = $s;
                const LEN: usize = $len;
                #[inline(always)]
                unsafe fn zero() -> Self {
                    $v(unsafe { $zero() })
                }
                #[inline(always)]
                unsafe fn splat(p: *const $s) -> Self {
                    $v(unsafe { $splat(*p) })
                }
                #[inline(always)]
                unsafe fn load(p: *const $s) -> Self {
                    $v(unsafe { $load(p) })
                }
                #[inline(always)]
                unsafe fn load_first(p: *const $s, len: usize) -> Self {
                    $v(unsafe { $load_first(((1u32 << len) - 1) as $mask, p) })
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut $s) {
                    unsafe { $store(p, self.0) }
                }
                #[inline(always)]
                unsafe fn store_first(self, p: *mut $s, len: usize) {
                    unsafe { $store_first(p, ((1u32 << len) - 1) as $mask, self.0) }
                }
                #[inline(always)]
                unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                    $v(unsafe { $fma(self.0, b.0, c.0) })
                }
                #[inline(always)]
                unsafe fn add(self, b: Self) -> Self {
                    $v(unsafe { $add(self.0, b.0) })
                }
                #[inline(always)]
                unsafe fn sum(self) -> $s {
                    unsafe { $sum(self.0) }
                }
                #[inline(always)]
                unsafe fn prefetch(p: *const $s) {
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
                }
                unsafe fn transpose(_: Transpose<$s>, _: *mut $s) {
                    unreachable!("256-bit vectors transpose")
                }
            }
        };
    }
    lanes!(F32x16, f32, 16, __mmask16,
        _mm512_setzero_ps _mm512_set1_ps _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps
        _mm512_fmadd_ps _mm512_add_ps _mm512_reduce_add_ps);
    lanes!(F64x8, f64, 8, __mmask8,
        _mm512_setzero_pd _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd
        _mm512_fmadd_pd _mm512_add_pd _mm512_reduce_add_pd);
}
