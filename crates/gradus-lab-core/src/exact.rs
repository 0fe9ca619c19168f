//! Exponential, logarithm, tanh, sine and cosine in f64, of additions, multiplications and divisions alone: the same bits on every
//! machine and in WebAssembly, which the standard library's functions do not promise. No multiplication is fused with an addition.
//! Each result lies within two units in the last place of the true one, unless it says otherwise.

/// 1.5·2⁵²: a number added to it and taken off again is rounded to an integer, whose bits are the sum's last ones.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// The first 33 bits of ln 2, so that small multiples of it are exact.
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
/// The rest of ln 2.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// The first 33 bits of π/2, the next 33, and the rest.
const HALF_PI: [f64; 3] = [
    f64::from_bits(0x3ff9_21fb_5440_0000),
    f64::from_bits(0x3dd0_b461_1a60_0000),
    2.022_266_248_795_950_6e-21,
];
/// Sines are known up to here: beyond, too little of an angle's fraction is left to be told without more of π.
const LARGEST_ANGLE: f64 = 1_048_576.0;

/// 1/n!
const fn over_factorial(n: u32) -> f64 {
    let (mut product, mut i) = (1u64, 2);
    while i <= n as u64 {
        product *= i;
        i += 1;
    }
    1.0 / product as f64
}

