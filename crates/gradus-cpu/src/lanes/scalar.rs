//! What lanes hold: f32, f64 and i64, and what vectors are there of each.

use super::numbers::{integer_quotient, real};
use super::{InstructionSet, Numbers, Portable};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// f32, f64 or i64. The arithmetic of integers wraps, and a quotient by 0 is 0.
pub trait Scalar:
    Copy
    + Default
    + Send
    + Sync
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// −∞, or the least integer.
    const LOWEST: Self;
    /// Vectors of it for loops over memory, eight lanes on every path (four of i64).
    type Vector<P: InstructionSet>: Numbers<Scalar = Self>;
    /// Vectors of it for loops that are exponentials above all.
    type Long<P: InstructionSet>: Numbers<Scalar = Self>;

    /// The nearest number.
    fn of(x: f64) -> Self;
    /// The same number in f64.
    fn wide(self) -> f64;
    /// self + b
    fn plus(self, b: Self) -> Self;
    /// self − b
    fn minus(self, b: Self) -> Self;
    /// self·b
    fn times(self, b: Self) -> Self;
    /// self / b
    fn over(self, b: Self) -> Self;
    /// self·b + c, fused where the build's instruction set fuses.
    fn times_plus(self, b: Self, c: Self) -> Self;
    /// √self
    fn square_root(self) -> Self;
}

macro_rules! float {
    ($($s:ident: $vector:ty, $long:ty;)*) => {$(
        impl Scalar for $s {
            const ZERO: $s = 0.0;
            const ONE: $s = 1.0;
            const LOWEST: $s = $s::NEG_INFINITY;
            type Vector<P: InstructionSet> = $vector;
            type Long<P: InstructionSet> = $long;
            #[inline(always)]
            fn of(x: f64) -> $s {
                x as $s
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn plus(self, b: $s) -> $s {
                self + b
            }
            #[inline(always)]
            fn minus(self, b: $s) -> $s {
                self - b
            }
            #[inline(always)]
            fn times(self, b: $s) -> $s {
                self * b
            }
            #[inline(always)]
            fn over(self, b: $s) -> $s {
                self / b
            }
            #[inline(always)]
            fn times_plus(self, b: $s, c: $s) -> $s {
                // Without the instruction, mul_add is a slow library call.
                if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                    self.mul_add(b, c)
                } else {
                    self * b + c
                }
            }
            #[inline(always)]
            fn square_root(self) -> $s {
                self.sqrt()
            }
        }
    )*};
}
float! {
    f32: P::F32, P::LongF32;
    f64: Portable<f64, 8>, Portable<f64, 8>;
}

impl Scalar for i64 {
    const ZERO: i64 = 0;
    const ONE: i64 = 1;
    const LOWEST: i64 = i64::MIN;
    type Vector<P: InstructionSet> = Portable<i64, 4>;
    type Long<P: InstructionSet> = Portable<i64, 4>;
    #[inline(always)]
    fn of(x: f64) -> i64 {
        x as i64
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self as f64
    }
    #[inline(always)]
    fn plus(self, b: i64) -> i64 {
        self.wrapping_add(b)
    }
    #[inline(always)]
    fn minus(self, b: i64) -> i64 {
        self.wrapping_sub(b)
    }
    #[inline(always)]
    fn times(self, b: i64) -> i64 {
        self.wrapping_mul(b)
    }
    #[inline(always)]
    fn over(self, b: i64) -> i64 {
        integer_quotient(self, b)
    }
    #[inline(always)]
    fn times_plus(self, b: i64, c: i64) -> i64 {
        self.wrapping_mul(b).wrapping_add(c)
    }
    #[inline(always)]
    fn square_root(self) -> i64 {
        real(self, f64::sqrt)
    }
}
