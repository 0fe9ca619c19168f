//! Surrogates: a linear model of which segments of a picture are there, in place of the network.

use super::occlusion::scorer;
use super::segments::Segments;
use crate::Subject;
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// Segments that are there at random, the score of each such picture, and a ridge regression of the scores on the segments, in which pictures count the
/// more the nearer they are to the whole one: exp(−d² / kernel²) of the cosine distance d.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lime {
    /// Pictures that are tried.
    pub samples: usize,
    /// How far a picture may be off and still count.
    pub kernel: f64,
    /// What the ridge regression adds to squares.
    pub ridge: f64,
    /// What stands where a segment is not.
    pub fill: f64,
    /// The seed of the draws.
    pub seed: u64,
}

impl Default for Lime {
    fn default() -> Lime {
        Lime { samples: 1000, kernel: 0.25, ridge: 1.0, fill: 0.0, seed: 0 }
    }
}

impl Lime {
    /// How much each segment of a picture speaks for a class.
    ///
    /// **Shape** `x [1, C, H, W]`, segments of `[H, W]` → a number for each segment.
    ///
    /// # Errors
    /// When the class does not exist, the segments are of another size, or no samples are asked for.
    ///
    /// **Paper** Ribeiro et al. 2016, arXiv:1602.04938, algorithm 1 with a ridge regression over all segments.
    pub fn of(
        &self,
        subject: &Subject,
        x: &Tensor,
        class: usize,
        segments: &Segments,
    ) -> Result<Vec<f64>> {
        let mut rng = Rng::new(self.seed, 0, 0);
        let draws = (0..self.samples)
            .map(|_| (0..segments.count).map(|_| rng.next_u64() & 1 == 1).collect())
            .collect::<Vec<Vec<bool>>>();
        self.with_draws(subject, x, class, segments, &draws)
    }

    /// The same with draws of one's own: which segments are there in each picture tried.
    ///
    /// # Errors
    /// As [`Lime::of`].
    pub fn with_draws(
        &self,
        subject: &Subject,
        x: &Tensor,
        class: usize,
        segments: &Segments,
        draws: &[Vec<bool>],
    ) -> Result<Vec<f64>> {
        let scores = tried(subject, x, class, segments, draws, self.fill)?;
        let weight = |draw: &Vec<bool>| {
            let there = draw.iter().filter(|&&there| there).count() as f64;
            let cosine = (there / segments.count as f64).sqrt();
            (-(1.0 - cosine).powi(2) / self.kernel.powi(2)).exp()
        };
        let rows: Vec<Vec<f64>> = draws.iter().map(|draw| with_constant(draw)).collect();
        let weights: Vec<f64> = draws.iter().map(weight).collect();
        let mut found = least_squares(&rows, &scores, &weights, self.ridge)?;
        found.pop();
        Ok(found)
    }
}

/// Shapley values of a picture's segments, estimated by a regression whose weights are Shapley's own. They add up to the score of the whole picture less
/// that of the empty one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelShap {
    /// Pictures that are tried, beside the whole and the empty one.
    pub samples: usize,
    /// What stands where a segment is not.
    pub fill: f64,
    /// The seed of the draws.
    pub seed: u64,
}

impl Default for KernelShap {
    fn default() -> KernelShap {
        KernelShap { samples: 1000, fill: 0.0, seed: 0 }
    }
}

impl KernelShap {
    /// How much each segment of a picture is due of a class's score. Where there are at most so many sets of segments as samples all are tried, and the
    /// values are Shapley's exactly; else sets are drawn by their weights.
    ///
    /// **Shape** `x [1, C, H, W]`, segments of `[H, W]` → a number for each segment.
    ///
    /// # Errors
    /// When the class does not exist, the segments are of another size, or there are too few samples to tell the segments apart.
    ///
    /// **Paper** Lundberg & Lee 2017, arXiv:1705.07874, theorem 2.
    pub fn of(
        &self,
        subject: &Subject,
        x: &Tensor,
        class: usize,
        segments: &Segments,
    ) -> Result<Vec<f64>> {
        let count = segments.count;
        if count < usize::BITS as usize - 1 && (1usize << count) - 2 <= self.samples {
            let draws: Vec<Vec<bool>> = (1..(1usize << count) - 1)
                .map(|set| (0..count).map(|k| set >> k & 1 == 1).collect())
                .collect();
            let weights: Vec<f64> = draws.iter().map(|draw| kernel(draw)).collect();
            return self.solved(subject, x, class, segments, &draws, &weights);
        }
        let mut rng = Rng::new(self.seed, 0, 0);
        let draws: Vec<Vec<bool>> = (0..self.samples).map(|_| drawn(count, &mut rng)).collect();
        self.with_draws(subject, x, class, segments, &draws)
    }

    /// The same with draws of one's own, which were drawn by their weights.
    ///
    /// # Errors
    /// As [`KernelShap::of`].
    pub fn with_draws(
        &self,
        subject: &Subject,
        x: &Tensor,
        class: usize,
        segments: &Segments,
        draws: &[Vec<bool>],
    ) -> Result<Vec<f64>> {
        self.solved(subject, x, class, segments, draws, &vec![1.0; draws.len()])
    }

