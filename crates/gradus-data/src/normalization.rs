//! Zero mean and unit variance, channel by channel.

use crate::dataset::Dataset;
use crate::error::{DataError, Result};

/// `(x - mean) / std` for each channel (the first axis of a sample).
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Normalization {
    /// One mean and one positive standard deviation per channel, for pixels in `0..=1`.
    pub fn new(mean: &[f32], std: &[f32]) -> Result<Normalization> {
        let fits = mean.len() == std.len()
            && mean.iter().all(|m| m.is_finite())
            && std.iter().all(|s| s.is_finite() && *s > 0.0);
        if !fits {
            return Err(DataError::invalid(
                "normalization",
                format!("mean {mean:?}, std {std:?}"),
                "as many finite means as positive finite standard deviations",
            ));
        }
        Ok(Normalization { mean: mean.to_vec(), std: std.to_vec() })
    }

    /// Measures `dataset`, in f64 and in the order of its samples, so the result has the same bits everywhere.
    /// A constant channel gets standard deviation 1.
    pub fn of(dataset: &dyn Dataset) -> Result<Normalization> {
        let shape = dataset.shape();
        let channels = shape.first().copied().unwrap_or(1);
        let item: usize = shape.iter().product();
        let area = item.checked_div(channels).unwrap_or(0);
        let mut sample = vec![0.0; item];
        let mut sums = vec![(0.0f64, 0.0f64); channels];
        for index in 0..dataset.len() {
            dataset.read(index, &mut sample)?;
            for (plane, (sum, squares)) in sample.chunks_exact(area.max(1)).zip(&mut sums) {
                let (s, q) = plane.iter().fold((0.0, 0.0), |(s, q), &x| {
                    let x = x as f64;
                    (s + x, q + x * x)
                });
                *sum += s;
                *squares += q;
            }
        }
        let count = ((dataset.len() * area) as f64).max(1.0);
        let mean = |sum: f64| sum / count;
        let std = |sum: f64, squares: f64| (squares / count - mean(sum).powi(2)).max(0.0).sqrt();
        Ok(Normalization {
            mean: sums.iter().map(|&(sum, _)| mean(sum) as f32).collect(),
            std: sums
                .iter()
                .map(|&(sum, squares)| std(sum, squares) as f32)
                .map(|s| if s > 1e-6 { s } else { 1.0 })
                .collect(),
        })
    }

    /// The means.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The standard deviations.
    pub fn std(&self) -> &[f32] {
        &self.std
    }

    /// Refuses a sample shape whose first axis has another size than this normalisation has channels.
    pub fn check(&self, shape: &[usize]) -> Result<()> {
        if shape.first() == Some(&self.mean.len()) {
            return Ok(());
        }
        Err(DataError::invalid(
            "normalization",
            format!("{} channels", self.mean.len()),
            format!("as many as the first axis of a sample of shape {shape:?}"),
        ))
    }

    /// Normalises one sample in place.
    pub fn apply(&self, sample: &mut [f32]) {
        let area = sample.len() / self.mean.len().max(1);
        if area == 0 {
            return;
        }
        for (plane, (&mean, &std)) in
            sample.chunks_exact_mut(area).zip(self.mean.iter().zip(&self.std))
        {
            let scale = 1.0 / std;
            for x in plane {
                *x = (*x - mean) * scale;
            }
        }
    }
}
