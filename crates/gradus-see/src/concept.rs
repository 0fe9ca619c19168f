//! Concepts: whether what people call striped, or brick, moves a class's score (TCAV).
//!
//! Pictures of a concept are set against random ones in what a layer gives; the direction between them, found by a linear classifier, is the concept's
//! activation vector. The share of a class's pictures whose score grows along it is the concept's score. Random pictures against random pictures have
//! scores, too: only where the concept's differ from those does it say something.

use crate::Subject;
use crate::features::{activations, slopes_at};
use crate::statistics::welch;
use gradus_base::{Error, Result};
use gradus_tensor::Tensor;

/// What a concept is to a class, at a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Tcav {
    /// The share of pictures whose score grows along the concept's direction, against each random set.
    pub scores: Vec<f64>,
    /// The same of random sets against each other.
    pub random: Vec<f64>,
    /// How well the linear classifiers tell held-out pictures of the concept from random ones, mean over sets: 0.5 is guessing.
    pub accuracy: f64,
    /// How probable scores so far from those of random sets are by chance, two-sided (Welch's t-test). The scores share the concept's pictures, so
    /// that it comes out too small for a concept that the layer does not know: see [`Tcav::is_known`].
    pub p: f64,
}

impl Tcav {
    /// The mean share of pictures whose score grows along the concept.
    pub fn score(&self) -> f64 {
        mean(&self.scores)
    }

    /// Whether the concept means something to the class: its pictures are told from random ones where they were not learned from (at least three of
    /// four), and its scores differ from those of random sets (p < 0.05).
    pub fn is_known(&self) -> bool {
        self.accuracy >= 0.75 && self.p < 0.05
    }

    /// The mean share along random directions.
    pub fn random_score(&self) -> f64 {
        mean(&self.random)
    }
}

/// How a concept's direction is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Directions {
    /// What the linear classifier's squares are held down by, beside the mean square of what the layer gives.
    pub ridge: f64,
}

impl Default for Directions {
    fn default() -> Directions {
        Directions { ridge: 0.01 }
    }
}

impl Directions {
    /// What a concept is to a class: a score and p for `concept` pictures, against each of at least two random sets, over pictures `x` of the class.
    ///
    /// **Shape** `concept [N, C, H, W]`, random sets alike, `x [B, C, H, W]`.
    ///
    /// # Errors
    /// When the layer or the class does not exist, there are fewer than two random sets, or a set holds fewer than three pictures.
    ///
    /// **Paper** Kim et al. 2018, arXiv:1711.11279 §3.
    pub fn of(
        &self,
        subject: &Subject,
        layer: &str,
        concept: &Tensor,
        random: &[Tensor],
        x: &Tensor,
        class: usize,
    ) -> Result<Tcav> {
        if random.len() < 2 {
            let what =
                format!("found {} random sets, expected at least 2, better 20", random.len());
            return Err(Error::value("tcav", what));
        }
        for set in [concept].into_iter().chain(random) {
            if set.rank() == 0 || set.size(0) < 3 {
                let what = format!("found a set {}, expected at least 3 pictures", set.shape());
                return Err(Error::value("tcav", what));
            }
        }
        let concept = activations(subject, concept, layer)?;
        let random = random.iter().map(|set| activations(subject, set, layer));
        let random = random.collect::<Result<Vec<_>>>()?;
        let slopes = slopes_at(subject, x, class, layer)?;
        let share = |direction: &[f64]| {
            let along = slopes.iter().filter(|slope| dot(slope, direction) > 0.0);
            along.count() as f64 / slopes.len() as f64
        };
        let found: Vec<(Vec<f64>, f64)> =
            random.iter().map(|set| self.direction(&concept, set)).collect();
        // Each random set against the next stands for a concept that is none.
        let none = (0..random.len())
            .map(|i| self.direction(&random[i], &random[(i + 1) % random.len()]).0);
        let scores: Vec<f64> = found.iter().map(|(direction, _)| share(direction)).collect();
        let random: Vec<f64> = none.map(|direction| share(&direction)).collect();
        let accuracy = mean(&found.iter().map(|found| found.1).collect::<Vec<_>>());
        let p = welch(&scores, &random);
        Ok(Tcav { scores, random, accuracy, p })
    }

    /// The direction from one set to the other, and how well it tells pictures apart that it was not found from, a third of each set.
    fn direction(&self, concept: &[Vec<f64>], random: &[Vec<f64>]) -> (Vec<f64>, f64) {
        let kept = |set: &[Vec<f64>]| set.len() - set.len() / 3;
        let (first, second) = (&concept[..kept(concept)], &random[..kept(random)]);
        let (direction, threshold) = self.classifier(first, second);
        let (tested, against) = (&concept[kept(concept)..], &random[kept(random)..]);
        let above = |x: &&Vec<f64>| dot(x, &direction) > threshold;
        let right =
            tested.iter().filter(above).count() + against.iter().filter(|x| !above(x)).count();
        let accuracy = right as f64 / (tested.len() + against.len()).max(1) as f64;
        (direction, accuracy)
    }

