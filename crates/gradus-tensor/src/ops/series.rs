//! Elementary functions for kernels, by series and without branches: the compiler makes vectors of
//! them, and they have the same bits on every system.

use std::ops::{Add, Mul, Sub};

/// f32 or f64, in kernels that are written once for both.
pub(crate) trait Series:
    Copy
    + 'static
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::AddAssign
{
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;
    /// Vectors of it on the fast path.
    type Fast: crate::ops::vector::Vector<Element = Self>;
    /// The nearest number.
    fn of(x: f64) -> Self;
    /// The same number in f64.
    fn wide(self) -> f64;
    /// eˣ for x ≤ 0; 0 from −87 in f32 and from −708 in f64 on, just above the smallest normal number. NaN stays NaN.
    fn exp_series(self) -> Self;
    /// ln x for positive, normal x. NaN and ∞ stay what they are.
    fn ln_series(self) -> Self;
    /// √x
    fn square_root(self) -> Self;
    /// (sin 2πx, cos 2πx) for x in [0, 1).
    fn turn(self) -> (Self, Self);
}

/// 1/n!
pub(crate) const FACTORIALS: [f64; 15] = {
    let mut all = [1.0; 15];
    let mut n = 1;
    while n < 15 {
        all[n] = all[n - 1] / n as f64;
        n += 1;
    }
    all
};

macro_rules! series {
    ($t:ident, $bits:ident, $fast:ty, mantissa $mantissa:expr, ln $ln:expr, exp $exp:expr, ln2 $ln2:expr, $rest:expr, least $least:expr) => {
        impl Series for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            const LOWEST: $t = $t::NEG_INFINITY;
            type Fast = $fast;
            #[inline(always)]
            fn of(x: f64) -> $t {
                x as $t
            }
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn square_root(self) -> $t {
                self.sqrt()
            }

            /// x = k·ln 2 + r with |r| ≤ ½ ln 2; eˣ = 2ᵏ·eʳ, eʳ by Taylor's series.
            #[inline(always)]
            fn exp_series(self) -> $t {
                // Adding it rounds to an integer, which then stands in the low bits.
                const ROUND: $t = 1.5 * (1u64 << $mantissa) as $t;
                const BIAS: $bits = (1.0 as $t).to_bits();
                let shifted = self * std::$t::consts::LOG2_E + ROUND;
                let k = shifted - ROUND;
                // ln 2 in two parts, the first with trailing zeros, so that k times it is exact.
                let r = (self - k * $ln2) - k * $rest;
                let mut sum = FACTORIALS[$exp] as $t;
                for n in (0..$exp).rev() {
                    sum = FACTORIALS[n] as $t + sum * r;
                }
                let power = (shifted.to_bits() << $mantissa).wrapping_add(BIAS);
                let y = sum * $t::from_bits(power);
                if self < $least { 0.0 } else { y }
            }

            /// x = 2ᵉ·m with m in [√½, √2), ln m = 2·artanh((m − 1)/(m + 1)).
            #[inline(always)]
            fn ln_series(self) -> $t {
                const ONE: $bits = (1.0 as $t).to_bits();
                const ROOT_HALF: $bits = std::$t::consts::FRAC_1_SQRT_2.to_bits();
                let shifted = self.to_bits().wrapping_add(ONE - ROOT_HALF);
                let exponent =
                    ((shifted >> $mantissa) as i32).wrapping_sub((ONE >> $mantissa) as i32);
                let m = $t::from_bits((shifted & ((1 << $mantissa) - 1)).wrapping_add(ROOT_HALF));
                let s = (m - 1.0) / (m + 1.0);
                let mut sum = 0.0;
                for k in (0..$ln).rev() {
                    sum = sum * (s * s) + 2.0 / (2 * k + 1) as $t;
                }
                let y = exponent as $t * std::$t::consts::LN_2 + s * sum;
                // The bits of NaN and ∞ would count as a large exponent.
                if self < $t::INFINITY { y } else { self }
            }

            /// The nearest quarter turn, and Taylor's series for the rest, at most π/4.
            #[inline(always)]
            fn turn(self) -> ($t, $t) {
                let quarter = (self * 4.0 + 0.5) as i32;
                let x = (self * 4.0 - quarter as $t) * std::$t::consts::FRAC_PI_2;
                let (mut sin, mut cos) = (1.0, 1.0);
                for k in (1..$ln).rev() {
                    let k = k as $t;
                    sin = 1.0 - sin * (x * x) * (1.0 / (2.0 * k * (2.0 * k + 1.0)));
                    cos = 1.0 - cos * (x * x) * (1.0 / (2.0 * k * (2.0 * k - 1.0)));
                }
                sin *= x;
                let (a, b) = if quarter & 1 == 1 { (cos, sin) } else { (sin, cos) };
                let a = if quarter & 2 == 2 { -a } else { a };
                let b = if quarter.wrapping_add(1) & 2 == 2 { -b } else { b };
                (a, b)
            }
        }
    };
}
series!(f32, u32, crate::ops::vector::Avx, mantissa 23, ln 6, exp 7, ln2 0.693_145_75, 1.428_606_8e-6, least -87.0);
series!(f64, u64, crate::ops::vector::Plain<f64, 8>, mantissa 52, ln 13, exp 14, ln2 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10, least -708.0);

