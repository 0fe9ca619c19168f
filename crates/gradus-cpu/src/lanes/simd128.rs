//! 128-bit vectors of WebAssembly: simd128, and the fused multiply-add of relaxed-simd where the build asks for it. SAFETY of
//! all: the pointers are good for the lanes named; the instruction set is the build's.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::isa::compiled_with;
use super::numbers::numbers_of_f64;
use super::pair::{Pair, Quad};
use super::vector::each;
use super::{InstructionSet, Lanes, Square};
use std::arch::wasm32::*;

/// WebAssembly with vectors. The build has them or has them not: nothing is detected.
pub enum Simd128 {}

unsafe impl InstructionSet for Simd128 {
    type F32 = F32x8;
    type F64 = F64x4;
    type WideF32 = F32x4;
    type WideF64 = F64x2;
    type LongF32 = F32x8;
    /// With 4 × 2 sums, 2 vectors of B, one of A and a product on its way, what engines keep in 16 registers; at 5 × 2 they ran
    /// half as fast.
    const ROWS: usize = 4;
    type Loops = Simd128;
    fn detected() -> bool {
        true
    }
    compiled_with!();
}

/// Four f32.
#[derive(Clone, Copy)]
pub struct F32x4(v128);
/// Two f64.
#[derive(Clone, Copy)]
pub struct F64x2(v128);
/// Eight f32.
pub type F32x8 = Pair<F32x4>;
/// Four f64.
pub type F64x4 = Pair<F64x2>;

/// a·b + c of f32 and of f64.
#[cfg(target_feature = "relaxed-simd")]
use {f32x4_relaxed_madd as f32x4_mul_add, f64x2_relaxed_madd as f64x2_mul_add};
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn f32x4_mul_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn f64x2_mul_add(a: v128, b: v128, c: v128) -> v128 {
    f64x2_add(f64x2_mul(a, b), c)
}

impl Lanes for F32x4 {
    type Scalar = f32;
    const LEN: usize = 4;
    // `pmin(b, a)` is a < b ? a : b.
    each! { F32x4:
        add(a, b) = f32x4_add(a, b);
        sub(a, b) = f32x4_sub(a, b);
        mul(a, b) = f32x4_mul(a, b);
        div(a, b) = f32x4_div(a, b);
        lesser(a, b) = f32x4_pmin(b, a);
        greater(a, b) = f32x4_pmax(b, a);
        sqrt(a) = f32x4_sqrt(a);
        mul_add(a, b, c) = f32x4_mul_add(a, b, c);
        where_positive(a, by) = v128_andnot(a, f32x4_le(by, f32x4_splat(0.0)));
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        F32x4(f32x4_splat(x))
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        F32x4(unsafe { v128_load(p.cast()) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, len: usize) -> Self {
        unsafe {
            F32x4(match len {
                0 => f32x4_splat(0.0),
                1 => v128_load32_zero(p.cast()),
                2 => v128_load64_zero(p.cast()),
                3 => v128_load32_lane::<2>(v128_load64_zero(p.cast()), p.add(2).cast()),
                _ => v128_load(p.cast()),
            })
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { v128_store(p.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, len: usize) {
        unsafe {
            match len {
                0 => {}
                1 => v128_store32_lane::<0>(self.0, p.cast()),
                2 => v128_store64_lane::<0>(self.0, p.cast()),
                3 => {
                    v128_store64_lane::<0>(self.0, p.cast());
                    v128_store32_lane::<2>(self.0, p.add(2).cast());
                }
                _ => v128_store(p.cast(), self.0),
            }
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        let x = f32x4_add(self.0, i64x2_shuffle::<1, 1>(self.0, self.0));
        f32x4_extract_lane::<0>(x) + f32x4_extract_lane::<1>(x)
    }
}

impl Square<4> for F32x4 {
    /// Pairs, then quadruples.
    #[inline(always)]
    fn transpose([a, b, c, d]: [F32x4; 4]) -> [F32x4; 4] {
        let even = i32x4_shuffle::<0, 4, 2, 6>(a.0, b.0);
        let odd = i32x4_shuffle::<1, 5, 3, 7>(a.0, b.0);
        let even2 = i32x4_shuffle::<0, 4, 2, 6>(c.0, d.0);
        let odd2 = i32x4_shuffle::<1, 5, 3, 7>(c.0, d.0);
        [
            F32x4(i64x2_shuffle::<0, 2>(even, even2)),
            F32x4(i64x2_shuffle::<0, 2>(odd, odd2)),
            F32x4(i64x2_shuffle::<1, 3>(even, even2)),
            F32x4(i64x2_shuffle::<1, 3>(odd, odd2)),
        ]
    }
}

impl Quad for F32x4 {
    each! { F32x4:
        neg_mul_add(a, b, c) = f32x4_mul_add(f32x4_neg(a), b, c);
        floor(a) = f32x4_floor(a);
        ceil(a) = f32x4_ceil(a);
        round(a) = f32x4_nearest(a);
        and(a, b) = v128_and(a, b);
        or(a, b) = v128_or(a, b);
        xor(a, b) = v128_xor(a, b);
        lt(a, b) = f32x4_lt(a, b);
        le(a, b) = f32x4_le(a, b);
        eq(a, b) = f32x4_eq(a, b);
        select(mask, yes, no) = v128_bitselect(yes, no, mask);
        iadd(a, b) = i32x4_add(a, b);
        isub(a, b) = i32x4_sub(a, b);
        shl23(a) = i32x4_shl(a, 23);
        shl31(a) = i32x4_shl(a, 31);
        shr23(a) = i32x4_shr(a, 23);
        shr1(a) = i32x4_shr(a, 1);
        nearest_int(a) = i32x4_trunc_sat_f32x4(f32x4_nearest(a));
        as_float(a) = f32x4_convert_i32x4(a);
    }
}

impl Lanes for F64x2 {
    type Scalar = f64;
    const LEN: usize = 2;
    each! { F64x2:
        add(a, b) = f64x2_add(a, b);
        sub(a, b) = f64x2_sub(a, b);
        mul(a, b) = f64x2_mul(a, b);
        div(a, b) = f64x2_div(a, b);
        lesser(a, b) = f64x2_pmin(b, a);
        greater(a, b) = f64x2_pmax(b, a);
        sqrt(a) = f64x2_sqrt(a);
        mul_add(a, b, c) = f64x2_mul_add(a, b, c);
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        F64x2(f64x2_splat(x))
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> Self {
        F64x2(unsafe { v128_load(p.cast()) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f64, len: usize) -> Self {
        unsafe {
            F64x2(match len {
                0 => f64x2_splat(0.0),
                1 => v128_load64_zero(p.cast()),
                _ => v128_load(p.cast()),
            })
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64) {
        unsafe { v128_store(p.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f64, len: usize) {
        unsafe {
            match len {
                0 => {}
                1 => v128_store64_lane::<0>(self.0, p.cast()),
                _ => v128_store(p.cast(), self.0),
            }
        }
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        f64x2_extract_lane::<0>(self.0) + f64x2_extract_lane::<1>(self.0)
    }
}

impl Square<2> for F64x2 {
    #[inline(always)]
    fn transpose([a, b]: [F64x2; 2]) -> [F64x2; 2] {
        [F64x2(i64x2_shuffle::<0, 2>(a.0, b.0)), F64x2(i64x2_shuffle::<1, 3>(a.0, b.0))]
    }
}

numbers_of_f64!([] F64x4);
