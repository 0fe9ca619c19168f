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
/// It is no [`Optimizer`](super::Optimizer): within a step it asks for the loss at several points, so a
/// [`Learner`](crate::Learner) cannot be made with it, and it wants all of the data at once, whose loss does not change from one
/// evaluation to the next. It moves a vector, by a function that gives the loss and its gradient there:
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
///
/// To train a model, the vector is all its parameters in a row, and a learner lends loss and gradients; its own optimiser is
/// not used:
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*, parameters};
/// use gradus_tensor::{DType, Tensor};
/// use gradus_train::{Learner, optim::{Lbfgs, LineSearch, Sgd}};
/// let x = Tensor::randn([64, 2], 1);
/// let t = (x.select(1, 0) * x.select(1, 1)).gt(0.0).cast(DType::I64); // opposite quadrants
/// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(tanh()).add(dense(2));
/// let mut learner = Learner::new(model.into(), Sgd::new(0.0));
/// let row = |tensors: Vec<Tensor>| -> Vec<f64> {
///     tensors.iter().flat_map(|t| t.cast(DType::F64).to_vec::<f64>()).collect()
/// };
/// let all = parameters(&**learner.model());
/// let mut w = row(all.iter().map(|(_, p)| p.tensor()).collect());
/// let put = |w: &[f64]| {
///     let mut rest = w;
///     for (_, p) in &all {
///         let (own, after) = rest.split_at(p.variable().shape().len());
///         let value = Tensor::from_slice(own, p.variable().shape()).cast(p.variable().dtype());
///         p.variable().set(&value).unwrap();
///         rest = after;
///     }
/// };
/// let mut opt = Lbfgs::new(1.0).line_search(LineSearch::StrongWolfe);
/// for _ in 0..5 {
///     opt.step(&mut w, &mut |w| {
///         put(w);
///         let loss = learner.evaluate_batch(&x, &t).unwrap().loss;
///         (loss, row(learner.gradients(&x, &t).unwrap().into_iter().map(|(_, g)| g).collect()))
///     });
/// }
/// put(&w); // the last point evaluated need not be the best
/// assert!(learner.evaluate_batch(&x, &t)?.loss < 0.05);
/// # Ok::<(), gradus_base::Error>(())
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
                    let state = &self.state;
                    let start = Point { step: 0.0, loss, gradient: g, slope };
                    let direction = &state.direction;
                    let mut search = Search { w, direction, start, evaluate, evaluations: 0 };
                    let found = search.run(state.step, self.tolerance_change);
                    evaluations += search.evaluations;
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

const C1: f64 = 1e-4;
const C2: f64 = 0.9;
const MAX_TRIALS: usize = 25;

/// A search along a direction for a step that satisfies the strong Wolfe conditions.
struct Search<'a> {
    w: &'a [f64],
    direction: &'a [f64],
    start: Point,
    evaluate: &'a mut dyn FnMut(&[f64]) -> Evaluation,
    evaluations: usize,
}

/// Where a step that satisfies the conditions is.
enum Bracket {
    /// Here.
    At(Point),
    /// Between these, or it was not found in time.
    Between(Point, Point),
}

impl Search<'_> {
    fn at(&mut self, step: f64) -> Point {
        let mut there = self.w.to_vec();
        add_scaled(&mut there, self.direction, step);
        let (loss, gradient) = (self.evaluate)(&there);
        self.evaluations += 1;
        let slope = dot(&gradient, self.direction);
        Point { step, loss, gradient, slope }
    }

    /// Evaluations after the first.
    fn trials(&self) -> usize {
        self.evaluations - 1
    }
    fn too_high(&self, p: &Point) -> bool {
        p.loss > self.start.loss + C1 * p.step * self.start.slope
    }
    fn is_flat(&self, p: &Point) -> bool {
        p.slope.abs() <= -C2 * self.start.slope
    }

    /// Brackets such a step from `first` on, then narrows the bracket: the best point found.
    fn run(&mut self, first: f64, tolerance: f64) -> Point {
        match self.bracket(first) {
            Bracket::At(point) => point,
            Bracket::Between(a, b) => self.narrow([a, b], tolerance),
        }
    }

    /// Goes further and further, until a point lies too high, is flat, or rises.
    fn bracket(&mut self, first: f64) -> Bracket {
        let mut previous = self.start.clone();
        let mut here = self.at(first);
        while self.trials() < MAX_TRIALS {
            let risen = self.trials() > 1 && here.loss >= previous.loss;
            if self.too_high(&here) || risen {
                return Bracket::Between(previous, here);
            }
            if self.is_flat(&here) {
                return Bracket::At(here);
            }
            if here.slope >= 0.0 {
                return Bracket::Between(previous, here);
            }
            let least = here.step + 0.01 * (here.step - previous.step);
            let step = cubic(&previous, &here, Some((least, here.step * 10.0)));
            previous = std::mem::replace(&mut here, self.at(step));
        }
        Bracket::Between(self.start.clone(), here)
    }

    /// Narrows a bracket by cubic interpolation until a point is flat and low, or the ends are as one.
    fn narrow(&mut self, mut ends: [Point; 2], tolerance: f64) -> Point {
        let width = largest(self.direction);
        let mut stuck = false;
        let (mut low, mut high) = if ends[0].loss > ends[1].loss { (1, 0) } else { (0, 1) };
        while self.trials() < MAX_TRIALS {
            if (ends[1].step - ends[0].step).abs() * width < tolerance {
                break;
            }
            let (left, right) = (ends[0].step.min(ends[1].step), ends[0].step.max(ends[1].step));
            let step = inwards(cubic(&ends[0], &ends[1], None), left, right, &mut stuck);
            let point = self.at(step);
            if self.too_high(&point) || point.loss >= ends[low].loss {
                ends[high] = point;
                (low, high) = if ends[0].loss <= ends[1].loss { (0, 1) } else { (1, 0) };
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
        if low == 0 { a } else { b }
    }
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
