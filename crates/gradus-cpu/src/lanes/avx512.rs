//! 512-bit vectors. SAFETY of all: AVX-512F is there, as whoever made a vector promised, and the pointers are good for the
//! lanes named.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::isa::compiled_with;
use super::vector::each;
use super::{Avx2, Bits, F32x8, F64x4, InstructionSet, Lanes};
use std::arch::x86_64::*;

/// AVX2 and AVX-512F. Matrix products and exponentials alone use its 512-bit vectors: others gain nothing from them where, as on
/// Zen 4, a 512-bit operation takes the time of two.
pub enum Avx512 {}

unsafe impl InstructionSet for Avx512 {
    type F32 = F32x8;
    type F64 = F64x4;
    type WideF32 = F32x16;
    type WideF64 = F64x8;
    type LongF32 = F32x16;
    /// With 14 × 2 sums, 2 vectors of B and one of A fill 31 of 32 registers.
    const ROWS: usize = 14;
    type Loops = Avx2;
    fn detected() -> bool {
        Avx2::detected() && is_x86_feature_detected!("avx512f")
    }
    compiled_with!("avx512f,avx2,fma,f16c");
}

/// Sixteen f32.
#[derive(Clone, Copy)]
pub struct F32x16(__m512);
/// Eight f64.
#[derive(Clone, Copy)]
pub struct F64x8(__m512d);

macro_rules! lanes {
    ($v:ident, $s:ty, $len:literal, $mask:ty, $splat:ident $load:ident $load_first:ident $store:ident $store_first:ident
     $add:ident $sub:ident $mul:ident $div:ident $min:ident $max:ident $sqrt:ident $fma:ident $sum:ident
     $keep:ident $compare:ident $zero:ident) => {
        impl Lanes for $v {
            type Scalar = $s;
            const LEN: usize = $len;
            each! { $v:
                add(a, b) = $add(a, b);
                sub(a, b) = $sub(a, b);
                mul(a, b) = $mul(a, b);
                div(a, b) = $div(a, b);
                lesser(a, b) = $min(a, b);
                greater(a, b) = $max(a, b);
                sqrt(a) = $sqrt(a);
                mul_add(a, b, c) = $fma(a, b, c);
                where_positive(a, by) = $keep($compare::<_CMP_NLE_UQ>(by, $zero()), a);
            }
            #[inline(always)]
            unsafe fn splat(x: $s) -> Self {
                $v(unsafe { $splat(x) })
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
            fn sum(self) -> $s {
                unsafe { $sum(self.0) }
            }
        }
    };
}
lanes!(F32x16, f32, 16, __mmask16,
    _mm512_set1_ps _mm512_loadu_ps _mm512_maskz_loadu_ps _mm512_storeu_ps _mm512_mask_storeu_ps
    _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps _mm512_min_ps _mm512_max_ps _mm512_sqrt_ps
    _mm512_fmadd_ps _mm512_reduce_add_ps
    _mm512_maskz_mov_ps _mm512_cmp_ps_mask _mm512_setzero_ps);
lanes!(F64x8, f64, 8, __mmask8,
    _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd
    _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_min_pd _mm512_max_pd _mm512_sqrt_pd
    _mm512_fmadd_pd _mm512_reduce_add_pd
    _mm512_maskz_mov_pd _mm512_cmp_pd_mask _mm512_setzero_pd);

macro_rules! int {
    ($x:expr) => {
        _mm512_castps_si512($x)
    };
}
macro_rules! float {
    ($x:expr) => {
        _mm512_castsi512_ps($x)
    };
}
/// Lanes of all ones or all zeros.
macro_rules! lanes_of {
    ($mask:expr) => {
        float!(_mm512_maskz_set1_epi32($mask, -1))
    };
}

impl Bits for F32x16 {
    each! { F32x16:
        neg_mul_add(a, b, c) = _mm512_fnmadd_ps(a, b, c);
        floor(a) = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(a);
        ceil(a) = _mm512_roundscale_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(a);
        round(a) = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        and(a, b) = float!(_mm512_and_epi32(int!(a), int!(b)));
        or(a, b) = float!(_mm512_or_epi32(int!(a), int!(b)));
        xor(a, b) = float!(_mm512_xor_epi32(int!(a), int!(b)));
        lt(a, b) = lanes_of!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b));
        le(a, b) = lanes_of!(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b));
        eq(a, b) = lanes_of!(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b));
        select(mask, yes, no) = _mm512_mask_blend_ps(_mm512_test_epi32_mask(int!(mask), int!(mask)), no, yes);
        iadd(a, b) = float!(_mm512_add_epi32(int!(a), int!(b)));
        isub(a, b) = float!(_mm512_sub_epi32(int!(a), int!(b)));
        shl23(a) = float!(_mm512_slli_epi32::<23>(int!(a)));
        shl31(a) = float!(_mm512_slli_epi32::<31>(int!(a)));
        shr23(a) = float!(_mm512_srai_epi32::<23>(int!(a)));
        shr1(a) = float!(_mm512_srai_epi32::<1>(int!(a)));
        nearest_int(a) = float!(_mm512_cvtps_epi32(a));
        as_float(a) = _mm512_cvtepi32_ps(int!(a));
    }
}
