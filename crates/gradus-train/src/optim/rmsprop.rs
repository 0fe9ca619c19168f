//! RMSprop.   Tieleman & Hinton 2012, lecture 6e; centred: Graves 2013, arXiv:1308.0850 eq. 38–45; windowgrad: Karpathy 2014,
//! ConvNetJS's trainers

use super::{Optimizer, SCALARS, Slots, Target};
use gradus_tensor::{Tensor, Variable};

/// s ← αs + (1−α)g², w ← w − η·g/(√s + ε); centred, s is reduced by the squared mean of g; with momentum the quotient enters
/// a velocity. Windowgrad divides by √(s + ε).
#[derive(Clone, Debug)]
pub struct RmsProp {
    learning_rate: f64,
    alpha: f64,
    epsilon: f64,
    momentum: f64,
    centered: bool,
    /// Whether ε stands under the root.
    under_root: bool,
    weight_decay: f64,
}

impl RmsProp {
    /// RMSprop at rate η with α = 0.99 and ε = 1e-8.
    pub fn new(learning_rate: f64) -> RmsProp {
        RmsProp {
            learning_rate,
            alpha: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            centered: false,
            under_root: false,
            weight_decay: 0.0,
        }
    }
    /// ConvNetJS's windowgrad at rate η: α = 0.95 and ε = 1e-6, under the root.
    ///
    /// ```
    /// use gradus_train::optim::{Optimizer, RmsProp};
    /// assert_eq!(RmsProp::window_grad(0.01).name(), "windowgrad");
    /// ```
    pub fn window_grad(learning_rate: f64) -> RmsProp {
        RmsProp { alpha: 0.95, epsilon: 1e-6, under_root: true, ..RmsProp::new(learning_rate) }
    }
    /// α, how much of the running mean remains after a step.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> RmsProp {
        self.alpha = alpha;
        self
    }
    /// ε, added to the root, or under it.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> RmsProp {
        self.epsilon = epsilon;
        self
    }
    /// μ, how much velocity remains after a step.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> RmsProp {
        self.momentum = momentum;
        self
    }
    /// Divides by the standard deviation instead of the root mean square.
    #[must_use]
    pub fn centered(mut self) -> RmsProp {
        self.centered = true;
        self
    }
    /// λ, the gradient of ½λ‖w‖² added to each weight's.
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> RmsProp {
        self.weight_decay = decay;
        self
    }
}

impl Optimizer for RmsProp {
    fn name(&self) -> &'static str {
        if self.under_root { "windowgrad" } else { "rmsprop" }
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
        let mean = |old: Tensor, new: Tensor| old * self.alpha + new * (1.0 - self.alpha);
        let squares = slots.get("squares", p.variable, 0.0);
        let s = mean(squares.tensor(), g.square());
        let mut updates = vec![(squares, s.clone())];
        let mut spread = s;
        if self.centered {
            let average = slots.get("mean", p.variable, 0.0);
            let m = mean(average.tensor(), g.clone());
            spread -= m.square();
            updates.push((average, m));
        }
        let root = match self.under_root {
            true => (spread + self.epsilon).sqrt(),
            false => spread.sqrt() + self.epsilon,
        };
        let mut delta = g / root;
        if self.momentum > 0.0 {
            let velocity = slots.get("velocity", p.variable, 0.0);
            delta = velocity.tensor() * self.momentum + delta;
            updates.push((velocity, delta.clone()));
        }
        updates.push((p.variable.clone(), p.w - p.rate() * delta));
        updates
    }
}
