//! Adagrad.   Duchi, Hazan & Singer 2011

use super::{Optimizer, SCALARS, Slots, Target};
use gradus_tensor::{Tensor, Variable};

/// s ← s + g², w ← w − η/(1 + (t−1)δ) · g/(√s + ε).
#[derive(Clone, Debug)]
pub struct Adagrad {
    learning_rate: f64,
    rate_decay: f64,
    epsilon: f64,
    initial: f64,
    weight_decay: f64,
}

impl Adagrad {
    /// Adagrad at rate η with δ = 0, ε = 1e-10, sums from 0.
    pub fn new(learning_rate: f64) -> Adagrad {
        Adagrad { learning_rate, rate_decay: 0.0, epsilon: 1e-10, initial: 0.0, weight_decay: 0.0 }
    }
    /// δ, how fast the rate falls.
    #[must_use]
    pub fn rate_decay(mut self, decay: f64) -> Adagrad {
        self.rate_decay = decay;
        self
    }
    /// ε, added to the root.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Adagrad {
        self.epsilon = epsilon;
        self
    }
    /// What the sums of squares start at.
    #[must_use]
    pub fn initial_accumulator(mut self, value: f64) -> Adagrad {
        self.initial = value;
        self
    }
    /// λ, the gradient of ½λ‖w‖² added to each weight's.
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> Adagrad {
        self.weight_decay = decay;
        self
    }
}

impl Optimizer for Adagrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn scalars(&self, step: u64, learning_rate: f64) -> [f64; SCALARS] {
        [learning_rate / (1.0 + (step - 1) as f64 * self.rate_decay), 0.0]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        let g = p.decayed_gradient();
        let sum = slots.get("sum", p.variable, self.initial);
        let next = sum.tensor() + g.square();
        let w = p.w - p.rate() * (g / (next.sqrt() + self.epsilon));
        vec![(sum, next), (p.variable.clone(), w)]
    }
}
