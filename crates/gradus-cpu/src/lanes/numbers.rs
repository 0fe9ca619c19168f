//! What the lines of an expression do to vectors: elementary functions, comparisons, rounding. There is one of each for an
//! element type, whoever calls it. Masks are 1 and 0. Integer arithmetic wraps; ops refuse to divide by zero, which gives 0
//! here.

use super::{Bits, Lanes, Portable, Square, math};
use gradus_base::Real;
use gradus_base::expr::remainder;

/// Vectors with the functions of expressions.
///
/// ```
/// use gradus_cpu::lanes::{Lanes, Numbers, Portable};
/// // SAFETY: any machine has these lanes.
/// let x = unsafe { Portable::<f64, 4>::load([0.0, 1.0, -1.0, f64::NEG_INFINITY].as_ptr()) };
/// let e = std::f64::consts::E;
/// assert_eq!(x.exp().lanes()[..4], [1.0, e, 1.0 / e, 0.0]);
/// assert_eq!(x.le(x.abs()).lanes()[..4], [1.0; 4]);
/// ```
pub trait Numbers: Lanes {
    /// −self
    fn neg(self) -> Self;
    /// |self|
    fn abs(self) -> Self;
    /// e^self, of f64 within 0.7 units in the last place, of f32 within 1.5.
    fn exp(self) -> Self;
    /// e^self for self ≤ 0, with the bits of [`exp`](Numbers::exp), but 0 below −87 (f64: −708), where that leaves the normal
    /// range.
    fn exp_negative(self) -> Self;
    /// e^self − 1
    fn exp_m1(self) -> Self;
    /// ln self
    fn ln(self) -> Self;
    /// ln(1 + self)
    fn ln_1p(self) -> Self;
    /// sin self
    fn sin(self) -> Self;
    /// cos self
    fn cos(self) -> Self;
    /// arctan self
    fn atan(self) -> Self;
    /// tanh self
    fn tanh(self) -> Self;
    /// 1 / (1 + e^−self)
    fn logistic(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// ⌊self⌋
    fn floor(self) -> Self;
    /// ⌈self⌉
    fn ceil(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// self = 0
    fn not(self) -> Self;
    /// The lesser; NaN if either is.
    fn min(self, b: Self) -> Self;
    /// The greater; NaN if either is.
    fn max(self, b: Self) -> Self;
    /// self^b
    fn pow(self, b: Self) -> Self;
    /// The remainder, with the sign of b.
    fn rem(self, b: Self) -> Self;
    /// The quotient rounded towards 0.
    fn quo(self, b: Self) -> Self;
    /// self < b
    fn lt(self, b: Self) -> Self;
    /// self ≤ b
    fn le(self, b: Self) -> Self;
    /// self = b
    fn eq(self, b: Self) -> Self;
    /// Neither is 0.
    fn and(self, b: Self) -> Self;
    /// Not both are 0.
    fn or(self, b: Self) -> Self;
    /// self·b − c
    #[inline(always)]
    fn mul_sub(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c.neg())
    }
    /// c − self·b
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        self.neg().mul_add(b, c)
    }
    /// `yes` where self is not 0, else `no`.
    fn select(self, yes: Self, no: Self) -> Self;
    /// ln x, as a lane's.
    ///
    /// # Safety
    /// As [`splat`](Lanes::splat).
    unsafe fn ln_of(x: Self::Scalar) -> Self::Scalar;
}

/// 1 where a mask is set, else 0.
#[inline(always)]
fn ones<V: Bits>(mask: V) -> V {
    // SAFETY: a vector was made before.
    Bits::and(mask, unsafe { V::splat(1.0) })
}
/// Where x is 0, as a mask.
#[inline(always)]
fn zeros<V: Bits>(x: V) -> V {
    // SAFETY: a vector was made before.
    Bits::eq(x, unsafe { V::zero() })
}

/// Functions of one argument that [`math`] has.
macro_rules! from_math {
    ($($name:ident)*) => {$(
        #[inline(always)]
        fn $name(self) -> Self {
            // SAFETY: a vector was made before.
            unsafe { math::$name(self) }
        }
    )*};
}

