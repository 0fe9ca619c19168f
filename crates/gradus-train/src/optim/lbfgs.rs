//! L-BFGS.   Nocedal & Wright 2006, "Numerical Optimization" alg. 7.4, 7.5; line search alg. 3.5, 3.6
//!
//! A full-batch method: it evaluates the loss several times a step, so it works on a function of all parameters as
//! one vector, in f64, and is not one plan.

use std::collections::VecDeque;

/// How far to go along a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSearch {
    /// The learning rate; at the first step at most 1/‖g‖₁ of it.
    Fixed,
    /// To a point that satisfies the strong Wolfe conditions with c₁ = 1e-4, c₂ = 0.9.
    StrongWolfe,
}

/// The loss and its gradient at a point.
pub(super) type Evaluation = (f64, Vec<f64>);

/// Limited-memory BFGS with the settings of PyTorch's.
///
/// ```
/// use gradus_train::optim::{Lbfgs, LineSearch};
/// let mut opt = Lbfgs::new(1.0).line_search(LineSearch::StrongWolfe);
/// let mut w = vec![-1.2, 1.0];
/// for _ in 0..10 {
///     opt.step(&mut w, &mut |w| {
///         let (a, b) = (1.0 - w[0], w[1] - w[0] * w[0]);
///         (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * w[0] * b, 200.0 * b])
///     });
/// }
/// assert!((w[0] - 1.0).abs() < 1e-3 && (w[1] - 1.0).abs() < 1e-3);
/// ```
#[derive(Clone, Debug)]
pub struct Lbfgs {
    learning_rate: f64,
    max_iterations: usize,
    max_evaluations: usize,
    tolerance_gradient: f64,
    tolerance_change: f64,
    history: usize,
    line_search: LineSearch,
    state: State,
}

#[derive(Clone, Debug, Default)]
struct State {
    iterations: usize,
    direction: Vec<f64>,
    step: f64,
    previous_gradient: Vec<f64>,
    previous_loss: f64,
    /// Pairs (s, y, 1/(y·s)): steps, the gradient's changes along them.
    pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
    scale: f64,
}

impl Lbfgs {
    /// L-BFGS at rate η, 20 iterations a step, a history of 100 pairs.
    pub fn new(learning_rate: f64) -> Lbfgs {
        Lbfgs {
            learning_rate,
            max_iterations: 20,
            max_evaluations: 25,
            tolerance_gradient: 1e-7,
            tolerance_change: 1e-9,
            history: 100,
            line_search: LineSearch::Fixed,
            state: State { scale: 1.0, ..State::default() },
        }
    }
    /// Iterations a step, at most; and evaluations, at most (5/4 of them unless told).
    #[must_use]
    pub fn limits(mut self, iterations: usize, evaluations: Option<usize>) -> Lbfgs {
        self.max_iterations = iterations;
        self.max_evaluations = evaluations.unwrap_or(iterations * 5 / 4);
        self
    }
    /// Stops when the largest gradient, or the largest change, is below.
    #[must_use]
    pub fn tolerances(mut self, gradient: f64, change: f64) -> Lbfgs {
        (self.tolerance_gradient, self.tolerance_change) = (gradient, change);
        self
    }
    /// How many pairs are kept.
    #[must_use]
    pub fn history(mut self, pairs: usize) -> Lbfgs {
        self.history = pairs;
        self
    }
    /// How far to go along a direction.
    #[must_use]
    pub fn line_search(mut self, search: LineSearch) -> Lbfgs {
        self.line_search = search;
        self
    }

    /// Several iterations from `w`, which is moved; gives the loss before the first.
    pub fn step(&mut self, w: &mut [f64], evaluate: &mut dyn FnMut(&[f64]) -> Evaluation) -> f64 {
        let (first_loss, mut g) = evaluate(w);
        let mut loss = first_loss;
        let mut evaluations = 1;
        if largest(&g) <= self.tolerance_gradient {
            return first_loss;
        }
        let mut iterations = 0;
        while iterations < self.max_iterations {
            iterations += 1;
            self.state.iterations += 1;
            self.turn(&g);
            self.state.previous_gradient.clone_from(&g);
            self.state.previous_loss = loss;
            self.state.step = if self.state.iterations == 1 {
                (1.0 / g.iter().map(|x| x.abs()).sum::<f64>()).min(1.0) * self.learning_rate
            } else {
                self.learning_rate
            };
            let slope = dot(&g, &self.state.direction);
            if slope > -self.tolerance_change {
                break;
            }
            match self.line_search {
                LineSearch::StrongWolfe => {
                    let found =
                        wolfe(w, &self.state, loss, &g, slope, self.tolerance_change, evaluate);
                    evaluations += found.evaluations;
                    self.state.step = found.step;
                    (loss, g) = (found.loss, found.gradient);
                    add_scaled(w, &self.state.direction, found.step);
                }
                LineSearch::Fixed => {
                    add_scaled(w, &self.state.direction, self.state.step);
                    if iterations != self.max_iterations {
                        (loss, g) = evaluate(w);
                        evaluations += 1;
                    }
                }
            }
            let moved = largest(&self.state.direction) * self.state.step.abs();
            let done = iterations == self.max_iterations
                || evaluations >= self.max_evaluations
                || largest(&g) <= self.tolerance_gradient
                || moved <= self.tolerance_change
                || (loss - self.state.previous_loss).abs() < self.tolerance_change;
            if done {
                break;
            }
        }
        first_loss
    }

