//! Logistic regression over sets of features: what a network must beat.
//!
//! Σ ln(1 + …)/n + ‖w‖²/(2·C·n), over all classes at once (softmax), by L-BFGS (Liu and Nocedal 1989) in f64; biases are not drawn to 0.

/// Samples as the features that each has, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bags {
    features: Vec<u32>,
    ends: Vec<usize>,
    /// How many features there are.
    width: usize,
}

impl Bags {
    /// Of the features of each sample, of which there are so many.
    pub(crate) fn new(samples: impl IntoIterator<Item = Vec<u32>>, width: usize) -> Bags {
        let mut bags = Bags { width, ..Bags::default() };
        for mut sample in samples {
            sample.sort_unstable();
            sample.dedup();
            bags.features.extend(sample);
            bags.ends.push(bags.features.len());
        }
        bags
    }

    fn of(&self, sample: usize) -> &[u32] {
        let start = sample.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.features[start..self.ends[sample]]
    }
}

/// Steps at most, and how many of the last ones are kept in mind.
const STEPS: usize = 100;
const MEMORY: usize = 8;
/// The gradient is this small a part of the first when the minimum is reached.
const TOLERANCE: f64 = 1e-4;

/// Weights of features for classes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogisticRegression {
    classes: usize,
    /// Rows of features, then one of biases, each of so many numbers as there are classes.
    weights: Vec<f64>,
}

impl LogisticRegression {
    /// Learned from these samples, with the strength C of what is seen against small weights.
    pub(crate) fn fit(
        bags: &Bags,
        samples: &[usize],
        labels: &[i64],
        classes: usize,
        strength: f64,
    ) -> LogisticRegression {
        let start = vec![0.0; (bags.width + 1) * classes];
        let weights = minimize(start, |at, gradient| {
            loss(bags, samples, labels, classes, strength, at, gradient)
        });
        LogisticRegression { classes, weights }
    }

    /// The class of a sample.
    pub(crate) fn predict(&self, bags: &Bags, sample: usize) -> i64 {
        let scores = scores(bags.of(sample), &self.weights, self.classes);
        // Of equals the first.
        (0..self.classes).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0) as i64
    }

    /// The share of samples that it takes for what they are.
    pub(crate) fn accuracy(&self, bags: &Bags, samples: &[usize], labels: &[i64]) -> f64 {
        crate::labelled::share(samples, |at| self.predict(bags, at) == labels[at])
    }
}

fn scores(features: &[u32], weights: &[f64], classes: usize) -> Vec<f64> {
    let mut scores = weights[weights.len() - classes..].to_vec();
    for &feature in features {
        let row = &weights[feature as usize * classes..][..classes];
        scores.iter_mut().zip(row).for_each(|(score, w)| *score += w);
    }
    scores
}

