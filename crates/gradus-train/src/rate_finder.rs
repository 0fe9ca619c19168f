//! The learning-rate finder: one sweep over rates, from far too low to far too high.   Smith 2017, arXiv:1506.01186 §3.3

use crate::Result;
use crate::faults::Told;
use crate::source::Source;
use crate::task::{Pace, Task};
use gradus_base::Error;
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
    pub steepest: Option<f64>,
    /// The rate from which on it did not fall further.
    pub bottom: Option<f64>,
}

impl RateCurve {
    /// A rate to begin with: on the logarithm halfway between where the loss falls steepest, which is a cautious choice, and where
    /// it stops falling, which is too high.
    pub fn suggestion(&self) -> Option<f64> {
        Some((self.steepest? * self.bottom?).sqrt())
    }
}

/// How much of the running mean of losses remains after a batch.
const SMOOTHING: f64 = 0.9;
/// The loss fell if it lost this part of itself.
const FALLEN: f64 = 0.02;
/// How many decades of rates a slope is measured over.
const WINDOW: f64 = 2.0 / 3.0;

impl Sweep {
    /// It ends when the loss is so many times the best.
    pub const TOO_MUCH: f64 = 4.0;

    /// Takes one step at each rate, on the source's batches in turn, and puts the task back to where it was.
    ///
    /// # Errors
    /// When data cannot be read or holds a bad value; the task is put back then, too.
    #[track_caller]
    pub fn run(&self, task: &mut dyn Task, source: &dyn Source) -> Result<RateCurve> {
        self.all(task, source).told()
    }

    fn all(&self, task: &mut dyn Task, source: &dyn Source) -> Result<RateCurve> {
        if let Some(first) = source.from(0, 0).next() {
            task.prepare(&first?, &Pace::CONSTANT)?; // makes the optimiser's state, so that it is saved below
        }
        if task.learning_rate().is_nan() || task.learning_rate() <= 0.0 {
            let what =
                format!("found a base rate of {}, expected more than 0", task.learning_rate());
            return Err(Error::value("rate finder", what).into());
        }
        let saved: Vec<(Variable, Tensor)> =
            task.state().into_iter().map(|(_, v)| (v.clone(), v.value())).collect();
        let counters = task.counters();
        let points = self.points(task, source);
        for (variable, value) in &saved {
            variable.set(value)?;
        }
        task.set_counters(&counters)?;
        let points = points?;
        let steepest = steepest(&points);
        Ok(RateCurve { bottom: steepest.and_then(|_| bottom(&points)), steepest, points })
    }

    fn points(&self, task: &mut dyn Task, source: &dyn Source) -> Result<Vec<(f64, f64)>> {
        let (mut points, mut mean, mut best) = (vec![], 0.0, f64::INFINITY);
        let growth = (self.high / self.low).powf(1.0 / (self.steps.max(2) - 1) as f64);
        let batches = (0..).flat_map(|epoch| source.from(epoch, 0));
        // A source without batches must not be asked for ever.
        let steps = if source.batches() == 0 { 0 } else { self.steps };
        for (i, batch) in batches.take(steps).enumerate() {
            let rate = self.low * growth.powi(i as i32);
            // The rate is a multiple of the task's own, so that several updaters keep their proportions.
            let pace = Pace { rate_scale: rate / task.learning_rate(), ..Pace::CONSTANT };
            let numbers = task.train_step(&batch?, &pace)?;
            // Of several updaters the first may not be due on each batch.
            let Some(loss) = numbers.means.first().filter(|m| m.units > 0.0) else { continue };
            let loss = loss.value;
            mean = SMOOTHING * mean + (1.0 - SMOOTHING) * loss;
            let smooth = mean / (1.0 - SMOOTHING.powi(i as i32 + 1));
            if !smooth.is_finite() || smooth > Sweep::TOO_MUCH * best {
                break;
            }
            best = best.min(smooth);
            points.push((rate, smooth));
        }
        Ok(points)
    }
}

/// Where the loss falls most per decade of the rate, before its lowest point. A slope is that of the straight line through about
/// two thirds of a decade: from one batch to the next the loss jumps more than any rate moves it.
fn steepest(points: &[(f64, f64)]) -> Option<f64> {
    let lowest = (0..points.len()).min_by(|&a, &b| points[a].1.total_cmp(&points[b].1))?;
    let (first, last) = (points.first()?, points.get(lowest)?);
    if first.1 - last.1 < FALLEN * first.1.abs() {
        return None;
    }
    let decades: Vec<f64> = points.iter().map(|p| p.0.log10()).collect();
    let apart = (decades[lowest] - decades[0]) / lowest as f64;
    let reach = (WINDOW / 2.0 / apart).round().max(1.0) as usize;
    let centres = reach..(lowest + 1).saturating_sub(reach);
    let slope = |&i: &usize| {
        let part = i - reach..=i + reach;
        slope_of(part.map(|j| (decades[j], points[j].1)))
    };
    let best = centres.min_by(|a, b| slope(a).total_cmp(&slope(b)));
    // So short a fall that no window fits into it: its middle.
    Some(points[best.unwrap_or(lowest / 2)].0)
}

/// The first rate whose loss is as low as the lowest, but for a twentieth of the fall: behind it the curve may be flat for long.
fn bottom(points: &[(f64, f64)]) -> Option<f64> {
    let lowest = points.iter().map(|p| p.1).min_by(f64::total_cmp)?;
    let enough = lowest + 0.05 * (points.first()?.1 - lowest);
    points.iter().find(|p| p.1 <= enough).map(|p| p.0)
}

/// The slope of the least squares line through points.
fn slope_of(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = points.clone().count() as f64;
    let sums = points.clone().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mean_x, mean_y) = (sums.0 / n, sums.1 / n);
    let products = points.map(|(x, y)| ((x - mean_x) * (y - mean_y), (x - mean_x).powi(2)));
    let (above, below) = products.fold((0.0, 0.0), |(a, b), (p, q)| (a + p, b + q));
    above / below
}

#[cfg(test)]
mod tests {
    use super::{bottom, steepest};

    /// A loss that falls from 3 to 1 around a rate of 1e-3 and grows from 1e-1 on, with jumps.
    fn curve(jumps: f64) -> Vec<(f64, f64)> {
        let point = |i: i32| {
            let decade = -6.0 + f64::from(i) / 20.0;
            let fall = 3.0 - 2.0 / (1.0 + (-4.0 * (decade + 3.0)).exp());
            let rise = (decade + 1.0).max(0.0);
            (10f64.powf(decade), fall + rise + jumps * f64::from(i * 7 % 5 - 2))
        };
        (0..120).map(point).collect()
    }

    #[test]
    fn jumps_do_not_count_as_falls() {
        for jumps in [0.0, 0.02, 0.05] {
            let rate = steepest(&curve(jumps)).unwrap();
            assert!((3e-4..3e-3).contains(&rate), "{rate} with jumps of {jumps}");
        }
        let lowest = bottom(&curve(0.0)).unwrap();
        assert!((3e-3..1e-1).contains(&lowest), "{lowest}");
        assert_eq!(steepest(&curve(0.0)[..20]), None, "nothing falls there");
        assert_eq!(steepest(&[]), None);
    }
}