    /// The next direction: −H·g by the two-loop recursion.
    fn turn(&mut self, g: &[f64]) {
        let s = &mut self.state;
        if s.iterations == 1 {
            s.direction = g.iter().map(|x| -x).collect();
            return;
        }
        let y: Vec<f64> = g.iter().zip(&s.previous_gradient).map(|(a, b)| a - b).collect();
        let moved: Vec<f64> = s.direction.iter().map(|d| d * s.step).collect();
        let ys = dot(&y, &moved);
        if ys > 1e-10 {
            if s.pairs.len() == self.history {
                s.pairs.pop_front();
            }
            s.scale = ys / dot(&y, &y);
            s.pairs.push_back((moved, y, 1.0 / ys));
        }
        let mut q: Vec<f64> = g.iter().map(|x| -x).collect();
        let mut alphas = Vec::with_capacity(s.pairs.len());
        for (step, change, rho) in s.pairs.iter().rev() {
            let alpha = dot(step, &q) * rho;
            add_scaled(&mut q, change, -alpha);
            alphas.push(alpha);
        }
        q.iter_mut().for_each(|x| *x *= s.scale);
        for ((step, change, rho), alpha) in s.pairs.iter().zip(alphas.iter().rev()) {
            let beta = dot(change, &q) * rho;
            add_scaled(&mut q, step, alpha - beta);
        }
        s.direction = q;
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
fn largest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |m, x| m.max(x.abs()))
}
fn add_scaled(a: &mut [f64], b: &[f64], scale: f64) {
    a.iter_mut().zip(b).for_each(|(x, y)| *x += scale * y);
}

/// A point along the direction: how far, the loss, the gradient, the slope.
#[derive(Clone, Debug)]
struct Point {
    step: f64,
    loss: f64,
    gradient: Vec<f64>,
    slope: f64,
}

struct Found {
    step: f64,
    loss: f64,
    gradient: Vec<f64>,
    evaluations: usize,
}

const C1: f64 = 1e-4;
const C2: f64 = 0.9;
const MAX_TRIALS: usize = 25;

/// Brackets a step that satisfies the strong Wolfe conditions, then narrows the bracket by cubic interpolation.
fn wolfe(
    w: &[f64],
    state: &State,
    loss: f64,
    gradient: &[f64],
    slope: f64,
    tolerance: f64,
    evaluate: &mut dyn FnMut(&[f64]) -> Evaluation,
) -> Found {
    let direction = &state.direction;
    let width = largest(direction);
    let mut evaluations = 0;
    let mut at = |step: f64| {
        let mut there = w.to_vec();
        add_scaled(&mut there, direction, step);
        let (loss, gradient) = evaluate(&there);
        evaluations += 1;
        let slope = dot(&gradient, direction);
        Point { step, loss, gradient, slope }
    };
    let too_high = |p: &Point| p.loss > loss + C1 * p.step * slope;
    let flat = |p: &Point| p.slope.abs() <= -C2 * slope;
    let start = Point { step: 0.0, loss, gradient: gradient.to_vec(), slope };
    let mut previous = start.clone();
    let mut here = at(state.step);
    let mut trials = 0;
    let mut done = false;
    let mut bracket: Vec<Point> = vec![];
    while trials < MAX_TRIALS {
        if too_high(&here) || (trials > 1 && here.loss >= previous.loss) {
            bracket = vec![previous.clone(), here.clone()];
            break;
        }
        if flat(&here) {
            bracket = vec![here.clone()];
            done = true;
            break;
        }
        if here.slope >= 0.0 {
            bracket = vec![previous.clone(), here.clone()];
            break;
        }
        let least = here.step + 0.01 * (here.step - previous.step);
        let step = cubic(&previous, &here, Some((least, here.step * 10.0)));
        previous = here;
        here = at(step);
        trials += 1;
    }
    if bracket.is_empty() {
        bracket = vec![start, here];
    }
    let mut stuck = false;
    let (mut low, mut high) = match &bracket[..] {
        [a, b] if a.loss > b.loss => (1, 0),
        _ => (0, bracket.len() - 1),
    };
    while !done && trials < MAX_TRIALS {
        if (bracket[1].step - bracket[0].step).abs() * width < tolerance {
            break;
        }
        let mut step = cubic(&bracket[0], &bracket[1], None);
        // A step too near an end twice in a row is pushed a tenth of the bracket inwards.
        let (left, right) =
            (bracket[0].step.min(bracket[1].step), bracket[0].step.max(bracket[1].step));
        let margin = 0.1 * (right - left);
        if (right - step).min(step - left) < margin {
            if stuck || step >= right || step <= left {
                step = if (step - right).abs() < (step - left).abs() {
                    right - margin
                } else {
                    left + margin
                };
                stuck = false;
            } else {
                stuck = true;
            }
        } else {
            stuck = false;
        }
        let point = at(step);
        trials += 1;
        if too_high(&point) || point.loss >= bracket[low].loss {
            bracket[high] = point;
            (low, high) = if bracket[0].loss <= bracket[1].loss { (0, 1) } else { (1, 0) };
        } else {
            if flat(&point) {
                done = true;
            } else if point.slope * (bracket[high].step - bracket[low].step) >= 0.0 {
                bracket[high] = bracket[low].clone();
            }
            bracket[low] = point;
        }
    }
    let best = bracket.swap_remove(low);
    Found { step: best.step, loss: best.loss, gradient: best.gradient, evaluations }
}

/// The minimum of the cubic through two points with their slopes, within bounds (the points', unless given).
fn cubic(a: &Point, b: &Point, bounds: Option<(f64, f64)>) -> f64 {
    let (low, high) = bounds.unwrap_or((a.step.min(b.step), a.step.max(b.step)));
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
