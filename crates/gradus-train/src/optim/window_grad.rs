//! Windowgrad, ConvNetJS's name for an RMSprop with ε under the root.   Karpathy 2014, ConvNetJS trainers

use super::{Optimizer, SCALARS, Slots, Target};
use gradus_tensor::{Tensor, Variable};

/// s ← ρs + (1−ρ)g², w ← w − η·g/√(s + ε).
#[derive(Clone, Debug)]
pub struct WindowGrad {
    learning_rate: f64,
    rho: f64,
    epsilon: f64,
    weight_decay: f64,
}

impl WindowGrad {
    /// Windowgrad at rate η with ρ = 0.95 and ε = 1e-6.
    ///
    /// ```
    /// use gradus_train::optim::{Optimizer, WindowGrad};
    /// assert_eq!(WindowGrad::new(0.01).learning_rate(), 0.01);
    /// ```
    pub fn new(learning_rate: f64) -> WindowGrad {
        WindowGrad { learning_rate, rho: 0.95, epsilon: 1e-6, weight_decay: 0.0 }
    }
    /// ρ, how much of the running mean remains after a step.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> WindowGrad {
        self.rho = rho;
        self
    }
    /// ε, added under the root.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> WindowGrad {
        self.epsilon = epsilon;
        self
    }
    /// λ, the gradient of ½λ‖w‖² added to each weight's.
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> WindowGrad {
        self.weight_decay = decay;
        self
    }
}

impl Optimizer for WindowGrad {
    fn name(&self) -> &'static str {
        "windowgrad"
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn scalars(&self, _step: u64, learning_rate: f64) -> [f64; SCALARS] {
        [learning_rate, 0.0, 0.0]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        let g = p.decayed_gradient();
        let squares = slots.get("squares", p.variable, 0.0);
        let s = squares.tensor() * self.rho + g.square() * (1.0 - self.rho);
        let w = p.w - p.rate() * (g / (&s + self.epsilon).sqrt());
        vec![(squares, s), (p.variable.clone(), w)]
    }
}
