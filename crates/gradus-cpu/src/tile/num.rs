//! The arithmetic of an expression's lines over a few elements at a time: f32 in SIMD lanes, f64 and i64 in small
//! arrays. Masks are 1 and 0. Integer arithmetic wraps; ops refuse to divide by zero, which gives 0 here.
#![allow(unsafe_op_in_unsafe_fn)] // each body is one operation, under the trait's contract

use super::math;
use crate::lanes::{F32s, Square};
use gradus_base::Real;
use gradus_base::expr::remainder;

/// `LEN` elements.
///
/// # Safety
/// Every function may only run where the type's instruction set is there.
pub(crate) trait Num: Copy {
    type Scalar: Copy;
    const LEN: usize;
    unsafe fn load(p: *const Self::Scalar) -> Self;
    unsafe fn store(self, p: *mut Self::Scalar);
    unsafe fn splat(x: Self::Scalar) -> Self;
    unsafe fn neg(self) -> Self;
    unsafe fn abs(self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn exp(self) -> Self;
    unsafe fn exp_m1(self) -> Self;
    unsafe fn ln(self) -> Self;
    unsafe fn ln_1p(self) -> Self;
    unsafe fn sin(self) -> Self;
    unsafe fn cos(self) -> Self;
    unsafe fn atan(self) -> Self;
    unsafe fn tanh(self) -> Self;
    unsafe fn logistic(self) -> Self;
    unsafe fn erf(self) -> Self;
    unsafe fn floor(self) -> Self;
    unsafe fn ceil(self) -> Self;
    unsafe fn round(self) -> Self;
    unsafe fn not(self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    /// NaN if either is.
    unsafe fn min(self, b: Self) -> Self;
    /// NaN if either is.
    unsafe fn max(self, b: Self) -> Self;
    unsafe fn pow(self, b: Self) -> Self;
    unsafe fn rem(self, b: Self) -> Self;
    /// The quotient rounded towards 0.
    unsafe fn quo(self, b: Self) -> Self;
    unsafe fn lt(self, b: Self) -> Self;
    unsafe fn le(self, b: Self) -> Self;
    unsafe fn eq(self, b: Self) -> Self;
    unsafe fn and(self, b: Self) -> Self;
    unsafe fn or(self, b: Self) -> Self;
    /// self·b + c
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// self·b − c
    unsafe fn mul_sub(self, b: Self, c: Self) -> Self;
    /// c − self·b
    unsafe fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// `yes` where self is not 0, else `no`.
    unsafe fn select(self, yes: Self, no: Self) -> Self;
}

/// f32 lanes as numbers.
#[derive(Clone, Copy)]
pub(crate) struct Floats<V>(V);

impl<V: F32s> Floats<V> {
    #[inline(always)]
    unsafe fn one_where(mask: V) -> Self {
        Floats(mask.and(V::splat(1.0)))
    }
    #[inline(always)]
    unsafe fn zero(self) -> V {
        self.0.eq(V::splat(0.0))
    }
}

/// Functions of one argument passed on to [`math`].
macro_rules! from_math {
    ($($name:ident)*) => {$(
        #[inline(always)]
        unsafe fn $name(self) -> Self { Floats(math::$name(self.0)) }
    )*};
}
/// Functions passed on to [`F32s`].
macro_rules! from_lanes {
    ($($name:ident($($a:ident)?);)*) => {$(
        #[inline(always)]
        unsafe fn $name(self $(, $a: Self)?) -> Self { Self(self.0.$name($($a.0)?)) }
    )*};
}

impl<V: F32s> Num for Floats<V> {
    type Scalar = f32;
    const LEN: usize = 8;
    from_math! { exp exp_m1 ln ln_1p sin cos atan tanh erf }
    from_lanes! { sqrt(); floor(); ceil(); round(); add(b); sub(b); mul(b); div(b); }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Floats(V::load(p))
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        self.0.store(p)
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Floats(V::splat(x))
    }
    #[inline(always)]
    unsafe fn neg(self) -> Self {
        Floats(self.0.xor(V::bits(i32::MIN)))
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        Floats(self.0.and(V::bits(i32::MAX)))
    }
    #[inline(always)]
    unsafe fn logistic(self) -> Self {
        let one = V::splat(1.0);
        Floats(one.div(one.add(self.neg().exp().0)))
    }
    #[inline(always)]
    unsafe fn not(self) -> Self {
        Self::one_where(self.zero())
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        // `lesser` gives b where either is NaN; right unless only self is.
        Floats(self.0.eq(self.0).select(self.0.lesser(b.0), self.0))
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Floats(self.0.eq(self.0).select(self.0.greater(b.0), self.0))
    }
    #[inline(always)]
    unsafe fn pow(self, b: Self) -> Self {
        Floats(math::pow(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn rem(self, b: Self) -> Self {
        let (mut x, mut y) = ([0.0f32; 8], [0.0f32; 8]);
        self.store(x.as_mut_ptr());
        b.store(y.as_mut_ptr());
        for (x, y) in x.iter_mut().zip(y) {
            *x = float_remainder(*x, y);
        }
        Self::load(x.as_ptr())
    }
    #[inline(always)]
    unsafe fn quo(self, b: Self) -> Self {
        let q = self.0.div(b.0);
        Floats(q.lt(V::splat(0.0)).select(q.ceil(), q.floor()))
    }
    #[inline(always)]
    unsafe fn lt(self, b: Self) -> Self {
        Self::one_where(self.0.lt(b.0))
    }
    #[inline(always)]
    unsafe fn le(self, b: Self) -> Self {
        Self::one_where(self.0.le(b.0))
    }
    #[inline(always)]
    unsafe fn eq(self, b: Self) -> Self {
        Self::one_where(self.0.eq(b.0))
    }
    #[inline(always)]
    unsafe fn and(self, b: Self) -> Self {
        Self::not(Floats(self.zero().or(b.zero()).and(V::splat(1.0))))
    }
    #[inline(always)]
    unsafe fn or(self, b: Self) -> Self {
        Self::not(Floats(self.zero().and(b.zero()).and(V::splat(1.0))))
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Floats(self.0.mul_add(b.0, c.0))
    }
    #[inline(always)]
    unsafe fn mul_sub(self, b: Self, c: Self) -> Self {
        Floats(self.0.mul_add(b.0, c.neg().0))
    }
    #[inline(always)]
    unsafe fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Floats(self.0.neg_mul_add(b.0, c.0))
    }
    #[inline(always)]
    unsafe fn select(self, yes: Self, no: Self) -> Self {
        Floats(self.zero().select(no.0, yes.0))
    }
}

/// f64 lanes as numbers.
#[derive(Clone, Copy)]
pub(crate) struct Doubles<V>(V);

/// Four i64.
#[derive(Clone, Copy)]
pub(crate) struct Ints([i64; 4]);

impl Ints {
    #[inline(always)]
    fn array(self) -> [i64; 4] {
        self.0
    }
    #[inline(always)]
    fn of(lanes: [i64; 4]) -> Self {
        Ints(lanes)
    }
}

/// Functions of some numbers, element by element.
macro_rules! each {
    ($to:ident, $from:ident; $($one:ident = $f1:expr;)* -- $($two:ident = $f2:expr;)* -- $($three:ident = $f3:expr;)*) => {
        $(
            #[inline(always)]
            unsafe fn $one(self) -> Self {
                let (f, a) = ($f1, self.$to());
                Self::$from(std::array::from_fn(|i| f(a[i])))
            }
        )*
        $(
            #[inline(always)]
            unsafe fn $two(self, b: Self) -> Self {
                let (f, a, b) = ($f2, self.$to(), b.$to());
                Self::$from(std::array::from_fn(|i| f(a[i], b[i])))
            }
        )*
        $(
            #[inline(always)]
            unsafe fn $three(self, b: Self, c: Self) -> Self {
                let (f, a, b, c) = ($f3, self.$to(), b.$to(), c.$to());
                Self::$from(std::array::from_fn(|i| f(a[i], b[i], c[i])))
            }
        )*
    };
}

impl<V: Square<4, Scalar = f64>> Doubles<V> {
    #[inline(always)]
    fn array(self) -> [f64; 4] {
        self.0.to_array()
    }
    #[inline(always)]
    unsafe fn of(lanes: [f64; 4]) -> Self {
        Doubles(V::from_array(lanes))
    }
}

impl<V: Square<4, Scalar = f64>> Num for Doubles<V> {
    type Scalar = f64;
    const LEN: usize = 4;
    from_lanes! { sqrt(); add(b); sub(b); mul(b); div(b); }
    #[inline(always)]
    unsafe fn load(p: *const f64) -> Self {
        Doubles(V::load(p))
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f64) {
        self.0.store(p)
    }
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        Doubles(V::splat(x))
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Doubles(self.0.mul_add(b.0, c.0))
    }
    #[inline(always)]
    unsafe fn mul_sub(self, b: Self, c: Self) -> Self {
        Doubles(self.0.mul_add(b.0, c.neg().0))
    }
    #[inline(always)]
    unsafe fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Doubles(self.neg().0.mul_add(b.0, c.0))
    }
    each! { array, of;
        neg = |x: f64| -x;
        abs = f64::abs;
        exp = f64::exp;
        exp_m1 = f64::exp_m1;
        ln = f64::ln;
        ln_1p = f64::ln_1p;
        sin = f64::sin;
        cos = f64::cos;
        atan = f64::atan;
        tanh = f64::tanh;
        logistic = Real::logistic;
        erf = Real::erf;
        floor = f64::floor;
        ceil = f64::ceil;
        round = f64::round_ties_even;
        not = |x: f64| flag(x == 0.0);
        --
        min = |a: f64, b: f64| Real::min(a, b);
        max = |a: f64, b: f64| Real::max(a, b);
        pow = f64::powf;
        rem = remainder;
        quo = |a: f64, b: f64| (a / b).trunc();
        lt = |a: f64, b: f64| flag(a < b);
        le = |a: f64, b: f64| flag(a <= b);
        eq = |a: f64, b: f64| flag(a == b);
        and = |a: f64, b: f64| flag(a != 0.0 && b != 0.0);
        or = |a: f64, b: f64| flag(a != 0.0 || b != 0.0);
        --
        select = |a: f64, b: f64, c: f64| if a != 0.0 { b } else { c };
    }
}

impl Num for Ints {
    type Scalar = i64;
    const LEN: usize = 4;
    #[inline(always)]
    unsafe fn load(p: *const i64) -> Self {
        Ints(p.cast::<[i64; 4]>().read_unaligned())
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut i64) {
        p.cast::<[i64; 4]>().write_unaligned(self.0)
    }
    #[inline(always)]
    unsafe fn splat(x: i64) -> Self {
        Ints([x; 4])
    }
    each! { array, of;
        neg = i64::wrapping_neg;
        abs = i64::wrapping_abs;
        sqrt = |x| real(x, f64::sqrt);
        exp = |x| real(x, f64::exp);
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
        add = i64::wrapping_add;
        sub = i64::wrapping_sub;
        mul = i64::wrapping_mul;
        div = integer_quotient;
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
        mul_add = |a: i64, b: i64, c: i64| a.wrapping_mul(b).wrapping_add(c);
        mul_sub = |a: i64, b: i64, c: i64| a.wrapping_mul(b).wrapping_sub(c);
        neg_mul_add = |a: i64, b: i64, c: i64| c.wrapping_sub(a.wrapping_mul(b));
        select = |a: i64, b: i64, c: i64| if a != 0 { b } else { c };
    }
}

#[inline(always)]
fn flag(x: bool) -> f64 {
    f64::from(u8::from(x))
}
/// A real function of an integer, truncated; NaN is 0.
#[inline(always)]
fn real(x: i64, f: impl Fn(f64) -> f64) -> i64 {
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
fn integer_quotient(a: i64, b: i64) -> i64 {
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
