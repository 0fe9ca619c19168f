//! Adadelta.   Zeiler 2012, arXiv:1212.5701 alg. 1

use super::{Optimizer, SCALARS, Slots, Target};
use gradus_tensor::{Tensor, Variable};

/// s ← ρs + (1−ρ)g², Δ = √(u + ε)/√(s + ε)·g, u ← ρu + (1−ρ)Δ², w ← w − ηΔ.
#[derive(Clone, Debug)]
pub struct Adadelta {
    learning_rate: f64,
    rho: f64,
    epsilon: f64,
    weight_decay: f64,
}

impl Adadelta {
    /// Adadelta at rate η (1 in the paper) with ρ = 0.9 and ε = 1e-6.
    pub fn new(learning_rate: f64) -> Adadelta {
        Adadelta { learning_rate, rho: 0.9, epsilon: 1e-6, weight_decay: 0.0 }
    }
    /// ρ, how much of the running means remains after a step.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Adadelta {
        self.rho = rho;
        self
    }
    /// ε, added under the roots.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Adadelta {
        self.epsilon = epsilon;
        self
    }
    /// λ, the gradient of ½λ‖w‖² added to each weight's.
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> Adadelta {
        self.weight_decay = decay;
        self
    }
}

impl Optimizer for Adadelta {
    fn name(&self) -> &'static str {
        "adadelta"
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn scalars(&self, _step: u64, learning_rate: f64) -> [f64; SCALARS] {
        [learning_rate, 0.0]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        let g = p.decayed_gradient();
        let squares = slots.get("squares", p.variable, 0.0);
        let steps = slots.get("steps", p.variable, 0.0);
        let mean = |old: Tensor, new: Tensor| old * self.rho + new * (1.0 - self.rho);
        let s = mean(squares.tensor(), g.square());
        let delta = (steps.tensor() + self.epsilon).sqrt() / (&s + self.epsilon).sqrt() * g;
        let u = mean(steps.tensor(), delta.square());
        let w = p.w - p.rate() * delta;
        vec![(squares, s), (steps, u), (p.variable.clone(), w)]
    }
}
