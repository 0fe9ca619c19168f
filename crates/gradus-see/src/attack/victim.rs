//! `Victim`: a network under attack, whose passes are compiled once and replayed.

use super::Goal;
use super::apgd::TINY;
use super::pixels::Pixels;
use crate::Subject;
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_nn::losses::cross_entropy;
use gradus_tensor::{Compiled, Step, Tensor, compile, gradients, report};

pub(super) type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// A network under attack. Its passes are compiled for each shape of a batch; its weights are read anew in each, so that they may change between attacks.
///
/// What attacks draw at random follows from a seed and the number of the attack since: the same victim, attacked again from the beginning, meets the same.
pub struct Victim {
    subject: Subject,
    seed: u64,
    attacks: u64,
    queries: u64,
    gradients: u64,
    scores: Compiled<Trace>,
    pull: Compiled<Trace>,
    rise: Compiled<Trace>,
    rise_ratio: Compiled<Trace>,
    pub(super) climb_linf: Compiled<Trace>,
    pub(super) climb_l2: Compiled<Trace>,
    pub(super) narrow: Compiled<Trace>,
}

impl Victim {
    /// Of a network, with seed 0.
    pub fn new(subject: Subject) -> Victim {
        let step = |trace: fn(&Subject, &[Tensor]) -> Step| -> Compiled<Trace> {
            let subject = subject.clone();
            compile(Box::new(move |args: &[Tensor]| trace(&subject, args)) as Trace)
        };
        Victim {
            seed: 0,
            attacks: 0,
            queries: 0,
            gradients: 0,
            scores: step(|subject, args| Step::new().read(&subject.scores(&args[0]))),
            pull: step(pulled),
            rise: step(risen),
            rise_ratio: step(risen_ratio),
            climb_linf: step(climbed_linf),
            climb_l2: step(climbed_l2),
            narrow: step(super::carlini_wagner::narrowed),
            subject,
        }
    }

    /// With another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Victim {
        Victim { seed, ..self }
    }
    /// The network.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
    /// The next attack draws as the one of this number, counted from 0.
    pub fn seek(&mut self, attack: u64) {
        self.attacks = attack;
    }

    /// The score of each class.
    ///
    /// **Shape** `[B, C, H, W]` → `[B, K]`.
    ///
    /// # Errors
    /// When the network does not take such pictures, or computing meets a bad value.
    pub fn scores(&mut self, x: &Tensor) -> Result<Tensor> {
        self.queries += pictures(x);
        Ok(self.scores.run(&[x])?.tensor(0))
    }

    /// The same, row by row; they must be finite.
    pub(super) fn rows(&mut self, x: &Tensor) -> Result<Vec<Vec<f64>>> {
        rows(&self.scores(x)?)
    }

    /// The rows of some pictures of a batch `like` this. As there are fewer and fewer of them batches become half as large, and no other size is planned.
    pub(super) fn rows_of(
        &mut self,
        pixels: &Pixels,
        which: &[usize],
        like: &Tensor,
    ) -> Result<Vec<Vec<f64>>> {
        let room = which.len().next_power_of_two().min(pixels.len());
        let filled = which.iter().copied().chain(std::iter::repeat(which[0])).take(room);
        let chosen = pixels.chosen(filled);
        let shape = like.shape().with(0, room);
        let mut scores = rows(&self.scores.run(&[&chosen.shaped(shape)])?.tensor(0))?;
        scores.truncate(which.len());
        self.queries += which.len() as u64;
        Ok(scores)
    }

    /// The scores, and the gradient of Σ `weights` · scores with respect to each picture.
    pub(super) fn pull(
        &mut self,
        x: &Tensor,
        weights: &Tensor,
    ) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
        self.count(x);
        let out = self.pull.run(&[x, weights])?;
        Ok((rows(&out.tensor(0))?, out.tensor(1).try_to_vec::<f64>()?))
    }

    /// The scores, and the gradient of each picture's loss: of the cross-entropy, along which a goal lies, or, towards other classes, of the ratio of logits.
    pub(super) fn rise(
        &mut self,
        x: &Tensor,
        goal: &Goal,
        towards: Option<&[i64]>,
    ) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
        self.count(x);
        let classes = goal.tensor();
        let sign = Tensor::from(goal.sign()).cast(x.dtype());
        let out = match towards {
            None => self.rise.run(&[x, &classes, &sign])?,
            Some(to) => self.rise_ratio.run(&[x, &classes, &Tensor::from_slice(to, [to.len()])])?,
        };
        Ok((rows(&out.tensor(0))?, out.tensor(1).try_to_vec::<f64>()?))
    }

    /// A gradient of each picture was asked for.
    pub(super) fn count(&mut self, x: &Tensor) {
        self.gradients += pictures(x);
    }

    /// An attack begins: what was asked so far.
    pub(super) fn begin(&mut self) -> (u64, u64) {
        self.attacks += 1;
        (self.queries, self.gradients)
    }
    /// What was asked since.
    pub(super) fn since(&self, (queries, gradients): (u64, u64)) -> (u64, u64) {
        (self.queries - queries, self.gradients - gradients)
    }

    /// The random numbers of this attack for one of its uses.
    pub(super) fn draws(&self, stream: u32) -> Rng {
        let attack = self.attacks.wrapping_sub(1);
        Rng::from_counter(self.seed, [attack as u32, (attack >> 32) as u32, stream])
    }
}

