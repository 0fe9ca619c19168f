//! `Updater`: how one set of parameters moves: optimiser and its state, clipping, averages, groups, accumulation.

use crate::optim::{Clip, Ema, Lbfgs, Optimizer, SCALARS, Slots, Target};
use crate::schedule::Schedule;
use gradus_base::{Error, Result};
use gradus_nn::Parameter;
use gradus_tensor::{Tensor, Variable, gradients, report};
use std::sync::Arc;

/// Parameters that are treated differently.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::dense, parameters};
/// use gradus_tensor::Tensor;
/// use gradus_train::{Group, Learner, Recipe, optim::Sgd};
/// let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(dense(2));
/// // The first layer learns at a tenth of the rate. Biases and norms never decay unless a group says so.
/// let slow = Group { path: "dense1".into(), rate_scale: 0.1, weight_decay: Some(0.0) };
/// let recipe = Recipe { groups: vec![slow], ..Recipe::default() };
/// let mut learner = Learner::with(model.into(), Box::new(Sgd::new(1.0)), recipe, 0);
/// let (x, t) = (Tensor::ones([1, 2]), Tensor::from([1i64]));
/// let slopes = learner.gradients(&x, &t)?;
/// let before = parameters(&**learner.model())[0].1.variable().value();
/// learner.train_batch(&x, &t, 1.0)?;
/// let moved = before - parameters(&**learner.model())[0].1.tensor();
/// assert!((moved - &slopes[0].1 * 0.1).abs().max(..).item() < 1e-6);
/// # Ok::<(), gradus_base::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Group {
    /// The path of a layer or of one parameter: `conv1` (not `conv10`), `conv1.weight`.
    pub path: String,
    /// What the rate is multiplied with.
    pub rate_scale: f64,
    /// Their weight decay, if not the optimiser's.
    pub weight_decay: Option<f64>,
}

