//! DeepFool: the nearest boundary of the network taken for straight, again and again.

use super::outcome::Begun;
use super::pgd::at_least_one;
use super::{Attack, Fooled, Goal, Victim};
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// Goes to the nearest boundary between classes as if the scores were linear, and repeats that from there. Small distances in L2, few steps.
///
/// **Paper** Moosavi-Dezfooli, Fawzi, Frossard 2015, arXiv:1511.04599.
#[derive(Clone, Debug, PartialEq)]
pub struct DeepFool {
    /// How many steps at most.
    pub steps: usize,
    /// How many classes are looked at: those of the greatest scores, the first of which is left.
    pub candidates: usize,
    /// The share that is gone beyond the boundary.
    pub overshoot: f64,
}

impl Default for DeepFool {
    /// 50 steps, 10 classes, 2 % beyond.
    fn default() -> DeepFool {
        DeepFool { steps: 50, candidates: 10, overshoot: 0.02 }
    }
}

/// A way to a boundary: its length, and the gradient along which it goes.
type Way = (f64, Vec<f64>);

impl DeepFool {
    fn check(&self, goal: &Goal) -> Result<()> {
        at_least_one("steps", self.steps)?;
        if self.candidates < 2 {
            let what = format!("found {}, expected at least 2 classes", self.candidates);
            return Err(Error::value("candidates", what));
        }
        if !(self.overshoot >= 0.0 && self.overshoot.is_finite()) {
            let what = format!("found {}, expected a share of 0 or more", self.overshoot);
            return Err(Error::value("overshoot", what));
        }
        match goal {
            Goal::Away(_) => Ok(()),
            Goal::Towards(_) => {
                let what = "found a class to go to, expected one to leave: it goes to whichever is nearest";
                Err(Error::value("deepfool", what))
            }
        }
    }
}

impl Attack for DeepFool {
    fn name(&self) -> &'static str {
        "deepfool"
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        self.check(goal)?;
        let begun = Begun::new(victim, x, goal)?;
        let order: Vec<Vec<usize>> = begun.scores.iter().map(|scores| by_score(scores)).collect();
        let candidates = self.candidates.min(order[0].len());
        let mut now = begun.pixels.clone();
        let mut gone = vec![0.0; now.all.len()];
        let mut reached = begun.reached.clone();
        for _ in 0..self.steps {
            if reached.iter().all(|reached| *reached) {
                break;
            }
            let mut nearest: Vec<Way> = vec![(f64::INFINITY, vec![]); now.len()];
            let picture = now.tensor(x);
            for k in 1..candidates {
                let (scores, slopes) = victim.pull(&picture, &towards(&order, k, x))?;
                for (i, slope) in slopes.chunks_exact(now.each).enumerate() {
                    let (from, to) = (order[i][0], order[i][k]);
                    reached[i] |= goal.is_reached(i, super::outcome::largest(&scores[i]));
                    let norm = slope.iter().map(|s| s * s).sum::<f64>().sqrt();
                    let far = (scores[i][to] - scores[i][from]).abs() / (norm + 1e-8);
                    if far < nearest[i].0 {
                        nearest[i] = (far, slope.to_vec());
                    }
                }
            }
            for (i, (far, slope)) in nearest.iter().enumerate().filter(|(i, _)| !reached[*i]) {
                let gone = &mut gone[i * now.each..][..now.each];
                step(gone, *far, slope);
                let moved = begun.pixels.row(i).iter().zip(&*gone).map(|(x, gone)| {
                    begun.pixels.rounded((x + (1.0 + self.overshoot) * gone).clamp(0.0, 1.0))
                });
                now.row_mut(i).copy_from_slice(&moved.collect::<Vec<_>>());
            }
        }
        begun.end(victim, now)
    }
}

/// Adds a way of this length along a gradient, and a little, by which rounding is outdone.
fn step(gone: &mut [f64], far: f64, slope: &[f64]) {
    let norm = slope.iter().map(|s| s * s).sum::<f64>().sqrt();
    let length = (far + 1e-4) / (norm + 1e-8);
    gone.iter_mut().zip(slope).for_each(|(gone, slope)| *gone += length * slope);
}

/// The classes, those of the greatest scores first.
fn by_score(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

/// Weights by which the k-th class's score counts for and the first one's against, `[B, K]`.
fn towards(order: &[Vec<usize>], k: usize, x: &Tensor) -> Tensor {
    let classes = order[0].len();
    let mut weights = vec![0.0; order.len() * classes];
    for (i, order) in order.iter().enumerate() {
        weights[i * classes + order[k]] = 1.0;
        weights[i * classes + order[0]] = -1.0;
    }
    Tensor::from_slice(&weights, [order.len(), classes]).cast(x.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subject;
    use gradus_nn::{Init, Sequential, layers::*};

    #[test]
    fn a_linear_network_is_left_by_the_shortest_way() {
        let model = Sequential::new([1, 2, 2], &Init::new(3)).add(flatten()).add(dense(3));
        let weights = gradus_nn::parameters(&model)[0].1.variable().value().to_vec::<f64>(); // [4, 3]
        let mut victim = Victim::new(Subject::new(model.into()));
        let x = Tensor::from_slice(&[0.5f32, 0.4, 0.6, 0.5], [1, 1, 2, 2]);
        let scores = victim.rows(&x).unwrap().remove(0);
        let best = by_score(&scores)[0];
        let far = (0..3).filter(|k| *k != best).map(|k| {
            let w: f64 = (0..4).map(|i| (weights[i * 3 + k] - weights[i * 3 + best]).powi(2)).sum();
            (scores[best] - scores[k]) / w.sqrt()
        });
        let far = far.fold(f64::INFINITY, f64::min);
        let fooled =
            DeepFool::default().run(&mut victim, &x, &Goal::Away(vec![best as i64])).unwrap();
        let found = fooled.l2[0];
        assert!(
            fooled.fooled[0] && (found / (1.02 * (far + 1e-4)) - 1.0).abs() < 1e-4,
            "{found} for {far}"
        );
        assert_eq!((fooled.queries, fooled.gradients), (2, 4), "one step, then a look");
    }
}
