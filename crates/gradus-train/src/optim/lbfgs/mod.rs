//! L-BFGS.   Nocedal & Wright 2006, "Numerical Optimization" alg. 7.4, 7.5; line search alg. 3.5, 3.6
//!
//! A full-batch method: it evaluates the loss several times a step. [`Updater::lbfgs`](crate::Updater::lbfgs) lets a task use it, with
//! vectors and history as graph; [`Lbfgs::step`] moves a vector on the host.

mod search;

use gradus_base::Result;
use search::{Point, Search};
use std::collections::VecDeque;

/// How far to go along a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSearch {
    /// The learning rate; at the first step at most 1/‖g‖₁ of it.
    Fixed,
    /// To a point that satisfies the strong Wolfe conditions with c₁ = 1e-4, c₂ = 0.9.
    StrongWolfe,
}

/// What is seen at a point.
#[derive(Clone, Debug)]
pub(crate) struct Seen<G> {
    pub(crate) loss: f64,
    /// The gradient, or a hold on it.
    pub(crate) gradient: G,
    /// The gradient times the direction.
    pub(crate) slope: f64,
    /// Its largest element, and the sum of all, as absolute values.
    pub(crate) largest: f64,
    pub(crate) sum: f64,
}

impl<G> Seen<G> {
    fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.slope.is_finite() && self.largest.is_finite()
    }
}

/// Where it moves: vectors and their history, on the host or as graph.
pub(crate) trait Space {
    /// A hold on a gradient.
    type Gradient: Clone;
    /// The loss and its gradient where it stands.
    fn look(&mut self) -> Result<Seen<Self::Gradient>>;
    /// A new direction, −H·g by the two-loop recursion, after a step of so much along the one before; without one −g. It starts where
    /// it stands. Gives g times the direction, and the direction's largest element.
    fn turn(&mut self, gradient: &Self::Gradient, step: Option<f64>) -> Result<(f64, f64)>;
    /// Goes so far along the direction from its start.
    fn go(&mut self, step: f64) -> Result<()>;
}

/// How far it has come: beside the vectors all that a continued run needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub(crate) iterations: u64,
    /// The last step along the direction.
    pub(crate) step: f64,
}

/// Limited-memory BFGS with the settings of PyTorch's.
///
/// Within a step it asks for the loss at several points, so it wants all of the data at once, or a loss that does not change from one
/// evaluation to the next. A task is trained with it by [`Updater::lbfgs`](crate::Updater::lbfgs):
///
/// ```
/// use gradus_nn::{Init, Layer, Sequential, layers::*, losses::cross_entropy};
/// use gradus_tensor::{DType, Tensor};
/// use gradus_train::{Arrays, Fit, Objectives, Progress, Updater};
/// use gradus_train::optim::{Lbfgs, LineSearch};
/// let x = Tensor::randn([64, 2], 1);
/// let t = (x.select(1, 0) * x.select(1, 1)).gt(0.0).cast(DType::I64); // opposite quadrants
/// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(tanh()).add(dense(2));
/// let model = std::sync::Arc::new(model);
/// let lbfgs = Lbfgs::new(1.0).history(10).line_search(LineSearch::StrongWolfe);
/// let task = Objectives::new(0).module("model", model.clone());
/// let mut task = task.minimize("loss", Updater::lbfgs(lbfgs), &["model"], move |batch, cx| {
///     cross_entropy(&model.forward(&batch["x"], cx), &batch["t"]).into()
/// });
/// let mut progress = Progress::default();
/// let all = Arrays::new(&x, &t, 64)?;
/// Fit { epochs: 6, ..Fit::default() }.run(&mut task, &all, None, &mut progress)?;
/// assert!(progress.history[5].loss < 0.05, "{:?}", progress.series("loss"));
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
///
/// Of a function of your own, [`Lbfgs::step`] moves a vector by the loss and its gradient:
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
    /// What [`Lbfgs::step`] has come to.
    pace: Pace,
    vectors: Vectors,
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
            pace: Pace::default(),
            vectors: Vectors::default(),
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
        let mut pace = self.pace;
        let mut vectors = std::mem::take(&mut self.vectors);
        let mut space = OnHost { w, evaluate, vectors: &mut vectors, history: self.history };
        let first = self.advance(self.learning_rate, &mut pace, &mut space);
        (self.vectors, self.pace) = (vectors, pace);
        first.expect("nothing fails on the host").loss
    }

    /// The base rate.
    pub(crate) fn rate(&self) -> f64 {
        self.learning_rate
    }
    /// How many pairs are kept.
    pub(crate) fn pairs(&self) -> usize {
        self.history
    }

    /// Several iterations in a space at a rate; gives what was seen before the first. A loss that is not finite moves nothing.
    pub(crate) fn advance<S: Space>(
        &self,
        rate: f64,
        pace: &mut Pace,
        space: &mut S,
    ) -> Result<Seen<S::Gradient>> {
        let first = space.look()?;
        let mut here = first.clone();
        let mut evaluations = 1;
        if !first.loss.is_finite() || first.largest <= self.tolerance_gradient {
            return Ok(first);
        }
        for iteration in 1..=self.max_iterations {
            let past = (pace.iterations > 0).then_some(pace.step);
            pace.iterations += 1;
            let (slope, width) = space.turn(&here.gradient, past)?;
            let before = here.loss;
            pace.step = if past.is_none() { (1.0 / here.sum).min(1.0) * rate } else { rate };
            if slope > -self.tolerance_change {
                break;
            }
            match self.line_search {
                LineSearch::StrongWolfe => {
                    let start = Point { step: 0.0, seen: Seen { slope, ..here } };
                    let mut search = Search { space, width, start, evaluations: 0 };
                    let found = search.run(pace.step, self.tolerance_change)?;
                    evaluations += search.evaluations;
                    pace.step = found.step;
                    here = found.seen;
                    space.go(pace.step)?;
                    if !here.is_finite() {
                        (pace.step, here.loss) = (0.0, before);
                        space.go(0.0)?;
                        break;
                    }
                }
                LineSearch::Fixed => {
                    space.go(pace.step)?;
                    if iteration != self.max_iterations {
                        here = space.look()?;
                        evaluations += 1;
                        if !here.is_finite() {
                            // Back to the last point that was a number.
                            pace.step = 0.0;
                            space.go(0.0)?;
                            break;
                        }
                    }
                }
            }
            let moved = width * pace.step.abs();
            let done = evaluations >= self.max_evaluations
                || here.largest <= self.tolerance_gradient
                || moved <= self.tolerance_change
                || (here.loss - before).abs() < self.tolerance_change;
            if done {
                break;
            }
        }
        Ok(first)
    }
}

