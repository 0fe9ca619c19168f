//! Integrated gradients, and gradients on the way from sampled baselines.

use super::Attribution;
use super::slopes::{Rule, Slopes, piece};
use crate::Subject;
use gradus_base::{Error, Result};
use gradus_tensor::{Key, Tensor};

/// The mean gradient on the straight way from a baseline to the picture, times that way. What the pixels are given adds up to what the score gained on
/// it: the completeness error tells how nearly.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_see::{Subject, attribution::IntegratedGradients};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 2, 2], &Init::new(0)).add(flatten()).add(dense(8)).add(tanh()).add(dense(3));
/// let x = Tensor::ones([1, 1, 2, 2]);
/// let found = IntegratedGradients::default().of(&Subject::new(model.into()), &x, &[1], &x.zeros_like())?;
/// assert!(found.completeness[0] < 1e-4);
/// # Ok::<(), gradus_see::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntegratedGradients {
    /// Places on the way where the gradient is taken: the nodes of a Gauss–Legendre rule.
    pub steps: usize,
}

impl Default for IntegratedGradients {
    fn default() -> IntegratedGradients {
        IntegratedGradients { steps: 50 }
    }
}

impl IntegratedGradients {
    /// Of each picture, for its class, from its baseline: black (zeros), a mean colour, a blurred copy.
    ///
    /// **Shape** `x [B, C, H, W]`, a class for each picture, baselines that broadcast to `x` → `[B, C, H, W]`.
    ///
    /// # Errors
    /// When a class does not exist, the baseline does not broadcast, no steps are asked for, or an op of the network has no gradient.
    ///
    /// **Paper** Sundararajan et al. 2017, arXiv:1703.01365, equation 3.
    pub fn of(
        &self,
        subject: &Subject,
        x: &Tensor,
        classes: &[usize],
        baseline: &Tensor,
    ) -> Result<Attribution> {
        if self.steps == 0 {
            let what = "found 0 steps, expected at least 1";
            return Err(Error::value("integrated_gradients", what));
        }
        let baseline = broadcast(baseline, x)?;
        let way = x - &baseline;
        way.try_read()?;
        let mut slopes = Slopes::new(subject, Rule::Derivative);
        let (nodes, count) = (gauss_legendre(self.steps), x.size(0));
        let mut maps = vec![];
        let mut gain = vec![];
        for i in 0..count {
            let (from, along) = (baseline.slice(0, i..i + 1), way.slice(0, i..i + 1));
            // The ends tell what the score gains, and weigh nothing.
            let mut places = [&[(0.0, 0.0), (1.0, 0.0)], &nodes[..]].concat();
            let size = piece(&from, places.len());
            places.resize(places.len().next_multiple_of(size), (1.0, 0.0));
            let (mut scores, mut mean) = (vec![], from.zeros_like());
            for some in places.chunks(size) {
                let column = |of: fn(&(f64, f64)) -> f64| {
                    let values: Vec<f64> = some.iter().map(of).collect();
                    Tensor::from_slice(&values, [size, 1, 1, 1]).cast(x.dtype())
                };
                let on_the_way = &from + &along * column(|place| place.0);
                let found = slopes.of(&on_the_way, &vec![classes[i]; size])?;
                scores.extend(found.scores);
                mean += (found.slope * column(|place| place.1)).sum(0).unsqueeze(0);
                mean.try_read()?;
            }
            gain.push(scores[1] - scores[0]);
            let map = mean * along;
            map.try_read()?;
            maps.push(map);
        }
        Attribution::new(Tensor::concat(&maps.iter().collect::<Vec<_>>(), 0), gain)
    }
}

/// The mean, over samples, of the gradient at a random place on the way from a random baseline to the noisy picture, times that way: an estimate of
/// SHAP's values under independent pixels and a nearly linear network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientShap {
    /// Samples of each picture.
    pub samples: usize,
    /// The deviation of the noise on the picture, in pixels' units.
    pub deviation: f64,
    /// The seed of noise, baselines and places.
    pub seed: u64,
}

impl Default for GradientShap {
    fn default() -> GradientShap {
        GradientShap { samples: 50, deviation: 0.0, seed: 0 }
    }
}

