//! Transcendental functions of f32, branch-free: within 2 units in the last place, tanh and atan 3, erf 4. And eˣ of
//! f64.
//!
//! Each reduces its argument to a small interval, where a polynomial (interpolated at Chebyshev nodes, or Taylor's
//! where that is short enough) does the rest, and restores the special values by selection.
#![allow(unsafe_op_in_unsafe_fn)] // under the contract of `Lanes::splat`

use super::{Bits, MOST};
use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, LOG2_E};

/// ln 2 in two parts; the first has few bits, so that its products with small integers are exact.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;

/// c[0] + c[1]·x + … by Horner.
#[inline(always)]
unsafe fn poly<V: Bits, const N: usize>(x: V, c: [f32; N]) -> V {
    let mut y = V::splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, V::splat(c[i]));
    }
    y
}
#[inline(always)]
unsafe fn abs<V: Bits>(x: V) -> V {
    x.and(V::bits(i32::MAX))
}
/// The sign bit alone.
#[inline(always)]
unsafe fn sign<V: Bits>(x: V) -> V {
    x.and(V::bits(i32::MIN))
}
/// 2ⁿ for integers −126 ≤ n ≤ 127.
#[inline(always)]
unsafe fn two_to<V: Bits>(n: V) -> V {
    n.iadd(V::bits(127)).shl23()
}
/// x·2ⁿ for integers −252 ≤ n ≤ 254: in two steps, so that neither factor leaves the normal range.
#[inline(always)]
unsafe fn scale<V: Bits>(x: V, n: V) -> V {
    let half = n.shr1();
    x.mul(two_to(half)).mul(two_to(n.isub(half)))
}
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, for |x| < 2²¹: (the integer n, r).
#[inline(always)]
unsafe fn reduce_ln2<V: Bits>(x: V) -> (V, V) {
    // Adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 1.5 * (1 << 23) as f32;
    let shifted = x.mul(V::splat(LOG2_E)).add(V::splat(ROUND));
    let n = shifted.sub(V::splat(ROUND));
    let r = n.neg_mul_add(V::splat(LN2_HI), x);
    (shifted.isub(V::splat(ROUND)), n.neg_mul_add(V::splat(LN2_LO), r))
}
/// (eʳ − 1 − r)/r² for |r| ≤ ln 2 / 2, Taylor's.
#[inline(always)]
unsafe fn exp_tail<V: Bits>(r: V) -> V {
    poly(r, [0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0])
}

/// eˣ = p·2ⁿ with p about 1: (p, the integer n).
#[inline(always)]
unsafe fn exp_parts<V: Bits>(x: V) -> (V, V) {
    let (n, r) = reduce_ln2(x);
    (exp_tail(r).mul_add(r.mul(r), r).add(V::splat(1.0)), n)
}

#[inline(always)]
pub(super) unsafe fn exp<V: Bits>(x: V) -> V {
    // Beyond these all is 0 or ∞. The constant comes first, so that NaN passes.
    let (p, n) = exp_parts(V::splat(-104.0).greater(V::splat(89.0).lesser(x)));
    scale(p, n)
}

/// [`exp`] of x ≤ 0, but 0 below −87: no power and no product leaves the normal range, where some machines are slow.
#[inline(always)]
pub(super) unsafe fn exp_negative<V: Bits>(x: V) -> V {
    let (p, n) = exp_parts(x);
    x.lt(V::splat(-87.0)).select(V::zero(), p.mul(two_to(n)))
}

/// 1/2!, 1/3!, …
const TAIL: [f64; 12] = {
    let (mut all, mut n) = ([0.5; 12], 1);
    while n < 12 {
        all[n] = all[n - 1] / (n + 2) as f64;
        n += 1;
    }
    all
};

/// eˣ = y·2ⁿ of f64 with y about 1: (y, n + [`EVEN`]).
#[inline(always)]
fn exp_parts_of_f64(x: f64) -> (f64, u64) {
    /// Adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
    /// ln 2 in two parts, the first with trailing zeros, so that its products with small integers are exact.
    const LN2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // r = high − low; high has no rounding.
    let (high, low) = (x - n * LN2[0], n * LN2[1]);
    let r = high - low;
    let mut tail = TAIL[11];
    for k in (0..11).rev() {
        tail = tail * r + TAIL[k];
    }
    // 1 + high, and what it loses; the rest is small.
    let sum = 1.0 + high;
    let lost = high - (sum - 1.0);
    let y = sum + (lost + (tail * (r * r) - low));
    (y, shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(EVEN))
}

