//! The CPU kernels: blocks of eight Philox counters side by side, which the compiler makes vectors of.
#![allow(unsafe_code)]

use super::Distribution;
use crate::ops::kernel::{chunks, input, output};
use gradus_base::DType;
use gradus_base::philox::{philox, unit};
use gradus_cpu::exec::{Args, Kernel};
use gradus_graph::Meta;

/// Counters per round: eight u32 lanes.
const SIDE: usize = 8;
/// Rounds per tile.
const ROUNDS: usize = 512;

struct Draw {
    distribution: Distribution,
    stream: u64,
    out: Meta,
}

pub(super) fn kernel(distribution: Distribution, stream: u64, out: Meta) -> Box<dyn Kernel> {
    Box::new(Draw { distribution, stream, out })
}

// SAFETY: the key is a dense [2] of i64, the output dense of `out`'s length and type.
unsafe impl Kernel for Draw {
    unsafe fn run(&self, args: &Args<'_>) {
        let len = self.out.shape.len();
        // SAFETY: see above.
        let key = unsafe { input::<i64>(args, 0, 2) };
        let source = Source { seed: key[0] as u64, step: key[1] as u64, stream: self.stream };
        // SAFETY: see above.
        unsafe {
            match (self.distribution, self.out.dtype) {
                (Distribution::Uniform, DType::F64) => source.fill(output(args, 0, len), uniform64),
                (Distribution::Uniform, _) => source.fill(output(args, 0, len), uniform32),
                (Distribution::Normal, DType::F64) => source.fill(output(args, 0, len), normal64),
                (Distribution::Normal, _) => source.fill(output(args, 0, len), normal32),
                (Distribution::Bits, _) => source.fill(output(args, 0, len), |w| {
                    wide(w).map(|pair| pair.map(|bits| bits as i64))
                }),
            }
        }
    }
}

/// The four words of each of the counters of a round.
type Words = [[u32; SIDE]; 4];

struct Source {
    seed: u64,
    step: u64,
    stream: u64,
}

impl Source {
    /// Fills `out`; `make` turns the words of a round into `N` elements per counter, element-major.
    fn fill<T: Copy + Send, const N: usize>(
        &self,
        out: &mut [T],
        make: impl Fn(&Words) -> [[T; SIDE]; N] + Sync,
    ) {
        chunks(out, ROUNDS * SIDE * N, |tile, out| {
            for (round, out) in out.chunks_mut(SIDE * N).enumerate() {
                let first = ((tile * ROUNDS + round) * SIDE) as u64;
                let made = make(&self.words(first));
                for (i, x) in out.iter_mut().enumerate() {
                    *x = made[i % N][i / N];
                }
            }
        });
    }

    /// Counter words: block, stream and step. The high word of the block, which only tensors of 2³⁴ elements have,
    /// shares a word with the high word of the stream.
    #[inline(always)]
    fn words(&self, first: u64) -> Words {
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        let mut words = [[0; SIDE]; 4];
        for i in 0..SIDE {
            let block = first + i as u64;
            let high = ((block >> 32) ^ (self.stream >> 32)) as u32;
            let counter = [block as u32, high, self.stream as u32, self.step as u32];
            let drawn = philox(counter, key);
            for (lanes, word) in words.iter_mut().zip(drawn) {
                lanes[i] = word;
            }
        }
        words
    }
}

#[inline(always)]
fn uniform32(words: &Words) -> [[f32; SIDE]; 4] {
    words.map(|w| w.map(unit))
}

#[inline(always)]
fn uniform64(words: &Words) -> [[f64; SIDE]; 2] {
    wide(words).map(|w| w.map(|bits| (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)))
}

/// Pairs of words as 64 bits, the first word high.
#[inline(always)]
fn wide(words: &Words) -> [[u64; SIDE]; 2] {
    let pair = |a: &[u32; SIDE], b: &[u32; SIDE]| {
        std::array::from_fn(|i| u64::from(a[i]) << 32 | u64::from(b[i]))
    };
    [pair(&words[0], &words[1]), pair(&words[2], &words[3])]
}

