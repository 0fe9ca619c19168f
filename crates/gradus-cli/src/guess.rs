//! What guessing costs: the loss of who knows the training data's classes or numbers, but nothing of a sample.

use crate::aim::Aim;
use crate::error::Result;
use crate::experiment::{Experiment, counts};
use crate::settings::Settings;
use gradus::Tensor;
use gradus::data::{Dataset, labels_of, target_of};
use gradus::nn::losses::Target;

/// What guessing costs.
pub struct Guess {
    /// Its mean loss.
    pub loss: f64,
    /// How it is guessed: `by how frequent the classes are`.
    pub how: &'static str,
    /// The accuracy of always saying the most frequent class; none of numbers.
    pub accuracy: Option<f64>,
}

impl Guess {
    /// Of the data that an experiment trains on: cross-entropy of classes by their frequencies there, −Σ p ln p (of 50, 50 and 20 rows
    /// 1.03); of numbers the loss of always saying their mean, of yes and no that of saying how often it is yes.
    pub fn of(e: &Experiment, settings: &Settings) -> Result<Guess> {
        let (aim, train) = (e.description.aim(), &**e.train.dataset());
        if !aim.is_of_classes() {
            return numbers(aim, train);
        }
        let (counts, n) = (counts(train), train.len());
        let most = counts.iter().copied().max().unwrap_or(0);
        let accuracy = Some(most as f64 / n.max(1) as f64);
        let (loss, how) = match (&*aim.loss, settings.training.class_weights) {
            ("cross_entropy", None) => (entropy(&counts), "by how frequent the classes are"),
            // With weights all classes count alike.
            ("cross_entropy", Some(_)) => ((counts.len() as f64).ln(), "all classes alike"),
            _ => {
                let scores = Tensor::zeros([n, counts.len()]);
                let labels = Tensor::from_slice(&labels_of(train), [n]);
                (mean_loss(aim, &scores, &labels), "all classes alike")
            }
        };
        Ok(Guess { loss, how, accuracy })
    }
}

/// −Σ p ln p of so many samples of each class.
fn entropy(counts: &[usize]) -> f64 {
    let all = counts.iter().sum::<usize>() as f64;
    let shares = counts.iter().filter(|&&n| n > 0).map(|&n| n as f64 / all);
    shares.map(|p| -p * p.ln()).sum()
}

/// Of numbers, as the network learns them.
fn numbers(aim: &Aim, train: &dyn Dataset) -> Result<Guess> {
    let (n, k) = (train.len(), aim.targets.len());
    let mut rows: Vec<f64> = (0..n).flat_map(|index| target_of(train, index)).collect();
    if let Some(scale) = aim.scale()? {
        for row in rows.chunks_mut(k) {
            let mut normal = vec![0.0; k];
            scale.apply_row(row, &mut normal);
            row.iter_mut().zip(normal).for_each(|(to, from)| *to = f64::from(from));
        }
    }
    let mean = |at: usize| rows.iter().skip(at).step_by(k).sum::<f64>() / n as f64;
    let (say, how): (fn(f64) -> f64, _) = match aim.target() {
        // The logit of how often it is yes.
        Target::YesNo => (
            |p| (p.clamp(1e-6, 1.0 - 1e-6)).ln() - (1.0 - p).max(1e-6).ln(),
            "by how often it is yes",
        ),
        Target::Sides => (f64::signum, "the side that is more frequent"),
        _ => (|mean| mean, "the mean"),
    };
    let said: Vec<f32> = (0..k).map(|at| say(mean(at)) as f32).collect();
    let truth: Vec<f32> = rows.iter().map(|&y| y as f32).collect();
    let (said, truth) = (said.repeat(n), Tensor::from_slice(&truth, [n, k]));
    let loss = mean_loss(aim, &Tensor::from_slice(&said, [n, k]), &truth);
    Ok(Guess { loss, how, accuracy: None })
}

/// The mean loss of outputs.
fn mean_loss(aim: &Aim, y: &Tensor, t: &Tensor) -> f64 {
    aim.loss().of(y, t).sum(..).item() / t.size(0) as f64
}

#[cfg(test)]
mod tests {
    use super::entropy;

    #[test]
    fn what_guessing_costs() {
        assert!((entropy(&[50, 50, 50]) - 3f64.ln()).abs() < 1e-12);
        assert!((entropy(&[50, 50, 20]) - 1.0282).abs() < 1e-4);
        assert_eq!(entropy(&[7, 0]), 0.0);
    }
}
