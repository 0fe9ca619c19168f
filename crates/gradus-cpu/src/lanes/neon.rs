//! 128-bit vectors of Arm. SAFETY of all: NEON is part of aarch64, and the pointers are good for the lanes named.
#![allow(clippy::undocumented_unsafe_blocks)]

use super::isa::compiled_with;
use super::numbers::numbers_of_f64;
use super::pair::{Pair, Quad};
use super::vector::each;
use super::{InstructionSet, Lanes, Square};
use std::arch::aarch64::*;

/// Any Arm processor of 64 bits.
pub enum Neon {}

unsafe impl InstructionSet for Neon {
    type F32 = F32x8;
    type F64 = F64x4;
    type WideF32 = F32x4;
    type WideF64 = F64x2;
    type LongF32 = F32x8;
    /// With 12 × 2 sums, 2 vectors of B and one of A fill 27 of 32 registers.
    const ROWS: usize = 12;
    type Loops = Neon;
    fn detected() -> bool {
        true
    }
    compiled_with!("neon");
}

/// Four f32.
#[derive(Clone, Copy)]
pub struct F32x4(float32x4_t);
/// Two f64.
#[derive(Clone, Copy)]
pub struct F64x2(float64x2_t);
/// Eight f32.
pub type F32x8 = Pair<F32x4>;
/// Four f64.
pub type F64x4 = Pair<F64x2>;

macro_rules! int {
    ($x:expr) => {
        vreinterpretq_s32_f32($x)
    };
}
macro_rules! bits {
    ($x:expr) => {
        vreinterpretq_u32_f32($x)
    };
}
macro_rules! float {
    (int $x:expr) => {
        vreinterpretq_f32_s32($x)
    };
    (bits $x:expr) => {
        vreinterpretq_f32_u32($x)
    };
}

