//! Stochastic gradient descent with momentum.   Robbins & Monro 1951; Polyak 1964; Sutskever et al. 2013

use super::{Optimizer, SCALARS, Slots, Target};
use gradus_tensor::{Tensor, Variable};

/// w ← w − η·v with v ← μv + (1−τ)(g + λw), and with Nesterov's look-ahead w ← w − η(g + λw + μv).
///
/// The rate multiplies the velocity, as in PyTorch, so that changing it acts at once. The first velocity is the
/// first gradient, undampened.
///
/// ```
/// use gradus_train::optim::Sgd;
/// let sgd = Sgd::new(0.1).momentum(0.9).nesterov();
/// ```
#[derive(Clone, Debug)]
pub struct Sgd {
    learning_rate: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl Sgd {
    /// Plain descent at rate η.
    pub fn new(learning_rate: f64) -> Sgd {
        Sgd { learning_rate, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
    }
    /// μ, how much velocity remains after a step.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Sgd {
        self.momentum = momentum;
        self
    }
    /// τ, what part of each gradient does not enter the velocity.
    #[must_use]
    pub fn dampening(mut self, dampening: f64) -> Sgd {
        self.dampening = dampening;
        self
    }
    /// Looks ahead along the velocity.   Nesterov 1983
    #[must_use]
    pub fn nesterov(mut self) -> Sgd {
        self.nesterov = true;
        self
    }
    /// λ, the gradient of ½λ‖w‖² added to each weight's.
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> Sgd {
        self.weight_decay = decay;
        self
    }
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn momentum(&self) -> Option<f64> {
        Some(self.momentum)
    }
    fn scalars(&self, step: u64, learning_rate: f64) -> [f64; SCALARS] {
        let share = if step == 1 { 1.0 } else { 1.0 - self.dampening };
        [learning_rate, share]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        let g = p.decayed_gradient();
        if self.momentum == 0.0 && p.momentum().is_none() {
            return vec![(p.variable.clone(), p.w - p.rate() * g)];
        }
        let remains = |v: &Tensor| match p.momentum() {
            Some(momentum) => v * momentum,
            None => v * self.momentum,
        };
        let v = slots.get("velocity", p.variable, 0.0);
        let share = if self.dampening == 0.0 { g.clone() } else { &g * p.scalar(1) };
        let v_next = remains(&v.tensor()) + share;
        let direction = if self.nesterov { g + remains(&v_next) } else { v_next.clone() };
        vec![(v, v_next), (p.variable.clone(), p.w - p.rate() * direction)]
    }
}