fn pictures(x: &Tensor) -> u64 {
    x.shape().first().copied().unwrap_or(0) as u64
}

/// The rows of scores `[B, K]`, which must be finite.
pub(super) fn rows(scores: &Tensor) -> Result<Vec<Vec<f64>>> {
    let shape = scores.shape();
    let (true, &[_, classes]) = (shape.last().is_some_and(|&k| k > 1), &shape[..]) else {
        let what =
            format!("the network gives {shape}, expected scores of at least two classes, [B, K]");
        return Err(Error::shape("attack", what));
    };
    let all = scores.try_to_vec::<f64>()?;
    if let Some(at) = all.iter().position(|score| !score.is_finite()) {
        let what = format!(
            "the network gives picture {} a score of {}, expected finite scores",
            at / classes,
            all[at]
        );
        return Err(Error::value("attack", what));
    }
    Ok(all.chunks_exact(classes).map(<[f64]>::to_vec).collect())
}

/// The gradient of what is summed up over a batch, with respect to its pictures.
pub(super) fn slope(sum: &Tensor, x: &Tensor) -> Tensor {
    let found = gradients(sum, std::slice::from_ref(x)).map(|mut found| found.remove(0));
    match found {
        Ok(Some(slope)) => slope,
        Ok(None) => Tensor::refuse(Error::value(
            "attack",
            "the network's scores do not depend on the picture",
        )),
        Err(error) => {
            report(error);
            x.zeros_like()
        }
    }
}

fn pulled(subject: &Subject, args: &[Tensor]) -> Step {
    let scores = subject.scores(&args[0]);
    let slope = slope(&(&scores * &args[1]).sum(..), &args[0]);
    Step::new().read(&scores).read(&slope)
}

/// Scores and the slope of the cross-entropy: x, classes, sign.
fn risen(subject: &Subject, args: &[Tensor]) -> Step {
    let scores = subject.scores(&args[0]);
    let slope = slope(&cross_entropy(&scores, &args[1]).sum(..), &args[0]) * &args[2];
    Step::new().read(&scores).read(&slope)
}

/// Scores and the slope of the difference of logits' ratio: x, classes, the classes to go to.
fn risen_ratio(subject: &Subject, args: &[Tensor]) -> Step {
    let scores = subject.scores(&args[0]); // [B, K]
    let top = scores.top_k(4, 1).0; // [B, 4]
    let scale = top.select(1, 0) - (top.select(1, 2) + top.select(1, 3)) * 0.5 + TINY; // [B]
    let at = |classes: &Tensor| scores.gather(1, &classes.unsqueeze(1)).sum(1); // [B]
    let slope = slope(&((at(&args[2]) - at(&args[1])) / scale).sum(..), &args[0]);
    Step::new().read(&scores).read(&slope)
}

/// The gradient of the cross-entropy at some classes.
fn loss_slope(subject: &Subject, x: &Tensor, classes: &Tensor) -> Tensor {
    slope(&cross_entropy(&subject.scores(x), classes).sum(..), x)
}

/// A step along the gradient's signs, within a range for each pixel: x, least, most, classes, step.
fn climbed_linf(subject: &Subject, args: &[Tensor]) -> Step {
    let [x, low, high, classes, step] = args else { unreachable!("five arguments") };
    let moved = x + loss_slope(subject, x, classes).sign() * step;
    Step::new().read(&moved.maximum(low).minimum(high))
}

/// A step along the gradient, back into the ball and between 0 and 1: x, where it began, classes, step, ε.
fn climbed_l2(subject: &Subject, args: &[Tensor]) -> Step {
    let [x, x0, classes, step, epsilon] = args else { unreachable!("five arguments") };
    let norm = |d: &Tensor| d.square().sum(vec![1, 2, 3]).sqrt().keep(d, vec![1, 2, 3]);
    let slope = loss_slope(subject, x, classes);
    let change = x - x0 + &slope / norm(&slope).maximum(1e-12) * step;
    let held = &change * (epsilon / norm(&change).maximum(1e-12)).minimum(1.0);
    Step::new().read(&(x0 + held).clamp(0.0, 1.0))
}