impl Lanes for F32x4 {
    type Scalar = f32;
    const LEN: usize = 4;
    // The machine's own minimum treats NaN and −0 in its own way.
    each! { F32x4:
        add(a, b) = vaddq_f32(a, b);
        sub(a, b) = vsubq_f32(a, b);
        mul(a, b) = vmulq_f32(a, b);
        div(a, b) = vdivq_f32(a, b);
        lesser(a, b) = vbslq_f32(vcltq_f32(a, b), a, b);
        greater(a, b) = vbslq_f32(vcgtq_f32(a, b), a, b);
        sqrt(a) = vsqrtq_f32(a);
        mul_add(a, b, c) = vfmaq_f32(c, a, b);
        where_positive(a, by) = float!(bits vbicq_u32(bits!(a), vcleq_f32(by, vdupq_n_f32(0.0))));
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        F32x4(unsafe { vdupq_n_f32(x) })
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        F32x4(unsafe { vld1q_f32(p) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, len: usize) -> Self {
        unsafe {
            if len >= 4 {
                return F32x4::load(p);
            }
            let mut x = vdupq_n_f32(0.0);
            if len >= 1 {
                x = vld1q_lane_f32::<0>(p, x);
            }
            if len >= 2 {
                x = vld1q_lane_f32::<1>(p.add(1), x);
            }
            if len >= 3 {
                x = vld1q_lane_f32::<2>(p.add(2), x);
            }
            F32x4(x)
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { vst1q_f32(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, len: usize) {
        unsafe {
            match len {
                0 => {}
                1 => vst1q_lane_f32::<0>(p, self.0),
                2 => vst1_f32(p, vget_low_f32(self.0)),
                3 => {
                    vst1_f32(p, vget_low_f32(self.0));
                    vst1q_lane_f32::<2>(p.add(2), self.0);
                }
                _ => self.store(p),
            }
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { vpadds_f32(vadd_f32(vget_low_f32(self.0), vget_high_f32(self.0))) }
    }
}

impl Square<4> for F32x4 {
    /// Pairs, then quadruples.
    #[inline(always)]
    fn transpose([a, b, c, d]: [F32x4; 4]) -> [F32x4; 4] {
        unsafe {
            let pair = |x: float32x4_t| vreinterpretq_f64_f32(x);
            let even = pair(vtrn1q_f32(a.0, b.0));
            let odd = pair(vtrn2q_f32(a.0, b.0));
            let even2 = pair(vtrn1q_f32(c.0, d.0));
            let odd2 = pair(vtrn2q_f32(c.0, d.0));
            [
                F32x4(vreinterpretq_f32_f64(vtrn1q_f64(even, even2))),
                F32x4(vreinterpretq_f32_f64(vtrn1q_f64(odd, odd2))),
                F32x4(vreinterpretq_f32_f64(vtrn2q_f64(even, even2))),
                F32x4(vreinterpretq_f32_f64(vtrn2q_f64(odd, odd2))),
            ]
        }
    }
}

impl Quad for F32x4 {
    each! { F32x4:
        neg_mul_add(a, b, c) = vfmsq_f32(c, a, b);
        floor(a) = vrndmq_f32(a);
        ceil(a) = vrndpq_f32(a);
        round(a) = vrndnq_f32(a);
        and(a, b) = float!(bits vandq_u32(bits!(a), bits!(b)));
        or(a, b) = float!(bits vorrq_u32(bits!(a), bits!(b)));
        xor(a, b) = float!(bits veorq_u32(bits!(a), bits!(b)));
        lt(a, b) = float!(bits vcltq_f32(a, b));
        le(a, b) = float!(bits vcleq_f32(a, b));
        eq(a, b) = float!(bits vceqq_f32(a, b));
        select(mask, yes, no) = vbslq_f32(bits!(mask), yes, no);
        iadd(a, b) = float!(int vaddq_s32(int!(a), int!(b)));
        isub(a, b) = float!(int vsubq_s32(int!(a), int!(b)));
        shl23(a) = float!(int vshlq_n_s32::<23>(int!(a)));
        shl31(a) = float!(int vshlq_n_s32::<31>(int!(a)));
        shr23(a) = float!(int vshrq_n_s32::<23>(int!(a)));
        shr1(a) = float!(int vshrq_n_s32::<1>(int!(a)));
        nearest_int(a) = float!(int vcvtnq_s32_f32(a));
        as_float(a) = vcvtq_f32_s32(int!(a));
    }
}

impl Lanes for F64x2 {
    type Scalar = f64;
    const LEN: usize = 2;
    each! { F64x2:
        add(a, b) = vaddq_f64(a, b);
        sub(a, b) = vsubq_f64(a, b);
        mul(a, b) = vmulq_f64(a, b);
        div(a, b) = vdivq_f64(a, b);
        lesser(a, b) = vbslq_f64(vcltq_f64(a, b), a, b);
        greater(a, b) = vbslq_f64(vcgtq_f64(a, b), a, b);
        sqrt(a) = vsqrtq_f64(a);
        mul_add(a, b, c) = vfmaq_f64(c, a, b);
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        F64x2(unsafe { vdupq_n_f64(x) })
    }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> Self {
        F64x2(unsafe { vld1q_f64(p) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f64, len: usize) -> Self {
        unsafe {
            let zero = vdupq_n_f64(0.0);
            match len {
                0 => F64x2(zero),
                1 => F64x2(vld1q_lane_f64::<0>(p, zero)),
                _ => F64x2::load(p),
            }
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64) {
        unsafe { vst1q_f64(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f64, len: usize) {
        unsafe {
            match len {
                0 => {}
                1 => vst1q_lane_f64::<0>(p, self.0),
                _ => self.store(p),
            }
        }
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        unsafe { vpaddd_f64(self.0) }
    }
}

impl Square<2> for F64x2 {
    #[inline(always)]
    fn transpose([a, b]: [F64x2; 2]) -> [F64x2; 2] {
        unsafe { [F64x2(vtrn1q_f64(a.0, b.0)), F64x2(vtrn2q_f64(a.0, b.0))] }
    }
}

numbers_of_f64!([] F64x4);
