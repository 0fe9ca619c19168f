//! The perceptron's rule, exactly.   Rosenblatt 1957, Cornell report 85-460-1
//!
//! Inputs are whole hundredths and rates whole thousandths, so weights are whole hundred-thousandths, and the sign of w·x is that of
//! a sum of whole numbers: no rounding decides an answer, and weights that come back are equal. As f64 they are exact far beyond what
//! a million updates reach (‖w‖ ≤ αR√n).

use super::points::{PARTS, Point};
use crate::wire::Wire;

/// Parts that a rate of 1 has.
pub(super) const RATES: f64 = 1000.0;
/// Samples after which it is enough.
pub(super) const ENOUGH: u32 = 1_000_000;
/// Weights that are remembered to find a cycle.
const REMEMBERED: usize = 4096;
/// Epochs whose mistakes are kept.
const EPOCHS: usize = 60;

/// A perceptron that learns.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Perceptron {
    /// x₁'s weight, x₂'s and the bias, in hundred-thousandths.
    weights: Vec<f64>,
    /// In thousandths.
    pub(super) rate: f64,
    pub(super) bias: bool,
    /// Samples seen.
    pub(super) step: u32,
    /// The sample that comes next.
    pub(super) next: u32,
    pub(super) mistakes: u32,
    /// Mistakes of this epoch so far.
    now: u32,
    /// Of the last epochs that ended.
    pub(super) errors: Vec<u32>,
    /// How many ended before those.
    pub(super) earlier: u32,
    /// Whether all updates since zero weights had one rate and the same points.
    pub(super) fresh: bool,
    pub(super) learned: bool,
    pub(super) last: Option<Last>,
    /// Weights after each sample since an epoch's end, three numbers each; the first are those at that end.
    trail: Vec<f64>,
    /// The weights of a cycle.
    cycle: Vec<f64>,
}

/// The last sample.
#[derive(Wire, Clone, Debug, PartialEq)]
pub(super) struct Last {
    pub(super) index: u32,
    pub(super) point: Point,
    /// w·x in ten-millionths.
    sum: f64,
    pub(super) answer: bool,
    rate: f64,
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Perceptron {
    /// Zero weights.
    pub(super) fn new(rate: f64, bias: bool) -> Perceptron {
        Perceptron {
            weights: vec![0.0; 3],
            rate,
            bias,
            step: 0,
            next: 0,
            mistakes: 0,
            now: 0,
            errors: vec![],
            earlier: 0,
            fresh: true,
            learned: false,
            last: None,
            trail: vec![0.0; 3],
            cycle: vec![],
        }
    }

    /// Zero weights again; the steps go on.
    pub(super) fn forget(&mut self) {
        *self = Perceptron { step: self.step, ..Perceptron::new(self.rate, self.bias) };
    }

    /// The points or the rate are others now: mistakes are counted anew, weights stay.
    pub(super) fn go_on(&mut self) {
        let weights = std::mem::take(&mut self.weights);
        let fresh = weights == [0.0; 3];
        let (rate, bias, step) = (self.rate, self.bias, self.step);
        let begun = Perceptron::new(rate, bias);
        *self = Perceptron { trail: weights.clone(), weights, step, fresh, ..begun };
    }

    /// Shows the next sample; gives whether there is more to do.
    pub(super) fn learn(&mut self, points: &[Point]) -> bool {
        if points.is_empty() || self.learned || self.step >= ENOUGH {
            return false;
        }
        let index = self.next as usize % points.len();
        let point = points[index];
        let x = point.input(self.bias).map(|x| x as f64);
        let sum = self.whole_sum(point);
        let answer = sum >= 0.0;
        let error = f64::from(u8::from(answer)) - f64::from(u8::from(point.one));
        let before = self.weights.clone();
        self.weights.iter_mut().zip(x).for_each(|(w, x)| *w -= self.rate * error * x);
        let after = self.weights.clone();
        let wrong = u32::from(answer != point.one);
        self.last =
            Some(Last { index: index as u32, point, sum, answer, rate: self.rate, before, after });
        (self.mistakes, self.now) = (self.mistakes + wrong, self.now + wrong);
        self.step += 1;
        self.next = (index as u32 + 1) % points.len() as u32;
        self.trail.extend(&self.weights);
        if self.next == 0 {
            self.end_epoch(points.len());
        }
        !self.learned && self.step < ENOUGH
    }

    /// w·x in ten-millionths.
    fn whole_sum(&self, point: Point) -> f64 {
        point.input(self.bias).iter().zip(&self.weights).map(|(&x, w)| x as f64 * w).sum()
    }

    /// w·x.
    pub(super) fn sum(&self, point: Point) -> f64 {
        self.whole_sum(point) / (PARTS * PARTS * RATES)
    }

    fn end_epoch(&mut self, samples: usize) {
        if self.errors.len() == EPOCHS {
            self.errors.remove(0);
            self.earlier += 1;
        }
        self.errors.push(self.now);
        self.learned = self.now == 0;
        self.now = 0;
        if self.learned || !self.cycle.is_empty() {
            self.trail = self.weights.clone();
            return;
        }
        let ends = self.trail.chunks_exact(3).step_by(samples);
        let before = self.trail.len() / 3 - 1;
        let mut ends = ends.take(before / samples);
        if let Some(same) = ends.position(|weights| weights == self.weights) {
            self.cycle = self.trail.split_off(3 * (same * samples + 1));
            self.trail = self.weights.clone();
        } else if before >= REMEMBERED {
            self.trail = self.weights.clone();
        }
    }

    pub(super) fn is_cycling(&self) -> bool {
        !self.cycle.is_empty()
    }

    /// The weights of the cycle, three numbers each.
    pub(super) fn cycle(&self) -> Vec<f64> {
        real(&self.cycle)
    }

    /// The weights.
    pub(super) fn weights(&self) -> Vec<f64> {
        real(&self.weights)
    }

    /// Whether what was saved can have been a perceptron on so many points.
    pub(super) fn is_sound(&self, points: usize) -> bool {
        let is_weights =
            |list: &[f64]| list.len().is_multiple_of(3) && list.iter().all(|w| w.is_finite());
        let is_last = |last: &Last| last.before.len() == 3 && last.after.len() == 3;
        self.weights.len() == 3
            && self.trail.len() >= 3
            && [&self.weights, &self.trail, &self.cycle].iter().all(|list| is_weights(list))
            && self.last.as_ref().is_none_or(is_last)
            && (self.next as usize) < points.max(1)
    }
}

/// Weights as they are.
fn real(weights: &[f64]) -> Vec<f64> {
    weights.iter().map(|w| w / (PARTS * RATES)).collect()
}

impl Last {
    /// In the numbers of the page.
    pub(super) fn told(&self, bias: bool) -> super::messages::Update {
        let change: Vec<f64> = self.after.iter().zip(&self.before).map(|(a, b)| a - b).collect();
        super::messages::Update {
            index: self.index,
            input: self.point.input(bias).iter().map(|&x| x as f64 / PARTS).collect(),
            target: self.point.one.into(),
            sum: self.sum / (PARTS * PARTS * RATES),
            answer: self.answer.into(),
            rate: self.rate / RATES,
            before: real(&self.before),
            change: real(&change),
            after: real(&self.after),
        }
    }
}
