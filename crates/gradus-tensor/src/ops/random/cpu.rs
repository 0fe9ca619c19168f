//! The CPU kernels: blocks of eight Philox counters side by side, which the compiler makes vectors of.
#![allow(unsafe_code)]

use super::Distribution;
use super::series::Series;
use crate::ops::kernel::{chunks, input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::philox::{philox, unit};
use gradus_graph::{Meta, Spec};

/// Counters per round: eight u32 lanes.
const SIDE: usize = 8;
/// Rounds per tile.
const ROUNDS: usize = 512;

struct Draw {
    distribution: Distribution,
    stream: u64,
    out: Meta,
    touches: Touches,
}

pub(super) fn kernel(distribution: Distribution, stream: u64, spec: &Spec) -> Box<dyn Kernel> {
    let out = &spec.outputs[0];
    let out = Meta::new(out.view.shape, out.dtype);
    Box::new(Draw { distribution, stream, out, touches: spec.touches() })
}

// SAFETY: the key is a dense [2] of i64, the output dense of `out`'s length and type.
unsafe impl Kernel for Draw {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        let len = self.out.shape.len();
        // SAFETY: see above.
        let key = unsafe { input::<i64>(args, 0, 2) };
        let source = Source { seed: key[0] as u64, step: key[1] as u64, stream: self.stream };
        // SAFETY: see above.
        unsafe {
            match (self.distribution, self.out.dtype) {
                (Distribution::Uniform, DType::F64) => source.fill(output(args, 0, len), uniform64),
                (Distribution::Uniform, DType::F32) => source.fill(output(args, 0, len), uniform32),
                (Distribution::Normal, DType::F64) => source.fill(output(args, 0, len), normal64),
                (Distribution::Normal, DType::F32) => source.fill(output(args, 0, len), normal32),
                (Distribution::Bits, DType::I64) => source.fill(output(args, 0, len), |w| {
                    wide(w).map(|pair| pair.map(|bits| bits as i64))
                }),
                (_, dtype) => unreachable!("{dtype} is cast or refused"),
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
            let block = first.wrapping_add(i as u64);
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
            let radius = (-2.0 * u.ln_series()).sqrt();
            let (sin, cos) = unit(words[2 * pair + 1][i]).turn();
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
        let radius = (-2.0 * (1.0 - u[i]).ln_series()).sqrt();
        let (sin, cos) = v[i].turn();
        out[0][i] = radius * cos;
        out[1][i] = radius * sin;
    }
    out
}
