//! `Real`: the arithmetic a pointwise formula may use. One formula serves as the f64 oracle and, traced
//! with [`crate::expr::Sym`], as the graph's scalar expression, from which CPU loops and GPU text come.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number a pointwise formula can be written over.
///
/// Comparisons give a mask; `min` and `max` propagate NaN; `round` goes to even, as in IEEE 754.
pub trait Real:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// What comparisons give.
    type Mask: Copy;
    /// The constant `x`.
    fn constant(x: f64) -> Self;
    /// |x|
    fn abs(self) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// eˣ − 1, accurate near 0.
    fn exp_m1(self) -> Self;
    /// ln x
    fn ln(self) -> Self;
    /// ln(1 + x), accurate near 0.
    fn ln_1p(self) -> Self;
    /// sin x, in radians.
    fn sin(self) -> Self;
    /// cos x, in radians.
    fn cos(self) -> Self;
    /// arctan x, in radians.
    fn atan(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// erf x = 2/√π ∫₀ˣ e^(−t²) dt
    fn erf(self) -> Self;
    /// The largest integer ≤ x.
    fn floor(self) -> Self;
    /// The smallest integer ≥ x.
    fn ceil(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// The smaller; NaN if either is.
    fn min(self, other: Self) -> Self;
    /// The larger; NaN if either is.
    fn max(self, other: Self) -> Self;
    /// selfᵒᵗʰᵉʳ
    fn pow(self, other: Self) -> Self;
    /// self < other
    fn lt(self, other: Self) -> Self::Mask;
    /// self ≤ other
    fn le(self, other: Self) -> Self::Mask;
    /// self = other
    fn eq(self, other: Self) -> Self::Mask;
    /// `yes` where the mask is set, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// Both.
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Either.
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Neither.
    fn not(a: Self::Mask) -> Self::Mask;
    /// The mask as 1 or 0.
    fn from_mask(mask: Self::Mask) -> Self {
        Self::select(mask, Self::constant(1.0), Self::constant(0.0))
    }
    /// x²
    fn square(self) -> Self {
        self * self
    }
    /// 1/x
    fn recip(self) -> Self {
        Self::constant(1.0) / self
    }
    /// 1/(1 + e⁻ˣ), the logistic function. Where e⁻ˣ overflows, the quotient is 0, as it should be. Its derivative y(1 − y)
    /// reads the value, so that no e⁻ˣ that is ∞ gets into it.
    fn logistic(self) -> Self {
        (Self::constant(1.0) + (-self).exp()).recip()
    }
}

macro_rules! real {
    ($t:ty, $erf:path) => {
        impl Real for $t {
            type Mask = bool;
            #[inline(always)]
            fn constant(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                self.exp_m1()
            }
            #[inline(always)]
            fn ln(self) -> Self {
                self.ln()
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
            #[inline(always)]
            fn sin(self) -> Self {
                self.sin()
            }
            #[inline(always)]
            fn cos(self) -> Self {
                self.cos()
            }
            #[inline(always)]
            fn atan(self) -> Self {
                self.atan()
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                self.tanh()
            }
            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                self.floor()
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                self.ceil()
            }
            #[inline(always)]
            fn round(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if self.is_nan() || self < other { self } else { other }
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self.is_nan() || self > other { self } else { other }
            }
            #[inline(always)]
            fn pow(self, other: Self) -> Self {
                self.powf(other)
            }
            #[inline(always)]
            fn lt(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn le(self, other: Self) -> bool {
                self <= other
            }
            #[inline(always)]
            fn eq(self, other: Self) -> bool {
                self == other
            }
            #[inline(always)]
            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }
            #[inline(always)]
            fn and(a: bool, b: bool) -> bool {
                a && b
            }
            #[inline(always)]
            fn or(a: bool, b: bool) -> bool {
                a || b
            }
            #[inline(always)]
            fn not(a: bool) -> bool {
                !a
            }
        }
    };
}
real!(f64, libm::erf);
real!(f32, libm::erff);
