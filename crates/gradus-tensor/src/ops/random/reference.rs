//! Random numbers on the reference device: element by element from its counter, in the arithmetic
//! that gives the CPU's bits.

use super::Distribution;
use super::series::Series;
use gradus_base::DType;
use gradus_base::philox::{philox, unit};
use gradus_graph::Meta;
use gradus_reference::Array;

/// 2⁻⁵³
const LAST: f64 = 1.0 / 9_007_199_254_740_992.0;

/// The draws that the key (seed, step) and the stream name.
pub(super) fn draw(distribution: Distribution, stream: u64, out: Meta, key: &Array) -> Array {
    let [seed, step] = [0, 1].map(|i| key.integers()[i] as u64);
    // A block has four words: four elements of f32, or two of 64 bits.
    let each = if out.dtype == DType::F32 { 4 } else { 2 };
    let block = |i: usize| words(seed, step, stream, (i / each) as u64);
    let real = |of: fn([u32; 4], usize) -> f64| {
        let values = (0..out.shape.len()).map(|i| of(block(i), i % each)).collect();
        Array::new(out.shape, values)
    };
    match (distribution, out.dtype) {
        (Distribution::Uniform, DType::F32) => real(|words, i| unit(words[i]).into()),
        (Distribution::Uniform, _) => real(uniform64),
        (Distribution::Normal, DType::F32) => real(|words, i| normal32(words, i).into()),
        (Distribution::Normal, _) => real(normal64),
        (Distribution::Bits, _) => {
            let values = (0..out.shape.len()).map(|i| wide(block(i), i % each) as i64).collect();
            Array::integers_of(out.shape, values)
        }
    }
}

/// The four words of a block.
fn words(seed: u64, step: u64, stream: u64, block: u64) -> [u32; 4] {
    let high = ((block >> 32) ^ (stream >> 32)) as u32;
    let counter = [block as u32, high, stream as u32, step as u32];
    philox(counter, [seed as u32, (seed >> 32) as u32])
}

/// A pair of words as 64 bits.
fn wide(words: [u32; 4], pair: usize) -> u64 {
    u64::from(words[2 * pair]) << 32 | u64::from(words[2 * pair + 1])
}

fn uniform64(words: [u32; 4], pair: usize) -> f64 {
    (wide(words, pair) >> 11) as f64 * LAST
}

/// Box & Muller: words (0, 1) and (2, 3) each make two numbers.
fn normal32(words: [u32; 4], i: usize) -> f32 {
    let pair = i / 2 * 2;
    let u = (words[pair] as f32 + 1.0) * (1.0 / 4_294_967_296.0);
    let (sin, cos) = unit(words[pair + 1]).turn();
    (-2.0 * u.ln_series()).sqrt() * if i.is_multiple_of(2) { cos } else { sin }
}

/// Box & Muller: a block makes two numbers.
fn normal64(words: [u32; 4], i: usize) -> f64 {
    let [u, v] = [0, 1].map(|pair| uniform64(words, pair));
    let (sin, cos) = v.turn();
    (-2.0 * (1.0 - u).ln_series()).sqrt() * if i == 0 { cos } else { sin }
}
