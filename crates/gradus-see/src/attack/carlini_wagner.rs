//! Carlini & Wagner's attack: the least change whose scores go wrong, by descent in a space where no pixel can leave 0 to 1.

use super::outcome::Begun;
use super::pgd::{at_least_one, positive};
use super::pixels::Pixels;
use super::victim::slope;
use super::{Attack, Fooled, Goal, Victim};
use crate::Subject;
use gradus_base::{Error, Result};
use gradus_tensor::{Step, Tensor};

/// Minimises ‖change‖² + c · max(0, margin + confidence) over w, where pixels are (tanh w + 1) / 2, by Adam; c is searched for each picture, and the nearest
/// picture that reached the goal is kept.
///
/// **Paper** Carlini, Wagner 2016, arXiv:1608.04644.
#[derive(Clone, Debug, PartialEq)]
pub struct CarliniWagner {
    /// How often c is tried: up by tens until it suffices, then by halves.
    pub searches: usize,
    /// Steps of Adam for each c; a search ends where a tenth of them made no headway.
    pub steps: usize,
    /// The rate of these steps.
    pub step_size: f64,
    /// By how much the wrong score must be ahead.
    pub confidence: f64,
    /// The first c.
    pub initial: f64,
}

impl Default for CarliniWagner {
    /// 9 searches of 1,000 steps at a rate of .01, c from .001 on.
    fn default() -> CarliniWagner {
        CarliniWagner { searches: 9, steps: 1_000, step_size: 0.01, confidence: 0.0, initial: 1e-3 }
    }
}

/// Adam's β₁, β₂ and ε.
const ADAM: (f64, f64, f64) = (0.9, 0.999, 1e-8);
/// What is gained on a tenth of the steps is at least this share, or they end.
const HEADWAY: f64 = 1e-4;
/// Pixels are drawn in by this much before they become w: 0 and 1 lie at infinity.
const INWARDS: f64 = 0.999_999;

/// Farther than any picture is from another.
const FAR: f64 = 1e30;

/// The constants tried for each picture.
struct Constants {
    now: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Constants {
    /// What is tried next, after it is known which sufficed.
    fn next(&mut self, sufficed: &[bool]) {
        for (i, &sufficed) in sufficed.iter().enumerate() {
            *if sufficed { &mut self.high[i] } else { &mut self.low[i] } = self.now[i];
            self.now[i] = match self.high[i].is_infinite() {
                true => 10.0 * self.now[i],
                false => (self.low[i] + self.high[i]) / 2.0,
            };
        }
    }
}

/// What is nearest so far: pictures `[B, C, H, W]`, and their distances `[B]`.
type Nearest = [Tensor; 2];

impl CarliniWagner {
    fn check(&self) -> Result<()> {
        at_least_one("searches", self.searches)?;
        at_least_one("steps", self.steps)?;
        positive("step size", self.step_size)?;
        positive("initial constant", self.initial)?;
        if !(self.confidence >= 0.0 && self.confidence.is_finite()) {
            let what = format!("found {}, expected 0 or more", self.confidence);
            return Err(Error::value("confidence", what));
        }
        Ok(())
    }

