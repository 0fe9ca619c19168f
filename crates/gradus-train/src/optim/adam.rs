//! Adam and AdamW.   Kingma & Ba 2014, arXiv:1412.6980 alg. 1; Loshchilov & Hutter 2017, arXiv:1711.05101; Reddi et al. 2018

use super::{Optimizer, SCALARS, Slots, Target};
use gradus_tensor::{Tensor, Variable};

/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − η·m̂/(√v̂ + ε) with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
///
/// t counts the parameter's own updates: one that is unfrozen late begins as in a first step, as in PyTorch. So 1−βᵗ, the share that
/// gradients have in a mean that began at 0, is kept for each parameter, next to the mean and by the same recurrence.
///
/// A schedule may cycle β₁; then 1−β₁ᵗ is of the present β₁ and the parameter's own t, as in PyTorch.
///
/// Weight decay enters the gradient; [`AdamW`] decays the weights themselves.
#[derive(Clone, Debug)]
pub struct Adam {
    learning_rate: f64,
    betas: (f64, f64),
    epsilon: f64,
    weight_decay: f64,
    amsgrad: bool,
}

impl Adam {
    /// Adam at rate η with β = (0.9, 0.999) and ε = 1e-8.
    pub fn new(learning_rate: f64) -> Adam {
        let betas = (0.9, 0.999);
        Adam { learning_rate, betas, epsilon: 1e-8, weight_decay: 0.0, amsgrad: false }
    }
    /// β₁ and β₂, how much of the running means remains after a step.
    #[must_use]
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Adam {
        self.betas = (beta1, beta2);
        self
    }
    /// ε, added to the root.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Adam {
        self.epsilon = epsilon;
        self
    }
    /// λ, the gradient of ½λ‖w‖² added to each weight's.
    #[must_use]
    pub fn weight_decay(mut self, decay: f64) -> Adam {
        self.weight_decay = decay;
        self
    }
    /// Divides by the largest v so far, which makes convergence provable.   Reddi et al. 2018, arXiv:1904.09237
    #[must_use]
    pub fn amsgrad(mut self) -> Adam {
        self.amsgrad = true;
        self
    }

    /// The step from `w` with gradient `g`.
    fn step(
        &self,
        p: &Target<'_>,
        w: &Tensor,
        g: &Tensor,
        slots: &mut Slots,
    ) -> Vec<(Variable, Tensor)> {
        let (beta1, beta2) = self.betas;
        let (m, v) = (slots.get("m", p.variable, 0.0), slots.get("v", p.variable, 0.0));
        let m_next = match p.momentum() {
            Some(beta1) => m.tensor() * beta1 + g * (1.0 - beta1),
            None => m.tensor() * beta1 + g * (1.0 - beta1),
        };
        let v_next = v.tensor() * beta2 + g.square() * (1.0 - beta2);
        let mut updates = vec![(m.clone(), m_next.clone()), (v, v_next.clone())];
        let cycled = p.momentum();
        let m_share = slots.get_or("m_share", || Tensor::full_of((), 0.0, m.dtype()));
        let m_share_next = match cycled {
            Some(beta1) => m_share.tensor() * beta1 + (1.0 - beta1),
            None => m_share.tensor() * beta1 + (1.0 - beta1),
        };
        updates.push((m_share, m_share_next.clone()));
        let v_seen = share("v_share", beta2, slots, &m, &mut updates);
        let m_seen = match cycled {
            // As PyTorch: 1 − β₁ᵗ by the present β₁. t follows from the share in v, 1 − β₂ᵗ, so that the state is the same whether a
            // schedule cycles the momentum or not.
            Some(beta1) => -((1.0 - &v_seen).ln() * (beta1.ln() / beta2.ln())).exp_m1(),
            None => m_share_next,
        };
        let mut largest = v_next;
        if self.amsgrad {
            let top = slots.get("v_max", p.variable, 0.0);
            largest = top.tensor().maximum(&largest);
            updates.push((top, largest.clone()));
        }
        let root = largest.sqrt() * v_seen.rsqrt() + self.epsilon;
        let rate = p.rate() * m_seen.recip();
        updates.push((p.variable.clone(), w - rate * (m_next / root)));
        updates
    }
}

