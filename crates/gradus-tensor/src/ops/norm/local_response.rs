//! Local response normalisation: y[c] = x[c] / (k + a·Σ x[c']²)^β, the sum over neighbouring channels.
//! [N, C, ..] -> [N, C, ..]   Krizhevsky, Sutskever & Hinton 2012 §3.3

use crate::Tensor;
use crate::ops::pointwise::{Pointwise, apply};
use gradus_base::{Error, Real};
use gradus_graph::fail;
use std::panic::Location;

/// The constants of [`Tensor::local_response_norm`].
#[derive(Clone, Copy, Debug)]
pub struct LocalResponse {
    /// How many channels the sum takes, the channel itself in the middle.
    pub size: usize,
    /// What the sum of squares is multiplied by. AlexNet's paper multiplies the sum by its α; Caffe and PyTorch the mean:
    /// they divide their α by the size.
    pub scale: f64,
    /// The exponent.
    pub beta: f64,
    /// What is added to the scaled sum.
    pub k: f64,
}

impl LocalResponse {
    /// AlexNet's, as in its paper.
    pub const ALEXNET: LocalResponse = LocalResponse { size: 5, scale: 1e-4, beta: 0.75, k: 2.0 };

    /// α as Caffe and PyTorch count it: of the mean of squares.
    #[must_use]
    pub fn of_mean(size: usize, alpha: f64, beta: f64, k: f64) -> LocalResponse {
        LocalResponse { size, scale: alpha / size as f64, beta, k }
    }
}

impl Pointwise<2> for LocalResponse {
    const NAME: &'static str = "local_response_norm";
    fn formula<R: Real>(&self, [x, sum]: [R; 2]) -> R {
        let base = R::constant(self.k) + R::constant(self.scale) * sum;
        x * base.pow(R::constant(-self.beta))
    }
}

impl Tensor {
    /// Each channel divided by a power of its neighbourhood's sum of squares.
    ///
    /// **Shape** `[N, C, ..]` → the same.
    ///
    /// # Panics
    /// If there is no channel axis or the size is 0.
    #[track_caller]
    pub fn local_response_norm(&self, rule: LocalResponse) -> Tensor {
        if self.rank() < 2 || rule.size == 0 {
            let what = format!("{} channels of {}", rule.size, self.shape());
            fail(Error::shape("local_response_norm", what), Location::caller());
        }
        // With an even size the channel stands right of the middle, as in PyTorch.
        let before = rule.size / 2;
        let padded = self.square().pad(1, before, rule.size - 1 - before);
        let channels = self.shape()[1];
        let shifted = |i: usize| padded.slice(1, i..i + channels);
        let sum = (1..rule.size).fold(shifted(0), |sum, i| sum + shifted(i));
        apply(rule, [self, &sum])
    }
}