impl<V: Bits> Numbers for V {
    from_math! { exp exp_negative exp_m1 ln ln_1p sin cos atan tanh erf }
    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: a vector was made before.
        Bits::xor(self, unsafe { V::bits(i32::MIN) })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: a vector was made before.
        Bits::and(self, unsafe { V::bits(i32::MAX) })
    }
    #[inline(always)]
    fn logistic(self) -> Self {
        // SAFETY: a vector was made before.
        let one = unsafe { V::splat(1.0) };
        one.div(one.add(Numbers::exp(Numbers::neg(self))))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Bits::floor(self)
    }
    #[inline(always)]
    fn ceil(self) -> Self {
        Bits::ceil(self)
    }
    #[inline(always)]
    fn round(self) -> Self {
        Bits::round(self)
    }
    #[inline(always)]
    fn not(self) -> Self {
        ones(zeros(self))
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        // `lesser` gives b where either is NaN; right unless only self is.
        Bits::select(Bits::eq(self, self), self.lesser(b), self)
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Bits::select(Bits::eq(self, self), self.greater(b), self)
    }
    #[inline(always)]
    fn pow(self, b: Self) -> Self {
        // SAFETY: a vector was made before.
        unsafe { math::pow(self, b) }
    }
    #[inline(always)]
    fn rem(self, b: Self) -> Self {
        let (mut x, y) = (self.lanes(), b.lanes());
        for i in 0..V::LEN {
            x[i] = float_remainder(x[i], y[i]);
        }
        // SAFETY: a vector was made before.
        unsafe { V::load(x.as_ptr()) }
    }
    #[inline(always)]
    fn quo(self, b: Self) -> Self {
        let q = self.div(b);
        // SAFETY: a vector was made before.
        let negative = Bits::lt(q, unsafe { V::zero() });
        Bits::select(negative, Bits::ceil(q), Bits::floor(q))
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self {
        ones(Bits::lt(self, b))
    }
    #[inline(always)]
    fn le(self, b: Self) -> Self {
        ones(Bits::le(self, b))
    }
    #[inline(always)]
    fn eq(self, b: Self) -> Self {
        ones(Bits::eq(self, b))
    }
    #[inline(always)]
    fn and(self, b: Self) -> Self {
        Numbers::not(ones(Bits::or(zeros(self), zeros(b))))
    }
    #[inline(always)]
    fn or(self, b: Self) -> Self {
        Numbers::not(ones(Bits::and(zeros(self), zeros(b))))
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Bits::neg_mul_add(self, b, c)
    }
    #[inline(always)]
    fn select(self, yes: Self, no: Self) -> Self {
        Bits::select(zeros(self), no, yes)
    }
    #[inline(always)]
    unsafe fn ln_of(x: f32) -> f32 {
        // SAFETY: the caller's promise.
        unsafe { Numbers::ln(V::splat(x)).lanes()[0] }
    }
}

/// [`Numbers`] of a vector, function by function of a lane.
macro_rules! lane_by_lane {
    ([$($generics:tt)*] $v:ty, $ln:expr; $($one:ident = $f1:expr;)* -- $($two:ident = $f2:expr;)* -- $($three:ident = $f3:expr;)*) => {
        impl<$($generics)*> $crate::lanes::Numbers for $v {
            $(
                #[inline(always)]
                fn $one(self) -> Self {
                    let (f, a) = ($f1, self.to_array());
                    // SAFETY: a vector was made before, here and below.
                    unsafe { Self::from_array(std::array::from_fn(|i| f(a[i]))) }
                }
            )*
            $(
                #[inline(always)]
                fn $two(self, b: Self) -> Self {
                    let (f, a, b) = ($f2, self.to_array(), b.to_array());
                    unsafe { Self::from_array(std::array::from_fn(|i| f(a[i], b[i]))) }
                }
            )*
            $(
                #[inline(always)]
                fn $three(self, b: Self, c: Self) -> Self {
                    let (f, a, b, c) = ($f3, self.to_array(), b.to_array(), c.to_array());
                    unsafe { Self::from_array(std::array::from_fn(|i| f(a[i], b[i], c[i]))) }
                }
            )*
            #[inline(always)]
            unsafe fn ln_of(x: Self::Scalar) -> Self::Scalar {
                $ln(x)
            }
        }
    };
}

