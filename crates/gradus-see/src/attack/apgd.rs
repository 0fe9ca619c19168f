//! Auto-PGD: steps along the gradient that become shorter when they no longer pay, so that no step size is to be chosen.

use super::outcome::{Begun, largest};
use super::pgd::{at_least_one, positive};
use super::pixels::Pixels;
use super::{Attack, Fooled, Goal, Pgd, Start, Victim};
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// What [`Apgd`] makes larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The cross-entropy of the class that is to be left; of one that is to be reached, its negative.
    CrossEntropy,
    /// The difference of logits' ratio, (z_t − z_y) / (z₁ − (z₃ + z₄) / 2), which no scaling of the scores changes: towards each of so many classes in turn,
    /// the likeliest first. It wants four classes at least.
    LogitRatio {
        /// How many classes are tried, at most.
        targets: usize,
    },
}

/// Auto-PGD in L∞: sign steps with momentum from a step size of 2 ε. At times that lie nearer and nearer to each other it is seen whether a picture's loss
/// still grows; if not its step is halved, and it goes on from its best place.
///
/// **Paper** Croce & Hein 2020, arXiv:2003.01690, algorithm 1 and equation 6.
#[derive(Clone, Debug)]
pub struct Apgd {
    /// The bound.
    pub epsilon: f64,
    /// How many steps.
    pub steps: usize,
    /// What is made larger.
    pub loss: Loss,
    /// Where it begins.
    pub start: Start,
}

/// How much of a step is the gradient's, the rest being that of the step before.
const NEW: f64 = 0.75;
/// A step size stays where so large a share of the steps made the loss larger.
const PAYS: f64 = 0.75;

impl Apgd {
    /// 100 steps of the cross-entropy from a random start.
    pub fn within(epsilon: f64) -> Apgd {
        Apgd { epsilon, steps: 100, loss: Loss::CrossEntropy, start: Start::Random }
    }

    /// The same of the ratio, towards nine classes.
    pub fn targeted(epsilon: f64) -> Apgd {
        Apgd { loss: Loss::LogitRatio { targets: 9 }, ..Apgd::within(epsilon) }
    }

    /// The steps after which it is seen whether they pay.
    fn checks(&self) -> Vec<usize> {
        // In hundredths: sums of .03 and .06 as floats would round some of them up to the next step.
        let (mut shares, mut all) = ((0, 22), vec![]);
        while shares.1 <= 100 {
            all.push((shares.1 * self.steps).div_ceil(100));
            shares = (shares.1, shares.1 + usize::max((shares.1 - shares.0).saturating_sub(3), 6));
        }
        all
    }

    /// The classes that a goal's are led to, one choice after the other; none where the loss names none.
    fn targets(&self, goal: &Goal, scores: &[Vec<f64>]) -> Result<Vec<Option<Vec<i64>>>> {
        let Loss::LogitRatio { targets } = self.loss else { return Ok(vec![None]) };
        let classes = scores[0].len();
        if matches!(goal, Goal::Towards(_)) {
            let what = "found a class to go to, expected one to leave: it tries several";
            return Err(Error::value(self.name(), what));
        }
        if classes < 4 {
            let what = format!("the network tells {classes} classes apart, expected 4 at least");
            return Err(Error::value(self.name(), what));
        }
        at_least_one("targets", targets)?;
        let likeliest = |(scores, &class): (&Vec<f64>, &i64)| {
            let mut others: Vec<i64> = (0..classes as i64).filter(|&k| k != class).collect();
            others.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
            others
        };
        let others: Vec<Vec<i64>> = scores.iter().zip(goal.classes()).map(likeliest).collect();
        let of = |k: usize| Some(others.iter().map(|others| others[k]).collect());
        Ok((0..targets.min(classes - 1)).map(of).collect())
    }
}

impl Attack for Apgd {
    fn name(&self) -> &'static str {
        if self.loss == Loss::CrossEntropy { "apgd-ce" } else { "apgd-t" }
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        positive("epsilon", self.epsilon)?;
        at_least_one("steps", self.steps)?;
        let begun = Begun::new(victim, x, goal)?;
        let mut made = begun.pixels.clone();
        let mut fooled = begun.reached.clone();
        let mut rng = victim.draws(0);
        let from = Pgd { start: self.start.clone(), ..Pgd::within(self.epsilon) };
        for towards in self.targets(goal, &begun.scores)? {
            if fooled.iter().all(|fooled| *fooled) {
                break;
            }
            let start = from.begin(&begun.pixels, x, &mut rng)?;
            let mut climb = Climb::new(self, &begun, start, towards);
            climb.run(victim, self.steps, &self.checks())?;
            let standing: Vec<usize> = (0..made.len()).filter(|&i| !fooled[i]).collect();
            for i in standing {
                made.row_mut(i).copy_from_slice(climb.end(i));
                fooled[i] = climb.ways[i].reached;
            }
        }
        begun.end(victim, made)
    }
}

/// A batch on its way.
struct Climb<'a> {
    begun: &'a Begun<'a>,
    towards: Option<Vec<i64>>,
    low: Pixels,
    high: Pixels,
    now: Pixels,
    /// Where each was a step ago.
    before: Pixels,
    /// Where the loss was largest, and its gradient there.
    best: Pixels,
    best_slope: Vec<f64>,
    /// Where the goal was reached last.
    found: Pixels,
    ways: Vec<Way>,
}

/// How the way of a picture goes.
#[derive(Clone)]
struct Way {
    step: f64,
    loss: f64,
    best: f64,
    /// Since the last check: steps that made the loss larger, the best loss then, and whether the step was halved.
    gained: usize,
    best_then: f64,
    halved: bool,
    reached: bool,
}

