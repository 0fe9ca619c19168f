//! 512-bit vectors. SAFETY of all: AVX-512F is there, as whoever made a vector promised, and the pointers are good for the
//! lanes named.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::isa::compiled_with;
use super::vector::each;
use super::{Avx2, F32x8, F64x4, InstructionSet, Lanes};
use std::arch::x86_64::*;

/// AVX2 and AVX-512F. Matrix products alone use its 512-bit vectors: others gain nothing from them where, as on Zen 4, a
/// 512-bit operation takes the time of two.
pub enum Avx512 {}

unsafe impl InstructionSet for Avx512 {
    type F32 = F32x8;
    type F64 = F64x4;
    type WideF32 = F32x16;
    type WideF64 = F64x8;
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
     $add:ident $sub:ident $mul:ident $div:ident $min:ident $max:ident $sqrt:ident $fma:ident $sum:ident) => {
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
    _mm512_fmadd_ps _mm512_reduce_add_ps);
lanes!(F64x8, f64, 8, __mmask8,
    _mm512_set1_pd _mm512_loadu_pd _mm512_maskz_loadu_pd _mm512_storeu_pd _mm512_mask_storeu_pd
    _mm512_add_pd _mm512_sub_pd _mm512_mul_pd _mm512_div_pd _mm512_min_pd _mm512_max_pd _mm512_sqrt_pd
    _mm512_fmadd_pd _mm512_reduce_add_pd);
