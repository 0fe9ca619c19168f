//! The logarithm and the turn of normal numbers: by series, without branches and fused products, so that a seed's numbers are
//! the same on every system and path. They are part of what a seed means, not of what vectors compute.

/// f32 or f64.
pub(super) trait Series: Copy {
    /// ln x for positive, normal x. NaN and ∞ stay what they are.
    fn ln_series(self) -> Self;
    /// (sin 2πx, cos 2πx) for x in [0, 1).
    fn turn(self) -> (Self, Self);
}

macro_rules! series {
    ($t:ident, $bits:ident, mantissa $mantissa:expr, terms $ln:expr) => {
        impl Series for $t {
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
series!(f32, u32, mantissa 23, terms 6);
series!(f64, u64, mantissa 52, terms 13);

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
        }
        assert_eq!((1f32.ln_series(), 1f64.ln_series()), (0.0, 0.0));
    }

    /// Where the logarithm ends, against the library; of NaN and ∞ it is what they were.
    #[test]
    fn the_logarithm_holds_at_the_edges() {
        macro_rules! edges {
            ($t:ident, $near:expr) => {
                for x in [$t::MIN_POSITIVE, 1e-30, 0.5, std::$t::consts::FRAC_1_SQRT_2, 1.0, 2.0] {
                    for x in [x, x.next_up(), $t::MAX, std::$t::consts::SQRT_2] {
                        let (y, want) = (f64::from(x.ln_series()), f64::from(x).ln());
                        let near = (y - want).abs() <= $near * want.abs().max(1.0);
                        assert!(near, "ln {x:e} is {y:e}, not {want:e}");
                    }
                }
                assert!([$t::NAN, -$t::NAN].iter().all(|nan| nan.ln_series().is_nan()));
                assert_eq!($t::INFINITY.ln_series(), $t::INFINITY);
            };
        }
        edges!(f32, 5e-7);
        edges!(f64, 1e-15);
    }
}