impl<'a> Climb<'a> {
    fn new(
        apgd: &Apgd,
        begun: &'a Begun<'a>,
        mut start: Pixels,
        towards: Option<Vec<i64>>,
    ) -> Climb<'a> {
        let (low, high) = begun.pixels.range(apgd.epsilon);
        let ends = low.all.iter().zip(&high.all);
        start.all.iter_mut().zip(ends).for_each(|(x, (low, high))| *x = x.clamp(*low, *high));
        let least = f64::NEG_INFINITY;
        let way = Way {
            step: 2.0 * apgd.epsilon,
            loss: least,
            best: least,
            gained: 0,
            best_then: least,
            halved: false,
            reached: false,
        };
        Climb {
            ways: vec![way; start.len()],
            before: start.clone(),
            best: start.clone(),
            found: start.clone(),
            best_slope: vec![0.0; start.all.len()],
            now: start,
            begun,
            towards,
            low,
            high,
        }
    }

    /// What came of a picture: where it reached the goal, else where its loss is largest.
    fn end(&self, i: usize) -> &[f64] {
        if self.ways[i].reached { self.found.row(i) } else { self.best.row(i) }
    }

    fn run(&mut self, victim: &mut Victim, steps: usize, checks: &[usize]) -> Result<()> {
        let mut slope = self.look(victim)?;
        self.ways.iter_mut().for_each(|way| (way.best_then, way.gained) = (way.best, 0));
        let mut checked = 0;
        for step in 1..=steps {
            self.go(&slope, if step == 1 { 1.0 } else { NEW });
            slope = self.look(victim)?;
            if checks.contains(&step) {
                self.check(step - checked, &mut slope);
                checked = step;
            }
        }
        Ok(())
    }

    /// Asks for losses and their gradient, and remembers what is best.
    fn look(&mut self, victim: &mut Victim) -> Result<Vec<f64>> {
        let (x, goal) = (self.now.tensor(self.begun.x), self.begun.goal);
        let towards = self.towards.as_deref();
        let (scores, slope) = victim.rise(&x, goal, towards)?;
        let each = self.now.each;
        for (i, scores) in scores.iter().enumerate() {
            let loss = match towards {
                None => goal.sign() * cross_entropy(scores, goal.classes()[i] as usize),
                Some(to) => ratio(scores, goal.classes()[i] as usize, to[i] as usize),
            };
            let way = &mut self.ways[i];
            way.gained += usize::from(loss > way.loss);
            way.loss = loss;
            if loss > way.best {
                way.best = loss;
                self.best.row_mut(i).copy_from_slice(self.now.row(i));
                self.best_slope[i * each..][..each].copy_from_slice(&slope[i * each..][..each]);
            }
            if goal.is_reached(i, largest(scores)) {
                way.reached = true;
                self.found.row_mut(i).copy_from_slice(self.now.row(i));
            }
        }
        Ok(slope)
    }

    /// A step of all pictures, of which `new` is the gradient's part.
    fn go(&mut self, slope: &[f64], new: f64) {
        let each = self.now.each;
        for (at, slope) in slope.iter().enumerate() {
            let (x, before) = (self.now.all[at], self.before.all[at]);
            let (low, high) = (self.low.all[at], self.high.all[at]);
            let sign = if *slope == 0.0 { 0.0 } else { slope.signum() };
            let ahead = (x + self.ways[at / each].step * sign).clamp(low, high);
            let moved = x + new * (ahead - x) + (1.0 - new) * (x - before);
            self.before.all[at] = x;
            self.now.all[at] = self.now.rounded(moved).clamp(low, high);
        }
    }

    /// After so many steps: where they did not pay they become shorter, and begin at the best place.
    fn check(&mut self, steps: usize, slope: &mut [f64]) {
        let each = self.now.each;
        for (i, way) in self.ways.iter_mut().enumerate() {
            let wavers = (way.gained as f64) < PAYS * steps as f64;
            let stands = !way.halved && way.best == way.best_then;
            way.halved = wavers || stands;
            if way.halved {
                way.step /= 2.0;
                way.loss = way.best;
                self.now.row_mut(i).copy_from_slice(self.best.row(i));
                slope[i * each..][..each].copy_from_slice(&self.best_slope[i * each..][..each]);
            }
            (way.gained, way.best_then) = (0, way.best);
        }
    }
}

/// How little probable a class is.
fn cross_entropy(scores: &[f64], class: usize) -> f64 {
    let most = scores[largest(scores)];
    most + scores.iter().map(|score| (score - most).exp()).sum::<f64>().ln() - scores[class]
}

/// By how much one class is ahead of another, measured by the largest scores.
fn ratio(scores: &[f64], class: usize, to: usize) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    (scores[to] - scores[class]) / (sorted[0] - 0.5 * (sorted[2] + sorted[3]) + TINY)
}

/// What keeps that from a division by 0.
pub(super) const TINY: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    /// p = 0, .22, .41, .57, .70, .80, .87, .93, .99: equation of the paper's section 3.1.
    #[test]
    fn checks_lie_nearer_and_nearer() {
        assert_eq!(Apgd::within(0.1).checks(), [22, 41, 57, 70, 80, 87, 93, 99]);
    }

    #[test]
    fn losses_by_hand() {
        let scores = [3.0, 1.0, 2.0, 0.0];
        assert!((ratio(&scores, 0, 2) - -1.0 / 2.5).abs() < 1e-9);
        assert!((cross_entropy(&[0.0, 0.0], 1) - 2f64.ln()).abs() < 1e-12);
    }
}