/// The loss at some weights, and its gradient.
fn loss(
    bags: &Bags,
    samples: &[usize],
    labels: &[i64],
    classes: usize,
    strength: f64,
    weights: &[f64],
    gradient: &mut [f64],
) -> f64 {
    let n = samples.len().max(1) as f64;
    let bias = weights.len() - classes;
    let decay = 1.0 / (strength * n);
    gradient[..bias].iter_mut().zip(weights).for_each(|(d, w)| *d = decay * w);
    gradient[bias..].fill(0.0);
    let mut sum = 0.5 * decay * dot(&weights[..bias], &weights[..bias]);
    for &sample in samples {
        let features = bags.of(sample);
        let mut slopes = scores(features, weights, classes);
        let most = slopes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let all: f64 = slopes.iter().map(|s| (s - most).exp()).sum();
        let label = labels[sample] as usize;
        sum += (all.ln() + most - slopes[label]) / n;
        for (class, slope) in slopes.iter_mut().enumerate() {
            let hit = if class == label { 1.0 } else { 0.0 };
            *slope = ((*slope - most).exp() / all - hit) / n;
        }
        for at in features.iter().map(|&f| f as usize * classes).chain([bias]) {
            gradient[at..at + classes].iter_mut().zip(&slopes).for_each(|(d, s)| *d += s);
        }
    }
    sum
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Where a smooth convex function is least; it gives its value and writes its gradient.
fn minimize(mut x: Vec<f64>, mut function: impl FnMut(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    let mut value = function(&x, &mut gradient);
    let first = dot(&gradient, &gradient).sqrt();
    let mut last: Vec<(Vec<f64>, Vec<f64>)> = vec![];
    let (mut next, mut slope) = (x.clone(), gradient.clone());
    for _ in 0..STEPS {
        if dot(&gradient, &gradient).sqrt() <= TOLERANCE * first {
            break;
        }
        let direction = direction(&gradient, &last);
        let descent = dot(&direction, &gradient);
        let mut rate = if last.is_empty() { 1.0 / first.max(1e-12) } else { 1.0 };
        // Halved until the value falls enough (Armijo); where rounding forbids even that, this is the minimum.
        let found = loop {
            for ((next, x), d) in next.iter_mut().zip(&x).zip(&direction) {
                *next = x + rate * d;
            }
            let found = function(&next, &mut slope);
            if found <= value + 1e-4 * rate * descent {
                break Some(found);
            }
            rate /= 2.0;
            if rate < 1e-12 {
                break None;
            }
        };
        let Some(found) = found else { break };
        let moved: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let turned: Vec<f64> = slope.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        if dot(&moved, &turned) > 0.0 {
            last.push((moved, turned));
            if last.len() > MEMORY {
                last.remove(0);
            }
        }
        std::mem::swap(&mut x, &mut next);
        std::mem::swap(&mut gradient, &mut slope);
        value = found;
    }
    x
}

/// Down the gradient, as the last steps saw it turn.
fn direction(gradient: &[f64], last: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|d| -d).collect();
    let mut shares = vec![];
    let add = |to: &mut [f64], from: &[f64], share: f64| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to += share * from);
    };
    for (moved, turned) in last.iter().rev() {
        let share = dot(moved, &direction) / dot(moved, turned);
        add(&mut direction, turned, -share);
        shares.push(share);
    }
    if let Some((moved, turned)) = last.last() {
        let scale = dot(moved, turned) / dot(turned, turned);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((moved, turned), share) in last.iter().zip(shares.into_iter().rev()) {
        let back = dot(turned, &direction) / dot(moved, turned);
        add(&mut direction, moved, share - back);
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two features, of which the first tells the classes apart in three of four cases: the minimum has a closed form.
    #[test]
    fn the_minimum_is_found() {
        let bags = Bags::new([vec![0], vec![0, 0], vec![0], vec![0], vec![], vec![]], 1);
        let labels = [1, 1, 1, 0, 0, 1];
        let samples = [0, 1, 2, 3, 4, 5];
        let weak = LogisticRegression::fit(&bags, &samples, &labels, 2, 1e9);
        // Without a bound the probabilities are the frequencies: 3/4 with the feature, 1/2 without.
        let w = &weak.weights;
        assert!((w[1] - w[0] - 3f64.ln()).abs() < 1e-3, "{w:?}");
        assert!((w[3] - w[2]).abs() < 1e-3, "{w:?}");
        let strong = LogisticRegression::fit(&bags, &samples, &labels, 2, 1e-6);
        assert!(strong.weights[..2].iter().all(|w| w.abs() < 1e-3));
        assert!(
            (strong.weights[3] - strong.weights[2] - 2f64.ln()).abs() < 1e-2,
            "4 of 6 are of class 1"
        );
        assert_eq!(weak.accuracy(&bags, &samples[..4], &labels), 0.75);
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let bags = Bags::new([vec![0, 2], vec![1], vec![1, 2], vec![0]], 3);
        let (labels, samples) = ([0, 1, 2, 1], [0, 1, 2, 3]);
        let weights: Vec<f64> = (0..12).map(|i| f64::from(i * 7 % 5) / 4.0 - 0.4).collect();
        let mut gradient = vec![0.0; 12];
        loss(&bags, &samples, &labels, 3, 0.5, &weights, &mut gradient);
        for at in 0..12 {
            let moved = |by: f64| {
                let mut weights = weights.clone();
                weights[at] += by;
                loss(&bags, &samples, &labels, 3, 0.5, &weights, &mut [0.0; 12])
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((numeric - gradient[at]).abs() < 1e-8, "{at}: {numeric} {}", gradient[at]);
        }
    }
}