/// What makes exponents positive, for a logical shift.
const EVEN: u64 = 4096;

/// 2^(n − bias)
#[inline(always)]
fn two_to_f64(n: u64, bias: u64) -> f64 {
    f64::from_bits(n.wrapping_sub(bias).wrapping_add(1023) << 52)
}

/// eˣ of f64, within 0.7 units in the last place. Without branches and fused products: the compiler makes vectors of it, and
/// it has the same bits on every path.
#[inline(always)]
pub(super) fn exp_of_f64(x: f64) -> f64 {
    // Beyond these all is 0 or ∞. Where the comparison fails, NaN passes.
    let x = if x < -746.0 { -746.0 } else { x };
    let x = if x > 710.0 { 710.0 } else { x };
    let (y, n) = exp_parts_of_f64(x);
    // In two steps, so that neither factor leaves the normal range.
    let half = n >> 1;
    y * two_to_f64(half, EVEN / 2) * two_to_f64(n.wrapping_sub(half), EVEN / 2)
}

/// [`exp_of_f64`] of x ≤ 0, but 0 below −708.
#[inline(always)]
pub(super) fn exp_negative_of_f64(x: f64) -> f64 {
    let (y, n) = exp_parts_of_f64(x);
    if x < -708.0 { 0.0 } else { y * two_to_f64(n, EVEN) }
}

/// eˣ − 1 = 2·(2ⁿ⁻¹·(eʳ − 1) + (2ⁿ⁻¹ − ½)).
#[inline(always)]
pub(super) unsafe fn exp_m1<V: Bits>(x: V) -> V {
    let clamped = V::splat(-18.0).greater(V::splat(89.0).lesser(x));
    let (n, r) = reduce_ln2(clamped);
    let q = exp_tail(r).mul_add(r.mul(r), r);
    let s = two_to(n.isub(V::bits(1)));
    let y = s.mul_add(q, s.sub(V::splat(0.5)));
    // Where x² vanishes eˣ − 1 is x: keeps −0.
    abs(x).lt(V::splat(1e-10)).select(x, y.add(y))
}

/// x = 2ᵉ·m with √½ ≤ m < √2, for positive finite x: (e, m) as floats.
#[inline(always)]
unsafe fn split<V: Bits>(x: V) -> (V, V) {
    const ROOT_HALF: i32 = 0x3f35_04f3;
    let tiny = x.lt(V::splat(f32::MIN_POSITIVE));
    let x = tiny.select(x.mul(V::splat((1 << 24) as f32)), x);
    let bits = x.iadd(V::bits(0x3f80_0000 - ROOT_HALF));
    let e = bits.shr23().isub(V::bits(127)).as_float();
    let m = bits.and(V::bits(0x007f_ffff)).iadd(V::bits(ROOT_HALF));
    (tiny.select(e.sub(V::splat(24.0)), e), m)
}

/// With f = m − 1 and s = f/(2 + f): ln m = 2·artanh s = f − f²/2 + s·(f²/2 + R), R = ⅔s² + ⅖s⁴ + …
#[inline(always)]
pub(super) unsafe fn ln<V: Bits>(x: V) -> V {
    let (e, m) = split(x);
    let f = m.sub(V::splat(1.0));
    let s = f.div(f.add(V::splat(2.0)));
    let z = s.mul(s);
    let r = z.mul(poly(z, [2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0]));
    let half = f.mul(f).mul(V::splat(0.5));
    let low = e.mul_add(V::splat(LN2_LO), s.mul(half.add(r)));
    let y = e.mul_add(V::splat(LN2_HI), f.sub(half.sub(low)));
    let inf = V::splat(f32::INFINITY);
    let zero = V::splat(0.0);
    let y = x.lt(inf).select(y, x);
    let y = x.lt(zero).select(V::splat(f32::NAN), y);
    x.eq(zero).select(V::splat(f32::NEG_INFINITY), y)
}

