//! What counts as fooled, and what an attack gave.

use super::Victim;
use super::pixels::{Pixels, l2, linf};
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// What counts as fooled, for each picture of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// To be taken for anything but this class, which is the true one.
    Away(Vec<i64>),
    /// To be taken for this class.
    Towards(Vec<i64>),
}

impl Goal {
    /// The classes that it names, a class for each picture.
    pub fn classes(&self) -> &[i64] {
        match self {
            Goal::Away(classes) | Goal::Towards(classes) => classes,
        }
    }

    /// Whether a picture that is taken for `class` reaches it.
    pub fn is_reached(&self, i: usize, class: usize) -> bool {
        match self {
            Goal::Away(classes) => classes[i] != class as i64,
            Goal::Towards(classes) => classes[i] == class as i64,
        }
    }

    /// +1 where the loss at its classes is to grow, −1 where it is to shrink.
    pub(super) fn sign(&self) -> f64 {
        if matches!(self, Goal::Away(_)) { 1.0 } else { -1.0 }
    }

    /// How far scores of a picture are from it: the margin by which the wrong class is ahead. Below 0 it is reached.
    pub(super) fn margin(&self, i: usize, scores: &[f64]) -> f64 {
        let class = self.classes()[i] as usize;
        let others = scores.iter().enumerate().filter(|(k, _)| *k != class);
        let best = others.map(|(_, &score)| score).fold(f64::NEG_INFINITY, f64::max);
        self.sign() * (scores[class] - best)
    }

    /// Its classes as a tensor `[B]`.
    pub(super) fn tensor(&self) -> Tensor {
        let classes = self.classes();
        Tensor::from_slice(classes, [classes.len()])
    }

    /// Refuses one that does not suit a batch and its scores.
    pub(super) fn check(&self, pictures: usize, scores: usize) -> Result<()> {
        let classes = self.classes();
        if classes.len() != pictures {
            let what = format!(
                "found {} classes for {pictures} pictures, expected one for each",
                classes.len()
            );
            return Err(Error::shape("goal", what));
        }
        match classes.iter().find(|class| !(0..scores as i64).contains(*class)) {
            None => Ok(()),
            Some(bad) => {
                let what = format!(
                    "found class {bad}, expected 0 to {}: the network gives {scores} scores",
                    scores - 1
                );
                Err(Error::value("goal", what))
            }
        }
    }
}

/// What an attack gave.
#[derive(Clone, Debug)]
pub struct Fooled {
    /// The pictures, `[B, C, H, W]`, of the type that they came in.
    pub pictures: Tensor,
    /// The scores of the classes that the network gives them, row by row: `B` rows.
    pub scores: Vec<Vec<f64>>,
    /// Which of them reach the goal.
    pub fooled: Vec<bool>,
    /// The largest change of a pixel, for each.
    pub linf: Vec<f64>,
    /// √Σ of the squared changes, for each.
    pub l2: Vec<f64>,
    /// Of a sequence of attacks which felled how many, those not counted that needed nothing; of a single attack none.
    pub felled: Vec<(&'static str, usize)>,
    /// Pictures that the network was shown forwards, those within `gradients` not counted.
    pub queries: u64,
    /// Pictures of which it was asked a gradient.
    pub gradients: u64,
}

impl Fooled {
    /// The class that a picture is taken for now.
    pub fn class(&self, i: usize) -> usize {
        largest(&self.scores[i])
    }
    /// How probable the network takes that for: softmax of its scores.
    pub fn confidence(&self, i: usize) -> f64 {
        let row = &self.scores[i];
        let top = row[largest(row)];
        1.0 / row.iter().map(|score| (score - top).exp()).sum::<f64>()
    }
}

/// The largest, the first of equals.
pub(super) fn largest(scores: &[f64]) -> usize {
    (1..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
}

/// A batch under attack: what it was, and which pictures need nothing done.
pub(super) struct Begun<'a> {
    pub(super) x: &'a Tensor,
    pub(super) goal: &'a Goal,
    pub(super) pixels: Pixels,
    /// The scores of each picture as it was.
    pub(super) scores: Vec<Vec<f64>>,
    /// Those that reach the goal as they are.
    pub(super) reached: Vec<bool>,
    counted: (u64, u64),
}

impl<'a> Begun<'a> {
    /// Looks at a batch before anything is done to it.
    pub(super) fn new(victim: &mut Victim, x: &'a Tensor, goal: &'a Goal) -> Result<Begun<'a>> {
        let counted = victim.begin();
        let pixels = Pixels::of(x)?;
        let scores = victim.rows(x)?;
        goal.check(pixels.len(), scores[0].len())?;
        let reached = (0..scores.len()).map(|i| goal.is_reached(i, largest(&scores[i]))).collect();
        Ok(Begun { x, goal, pixels, scores, reached, counted })
    }

    /// Whether there is nothing to do.
    pub(super) fn is_done(&self) -> bool {
        self.reached.iter().all(|reached| *reached)
    }

    /// What came of it. Pictures that needed nothing are as they were.
    pub(super) fn end(self, victim: &mut Victim, mut pixels: Pixels) -> Result<Fooled> {
        for i in (0..pixels.len()).filter(|&i| self.reached[i]) {
            pixels.row_mut(i).copy_from_slice(self.pixels.row(i));
        }
        let pictures = pixels.tensor(self.x);
        let scores = victim.rows(&pictures)?;
        let each = || 0..pixels.len();
        let (queries, gradients) = victim.since(self.counted);
        Ok(Fooled {
            fooled: each().map(|i| self.goal.is_reached(i, largest(&scores[i]))).collect(),
            linf: each().map(|i| linf(pixels.row(i), self.pixels.row(i))).collect(),
            l2: each().map(|i| l2(pixels.row(i), self.pixels.row(i))).collect(),
            felled: vec![],
            pictures,
            scores,
            queries,
            gradients,
        })
    }
}