/// [`Numbers`] of vectors of f64: its generics, perhaps none, and the vector.
macro_rules! numbers_of_f64 {
    ([$($generics:tt)*] $v:ty) => {
        $crate::lanes::numbers::lane_by_lane! { [$($generics)*] $v, f64::ln;
            neg = |x: f64| -x;
            abs = f64::abs;
            exp = $crate::lanes::math::exp_of_f64;
            exp_negative = $crate::lanes::math::exp_negative_of_f64;
            exp_m1 = f64::exp_m1;
            ln = f64::ln;
            ln_1p = f64::ln_1p;
            sin = f64::sin;
            cos = f64::cos;
            atan = f64::atan;
            tanh = f64::tanh;
            logistic = gradus_base::Real::logistic;
            erf = gradus_base::Real::erf;
            floor = f64::floor;
            ceil = f64::ceil;
            round = f64::round_ties_even;
            not = |x: f64| f64::from(u8::from(x == 0.0));
            --
            min = |a: f64, b: f64| gradus_base::Real::min(a, b);
            max = |a: f64, b: f64| gradus_base::Real::max(a, b);
            pow = f64::powf;
            rem = gradus_base::expr::remainder;
            quo = |a: f64, b: f64| (a / b).trunc();
            lt = |a: f64, b: f64| f64::from(u8::from(a < b));
            le = |a: f64, b: f64| f64::from(u8::from(a <= b));
            eq = |a: f64, b: f64| f64::from(u8::from(a == b));
            and = |a: f64, b: f64| f64::from(u8::from(a != 0.0 && b != 0.0));
            or = |a: f64, b: f64| f64::from(u8::from(a != 0.0 || b != 0.0));
            --
            select = |a: f64, b: f64, c: f64| if a != 0.0 { b } else { c };
        }
    };
}
pub(super) use {lane_by_lane, numbers_of_f64};

numbers_of_f64!([const N: usize] Portable<f64, N>);

lane_by_lane! { [const N: usize] Portable<i64, N>, |x| real(x, f64::ln);
    neg = i64::wrapping_neg;
    abs = i64::wrapping_abs;
    exp = |x| real(x, f64::exp);
    exp_negative = |x| real(x, f64::exp);
    exp_m1 = |x| real(x, f64::exp_m1);
    ln = |x| real(x, f64::ln);
    ln_1p = |x| real(x, f64::ln_1p);
    sin = |x| real(x, f64::sin);
    cos = |x| real(x, f64::cos);
    atan = |x| real(x, f64::atan);
    tanh = |x| real(x, f64::tanh);
    logistic = |x| real(x, Real::logistic);
    erf = |x| real(x, Real::erf);
    floor = |x: i64| x;
    ceil = |x: i64| x;
    round = |x: i64| x;
    not = |x: i64| i64::from(x == 0);
    --
    min = |a: i64, b: i64| Ord::min(a, b);
    max = |a: i64, b: i64| Ord::max(a, b);
    pow = integer_power;
    rem = floor_remainder;
    quo = integer_quotient;
    lt = |a: i64, b: i64| i64::from(a < b);
    le = |a: i64, b: i64| i64::from(a <= b);
    eq = |a: i64, b: i64| i64::from(a == b);
    and = |a: i64, b: i64| i64::from(a != 0 && b != 0);
    or = |a: i64, b: i64| i64::from(a != 0 || b != 0);
    --
    select = |a: i64, b: i64, c: i64| if a != 0 { b } else { c };
}

/// A real function of an integer, truncated; NaN is 0.
#[inline(always)]
pub(super) fn real(x: i64, f: impl Fn(f64) -> f64) -> i64 {
    f(x as f64) as i64
}
/// [`remainder`] of f32. Up to quotients of 28 bits f64 holds the quotient's floor, its product with b and the difference without
/// rounding, so that no library call is needed.
#[inline(always)]
fn float_remainder(a: f32, b: f32) -> f32 {
    let (a, b) = (f64::from(a), f64::from(b));
    let whole = (a / b).floor();
    let near = whole.abs() < f64::from(1 << 28) && b.is_finite();
    if !near {
        return remainder(a, b) as f32;
    }
    let r = a - whole * b;
    // Of 0 the sign is a's, as the library's.
    (if r == 0.0 { r.copysign(a) } else { r }) as f32
}
/// a/b rounded towards 0; 0 for b = 0, which whoever divides refuses before.
#[inline(always)]
pub(super) fn integer_quotient(a: i64, b: i64) -> i64 {
    if b == 0 { 0 } else { a.wrapping_div(b) }
}
/// The remainder with the sign of `b`; 0 for b = 0, as the quotient.
#[inline(always)]
fn floor_remainder(a: i64, b: i64) -> i64 {
    if b == 0 {
        return 0;
    }
    let r = a.wrapping_rem(b);
    if r != 0 && (r < 0) != (b < 0) { r + b } else { r }
}
/// aᵇ, wrapping; 1/a^|b| truncated for negative b, with 1/0 = 0.
fn integer_power(a: i64, b: i64) -> i64 {
    match (a, b) {
        (1, _) => 1,
        (-1, _) => 1 - 2 * (b & 1),
        (_, ..0) => 0,
        _ => {
            let (mut result, mut base, mut b) = (1i64, a, b);
            while b > 0 {
                if b & 1 == 1 {
                    result = result.wrapping_mul(base);
                }
                base = base.wrapping_mul(base);
                b >>= 1;
            }
            result
        }
    }
}
