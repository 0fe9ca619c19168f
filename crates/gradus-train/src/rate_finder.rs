//! The learning-rate finder: one sweep over rates, from far too low to far too high.   Smith 2017, arXiv:1506.01186 §3.3

use crate::source::Source;
use crate::{Learner, Result};
use gradus_tensor::{Tensor, Variable};

/// Which rates to try.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The first rate.
    pub low: f64,
    /// The last rate.
    pub high: f64,
    /// How many, evenly spread over the logarithm.
    pub steps: usize,
}

impl Default for Sweep {
    fn default() -> Sweep {
        Sweep { low: 1e-7, high: 10.0, steps: 100 }
    }
}

/// What a sweep gave.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// (rate, smoothed loss), up to where the loss grew out of bounds.
    pub points: Vec<(f64, f64)>,
    /// The rate at which the loss fell steepest, if it fell at all.
    pub suggestion: Option<f64>,
}

/// How much of the running mean of losses remains after a batch.
const SMOOTHING: f64 = 0.9;
/// The sweep ends when the loss is so many times the best.
const TOO_MUCH: f64 = 4.0;

impl Sweep {
    /// Takes one step at each rate, on the source's batches in turn, and puts the learner back to where it was.
    ///
    /// # Errors
    /// When data cannot be read or holds a bad value; the learner is put back then, too.
    pub fn run(&self, learner: &mut Learner, source: &dyn Source) -> Result<RateCurve> {
        if let Some(first) = source.from(0, 0).next() {
            let (x, t) = first?;
            learner.prepare(&x, &t)?; // makes the optimiser's state, so that it is saved below
        }
        let saved: Vec<(Variable, Tensor)> =
            learner.state().into_iter().map(|(_, v)| (v.clone(), v.value())).collect();
        let (step, micro) = learner.counters();
        let points = self.points(learner, source);
        for (variable, value) in &saved {
            variable.set(value)?;
        }
        learner.set_counters(step, micro);
        let points = points?;
        Ok(RateCurve { suggestion: steepest(&points), points })
    }

    fn points(&self, learner: &mut Learner, source: &dyn Source) -> Result<Vec<(f64, f64)>> {
        let (mut points, mut mean, mut best) = (vec![], 0.0, f64::INFINITY);
        let growth = (self.high / self.low).powf(1.0 / (self.steps.max(2) - 1) as f64);
        let batches = (0..).flat_map(|epoch| source.from(epoch, 0));
        // A source without batches must not be asked for ever.
        let steps = if source.batches() == 0 { 0 } else { self.steps };
        for (i, batch) in batches.take(steps).enumerate() {
            let (x, t) = batch?;
            let rate = self.low * growth.powi(i as i32);
            let loss = learner.train_batch(&x, &t, rate)?.loss;
            mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
            let smooth = mean / (1.0 - SMOOTHING.powi(i as i32 + 1));
            if !smooth.is_finite() || smooth > TOO_MUCH * best {
                break;
            }
            best = best.min(smooth);
            points.push((rate, smooth));
        }
        Ok(points)
    }
}

/// Where the loss falls most per logarithm of the rate, before its lowest point.
fn steepest(points: &[(f64, f64)]) -> Option<f64> {
    let lowest = (0..points.len()).min_by(|&a, &b| points[a].1.total_cmp(&points[b].1))?;
    let slope = |i: usize| points[i + 1].1 - points[i - 1].1;
    let inner = (1..lowest.min(points.len().saturating_sub(1))).filter(|&i| slope(i) < 0.0);
    inner.min_by(|&a, &b| slope(a).total_cmp(&slope(b))).map(|i| points[i].0)
}
