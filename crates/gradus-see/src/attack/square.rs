//! The square attack: random squares that make scores worse, without a gradient.

use super::outcome::Begun;
use super::pgd::{at_least_one, positive};
use super::pixels::Pixels;
use super::{Attack, Fooled, Goal, Victim};
use gradus_base::philox::Rng;
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// Squares of ±ε at random places, smaller and smaller, each kept if the scores come nearer to the goal. It asks for scores only, so no gradient that is
/// masked can stop it.
///
/// **Paper** Andriushchenko, Croce, Flammarion, Hein 2019, arXiv:1912.00049.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    /// The bound in L∞.
    pub epsilon: f64,
    /// How many squares are tried at most.
    pub steps: usize,
    /// The share of the pixels that the first square covers.
    pub share: f64,
}

impl Square {
    /// 1,000 squares, the first of four fifths of the picture.
    pub fn within(epsilon: f64) -> Square {
        Square { epsilon, steps: 1_000, share: 0.8 }
    }

    fn check(&self) -> Result<()> {
        positive("epsilon", self.epsilon)?;
        at_least_one("steps", self.steps)?;
        match self.share > 0.0 && self.share <= 1.0 {
            true => Ok(()),
            false => Err(Error::value(
                "share",
                format!("found {}, expected one above 0 and up to 1", self.share),
            )),
        }
    }

    /// The side of a square at a step.
    fn side(&self, step: usize, height: usize, width: usize) -> usize {
        let at = (step as f64 * 10_000.0 / self.steps as f64) as usize;
        let halvings = HALVED.iter().filter(|&&mark| at > mark).count();
        let covered = self.share / 2f64.powi(halvings as i32) * (height * width) as f64;
        (covered.sqrt().round() as usize).clamp(1, height.min(width))
    }
}

/// After so many of 10,000 steps squares become half as large.
const HALVED: [usize; 8] = [10, 50, 200, 500, 1_000, 2_000, 4_000, 6_000];

impl Attack for Square {
    fn name(&self) -> &'static str {
        "square"
    }
    fn run(&self, victim: &mut Victim, x: &Tensor, goal: &Goal) -> Result<Fooled> {
        self.check()?;
        let begun = Begun::new(victim, x, goal)?;
        let (low, high) = begun.pixels.range(self.epsilon);
        let range = Range { low, high, shape: [x.size(1), x.size(2), x.size(3)] };
        let mut rng = victim.draws(1);
        let mut best = begun.pixels.clone();
        let mut margins = vec![f64::INFINITY; best.len()];
        let mut left: Vec<usize> = (0..best.len()).filter(|&i| !begun.reached[i]).collect();
        for step in 0..=self.steps {
            if left.is_empty() {
                break;
            }
            let mut tried = best.clone();
            for &i in &left {
                match step {
                    0 => range.stripes(&mut tried, i, &mut rng),
                    step => range.square(
                        &mut tried,
                        i,
                        self.side(step - 1, x.size(2), x.size(3)),
                        &mut rng,
                    ),
                }
            }
            let scores = victim.rows_of(&tried, &left, x)?;
            for (&i, scores) in left.iter().zip(&scores) {
                let margin = goal.margin(i, scores);
                if margin < margins[i] {
                    margins[i] = margin;
                    best.row_mut(i).copy_from_slice(tried.row(i));
                }
            }
            left.retain(|&i| margins[i] >= 0.0);
        }
        begun.end(victim, best)
    }
}

/// What pixels may become.
struct Range {
    low: Pixels,
    high: Pixels,
    shape: [usize; 3],
}

impl Range {
    /// The least or the greatest value of a pixel, by a draw.
    fn end(&self, i: usize, at: usize, up: bool) -> f64 {
        if up { self.high.row(i)[at] } else { self.low.row(i)[at] }
    }

    /// Upright stripes, in each channel of their own.
    fn stripes(&self, pixels: &mut Pixels, i: usize, rng: &mut Rng) {
        let [channels, height, width] = self.shape;
        for c in 0..channels {
            for x in 0..width {
                let up = rng.below(2) == 1;
                for y in 0..height {
                    let at = (c * height + y) * width + x;
                    pixels.row_mut(i)[at] = self.end(i, at, up);
                }
            }
        }
    }

    /// A square, in each channel up or down.
    fn square(&self, pixels: &mut Pixels, i: usize, side: usize, rng: &mut Rng) {
        let [channels, height, width] = self.shape;
        let (top, left) = (rng.below(height - side + 1), rng.below(width - side + 1));
        for c in 0..channels {
            let up = rng.below(2) == 1;
            for y in top..top + side {
                for x in left..left + side {
                    let at = (c * height + y) * width + x;
                    pixels.row_mut(i)[at] = self.end(i, at, up);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Square;

    #[test]
    fn squares_become_smaller() {
        let square = Square { steps: 10_000, ..Square::within(0.1) };
        let sides = [0, 11, 51, 501, 9_999].map(|step| square.side(step, 28, 28));
        assert_eq!(sides, [25, 18, 13, 6, 2], "√(.8 · 784), halved in area after each mark");
        assert_eq!(square.side(9_999, 2, 2), 1);
    }
}