/// ln(1 + x) = ln u + (x − (u − 1))/u, u = 1 + x rounded.
#[inline(always)]
pub(super) unsafe fn ln_1p<V: Bits>(x: V) -> V {
    let one = V::splat(1.0);
    let u = x.add(one);
    let lost = x.sub(u.sub(one)).div(u);
    // Where u is 0 or infinite there is nothing to correct, only NaN to avoid.
    let plain = u.eq(V::splat(0.0)).or(u.eq(V::splat(f32::INFINITY)));
    let y = ln(u).add(plain.select(V::splat(0.0), lost));
    u.eq(one).select(x, y)
}

/// tanh |x| = t/(t + 2), t = e^(2|x|) − 1; 1 from 9.1 on.
#[inline(always)]
pub(super) unsafe fn tanh<V: Bits>(x: V) -> V {
    let a = V::splat(9.1).lesser(abs(x));
    let t = exp_m1(a.add(a));
    t.div(t.add(V::splat(2.0))).or(sign(x))
}

/// Near 0 an odd polynomial; from 0.84 on 1 − e^(−g), g a polynomial for −ln erfc.
#[inline(always)]
pub(super) unsafe fn erf<V: Bits>(x: V) -> V {
    const NEAR: [f32; 7] = [
        std::f32::consts::FRAC_2_SQRT_PI,
        -0.376_126_38,
        0.112_837_53,
        -0.026_862_88,
        0.005_210_457,
        -8.259_758e-4,
        8.913_373e-5,
    ];
    const FAR: [f32; 9] = [
        7.280_975,
        5.164_236_6,
        0.940_502,
        0.011_768_198,
        -0.002_387_528_4,
        4.694_715e-4,
        -8.704_036e-5,
        1.459_67e-5,
        -1.635_761_2e-6,
    ];
    let a = abs(x);
    let near = x.mul(poly(x.mul(x), NEAR));
    // lesser(4, NaN) is NaN.
    let g = poly(V::splat(4.0).lesser(a).sub(V::splat(2.4)), FAR);
    let far = V::splat(1.0).sub(exp(V::splat(0.0).sub(g)));
    a.lt(V::splat(0.84)).select(near, far.or(sign(x)))
}

/// x = n·π/2 + r with |r| ≤ π/4, in f64: (n, r). π/2 in three parts, the first two with 33 bits.
#[inline(always)]
unsafe fn reduce_half_pi<V: Bits>(x: V) -> (V, V) {
    const A: f64 = 1.570_796_326_734_125_6;
    const B: f64 = 6.077_100_506_303_966e-11;
    const C: f64 = 2.022_266_248_795_950_6e-21;
    let (mut n, mut r) = ([0.0f32; MOST], [0.0f32; MOST]);
    let x = x.lanes();
    for i in 0..V::LEN {
        let x = f64::from(x[i]);
        let k = (x * std::f64::consts::FRAC_2_PI).round_ties_even();
        r[i] = (((x - k * A) - k * B) - k * C) as f32;
        n[i] = k as f32;
    }
    (V::load(n.as_ptr()), V::load(r.as_ptr()))
}

/// sin(x + quarter·π/2).
#[inline(always)]
unsafe fn wave<V: Bits>(x: V, quarter: i32, far: fn(f64) -> f64) -> V {
    let (n, r) = reduce_half_pi(x);
    let z = r.mul(r);
    let s = poly(z, [-1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362_880.0]);
    let s = s.mul(z).mul_add(r, r);
    let c = poly(z, [-0.5, 1.0 / 24.0, -1.0 / 720.0, 1.0 / 40_320.0, -1.0 / 3_628_800.0]);
    let c = c.mul_add(z, V::splat(1.0));
    let n = n.nearest_int().iadd(V::bits(quarter));
    let odd = V::bits(0).isub(n.and(V::bits(1)));
    let y = odd.select(c, s);
    // Bit 1 of n is the sign: shift it to bit 31.
    let flip = n.shr1().shl31();
    let y = y.xor(flip);
    // Beyond a million the reduction above loses digits; such arguments are rare and go one by one.
    let near = abs(x).lt(V::splat(1e6)).lanes();
    if near[..V::LEN].iter().all(|m| m.to_bits() != 0) {
        return y;
    }
    let (mut y, x) = (y.lanes(), x.lanes());
    for i in 0..V::LEN {
        if near[i].to_bits() == 0 {
            y[i] = far(f64::from(x[i])) as f32;
        }
    }
    V::load(y.as_ptr())
}