    /// A linear classifier by ridge regression on ±1, in its dual form: there are fewer pictures than numbers. Gives the direction and the threshold.
    fn classifier(&self, first: &[Vec<f64>], second: &[Vec<f64>]) -> (Vec<f64>, f64) {
        let rows: Vec<&Vec<f64>> = first.iter().chain(second).collect();
        let (n, width) = (rows.len(), rows[0].len());
        let mut middle = vec![0.0; width];
        for row in &rows {
            middle.iter_mut().zip(*row).for_each(|(m, x)| *m += x / n as f64);
        }
        let centred: Vec<Vec<f64>> =
            rows.iter().map(|row| row.iter().zip(&middle).map(|(x, m)| x - m).collect()).collect();
        let target = |i: usize| if i < first.len() { 1.0 } else { -1.0 };
        let bias = (0..n).map(target).sum::<f64>() / n as f64;
        let mut products: Vec<Vec<f64>> =
            centred.iter().map(|a| centred.iter().map(|b| dot(a, b)).collect()).collect();
        let size = (0..n).map(|i| products[i][i]).sum::<f64>() / n as f64;
        for (i, row) in products.iter_mut().enumerate() {
            row[i] += (self.ridge * size).max(f64::MIN_POSITIVE) * n as f64;
        }
        let weights = solved(products, (0..n).map(|i| target(i) - bias).collect());
        let mut direction = vec![0.0; width];
        for (row, weight) in centred.iter().zip(weights) {
            direction.iter_mut().zip(row).for_each(|(d, x)| *d += weight * x);
        }
        let threshold = dot(&direction, &middle) - bias;
        (direction, threshold)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A x = b for a symmetric positive A, by elimination.
fn solved(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let (above, below) = a.split_at_mut(k + 1);
        let pivot = &above[k];
        for (i, row) in below.iter_mut().enumerate() {
            let factor = row[k] / pivot[k];
            for j in k..n {
                row[j] -= factor * pivot[j];
            }
            b[k + 1 + i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let sum: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - sum) / a[k][k];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn::{Init, Sequential, layers::*};

    /// A network that adds up the left half for class 1 and against class 0.
    fn subject() -> Subject {
        let model = Sequential::new([1, 4, 4], &Init::new(0)).add(flatten()).add(dense(2));
        let parameters = gradus_nn::parameters(&model);
        let weights: Vec<f32> =
            (0..16).flat_map(|i| if i % 4 < 2 { [-1.0, 1.0] } else { [0.0, 0.0] }).collect();
        parameters[0].1.variable().set(&Tensor::from_slice(&weights, [16, 2])).unwrap();
        Subject::new(model.into())
    }

    /// Pictures of noise, brighter on the left.
    fn set(seed: u64, left: f64) -> Tensor {
        let side: Vec<f64> = (0..16).map(|i| if i % 4 < 2 { left } else { 0.0 }).collect();
        Tensor::rand([30, 1, 4, 4], seed)
            + Tensor::from_slice(&side, [1, 1, 4, 4]).cast(gradus_tensor::DType::F32)
    }

    #[test]
    fn a_concept_that_moves_a_class_is_told_from_one_that_does_not() {
        let random: Vec<Tensor> = (0..20).map(|seed| set(seed, 0.0)).collect();
        let x = set(99, 0.0);
        let of = |concept: &Tensor, class| {
            Directions::default().of(&subject(), "flatten1", concept, &random, &x, class).unwrap()
        };
        let left = of(&set(100, 1.0), 1);
        assert!(
            left.score() > 0.99 && left.accuracy > 0.95 && left.p < 1e-3 && left.is_known(),
            "{left:?}"
        );
        assert!(of(&set(100, 1.0), 0).score() < 0.01);
        let nothing = of(&set(200, 0.0), 1);
        assert!(!nothing.is_known(), "{nothing:?}");
    }

    #[test]
    fn sets_that_tell_nothing_are_refused() {
        let of = |random: &[Tensor], concept: &Tensor, layer| {
            let found =
                Directions::default().of(&subject(), layer, concept, random, &set(9, 0.0), 1);
            found.unwrap_err().to_string()
        };
        let sets = [set(0, 0.0), set(1, 0.0)];
        assert!(of(&sets[..1], &sets[0], "flatten1").starts_with("tcav: found 1 random sets"));
        let two = set(2, 0.0).slice(0, ..2);
        assert!(of(&sets, &two, "flatten1").starts_with("tcav: found a set [2, 1, 4, 4]"));
        assert!(of(&sets, &sets[0], "conv1").contains("the nearest of 2 are"));
    }
}
