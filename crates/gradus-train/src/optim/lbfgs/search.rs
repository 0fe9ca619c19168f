//! The line search: a step that satisfies the strong Wolfe conditions.   Nocedal & Wright 2006 alg. 3.5, 3.6

use super::{Seen, Space};
use gradus_base::Result;

/// A point along the direction: how far, and what was seen there.
#[derive(Clone, Debug)]
pub(super) struct Point<G> {
    pub(super) step: f64,
    pub(super) seen: Seen<G>,
}

impl<G> std::ops::Deref for Point<G> {
    type Target = Seen<G>;
    fn deref(&self) -> &Seen<G> {
        &self.seen
    }
}

const C1: f64 = 1e-4;
const C2: f64 = 0.9;
const MAX_TRIALS: usize = 25;

/// A search along a direction for a step that satisfies the strong Wolfe conditions.
pub(super) struct Search<'a, S: Space> {
    pub(super) space: &'a mut S,
    /// The largest element of the direction.
    pub(super) width: f64,
    pub(super) start: Point<S::Gradient>,
    pub(super) evaluations: usize,
}

/// Where a step that satisfies the conditions is.
enum Bracket<G> {
    /// Here.
    At(Point<G>),
    /// Between these, or it was not found in time.
    Between(Point<G>, Point<G>),
}

impl<S: Space> Search<'_, S> {
    fn at(&mut self, step: f64) -> Result<Point<S::Gradient>> {
        self.space.go(step)?;
        self.evaluations += 1;
        Ok(Point { step, seen: self.space.look()? })
    }

    /// Evaluations after the first.
    fn trials(&self) -> usize {
        self.evaluations - 1
    }
    fn too_high(&self, p: &Point<S::Gradient>) -> bool {
        // What is no number lies too high, wherever it is.
        !p.is_finite() || p.loss > self.start.loss + C1 * p.step * self.start.slope
    }
    fn is_flat(&self, p: &Point<S::Gradient>) -> bool {
        p.slope.abs() <= -C2 * self.start.slope
    }

    /// Brackets such a step from `first` on, then narrows the bracket: the best point found.
    pub(super) fn run(&mut self, first: f64, tolerance: f64) -> Result<Point<S::Gradient>> {
        match self.bracket(first)? {
            Bracket::At(point) => Ok(point),
            Bracket::Between(a, b) => self.narrow([a, b], tolerance),
        }
    }

    /// Goes further and further, until a point lies too high, is flat, or rises.
    fn bracket(&mut self, first: f64) -> Result<Bracket<S::Gradient>> {
        let mut previous = self.start.clone();
        let mut here = self.at(first)?;
        while self.trials() < MAX_TRIALS {
            let risen = self.trials() > 1 && here.loss >= previous.loss;
            if self.too_high(&here) || risen {
                return Ok(Bracket::Between(previous, here));
            }
            if self.is_flat(&here) {
                return Ok(Bracket::At(here));
            }
            if here.slope >= 0.0 {
                return Ok(Bracket::Between(previous, here));
            }
            let least = here.step + 0.01 * (here.step - previous.step);
            let step = cubic(&previous, &here, Some((least, here.step * 10.0)));
            previous = std::mem::replace(&mut here, self.at(step)?);
        }
        Ok(Bracket::Between(self.start.clone(), here))
    }

    /// Narrows a bracket by cubic interpolation until a point is flat and low, or the ends are as one.
    fn narrow(
        &mut self,
        mut ends: [Point<S::Gradient>; 2],
        tolerance: f64,
    ) -> Result<Point<S::Gradient>> {
        let width = self.width;
        let mut stuck = false;
        let (mut low, mut high) = lower(&ends);
        while self.trials() < MAX_TRIALS {
            if (ends[1].step - ends[0].step).abs() * width < tolerance {
                break;
            }
            let (left, right) = (ends[0].step.min(ends[1].step), ends[0].step.max(ends[1].step));
            let step = inwards(cubic(&ends[0], &ends[1], None), left, right, &mut stuck);
            let point = self.at(step)?;
            if self.too_high(&point) || point.loss >= ends[low].loss {
                ends[high] = point;
                (low, high) = lower(&ends);
                continue;
            }
            let done = self.is_flat(&point);
            if !done && point.slope * (ends[high].step - ends[low].step) >= 0.0 {
                ends[high] = ends[low].clone();
            }
            ends[low] = point;
            if done {
                break;
            }
        }
        let [a, b] = ends;
        Ok(if low == 0 { a } else { b })
    }
}

/// Which end lies lower, the first of equals, and which higher: what is no number.
fn lower<G>(ends: &[Point<G>; 2]) -> (usize, usize) {
    let height = |p: &Point<G>| if p.is_finite() { p.loss } else { f64::INFINITY };
    if height(&ends[0]) <= height(&ends[1]) { (0, 1) } else { (1, 0) }
}

/// A step; one too near an end twice in a row is pushed a tenth of the bracket inwards.
fn inwards(step: f64, left: f64, right: f64, stuck: &mut bool) -> f64 {
    let margin = 0.1 * (right - left);
    let near = (right - step).min(step - left) < margin;
    let pushed = near && (*stuck || step >= right || step <= left);
    *stuck = near && !pushed;
    match pushed {
        false => step,
        true if (step - right).abs() < (step - left).abs() => right - margin,
        true => left + margin,
    }
}

/// The minimum of the cubic through two points with their slopes, within bounds (the points', unless given).
fn cubic<G>(a: &Point<G>, b: &Point<G>, bounds: Option<(f64, f64)>) -> f64 {
    let (low, high) = bounds.unwrap_or((a.step.min(b.step), a.step.max(b.step)));
    if !(a.is_finite() && b.is_finite()) {
        return (low + high) / 2.0;
    }
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.step - b.step);
    let square = d1 * d1 - a.slope * b.slope;
    if square < 0.0 {
        return (low + high) / 2.0;
    }
    let d2 = square.sqrt();
    let step = if a.step <= b.step {
        b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
    } else {
        a.step - (a.step - b.step) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2.0 * d2))
    };
    step.max(low).min(high)
}