    /// One search: from the pictures on, with these constants. Gives which reached the goal meanwhile.
    fn search(
        &self,
        victim: &mut Victim,
        begun: &Begun<'_>,
        space: &Tensor,
        constants: &[f64],
        nearest: &mut Nearest,
    ) -> Result<Vec<bool>> {
        let (dtype, n) = (begun.x.dtype(), constants.len());
        let constants = Tensor::from_slice(constants, [n]).cast(dtype);
        let classes = begun.goal.tensor().one_hot(begun.scores[0].len()).cast(dtype);
        let (mut change, mut first, mut second) =
            (space.zeros_like(), space.zeros_like(), space.zeros_like());
        let mut found = Tensor::from_slice(&vec![0.0; n], [n]).cast(dtype);
        let (every, mut before) = (self.steps.div_ceil(10), f64::INFINITY);
        for step in 0..self.steps {
            let powers = |beta: f64| 1.0 / (1.0 - beta.powi(step as i32 + 1));
            let numbers = [
                begun.goal.sign(),
                self.confidence,
                self.step_size * powers(ADAM.0),
                powers(ADAM.1),
            ];
            let numbers = Tensor::from(numbers).cast(dtype);
            victim.count(begun.x);
            let [best, norms] = &*nearest;
            let args = [
                space, &change, &first, &second, &constants, &classes, begun.x, best, norms,
                &found, &numbers,
            ];
            let out = victim.narrow.run(&args)?;
            let loss = out.item(0);
            [change, first, second, found] = [1, 2, 3, 6].map(|i| out.tensor(i));
            *nearest = [4, 5].map(|i| out.tensor(i));
            if step % every == 0 {
                if loss.is_nan() || loss > (1.0 - HEADWAY) * before {
                    break;
                }
                before = loss;
            }
        }
        Ok(found.try_to_vec::<f64>()?.into_iter().map(|found| found > 0.0).collect())
    }
}

impl Attack for CarliniWagner {
    fn name(&self) -> &'static str {
        "cw"
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        self.check()?;
        let begun = Begun::new(victim, x, goal)?;
        if begun.is_done() {
            let pixels = begun.pixels.clone();
            return begun.end(victim, pixels);
        }
        let n = begun.pixels.len();
        let mut space = begun.pixels.clone();
        space.all.iter_mut().for_each(|x| *x = ((2.0 * *x - 1.0) * INWARDS).atanh());
        let space = space.tensor(x);
        let mut constants = Constants {
            now: vec![self.initial; n],
            low: vec![0.0; n],
            high: vec![f64::INFINITY; n],
        };
        let far = Tensor::full([n], FAR).cast(x.dtype());
        let mut nearest = [x.clone(), far];
        for _ in 0..self.searches {
            let sufficed = self.search(victim, &begun, &space, &constants.now, &mut nearest)?;
            constants.next(&sufficed);
        }
        begun.end(victim, Pixels::of(&nearest[0])?)
    }
}

/// A step of Adam, and what is nearest after looking at where it began.
pub(super) fn narrowed(subject: &Subject, args: &[Tensor]) -> Step {
    let [space, change, first, second, constants, classes, x, best, norms, found, numbers] = args
    else {
        unreachable!("eleven arguments")
    };
    let number = |i: usize| numbers.select(0, i);
    let squares = |d: &Tensor| d.square().sum(vec![1, 2, 3]);
    let pixels = |w: &Tensor| w.tanh() * 0.5 + 0.5;
    let now = pixels(&(space + change));
    let scores = subject.scores(&now);
    let own = (&scores * classes).sum(1);
    let others = classes.gt(0.5).select_where(-FAR, &scores).max(1);
    let margin = (own - others) * number(0) + number(1); // [B]
    let loss = (margin.relu() * constants + squares(&(&now - pixels(space)))).sum(..);
    let slope = slope(&loss, change);
    let first = first * ADAM.0 + &slope * (1.0 - ADAM.0);
    let second = second * ADAM.1 + slope.square() * (1.0 - ADAM.1);
    let moved = change - &first * number(2) / ((&second * number(3)).sqrt() + ADAM.2);
    let norm = squares(&(&now - x)).sqrt();
    let is_there = margin.lt(0.0);
    let nearer = is_there.logical_and(&norm.lt(norms));
    let best =
        nearer.reshape([norms.len(), 1, 1, 1]).broadcast_to(x.shape()).select_where(&now, best);
    let found = is_there.select_where(1.0, found);
    let norms = nearer.select_where(&norm, norms);
    [&loss, &moved, &first, &second, &best, &norms, &found]
        .into_iter()
        .fold(Step::new(), |step, value| step.read(value))
}