/// Elements whose sum is taken in their own type; longer sums go on in f64.
pub(crate) const STRETCH: usize = 2048;

/// The count, the mean and the sum of squared distances from it of some numbers; merged as Chan, Golub & LeVeque 1983 do.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl Moments {
    #[inline(always)]
    pub(crate) fn merge(&mut self, other: Moments) {
        let count = self.count + other.count;
        let gap = other.mean - self.mean;
        self.mean += gap * (other.count / count);
        self.squares += other.squares + gap * gap * (self.count * other.count / count);
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_agree_with_the_library() {
        for i in 0..4096 {
            let v = i as f64 / 4096.0 + 1e-5;
            let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
            let (s, c) = v.turn();
            assert!((s - sin).abs() < 1e-15 && (c - cos).abs() < 1e-15, "{v}");
            let (s, c) = (v as f32).turn();
            assert!((s as f64 - sin).abs() < 1e-6 && (c as f64 - cos).abs() < 1e-6, "{v}");
            let u = v * v * v;
            assert!((u.ln_series() - u.ln()).abs() < 1e-14, "{u}");
            assert!(((u as f32).ln_series() as f64 - (u as f32 as f64).ln()).abs() < 2e-6, "{u}");
            let x = -86.0 * v;
            assert!((x.exp_series() / x.exp() - 1.0).abs() < 5e-16, "{x}");
            let x = x as f32;
            assert!((x.exp_series() as f64 / (x as f64).exp() - 1.0).abs() < 2.5e-7, "{x}");
        }
        assert_eq!((1f32.ln_series(), 1f64.ln_series()), (0.0, 0.0));
        assert_eq!((0f32.exp_series(), 0f64.exp_series()), (1.0, 1.0));
        assert_eq!((f32::NEG_INFINITY.exp_series(), f64::NEG_INFINITY.exp_series()), (0.0, 0.0));
        assert_eq!(((-1000f32).exp_series(), (-1e300f64).exp_series()), (0.0, 0.0));
        assert!(f32::NAN.exp_series().is_nan() && f64::NAN.exp_series().is_nan());
    }

    /// Where the functions end, against the library: below the least exponent powers are 0, those at it and above normal; of NaN
    /// and ∞ logarithms are what they were.
    #[test]
    fn series_hold_at_the_edges() {
        macro_rules! edges {
            ($t:ident, $least:expr, exp $exp:expr, ln $ln:expr) => {
                let least: $t = $least;
                for x in [0.0, -0.0, -$t::from_bits(1), -$t::MIN_POSITIVE, -0.346_573_6, -1.0] {
                    for x in [x, least, least.next_up(), least * 0.999] {
                        let (y, want) = (x.exp_series().wide(), x.wide().exp());
                        assert!((y / want - 1.0).abs() < $exp, "e^{x} is {y:e}, not {want:e}");
                        assert!(x.exp_series().is_normal());
                    }
                }
                for x in [least.next_down(), -1e4, -1e30, $t::MIN, $t::NEG_INFINITY] {
                    assert_eq!(x.exp_series().to_bits(), 0, "e^{x}");
                }
                for x in [$t::MIN_POSITIVE, 1e-30, 0.5, std::$t::consts::FRAC_1_SQRT_2, 1.0, 2.0] {
                    for x in [x, x.next_up(), $t::MAX, std::$t::consts::SQRT_2] {
                        let (y, want) = (x.ln_series().wide(), x.wide().ln());
                        let near = (y - want).abs() <= $ln * want.abs().max(1.0);
                        assert!(near, "ln {x:e} is {y:e}, not {want:e}");
                    }
                }
                for nan in [$t::NAN, -$t::NAN] {
                    assert!(nan.exp_series().is_nan() && nan.ln_series().is_nan());
                }
                assert_eq!($t::INFINITY.ln_series(), $t::INFINITY);
            };
        }
        edges!(f32, -87.0, exp 2.5e-7, ln 5e-7);
        edges!(f64, -708.0, exp 5e-16, ln 1e-15);
    }
}