/// Box & Muller: words (0, 1) and (2, 3) each make two normal numbers.
#[inline(always)]
fn normal32(words: &Words) -> [[f32; SIDE]; 4] {
    let mut out = [[0.0; SIDE]; 4];
    for pair in 0..2 {
        for i in 0..SIDE {
            // (0, 1], down to 2⁻³²: the tails reach 6.6.
            let u = (words[2 * pair][i] as f32 + 1.0) * (1.0 / 4_294_967_296.0);
            let radius = (-2.0 * ln32(u)).sqrt();
            let (sin, cos) = turn32(unit(words[2 * pair + 1][i]));
            out[2 * pair][i] = radius * cos;
            out[2 * pair + 1][i] = radius * sin;
        }
    }
    out
}

#[inline(always)]
fn normal64(words: &Words) -> [[f64; SIDE]; 2] {
    let [u, v] = uniform64(words);
    let mut out = [[0.0; SIDE]; 2];
    for i in 0..SIDE {
        let radius = (-2.0 * ln64(1.0 - u[i])).sqrt();
        let (sin, cos) = turn64(v[i]);
        out[0][i] = radius * cos;
        out[1][i] = radius * sin;
    }
    out
}

/// ln and the sine and cosine of a turn, by series without branches.
macro_rules! functions {
    ($t:ident, $bits:ident, $ln:ident, $turn:ident, mantissa $mantissa:expr, terms $terms:expr) => {
        /// ln x for positive, normal x: x = 2ᵉ·m with m in [√½, √2), ln m = 2·artanh((m − 1)/(m + 1)).
        #[inline(always)]
        fn $ln(x: $t) -> $t {
            const ONE: $bits = (1.0 as $t).to_bits();
            const ROOT_HALF: $bits = std::$t::consts::FRAC_1_SQRT_2.to_bits();
            let shifted = x.to_bits().wrapping_add(ONE - ROOT_HALF);
            let exponent = (shifted >> $mantissa) as i32 - (ONE >> $mantissa) as i32;
            let m = $t::from_bits((shifted & ((1 << $mantissa) - 1)) + ROOT_HALF);
            let s = (m - 1.0) / (m + 1.0);
            let mut sum = 0.0;
            for k in (0..$terms).rev() {
                sum = sum * (s * s) + 2.0 / (2 * k + 1) as $t;
            }
            exponent as $t * std::$t::consts::LN_2 + s * sum
        }

        /// (sin 2πv, cos 2πv) for v in [0, 1): the nearest quarter turn, and Taylor's series for the rest, at most π/4.
        #[inline(always)]
        fn $turn(v: $t) -> ($t, $t) {
            let quarter = (v * 4.0 + 0.5) as i32;
            let x = (v * 4.0 - quarter as $t) * std::$t::consts::FRAC_PI_2;
            let (mut sin, mut cos) = (1.0, 1.0);
            for k in (1..$terms).rev() {
                let k = k as $t;
                sin = 1.0 - sin * (x * x) * (1.0 / (2.0 * k * (2.0 * k + 1.0)));
                cos = 1.0 - cos * (x * x) * (1.0 / (2.0 * k * (2.0 * k - 1.0)));
            }
            sin *= x;
            let swapped = quarter & 1 == 1;
            let (a, b) = if swapped { (cos, sin) } else { (sin, cos) };
            let a = if quarter & 2 == 2 { -a } else { a };
            let b = if (quarter + 1) & 2 == 2 { -b } else { b };
            (a, b)
        }
    };
}
functions!(f32, u32, ln32, turn32, mantissa 23, terms 6);
functions!(f64, u64, ln64, turn64, mantissa 52, terms 13);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_agree_with_the_library() {
        for i in 0..4096 {
            let v = i as f64 / 4096.0 + 1e-5;
            let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
            let (s, c) = turn64(v);
            assert!((s - sin).abs() < 1e-15 && (c - cos).abs() < 1e-15, "{v}");
            let (s, c) = turn32(v as f32);
            assert!((s as f64 - sin).abs() < 1e-6 && (c as f64 - cos).abs() < 1e-6, "{v}");
            let u = v * v * v;
            assert!((ln64(u) - u.ln()).abs() < 1e-14, "{u}");
            assert!((ln32(u as f32) as f64 - (u as f32 as f64).ln()).abs() < 2e-6, "{u}");
        }
        assert_eq!((ln32(1.0), ln64(1.0)), (0.0, 0.0));
    }
}
