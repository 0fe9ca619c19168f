//! What a run learns from: the embedded digits, or points in the plane, in an order drawn from the seed.

use super::messages::FlowSettings as Settings;
use gradus::Tensor;
use gradus::data::{Dataset, mnist_5k_split, toy};
use gradus_base::philox::Rng;
use std::sync::{Arc, OnceLock};

/// Points of a generated set.
const POINTS: usize = 600;
/// The stream of orders; weights are drawn from those above 2³¹.
const ORDER: u32 = 77;

/// Samples with labels, brought to mean 0 and deviation 1.
pub(super) struct Data {
    set: Arc<dyn Dataset>,
    mean: f32,
    deviation: f32,
}

/// The digits to train with, decoded once.
fn digits() -> Arc<dyn Dataset> {
    static DIGITS: OnceLock<Arc<dyn Dataset>> = OnceLock::new();
    let decode = || -> Arc<dyn Dataset> {
        let (train, _) = mnist_5k_split().expect("they are in the program");
        Arc::new(train)
    };
    DIGITS.get_or_init(decode).clone()
}

impl Data {
    pub(super) fn of(settings: &Settings) -> Data {
        if settings.data == "digits" {
            return Data { set: digits(), mean: 0.1307, deviation: 0.3081 };
        }
        let points = toy::generate(&settings.data, POINTS, 0.05, settings.seed.into());
        let points = points.unwrap_or_else(|| toy::circle(POINTS, 0.05, settings.seed.into()));
        let all: Vec<f32> = points.points.iter().flatten().copied().collect();
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        let square = all.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / all.len() as f32;
        Data { set: Arc::new(points), mean, deviation: square.sqrt() }
    }

    /// Numbers of a sample.
    pub(super) fn inputs(&self) -> usize {
        self.set.shape().iter().product()
    }

    /// Classes.
    pub(super) fn classes(&self) -> usize {
        self.set.classes().len()
    }

    /// Steps of an epoch; samples that fill no batch wait for the next epoch's order.
    pub(super) fn steps(&self, batch: usize) -> u32 {
        (self.set.len() / batch).max(1) as u32
    }

    /// The order of an epoch.   Fisher & Yates 1938
    pub(super) fn order(&self, seed: u32, epoch: u32) -> Vec<u32> {
        let mut rng = Rng::new(seed.into(), ORDER, epoch);
        let mut order: Vec<u32> = (0..self.set.len() as u32).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, rng.below(at + 1));
        }
        order
    }

    /// These samples: x `[B, inputs]` and their labels `[B]`.
    pub(super) fn batch(&self, indices: &[u32]) -> (Tensor, Tensor) {
        let inputs = self.inputs();
        let mut x = vec![0.0f32; indices.len() * inputs];
        for (row, &index) in x.chunks_exact_mut(inputs).zip(indices) {
            if self.set.read(index as usize, row).is_err() {
                row.fill(0.0); // cannot be: they are in memory
            }
            row.iter_mut().for_each(|x| *x = (*x - self.mean) / self.deviation);
        }
        let labels: Vec<i64> = indices.iter().map(|&i| self.set.label(i as usize)).collect();
        (
            Tensor::from_slice(&x, [indices.len(), inputs]),
            Tensor::from_slice(&labels, [labels.len()]),
        )
    }
}