/// The share that gradients have in a mean of which β remains after a step, as state of its own.
fn share(
    name: &str,
    beta: f64,
    slots: &mut Slots,
    like: &Variable,
    updates: &mut Vec<(Variable, Tensor)>,
) -> Tensor {
    let share = slots.get_or(name, || Tensor::full_of((), 0.0, like.dtype()));
    let next = share.tensor() * beta + (1.0 - beta);
    updates.push((share, next.clone()));
    next
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
    fn momentum(&self) -> Option<f64> {
        Some(self.betas.0)
    }
    fn scalars(&self, _step: u64, learning_rate: f64) -> [f64; SCALARS] {
        [learning_rate, 0.0]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        self.step(p, p.w, &p.decayed_gradient(), slots)
    }
}

/// Adam with decoupled weight decay: w ← w − ηλw before Adam's own step.
#[derive(Clone, Debug)]
pub struct AdamW(Adam);

impl AdamW {
    /// AdamW at rate η with λ = 0.01, β = (0.9, 0.999) and ε = 1e-8.
    pub fn new(learning_rate: f64) -> AdamW {
        AdamW(Adam::new(learning_rate).weight_decay(0.01))
    }
    /// λ, the part of ηw that is taken off at each step.
    #[must_use]
    pub fn weight_decay(self, decay: f64) -> AdamW {
        AdamW(self.0.weight_decay(decay))
    }
    /// β₁ and β₂, how much of the running means remains after a step.
    #[must_use]
    pub fn betas(self, beta1: f64, beta2: f64) -> AdamW {
        AdamW(self.0.betas(beta1, beta2))
    }
    /// ε, added to the root.
    #[must_use]
    pub fn epsilon(self, epsilon: f64) -> AdamW {
        AdamW(self.0.epsilon(epsilon))
    }
    /// Divides by the largest v so far.
    #[must_use]
    pub fn amsgrad(self) -> AdamW {
        AdamW(self.0.amsgrad())
    }
}

impl Optimizer for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }
    fn learning_rate(&self) -> f64 {
        self.0.learning_rate
    }
    fn weight_decay(&self) -> f64 {
        self.0.weight_decay
    }
    fn momentum(&self) -> Option<f64> {
        self.0.momentum()
    }
    fn scalars(&self, _step: u64, learning_rate: f64) -> [f64; SCALARS] {
        [learning_rate, 0.0]
    }
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
        let w = match p.weight_decay {
            0.0 => p.w.clone(),
            decay => p.w - p.rate() * (p.w * decay),
        };
        self.0.step(p, &w, p.g, slots)
    }
}

/// After however many steps of others, a parameter's first update is η against the sign of its gradient.
#[test]
fn a_parameter_that_joins_late_starts_afresh() {
    use crate::{Learner, Recipe};
    use gradus_nn::{Init, Sequential, layers::dense, parameters};
    let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(dense(2));
    let all = parameters(&model);
    let late = &all[0].1;
    late.freeze(true);
    let mut learner = Learner::with(model.into(), Box::new(Adam::new(0.01)), Recipe::default(), 0);
    let (x, t) = (Tensor::from([[1.0f32, -2.0]]), Tensor::from([1i64]));
    for _ in 0..50 {
        learner.train_batch(&x, &t, 0.01).unwrap();
    }
    late.freeze(false);
    learner.retrace();
    let before = late.variable().value();
    learner.train_batch(&x, &t, 0.01).unwrap();
    let moved = (late.variable().value() - before).to_vec::<f32>();
    assert!(moved.iter().all(|d| (d.abs() - 0.01).abs() < 1e-5), "{moved:?}");
}