/// What one sample of [`GradientShap`] draws for each picture.
#[derive(Clone, Debug)]
pub struct ShapDraw {
    /// What is added to the pictures, `[B, C, H, W]`.
    pub noise: Tensor,
    /// Which of the baselines each begins at.
    pub baselines: Vec<usize>,
    /// Where each is on the way, 0 to 1.
    pub places: Vec<f64>,
}

impl GradientShap {
    /// Of each picture, for its class, against baselines to choose from. The gain is against the mean score of the baselines drawn.
    ///
    /// **Shape** `x [B, C, H, W]`, baselines `[N, C, H, W]` → `[B, C, H, W]`.
    ///
    /// # Errors
    /// As [`IntegratedGradients::of`].
    ///
    /// **Paper** Erion et al. 2019, arXiv:1906.10670, equation 3; Lundberg & Lee 2017.
    pub fn of(
        &self,
        subject: &Subject,
        x: &Tensor,
        classes: &[usize],
        baselines: &Tensor,
    ) -> Result<Attribution> {
        let key = Key::new(self.seed);
        let draw = |k: usize| {
            let key = key.stream(k as u64);
            let place = key.stream(1).uniform([x.size(0), 2]).to_vec::<f64>();
            let choice =
                |u: f64| ((u * baselines.size(0) as f64) as usize).min(baselines.size(0) - 1);
            Ok(ShapDraw {
                noise: key.stream(2).normal_of(x.shape(), x.dtype()) * self.deviation,
                baselines: place.chunks(2).map(|draw| choice(draw[0])).collect(),
                places: place.chunks(2).map(|draw| draw[1]).collect(),
            })
        };
        self.with_draws(subject, x, classes, baselines, draw)
    }

    /// The same with draws of one's own: `draw(k)` is the sample `k` of each picture.
    ///
    /// # Errors
    /// As [`GradientShap::of`], and what `draw` reports.
    pub fn with_draws(
        &self,
        subject: &Subject,
        x: &Tensor,
        classes: &[usize],
        baselines: &Tensor,
        draw: impl Fn(usize) -> Result<ShapDraw>,
    ) -> Result<Attribution> {
        let fits = baselines.rank() == x.rank() && baselines.shape()[1..] == x.shape()[1..];
        if self.samples == 0 || !fits || baselines.size(0) == 0 {
            let what = format!(
                "found {} samples and baselines {}, expected at least one of each, baselines like the pictures {}",
                self.samples,
                baselines.shape(),
                x.shape()
            );
            return Err(Error::value("gradient_shap", what));
        }
        let mut slopes = Slopes::new(subject, Rule::Derivative);
        let mut map = x.zeros_like();
        let mut gain = vec![0.0; x.size(0)];
        for k in 0..self.samples {
            let ShapDraw { noise, baselines: chosen, places } = draw(k)?;
            let ids: Vec<i64> = chosen.iter().map(|&i| i as i64).collect();
            let from = baselines.index_select(0, &Tensor::from_slice(&ids, [ids.len()]));
            let to = x + &noise;
            let way = &to - &from;
            let place = Tensor::from_slice(&places, [places.len(), 1, 1, 1]).cast(x.dtype());
            map += slopes.of(&(&from + &way * place), classes)?.slope * &way;
            map.try_read()?;
            let [high, low] = [&to, &from].map(|x| slopes.of(x, classes).map(|found| found.scores));
            for (gain, (high, low)) in gain.iter_mut().zip(high?.iter().zip(&low?)) {
                *gain += (high - low) / self.samples as f64;
            }
        }
        Attribution::new(map / self.samples as f64, gain)
    }
}

fn broadcast(baseline: &Tensor, x: &Tensor) -> Result<Tensor> {
    gradus_tensor::try_build(|| baseline.broadcast_to(x.shape()))
}

/// Nodes and weights of the Gauss–Legendre rule of n points on 0 to 1, by Newton's method on the Legendre polynomial.
///
/// **Source** Press et al., Numerical Recipes, §4.6.
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let node = |k: usize| {
        let mut x = (std::f64::consts::PI * (k as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut before, mut p) = (1.0, x);
            for j in 2..=n {
                let j = j as f64;
                (before, p) = (p, ((2.0 * j - 1.0) * x * p - (j - 1.0) * before) / j);
            }
            slope = if n == 1 { 1.0 } else { n as f64 * (x * p - before) / (x * x - 1.0) };
            let moved = p / slope;
            x -= moved;
            if moved.abs() < 1e-15 {
                break;
            }
        }
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(node).collect()
}