/// 2ⁿ, where n lies in the last bits of ROUNDER + n.
fn power_of_two(rounded: f64) -> f64 {
    f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// eʳ − 1 for |r| ≤ ½ ln 2, by its series.
fn exp_m1_near_zero(r: f64) -> f64 {
    const C: [f64; 14] = {
        let (mut c, mut n) = ([0.0; 14], 0);
        while n < 14 {
            c[n] = over_factorial(n as u32);
            n += 1;
        }
        c
    };
    let r2 = r * r;
    let (r4, r8) = (r2 * r2, r2 * r2 * (r2 * r2));
    let low = (C[2] + C[3] * r) + (C[4] + C[5] * r) * r2;
    let middle = (C[6] + C[7] * r) + (C[8] + C[9] * r) * r2;
    let high = (C[10] + C[11] * r) + (C[12] + C[13] * r) * r2;
    r + r2 * (low + middle * r4 + high * r8)
}

/// eˣ.
///
/// ```
/// assert_eq!(gradus_lab_core::exact::exp(1.0), std::f64::consts::E);
/// ```
pub fn exp(x: f64) -> f64 {
    // A comparison with NaN is false: NaN stays.
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let k = x * std::f64::consts::LOG2_E + ROUNDER - ROUNDER;
    let (a, b) = (x - k * LN2_HIGH, k * LN2_LOW);
    let r = a - b;
    let lost = (a - r) - b;
    // In two halves: 2ᵏ alone may be too small or too large.
    let half = k * 0.5 + ROUNDER;
    let rest = k - (half - ROUNDER) + ROUNDER;
    let part = exp_m1_near_zero(r) + lost * (1.0 + r);
    (1.0 + part) * power_of_two(half) * power_of_two(rest)
}

/// eˣ − 1, exact near zero, too.
pub fn exp_m1(x: f64) -> f64 {
    if x > 60.0 {
        return exp(x);
    }
    let (high, low) = exp_m1_in_two(x);
    high + low
}

/// eˣ − 1 for x ≤ 60, as a sum: what the first number lost by rounding is the second.
fn exp_m1_in_two(x: f64) -> (f64, f64) {
    let x = if x < -60.0 { -60.0 } else { x };
    let k = x * std::f64::consts::LOG2_E + ROUNDER - ROUNDER;
    let (a, b) = (x - k * LN2_HIGH, k * LN2_LOW);
    let r = a - b;
    let lost = (a - r) - b;
    let scale = power_of_two(k + ROUNDER);
    let part = scale * (exp_m1_near_zero(r) + lost * (1.0 + r));
    let high = (scale - 1.0) + part;
    (high, ((scale - 1.0) - high) + part)
}

/// tanh x.
///
/// ```
/// let y = gradus_lab_core::exact::tanh(0.5);
/// assert_eq!(y, 0.46211715726000973);
/// ```
#[inline]
pub fn tanh(x: f64) -> f64 {
    let distance = x.abs();
    let distance = if distance > 22.0 { 22.0 } else { distance }; // 1 from there on
    // t/(t + 2) with t = e²ˣ − 1, corrected by what both lost by rounding.
    let (t, lost) = exp_m1_in_two(2.0 * distance);
    let below = t + 2.0;
    let below_lost = (2.0 - below) + t;
    let y = t / below;
    (y + (lost - y * (lost + below_lost)) / below).copysign(x)
}

/// 1/(1 + e⁻ˣ), by this formula: within two units, and four for x below −36.
#[inline]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// ln(1 + eˣ), within three units.
#[inline]
pub fn softplus(x: f64) -> f64 {
    ln_1p(exp(-x.abs())) + if x > 0.0 { x } else { 0.0 }
}

/// The natural logarithm; −∞ of zero, NaN of what is less.
pub fn ln(x: f64) -> f64 {
    match x {
        0.0 => return f64::NEG_INFINITY,
        _ if x < 0.0 => return f64::NAN,
        _ if !x.is_finite() => return x,
        _ => {}
    }
    // x = m·2ᵏ with √½ ≤ m < √2
    let (scaled, shift) = if x < f64::MIN_POSITIVE {
        (x * 18_014_398_509_481_984.0, -54.0) // 2⁵⁴
    } else {
        (x, 0.0)
    };
    let bits = scaled.to_bits();
    let above = u64::from(bits & 0xf_ffff_ffff_ffff > 0x6_a09e_667f_3bcd);
    let mantissa = f64::from_bits(bits & 0xf_ffff_ffff_ffff | (1023 - above) << 52);
    let k = (bits >> 52) as f64 - 1023.0 + above as f64 + shift;
    // ln(1+f) = 2s + ⅔s³ + ⅖s⁵ + … with s = f/(2+f)
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let series = (1..=11).rev().fold(0.0, |sum, i| z * (2.0 / f64::from(2 * i + 1) + sum));
    let half = 0.5 * f * f;
    k * LN2_HIGH - ((half - (s * (half + series) + k * LN2_LOW)) - f)
}

/// ln(1 + x), exact near zero, too.
pub fn ln_1p(x: f64) -> f64 {
    let above = 1.0 + x;
    if above == 1.0 || !above.is_finite() {
        return x;
    }
    // What the sum lost is in both factors (Kahan).
    ln(above) * (x / (above - 1.0))
}

/// sin x for |x| ≤ 2²⁰; NaN beyond.
pub fn sin(x: f64) -> f64 {
    quarter_turns(x, 0)
}

/// cos x for |x| ≤ 2²⁰; NaN beyond.
pub fn cos(x: f64) -> f64 {
    quarter_turns(x, 1)
}

/// sin(x + turns·π/2).
fn quarter_turns(x: f64, turns: i64) -> f64 {
    if x.is_nan() || x.abs() > LARGEST_ANGLE {
        return f64::NAN;
    }
    let k = (x * std::f64::consts::FRAC_2_PI + ROUNDER) - ROUNDER;
    let (a, b) = (x - k * HALF_PI[0], k * HALF_PI[1]);
    let high = a - b;
    let low = (a - high) - b - k * HALF_PI[2];
    let r = high + low;
    let rest = (high - r) + low;
    match (k as i64 + turns) & 3 {
        0 => sine(r, rest),
        1 => cosine(r, rest),
        2 => -sine(r, rest),
        _ => -cosine(r, rest),
    }
}

/// Σ ±rⁿ/n!, for n from `first` in steps of two, divided by r to the first; the sign of the first term is negative.
fn alternating(z: f64, first: u32) -> f64 {
    (0..8).rev().fold(0.0, |sum, i| {
        let sign = if i % 2 == 0 { -1.0 } else { 1.0 };
        sign * over_factorial(first + 2 * i) + z * sum
    })
}

/// sin(r + rest) for |r| ≤ π/4.
fn sine(r: f64, rest: f64) -> f64 {
    let z = r * r;
    r + (z * r * alternating(z, 3) + rest * (1.0 - 0.5 * z))
}

/// cos(r + rest) for |r| ≤ π/4.
fn cosine(r: f64, rest: f64) -> f64 {
    let z = r * r;
    let half = 0.5 * z;
    let near = 1.0 - half;
    near + (((1.0 - near) - half) + (-(z * z) * alternating(z, 4) - r * rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units in the last place between two numbers.
    fn apart(a: f64, b: f64) -> u64 {
        if a == b || (a.is_nan() && b.is_nan()) {
            return 0;
        }
        let ordered = |x: f64| match x.to_bits() as i64 {
            negative if negative < 0 => i64::MIN - negative,
            positive => positive,
        };
        ordered(a).abs_diff(ordered(b))
    }

    type Pair = (&'static str, fn(f64) -> f64, fn(f64) -> f64, f64);

    /// Ours, the standard library's, and how far from zero they are compared.
    const PAIRS: [Pair; 9] = [
        ("exp", exp, f64::exp, 750.0),
        ("exp_m1", exp_m1, f64::exp_m1, 720.0),
        ("tanh", tanh, f64::tanh, 30.0),
        ("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 750.0),
        ("softplus", softplus, |x| (-x.abs()).exp().ln_1p() + x.max(0.0), 50.0),
        ("ln", ln, f64::ln, 1e300),
        ("ln_1p", ln_1p, f64::ln_1p, 1e10),
        ("sin", sin, f64::sin, LARGEST_ANGLE),
        ("cos", cos, f64::cos, LARGEST_ANGLE),
    ];

    #[test]
    fn within_two_units_of_the_standard_library() {
        let mut state = 1u64;
        for (name, ours, theirs, range) in PAIRS {
            let mut worst = (0, 0.0);
            let mut compare = |x: f64| {
                let distance = apart(ours(x), theirs(x));
                if distance > worst.0 {
                    worst = (distance, x);
                }
            };
            for _ in 0..200_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let share = (state >> 11) as f64 / (1u64 << 53) as f64;
                let magnitude = 10f64.powf(share * 40.0 - 30.0).min(range);
                for x in [share * range, share, magnitude, share * 4.0] {
                    compare(x);
                    compare(-x);
                }
            }
            // The standard library's own tanh is up to two units off the truth; and where e⁻ˣ is as large as 2⁵³, adding 1 to it
            // rounds one unit to two.
            let most = match name {
                "tanh" | "softplus" => 3,
                "sigmoid" => 4,
                _ => 2,
            };
            assert!(worst.0 <= most, "{name}({:e}) is {} units off", worst.1, worst.0);
        }
    }

    /// True values to more digits than an f64 has, where the standard library's tanh errs most.
    #[test]
    fn tanh_is_within_two_units_of_the_truth() {
        let pairs = [
            (0.19948238821452235, 0.1968778222687227),
            (0.2129488456679295, 0.20978730145775487),
            (0.3466, 0.3333568084333619),
            (0.5198, 0.47754563688186624),
            (1.2, 0.8336546070121552),
            (3.7, 0.9987782412811312),
            (1e-09, 1e-09),
        ];
        for (x, truth) in pairs {
            assert!(apart(tanh(x), truth) <= 2, "tanh({x})");
        }
    }

    #[test]
    fn ends_and_what_is_no_number() {
        assert_eq!([exp(-746.0), exp(f64::NEG_INFINITY), exp(0.0)], [0.0, 0.0, 1.0]);
        assert_eq!([exp(710.0), exp(f64::INFINITY)], [f64::INFINITY; 2]);
        assert_eq!(exp(-745.0), 5e-324);
        assert_eq!([tanh(1e9), tanh(f64::NEG_INFINITY)], [1.0, -1.0]);
        assert!(tanh(-0.0).is_sign_negative() && exp_m1(-1e9) == -1.0);
        assert_eq!([ln(0.0), ln(f64::INFINITY)], [f64::NEG_INFINITY, f64::INFINITY]);
        assert!(ln(-1.0).is_nan() && sin(2e6).is_nan() && cos(f64::INFINITY).is_nan());
        for (name, ours, ..) in PAIRS {
            assert!(ours(f64::NAN).is_nan(), "{name}");
        }
    }

    /// The bits themselves: what another machine must give.
    #[test]
    fn bits() {
        let mut sum = 0u64;
        for i in -3000..3000 {
            let x = f64::from(i) / 97.0;
            for (_, ours, ..) in PAIRS {
                sum = sum.rotate_left(5) ^ ours(x).to_bits();
            }
        }
        assert_eq!(sum, 2524774143949149666);
    }
}
