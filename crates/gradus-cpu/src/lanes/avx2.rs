//! 256-bit vectors. SAFETY of all: AVX2 and FMA are there, as whoever made a vector promised, and the pointers are good for
//! the lanes named.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::isa::compiled_with;
use super::numbers::numbers_of_f64;
use super::vector::each;
use super::{Bits, F32s, InstructionSet, Lanes, Square};
use gradus_base::{bf16, f16};
use std::arch::x86_64::*;

/// x86-64 with AVX2, FMA and F16C.
pub enum Avx2 {}

unsafe impl InstructionSet for Avx2 {
    type F32 = F32x8;
    type F64 = F64x4;
    type WideF32 = F32x8;
    type WideF64 = F64x4;
    type LongF32 = F32x8;
    /// With 6 × 2 sums, 2 vectors of B and one of A fill 15 of 16 registers.
    const ROWS: usize = 6;
    type Loops = Avx2;
    fn detected() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
    }
    compiled_with!("avx2,fma,f16c");
}

/// Eight f32.
#[derive(Clone, Copy)]
pub struct F32x8(__m256);
/// Four f64.
#[derive(Clone, Copy)]
pub struct F64x4(__m256d);

/// `MASK32[8 - n..]` begins with n set lanes.
static MASK32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static MASK64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

impl Lanes for F32x8 {
    type Scalar = f32;
    const LEN: usize = 8;
    each! { F32x8:
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        lesser(a, b) = _mm256_min_ps(a, b);
        greater(a, b) = _mm256_max_ps(a, b);
        sqrt(a) = _mm256_sqrt_ps(a);
        mul_add(a, b, c) = _mm256_fmadd_ps(a, b, c);
        where_positive(a, by) = _mm256_and_ps(a, _mm256_cmp_ps::<_CMP_NLE_UQ>(by, _mm256_setzero_ps()));
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        F32x8(unsafe { _mm256_set1_ps(x) })
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
    unsafe fn load_filled(p: *const f32, len: usize, fill: f32) -> Self {
        unsafe {
            let mask = _mm256_loadu_si256(MASK32.as_ptr().add(8 - len).cast());
            let x = _mm256_maskload_ps(p, mask);
            F32x8(_mm256_blendv_ps(_mm256_set1_ps(fill), x, _mm256_castsi256_ps(mask)))
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
    fn sum(self) -> f32 {
        unsafe {
            let x = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps::<1>(x, x)))
        }
    }
}

impl Square<8> for F32x8 {
    /// Pairs, then quadruples, then halves.
    #[inline(always)]
    fn transpose(rows: [F32x8; 8]) -> [F32x8; 8] {
        unsafe {
            let mut pairs = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                let (a, b) = (rows[2 * i].0, rows[2 * i + 1].0);
                pairs[2 * i] = _mm256_unpacklo_ps(a, b);
                pairs[2 * i + 1] = _mm256_unpackhi_ps(a, b);
            }
            // Of rows 0..4, then of rows 4..8: columns i and, in the upper half, i + 4.
            let mut quads = [_mm256_setzero_ps(); 8];
            for half in 0..2 {
                for i in 0..2 {
                    let (a, b) = (pairs[4 * half + i], pairs[4 * half + 2 + i]);
                    quads[4 * half + 2 * i] = _mm256_shuffle_ps::<0x44>(a, b);
                    quads[4 * half + 2 * i + 1] = _mm256_shuffle_ps::<0xEE>(a, b);
                }
            }
            let mut out = rows;
            for i in 0..4 {
                out[i] = F32x8(_mm256_permute2f128_ps::<0x20>(quads[i], quads[4 + i]));
                out[i + 4] = F32x8(_mm256_permute2f128_ps::<0x31>(quads[i], quads[4 + i]));
            }
            out
        }
    }
}

macro_rules! int {
    ($x:expr) => {
        _mm256_castps_si256($x)
    };
}
macro_rules! float {
    ($x:expr) => {
        _mm256_castsi256_ps($x)
    };
}