    /// Least squares under the condition that the values add up: the last one is the gain less the others.
    fn solved(
        &self,
        subject: &Subject,
        x: &Tensor,
        class: usize,
        segments: &Segments,
        draws: &[Vec<bool>],
        weights: &[f64],
    ) -> Result<Vec<f64>> {
        let count = segments.count;
        let ends = [vec![false; count], vec![true; count]];
        let ends = tried(subject, x, class, segments, &ends, self.fill)?;
        let gain = ends[1] - ends[0];
        if count == 1 {
            return Ok(vec![gain]);
        }
        let scores = tried(subject, x, class, segments, draws, self.fill)?;
        let number = |there: bool| f64::from(u8::from(there));
        let row = |draw: &Vec<bool>| {
            let last = number(draw[count - 1]);
            draw[..count - 1].iter().map(|&there| number(there) - last).collect()
        };
        let rows: Vec<Vec<f64>> = draws.iter().map(row).collect();
        let left =
            |(draw, score): (&Vec<bool>, &f64)| score - ends[0] - number(draw[count - 1]) * gain;
        let left: Vec<f64> = draws.iter().zip(&scores).map(left).collect();
        let mut found = least_squares(&rows, &left, weights, 0.0)?;
        found.push(gain - found.iter().sum::<f64>());
        Ok(found)
    }
}

/// Shapley's weight of a set of segments that is neither empty nor whole.
fn kernel(draw: &[bool]) -> f64 {
    let (count, there) = (draw.len(), draw.iter().filter(|&&there| there).count());
    let mut choose = 1.0;
    for k in 0..there {
        choose = choose * (count - k) as f64 / (k + 1) as f64;
    }
    (count as f64 - 1.0) / (choose * there as f64 * (count - there) as f64)
}

/// A set of segments, drawn by Shapley's weights: first how many, then which.
fn drawn(count: usize, rng: &mut Rng) -> Vec<bool> {
    let of_size = |k: usize| 1.0 / (k as f64 * (count - k) as f64);
    let total: f64 = (1..count).map(of_size).sum();
    let mut left = rng.unit() * total;
    let mut size = 1;
    while size + 1 < count && left >= of_size(size) {
        left -= of_size(size);
        size += 1;
    }
    let mut set = vec![false; count];
    let mut order: Vec<usize> = (0..count).collect();
    for k in 0..size {
        order.swap(k, k + (rng.unit() * (count - k) as f64) as usize);
        set[order[k]] = true;
    }
    set
}

/// The score of the picture with only some of its segments, for each draw.
fn tried(
    subject: &Subject,
    x: &Tensor,
    class: usize,
    segments: &Segments,
    draws: &[Vec<bool>],
    fill: f64,
) -> Result<Vec<f64>> {
    let [height, width] = segments.size;
    if x.rank() != 4 || x.size(0) != 1 || x.shape()[2..] != [height, width] {
        let what = format!(
            "found pictures {}, segments of {height}×{width}; expected one picture [1, C, {height}, {width}]",
            x.shape()
        );
        return Err(Error::shape("segments", what));
    }
    if let Some(draw) = draws.iter().find(|draw| draw.len() != segments.count) {
        let what = format!("found a draw of {} segments, there are {}", draw.len(), segments.count);
        return Err(Error::value("segments", what));
    }
    if draws.is_empty() {
        return Err(Error::value("segments", "found 0 samples, expected at least 1"));
    }
    subject.check_classes(x, &[class])?;
    let mut score = scorer(subject);
    let mut scores = vec![];
    // Bounded pieces: a thousand large pictures need not lie in memory together.
    for some in draws.chunks(64) {
        let there = some
            .iter()
            .flat_map(|draw| segments.labels.iter().map(|&label| f64::from(u8::from(draw[label]))));
        let there: Vec<f64> = there.collect();
        let there = Tensor::from_slice(&there, [some.len(), 1, height, width]).cast(x.dtype());
        scores.extend(score(&(x * &there + (1.0 - &there) * fill), class)?);
    }
    Ok(scores)
}

fn with_constant(draw: &[bool]) -> Vec<f64> {
    draw.iter().map(|&there| f64::from(u8::from(there))).chain([1.0]).collect()
}

/// Σ w (row · b − y)² + ridge Σ b², by Cholesky's factorisation. With a ridge the last coefficient is a constant that is not drawn to 0.
fn least_squares(rows: &[Vec<f64>], y: &[f64], weights: &[f64], ridge: f64) -> Result<Vec<f64>> {
    let n = rows.first().map_or(0, Vec::len);
    let mut a = vec![vec![0.0; n + 1]; n];
    for ((row, y), w) in rows.iter().zip(y).zip(weights) {
        for i in 0..n {
            for j in 0..=i {
                a[i][j] += w * row[i] * row[j];
            }
            a[i][n] += w * row[i] * y;
        }
    }
    for (i, row) in a.iter_mut().enumerate() {
        if ridge > 0.0 && i + 1 < n {
            row[i] += ridge;
        }
    }
    let singular = || {
        let what = format!(
            "{} samples do not tell {n} segments apart; expected more samples or fewer segments",
            rows.len()
        );
        Error::value("segments", what)
    };
    let scale = (0..n).map(|i| a[i][i]).fold(0.0, f64::max);
    for j in 0..n {
        for i in j..n {
            let sum: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            let left = a[i][j] - sum;
            a[i][j] = match i == j {
                true if left <= 1e-12 * scale => return Err(singular()),
                true => left.sqrt(),
                false => left / a[j][j],
            };
        }
    }
    let mut b = vec![0.0; n];
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (a[i][n] - sum) / a[i][i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    Ok(b)
}