impl Group {
    /// Whether a parameter is the one of this path, or in the layer of this path.
    fn holds(&self, parameter: &str) -> bool {
        let rest = parameter.strip_prefix(&*self.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// How one set of parameters moves. A task may hold several, each with a rate, a schedule and a frequency of its own.
///
/// ```
/// use gradus_train::{Updater, optim::{Adam, Clip}};
/// let critic = Updater::new(Adam::new(1e-4).betas(0.0, 0.9)).clip(Clip::Norm(1.0));
/// let generator = Updater::new(Adam::new(1e-4).betas(0.0, 0.9)).every(5); // on each fifth batch
/// assert_eq!(generator.learning_rate(), critic.learning_rate());
/// ```
#[derive(Debug)]
pub struct Updater {
    pub(crate) method: Method,
    pub(crate) clip: Option<Clip>,
    pub(crate) l1: f64,
    pub(crate) accumulate: usize,
    pub(crate) ema: Option<Ema>,
    pub(crate) groups: Vec<Group>,
    pub(crate) recompute: bool,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) every: u64,
}

impl Updater {
    /// One that follows an optimiser on every batch.
    pub fn new(optimizer: impl Optimizer + 'static) -> Updater {
        Updater::of(Box::new(optimizer))
    }
    /// As [`Updater::new`], of an optimiser that is boxed already.
    pub fn of(optimizer: Box<dyn Optimizer>) -> Updater {
        Updater::by(Method::FirstOrder(optimizer.into()))
    }
    /// One that takes steps of L-BFGS, several iterations and evaluations each, on every batch. Vectors and history are graph, and part
    /// of checkpoints. Bounds on gradients, l1, averages, groups and accumulation are not applied to it.
    pub fn lbfgs(lbfgs: Lbfgs) -> Updater {
        Updater::by(Method::Lbfgs(Arc::new(lbfgs)))
    }
    fn by(method: Method) -> Updater {
        Updater {
            method,
            clip: None,
            l1: 0.0,
            accumulate: 1,
            ema: None,
            groups: vec![],
            recompute: false,
            schedule: None,
            every: 1,
        }
    }
    /// With a bound on gradients.
    #[must_use]
    pub fn clip(self, clip: impl Into<Option<Clip>>) -> Updater {
        Updater { clip: clip.into(), ..self }
    }
    /// With λ₁‖w‖₁ added to what is minimised, over parameters that decay.
    #[must_use]
    pub fn l1(self, l1: f64) -> Updater {
        Updater { l1, ..self }
    }
    /// With the gradients of so many batches averaged for a step; of those that are left at the end of an epoch, where
    /// [`Fit`](crate::Fit) trains.
    #[must_use]
    pub fn accumulate(self, batches: usize) -> Updater {
        Updater { accumulate: batches.max(1), ..self }
    }
    /// With averages of the weights kept.
    #[must_use]
    pub fn ema(self, ema: impl Into<Option<Ema>>) -> Updater {
        Updater { ema: ema.into(), ..self }
    }
    /// With rates and decays of their own for some parameters; the last group that matches counts.
    #[must_use]
    pub fn groups(self, groups: Vec<Group>) -> Updater {
        Updater { groups, ..self }
    }
    /// With activations computed again in the backward pass instead of being kept for it.
    #[must_use]
    pub fn recompute(self, recompute: bool) -> Updater {
        Updater { recompute, ..self }
    }
    /// With a schedule of its own instead of the run's.
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> Updater {
        Updater { schedule: Some(schedule), ..self }
    }
    /// Only on each `batches`-th batch: the generator of a GAN whose critic takes `batches` steps for each of its own.
    #[must_use]
    pub fn every(self, batches: u64) -> Updater {
        Updater { every: batches.max(1), ..self }
    }

    /// The optimiser's base rate.
    pub fn learning_rate(&self) -> f64 {
        match &self.method {
            Method::FirstOrder(optimizer) => optimizer.learning_rate(),
            Method::Lbfgs(lbfgs) => lbfgs.rate(),
        }
    }
    /// The optimiser's name.
    pub fn name(&self) -> &'static str {
        match &self.method {
            Method::FirstOrder(optimizer) => optimizer.name(),
            Method::Lbfgs(_) => "lbfgs",
        }
    }
    /// What a run that goes on must have as it began, by name and in words.
    pub(crate) fn terms(&self) -> Vec<(String, String)> {
        let mut all = vec![
            ("optimizer".into(), self.name().to_owned()),
            ("base rate".into(), self.learning_rate().to_string()),
            ("accumulated batches".into(), self.accumulate.to_string()),
        ];
        if let Method::FirstOrder(optimizer) = &self.method {
            all.push(("weight decay".into(), optimizer.weight_decay().to_string()));
        }
        if let Some(schedule) = &self.schedule {
            all.push(("schedule of its own".into(), format!("{schedule:?}")));
        }
        all
    }
    /// Whether a schedule can cycle its momentum.
    pub(crate) fn has_momentum(&self) -> bool {
        matches!(&self.method, Method::FirstOrder(optimizer) if optimizer.momentum().is_some())
    }
    /// The optimiser's numbers of a step, counted from 1.
    pub(crate) fn scalars(&self, step: u64, rate: f64) -> [f64; SCALARS] {
        match &self.method {
            Method::FirstOrder(optimizer) => optimizer.scalars(step, rate),
            Method::Lbfgs(_) => [rate, 0.0],
        }
    }

    /// The gradients of `loss` for those parameters that are not frozen, and the paths of those that it does not depend on.
    pub(crate) fn gradients(&self, loss: &Tensor, all: &[(String, Parameter)]) -> Result<Slopes> {
        let free: Vec<_> = all.iter().filter(|(_, p)| !p.is_frozen()).collect();
        let mut objective = loss.clone();
        if self.l1 > 0.0 && matches!(self.method, Method::FirstOrder(_)) {
            for (_, p) in free.iter().filter(|(_, p)| p.decays()) {
                objective += p.tensor().abs().sum(..) * self.l1;
            }
        }
        let tensors: Vec<Tensor> = free.iter().map(|(_, p)| p.tensor()).collect();
        let mut slopes = Slopes::default();
        for ((path, p), g) in free.into_iter().zip(gradients(&objective, &tensors)?) {
            match g {
                Some(g) => slopes.reached.push((path.clone(), p.clone(), g)),
                None => slopes.unreached.push(path.clone()),
            }
        }
        Ok(slopes)
    }

    /// The new values of the parameters and of the state in `slots`; without `apply` only the gradients are added up. `scalars` are
    /// the optimiser's numbers of the step.
    pub(crate) fn updates(
        &self,
        slopes: &Slopes,
        slots: &mut Slots,
        scalars: &Tensor,
        apply: bool,
    ) -> Vec<(Variable, Tensor)> {
        let mut updates = vec![];
        let mut grads: Vec<Tensor> = slopes.reached.iter().map(|(_, _, g)| g.clone()).collect();
        if self.accumulate > 1 {
            for ((path, p, _), g) in slopes.reached.iter().zip(&mut grads) {
                let kept = slots.at(path).get("accumulated", p.variable(), 0.0);
                *g = kept.tensor() + &*g / self.accumulate as f64;
                updates.push((kept, if apply { g.zeros_like() } else { g.clone() }));
            }
        }
        if let Some(clip) = self.clip {
            grads = clip.apply(&grads);
        }
        let moving: Vec<_> = slopes.reached.iter().map(|(path, p, _)| (&**path, p)).collect();
        // Also where nothing is applied yet: it makes the optimiser's state, which a checkpoint holds.
        let next = self.move_all(&moving, &grads, slots, scalars);
        updates.extend(next.into_iter().filter(|_| apply));
        updates
    }

    /// The new values by the gradients kept of fewer batches than a step takes: their mean is `share` times what is kept of them.
    pub(crate) fn finishing(
        &self,
        moving: &[(String, Parameter)],
        slots: &mut Slots,
        scalars: &Tensor,
        share: &Tensor,
    ) -> Vec<(Variable, Tensor)> {
        let (mut updates, mut grads) = (vec![], vec![]);
        for (path, p) in moving {
            let kept = slots.at(path).get("accumulated", p.variable(), 0.0);
            let sum = kept.tensor();
            updates.push((kept, sum.zeros_like()));
            grads.push(sum * share);
        }
        if let Some(clip) = self.clip {
            grads = clip.apply(&grads);
        }
        let moving: Vec<_> = moving.iter().map(|(path, p)| (&**path, p)).collect();
        updates.extend(self.move_all(&moving, &grads, slots, scalars));
        updates
    }

    /// The new values of parameters with these gradients, and of the optimiser's state.
    fn move_all(
        &self,
        moving: &[(&str, &Parameter)],
        grads: &[Tensor],
        slots: &mut Slots,
        scalars: &Tensor,
    ) -> Vec<(Variable, Tensor)> {
        let (mut updates, mut moved) = (vec![], false);
        let scalars: Vec<Tensor> = (0..scalars.len()).map(|i| scalars.select(0, i)).collect();
        for ((path, p), g) in moving.iter().zip(grads) {
            let next = self.update_one(slots, path, p, g, &scalars);
            moved |= next.iter().any(|(variable, _)| variable == p.variable());
            updates.extend(next);
        }
        if !moved && !moving.is_empty() {
            let paths: Vec<&str> = moving.iter().map(|(path, _)| *path).collect();
            let what = format!(
                "Optimizer::update gives no parameter a new value, expected one for {}",
                paths.join(", ")
            );
            report(Error::value(self.name(), what));
        }
        updates
    }

    fn update_one(
        &self,
        slots: &mut Slots,
        path: &str,
        p: &Parameter,
        g: &Tensor,
        scalars: &[Tensor],
    ) -> Vec<(Variable, Tensor)> {
        let Method::FirstOrder(optimizer) = &self.method else { return vec![] };
        let group = self.groups.iter().rev().find(|group| group.holds(path));
        let default = if p.decays() { optimizer.weight_decay() } else { 0.0 };
        let w = p.tensor();
        let target = Target {
            variable: p.variable(),
            w: &w,
            g,
            weight_decay: group.and_then(|g| g.weight_decay).unwrap_or(default),
            rate_scale: group.map_or(1.0, |g| g.rate_scale),
            scalars,
        };
        let mut updates = optimizer.update(&target, slots.at(path));
        if let Some(ema) = self.ema {
            let moved = updates.iter().find(|(v, _)| v == p.variable()).map(|(_, w)| w.clone());
            if let Some(w) = moved {
                updates.push(ema.update(p.variable(), &w, slots.at(path)));
            }
        }
        updates
    }
}

/// How an updater makes steps of gradients.
#[derive(Debug)]
pub(crate) enum Method {
    FirstOrder(Arc<dyn Optimizer>),
    Lbfgs(Arc<Lbfgs>),
}

/// What the gradients of a loss are.
#[derive(Default)]
pub(crate) struct Slopes {
    /// Parameters with their gradients.
    pub(crate) reached: Vec<(String, Parameter, Tensor)>,
    /// Paths of those that the loss does not depend on.
    pub(crate) unreached: Vec<String>,
}