impl Bits for F32x8 {
    each! { F32x8:
        neg_mul_add(a, b, c) = _mm256_fnmadd_ps(a, b, c);
        floor(a) = _mm256_floor_ps(a);
        ceil(a) = _mm256_ceil_ps(a);
        round(a) = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        and(a, b) = _mm256_and_ps(a, b);
        or(a, b) = _mm256_or_ps(a, b);
        xor(a, b) = _mm256_xor_ps(a, b);
        lt(a, b) = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        le(a, b) = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        eq(a, b) = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        select(mask, yes, no) = _mm256_blendv_ps(no, yes, mask);
        iadd(a, b) = float!(_mm256_add_epi32(int!(a), int!(b)));
        isub(a, b) = float!(_mm256_sub_epi32(int!(a), int!(b)));
        shl23(a) = float!(_mm256_slli_epi32::<23>(int!(a)));
        shl31(a) = float!(_mm256_slli_epi32::<31>(int!(a)));
        shr23(a) = float!(_mm256_srai_epi32::<23>(int!(a)));
        shr1(a) = float!(_mm256_srai_epi32::<1>(int!(a)));
        nearest_int(a) = float!(_mm256_cvtps_epi32(a));
        as_float(a) = _mm256_cvtepi32_ps(int!(a));
    }
}

impl F32s for F32x8 {
    #[inline(always)]
    unsafe fn load_f16(p: *const f16) -> Self {
        F32x8(unsafe { _mm256_cvtph_ps(_mm_loadu_si128(p.cast())) })
    }
    #[inline(always)]
    unsafe fn store_f16(self, p: *mut f16) {
        unsafe {
            let x = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0);
            _mm_storeu_si128(p.cast(), x);
        }
    }
    /// The upper half of an f32.
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> Self {
        unsafe {
            let x = _mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast()));
            F32x8(float!(_mm256_slli_epi32::<16>(x)))
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut bf16) {
        unsafe {
            let bits = int!(self.0);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
            let rounded = _mm256_srli_epi32::<16>(_mm256_add_epi32(bits, half));
            // A NaN must not round to infinity.
            let nan = int!(_mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0));
            let quiet = _mm256_or_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(0x40));
            let all = _mm256_blendv_epi8(rounded, quiet, nan);
            let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(all, all));
            _mm_storeu_si128(p.cast(), _mm256_castsi256_si128(packed));
        }
    }
}

impl Lanes for F64x4 {
    type Scalar = f64;
    const LEN: usize = 4;
    each! { F64x4:
        add(a, b) = _mm256_add_pd(a, b);
        sub(a, b) = _mm256_sub_pd(a, b);
        mul(a, b) = _mm256_mul_pd(a, b);
        div(a, b) = _mm256_div_pd(a, b);
        lesser(a, b) = _mm256_min_pd(a, b);
        greater(a, b) = _mm256_max_pd(a, b);
        sqrt(a) = _mm256_sqrt_pd(a);
        mul_add(a, b, c) = _mm256_fmadd_pd(a, b, c);
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        F64x4(unsafe { _mm256_set1_pd(x) })
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
    fn sum(self) -> f64 {
        unsafe {
            let x = _mm_add_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
            _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)))
        }
    }
}

impl Square<4> for F64x4 {
    #[inline(always)]
    fn transpose([a, b, c, d]: [F64x4; 4]) -> [F64x4; 4] {
        unsafe {
            let (low, high) = (_mm256_unpacklo_pd(a.0, b.0), _mm256_unpackhi_pd(a.0, b.0));
            let (low2, high2) = (_mm256_unpacklo_pd(c.0, d.0), _mm256_unpackhi_pd(c.0, d.0));
            [
                F64x4(_mm256_permute2f128_pd::<0x20>(low, low2)),
                F64x4(_mm256_permute2f128_pd::<0x20>(high, high2)),
                F64x4(_mm256_permute2f128_pd::<0x31>(low, low2)),
                F64x4(_mm256_permute2f128_pd::<0x31>(high, high2)),
            ]
        }
    }
}

numbers_of_f64!([] F64x4);