/// The loss and its gradient at a point.
pub(super) type Evaluation = (f64, Vec<f64>);

/// The vectors of a space on the host.
#[derive(Clone, Debug, Default)]
struct Vectors {
    start: Vec<f64>,
    direction: Vec<f64>,
    previous_gradient: Vec<f64>,
    /// Pairs (s, y, 1/(y·s)): steps, the gradient's changes along them.
    pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
    scale: f64,
}

struct OnHost<'a> {
    w: &'a mut [f64],
    evaluate: &'a mut dyn FnMut(&[f64]) -> Evaluation,
    vectors: &'a mut Vectors,
    history: usize,
}

impl Space for OnHost<'_> {
    type Gradient = Vec<f64>;

    fn look(&mut self) -> Result<Seen<Vec<f64>>> {
        let (loss, gradient) = (self.evaluate)(self.w);
        let slope = dot(&gradient, &self.vectors.direction);
        let sum = gradient.iter().map(|x| x.abs()).sum();
        Ok(Seen { loss, slope, largest: largest(&gradient), sum, gradient })
    }

    fn turn(&mut self, g: &Vec<f64>, step: Option<f64>) -> Result<(f64, f64)> {
        let v = &mut *self.vectors;
        match step {
            None => {
                v.direction = g.iter().map(|x| -x).collect();
                v.scale = 1.0;
            }
            Some(step) => v.recur(g, step, self.history),
        }
        v.previous_gradient.clone_from(g);
        v.start = self.w.to_vec();
        Ok((dot(g, &v.direction), largest(&v.direction)))
    }

    fn go(&mut self, step: f64) -> Result<()> {
        self.w.copy_from_slice(&self.vectors.start);
        add_scaled(self.w, &self.vectors.direction, step);
        Ok(())
    }
}

impl Vectors {
    /// The two-loop recursion.
    fn recur(&mut self, g: &[f64], step: f64, history: usize) {
        let y: Vec<f64> = g.iter().zip(&self.previous_gradient).map(|(a, b)| a - b).collect();
        let moved: Vec<f64> = self.direction.iter().map(|d| d * step).collect();
        let ys = dot(&y, &moved);
        if ys > LEAST_CURVATURE {
            if self.pairs.len() == history {
                self.pairs.pop_front();
            }
            self.scale = ys / dot(&y, &y);
            self.pairs.push_back((moved, y, 1.0 / ys));
        }
        let mut q: Vec<f64> = g.iter().map(|x| -x).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for (step, change, rho) in self.pairs.iter().rev() {
            let alpha = dot(step, &q) * rho;
            add_scaled(&mut q, change, -alpha);
            alphas.push(alpha);
        }
        q.iter_mut().for_each(|x| *x *= self.scale);
        for ((step, change, rho), alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = dot(change, &q) * rho;
            add_scaled(&mut q, step, alpha - beta);
        }
        self.direction = q;
    }
}

/// A pair whose product is not above is left out of the history.
pub(crate) const LEAST_CURVATURE: f64 = 1e-10;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
fn largest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |m, x| m.max(x.abs()))
}
fn add_scaled(a: &mut [f64], b: &[f64], scale: f64) {
    a.iter_mut().zip(b).for_each(|(x, y)| *x += scale * y);
}