#[inline(always)]
pub(super) unsafe fn sin<V: Bits>(x: V) -> V {
    // sin(−0) = −0 is lost on the way.
    x.eq(V::splat(0.0)).select(x, wave(x, 0, f64::sin))
}
#[inline(always)]
pub(super) unsafe fn cos<V: Bits>(x: V) -> V {
    wave(x, 1, f64::cos)
}

/// Reduced by arctan a = π/2 − arctan(1/a) and arctan a = π/4 + arctan((a − 1)/(a + 1)).
#[inline(always)]
pub(super) unsafe fn atan<V: Bits>(x: V) -> V {
    const C: [f32; 6] =
        [1.0, -0.333_333_07, 0.199_981_82, -0.142_395_13, 0.105_696_85, -0.060_259_35];
    let one = V::splat(1.0);
    let a = abs(x);
    let large = V::splat(2.414_213_7).lt(a);
    let middle = V::splat(0.414_213_57).lt(a);
    let above = large.select(V::splat(-1.0), middle.select(a.sub(one), a));
    let below = large.select(a, middle.select(a.add(one), one));
    let base = large.select(V::splat(FRAC_PI_2), middle.select(V::splat(FRAC_PI_4), V::splat(0.0)));
    let z = above.div(below);
    let y = z.mul_add(poly(z.mul(z), C), base);
    y.or(sign(x))
}

/// |x|ʸ = 2^(y·log₂|x|), the exponent in f64; then the sign and IEEE 754's special cases.
#[inline(always)]
pub(super) unsafe fn pow<V: Bits>(x: V, y: V) -> V {
    let (n, r) = exponent(abs(x), y);
    let r = r.mul(V::splat(std::f32::consts::LN_2));
    let p = exp_tail(r).mul_add(r.mul(r), r).add(V::splat(1.0));
    let p = scale(p, n.nearest_int());
    let (zero, one) = (V::splat(0.0), V::splat(1.0));
    let half = y.mul(V::splat(0.5));
    let whole = y.floor().eq(y);
    let even = half.floor().eq(half);
    let odd_sign = even.select(zero, whole.select(sign(x), zero));
    let p = p.or(odd_sign);
    // A negative finite base has real powers for whole exponents only. (Infinite exponents are even.)
    let real = whole.or(zero.le(x)).or(abs(x).eq(V::splat(f32::INFINITY)));
    let p = real.select(p, V::splat(f32::NAN));
    let p = abs(x).eq(one).and(abs(y).eq(V::splat(f32::INFINITY))).select(one, p);
    y.eq(zero).or(x.eq(one)).select(one, p)
}

/// y·log₂ x = n + r for x ≥ 0, n whole and clamped to where powers are 0 or ∞, |r| ≤ ½.
#[inline(always)]
unsafe fn exponent<V: Bits>(x: V, y: V) -> (V, V) {
    let (e, m) = split(x);
    let (e, m, y) = (e.lanes(), m.lanes(), y.lanes());
    // log₂ of the values `split` is not for: 0, ∞ and NaN. 0 for others.
    let special = x.lt(V::splat(f32::INFINITY)).select(V::splat(0.0), x);
    let special = x.eq(V::splat(0.0)).select(V::splat(f32::NEG_INFINITY), special).lanes();
    let (mut n, mut r) = ([0.0f32; MOST], [0.0f32; MOST]);
    for i in 0..V::LEN {
        let f = f64::from(m[i]) - 1.0;
        let s = f / (f + 2.0);
        let z = s * s;
        let mut p = 1.0 / 13.0;
        p = p * z + 1.0 / 11.0;
        p = p * z + 1.0 / 9.0;
        p = p * z + 1.0 / 7.0;
        p = p * z + 1.0 / 5.0;
        p = p * z + 1.0 / 3.0;
        p = p * z + 1.0;
        let log = f64::from(e[i]) + 2.0 * std::f64::consts::LOG2_E * s * p + f64::from(special[i]);
        let t = f64::from(y[i]) * log;
        // Written so that NaN passes.
        let t = if t > 200.0 { 200.0 } else { t };
        let t = if t < -200.0 { -200.0 } else { t };
        let whole = t.round_ties_even();
        n[i] = whole as f32;
        r[i] = (t - whole) as f32;
    }
    (V::load(n.as_ptr()), V::load(r.as_ptr()))
}
