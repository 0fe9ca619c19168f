//! Optimisers. An update is graph: from a parameter, its gradient and a few numbers of the step it builds the new
//! values of the parameter and of the optimiser's own state.
//!
//! What changes from step to step (the rate above all) is computed in f64 on the host and handed in as an argument, so
//! that a schedule does not plan anew. `w` is a parameter, `g` its gradient, `λ` the weight decay, `η` the rate.
//!
//! [`Lbfgs`] evaluates the loss several times a step, so it is no [`Optimizer`]; its page shows how a model is
//! trained with it.

mod adadelta;
mod adagrad;
mod adam;
mod clip;
mod ema;
mod lbfgs;
mod rmsprop;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use clip::Clip;
pub use ema::Ema;
pub(crate) use lbfgs::{LEAST_CURVATURE, Pace as LbfgsPace, Seen, Space};
pub use lbfgs::{Lbfgs, LineSearch};
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use gradus_tensor::{Tensor, Variable};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// How many numbers an optimiser may have of each step; where a schedule cycles the momentum, it follows them.
pub const SCALARS: usize = 2;

/// A first-order optimiser: one gradient, one step. One of your own is a name, a rate and an update; state, checkpoints, clipping,
/// groups, averages and schedules come with the [`Updater`](crate::Updater) that follows it.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::*};
/// use gradus_tensor::{Tensor, Variable};
/// use gradus_train::{Learner, optim::{Optimizer, SCALARS, Slots, Target}};
/// /// w ← w − η·sign(m), m ← βm + (1−β)g: signed descent along a running mean.
/// #[derive(Debug)]
/// struct Signed { rate: f64, beta: f64 }
///
/// impl Optimizer for Signed {
///     fn name(&self) -> &'static str {
///         "signed"
///     }
///     fn learning_rate(&self) -> f64 {
///         self.rate
///     }
///     fn scalars(&self, _step: u64, rate: f64) -> [f64; SCALARS] {
///         [rate, 0.0]
///     }
///     fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)> {
///         let m = slots.get("m", p.variable, 0.0);
///         let next = m.tensor() * self.beta + p.decayed_gradient() * (1.0 - self.beta);
///         let w = p.w - p.rate() * next.sign();
///         vec![(m, next), (p.variable.clone(), w)]
///     }
/// }
/// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(tanh()).add(dense(2));
/// let mut learner = Learner::new(model.into(), Signed { rate: 0.01, beta: 0.9 });
/// let (x, t) = (Tensor::from([[0f32, 0.], [0., 1.], [1., 0.], [1., 1.]]), Tensor::from([0i64, 1, 1, 0]));
/// let first = learner.train_batch(&x, &t, 0.01)?.loss;
/// for _ in 0..200 {
///     learner.train_batch(&x, &t, 0.01)?;
/// }
/// assert!(learner.evaluate_batch(&x, &t)?.loss < 0.3 * first);
/// # Ok::<(), gradus_base::Error>(())
/// ```
#[doc(alias = "optim")]
pub trait Optimizer: Debug + Send + Sync {
    /// The name users write: `sgd`, `adam`.
    fn name(&self) -> &'static str;
    /// The base learning rate.
    fn learning_rate(&self) -> f64;
    /// Decay applied to parameters that decay, unless a group says otherwise.
    fn weight_decay(&self) -> f64 {
        0.0
    }
    /// What a schedule may cycle in its place: sgd's μ, Adam's β₁. `None` where there is no such number.
    fn momentum(&self) -> Option<f64> {
        None
    }
    /// The numbers of a step (counted from 1) at rate `learning_rate`: the rate, then what else the update reads.
    fn scalars(&self, step: u64, learning_rate: f64) -> [f64; SCALARS];
    /// The new values of `p.variable` and of this optimiser's state for it.
    fn update(&self, p: &Target<'_>, slots: &mut Slots) -> Vec<(Variable, Tensor)>;
}

/// One parameter to update.
pub struct Target<'a> {
    /// The parameter.
    pub variable: &'a Variable,
    /// Its value.
    pub w: &'a Tensor,
    /// Its gradient.
    pub g: &'a Tensor,
    /// Its weight decay.
    pub weight_decay: f64,
    /// What the rate is multiplied with for this parameter.
    pub rate_scale: f64,
    /// [`Optimizer::scalars`] of this step, as scalars of the parameter's type; then the momentum, if a schedule cycles it.
    pub scalars: &'a [Tensor],
}

impl Target<'_> {
    /// The step's number `i`, broadcast by arithmetic.
    pub fn scalar(&self, i: usize) -> &Tensor {
        &self.scalars[i]
    }
    /// The rate, which is every optimiser's number 0, for this parameter.
    pub fn rate(&self) -> Tensor {
        match self.rate_scale {
            1.0 => self.scalars[0].clone(),
            scale => &self.scalars[0] * scale,
        }
    }
    /// The momentum that a schedule gives this step in place of the optimiser's own.
    pub fn momentum(&self) -> Option<&Tensor> {
        self.scalars.get(SCALARS)
    }
    /// g + λw: decay as the gradient of ½λ‖w‖².
    pub fn decayed_gradient(&self) -> Tensor {
        match self.weight_decay {
            0.0 => self.g.clone(),
            decay => self.g + self.w * decay,
        }
    }
}

/// An optimiser's state: for each parameter named tensors, most of its shape.
#[derive(Debug, Default)]
pub struct Slots {
    map: BTreeMap<(String, String), Variable>,
    path: String,
}

impl Slots {
    /// No state yet.
    pub fn new() -> Slots {
        Slots::default()
    }
    /// Says which parameter the next [`Slots::get`] is about.
    pub fn at(&mut self, path: &str) -> &mut Slots {
        path.clone_into(&mut self.path);
        self
    }
    /// The state `name` of the present parameter; at first it is `value` everywhere.
    pub fn get(&mut self, name: &str, like: &Variable, value: f64) -> Variable {
        self.get_or(name, || Tensor::full_of(like.shape(), value, like.dtype()))
    }
    /// The state `name` of the present parameter; at first it is what `start` gives.
    pub fn get_or(&mut self, name: &str, start: impl FnOnce() -> Tensor) -> Variable {
        let make = || Variable::new(name, &start());
        self.map.entry((self.path.clone(), name.to_owned())).or_insert_with(make).clone()
    }
    /// Forgets all state of a parameter.
    pub(crate) fn forget(&mut self, path: &str) {
        self.map.retain(|(own, _), _| own != path);
    }
    /// All state, as (`path.name`, variable), in order.
    pub fn named(&self) -> Vec<(String, Variable)> {
        self.map.iter().map(|((path, name), v)| (format!("{path}.{name}"), v.clone())).collect()
    }
}
