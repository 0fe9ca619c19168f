//! `Learner`: a model with its loss and optimiser, and the two compiled steps: train on a batch, evaluate a batch.
//!
//! A training step is one graph: forward, loss, gradients, clipping, update. It is traced once per shape of the batch;
//! the rate and the step's number are arguments.

use crate::metrics::Metric;
use crate::optim::{Clip, Ema, Optimizer, Slots};
use gradus_base::{Error, Kind, Result};
use gradus_nn::losses::{CrossEntropy, Loss, cross_entropy};
use gradus_nn::{Context, Layer, Module, State, named_states, parameters};
use gradus_tensor::{Compiled, Step, Tensor, Variable, compile};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

mod arguments;
mod averages;
mod inspect;
mod steps;

use arguments::Arguments;
pub use inspect::{Activity, Units};
use steps::{evaluate_step, train_step};

/// What can be chosen about training steps, beside model and optimiser.
#[derive(Clone)]
pub struct Recipe {
    /// The loss.
    pub loss: Loss,
    /// Cross-entropy with options, in place of `loss`: smoothed labels, weights of classes that weigh the smoothing too, a label
    /// that does not count. A batch's loss is then Σ/Σ over what counts, as PyTorch's; places of the ignored label have no part in
    /// metrics either.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense, losses::CrossEntropy};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Learner, Recipe, optim::Sgd};
    /// let loss = CrossEntropy { ignore_index: Some(-100), label_smoothing: 0.1, ..CrossEntropy::default() };
    /// let recipe = Recipe { cross_entropy: Some(loss), ..Recipe::default() };
    /// let model = Sequential::new([1], &Init::new(0)).add(dense(2));
    /// let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0);
    /// let x = Tensor::from([[0.5f32], [9.0], [-1.0]]);
    /// let both = learner.evaluate_batch(&x.slice(0, ..2), &Tensor::from([1i64, -100]))?.loss;
    /// let alone = learner.evaluate_batch(&x.slice(0, ..1), &Tensor::from([1i64]))?.loss;
    /// assert_eq!(both, alone);
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    pub cross_entropy: Option<CrossEntropy>,
    /// What is measured beside the loss.
    pub metrics: Vec<Metric>,
    /// A bound on gradients.
    pub clip: Option<Clip>,
    /// λ₁ of λ₁‖w‖₁, added to the loss over parameters that decay.
    pub l1: f64,
    /// Batches whose gradients are averaged before the parameters move.
    pub accumulate: usize,
    /// Averages of the weights.
    pub ema: Option<Ema>,
    /// Rates and decays of their own for some parameters; the last group that matches counts.
    pub groups: Vec<Group>,
    /// A weight for each class, for losses whose targets are labels `[B]`: rare classes can count more. With `cross_entropy` they
    /// are its weights, of labels of any shape.
    pub class_weights: Option<Vec<f64>>,
    /// Whether activations are computed again in the backward pass instead of being kept for it: less memory for about a third
    /// more time, the same bits.
    pub recompute: bool,
}

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

impl Default for Recipe {
    fn default() -> Recipe {
        Recipe {
            loss: cross_entropy,
            cross_entropy: None,
            metrics: vec![],
            clip: None,
            l1: 0.0,
            accumulate: 1,
            ema: None,
            groups: vec![],
            class_weights: None,
            recompute: false,
        }
    }
}

/// What a batch gave.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchResult {
    /// The mean loss.
    pub loss: f64,
    /// The metrics' means, in their order.
    pub metrics: Vec<f64>,
    /// How many samples.
    pub samples: usize,
}

/// A model that learns.
pub struct Learner {
    model: Arc<dyn Layer>,
    core: Rc<RefCell<Core>>,
    train: Compiled<Trace>,
    hold: Compiled<Trace>,
    evaluate: Compiled<Trace>,
    predict: Compiled<Trace>,
    gradients: Compiled<Trace>,
    activity: Compiled<Trace>,
    arguments: Arguments,
    step: u64,
    micro: usize,
    seed: u64,
}

type Trace = Box<dyn FnMut(&[Tensor]) -> Step>;

/// What tracing a step reads and writes.
struct Core {
    optimizer: Box<dyn Optimizer>,
    slots: Slots,
    recipe: Recipe,
    unreached: Vec<String>,
    /// The paths of what a look at gradients reads.
    reached: Vec<String>,
    /// The paths of what a look at activity reads, and whether the layer levels off.
    active: Vec<(String, bool)>,
}

impl Learner {
    /// A model with an optimiser, by the default [`Recipe`]: cross-entropy, no metrics.
    pub fn new(model: Arc<dyn Layer>, optimizer: impl Optimizer + 'static) -> Learner {
        Learner::with(model, Box::new(optimizer), Recipe::default(), 0)
    }

    /// A model with an optimiser, a recipe and the seed of its random numbers (dropout).
    pub fn with(
        model: Arc<dyn Layer>,
        optimizer: Box<dyn Optimizer>,
        recipe: Recipe,
        seed: u64,
    ) -> Learner {
        let core = Core {
            optimizer,
            slots: Slots::new(),
            recipe,
            unreached: vec![],
            reached: vec![],
            active: vec![],
        };
        let core = Rc::new(RefCell::new(core));
        let again = core.borrow().recipe.recompute;
        let tracer = |f: fn(&Arc<dyn Layer>, &mut Core, &[Tensor]) -> Step| -> Compiled<Trace> {
            let (model, core) = (model.clone(), core.clone());
            compile(Box::new(move |args: &[Tensor]| f(&model, &mut core.borrow_mut(), args)))
        };
        Learner {
            train: tracer(|m, c, a| train_step(m, c, a, true))
                .recompute(again)
                .stop_unless_finite(true),
            hold: tracer(|m, c, a| train_step(m, c, a, false))
                .recompute(again)
                .stop_unless_finite(true),
            evaluate: tracer(evaluate_step),
            predict: tracer(|m, _, a| Step::new().read(&m.forward(&a[0], &Context::eval()))),
            gradients: tracer(inspect::gradient_step),
            activity: tracer(inspect::activity_step),
            arguments: Arguments::new(&*model),
            model: model.clone(),
            core,
            step: 0,
            micro: 0,
            seed,
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<dyn Layer> {
        &self.model
    }
    /// Steps taken: how often the parameters moved.
    pub fn step(&self) -> u64 {
        self.step
    }
    /// The optimiser's base rate.
    pub fn learning_rate(&self) -> f64 {
        self.core.borrow().optimizer.learning_rate()
    }
    /// The optimiser's name.
    pub fn optimizer_name(&self) -> &'static str {
        self.core.borrow().optimizer.name()
    }
    /// The metrics' names.
    pub fn metric_names(&self) -> Vec<&'static str> {
        self.core.borrow().recipe.metrics.iter().map(|m| m.name).collect()
    }
    /// Whether larger is better of a number of the epoch log: as its metric says; losses are better when smaller.
    pub(crate) fn larger_is_better(&self, name: &str) -> bool {
        let name = name.strip_prefix("val_").unwrap_or(name);
        self.core.borrow().recipe.metrics.iter().any(|m| m.name == name && m.maximize)
    }
    /// Parameters that the loss does not depend on, found when the first step was traced.
    pub fn unreached(&self) -> Vec<String> {
        self.core.borrow().unreached.clone()
    }

    /// One training step on a batch at the given rate: `x [B, ..]`, `t` as the loss wants it. Keras calls this
    /// `train_on_batch`. A batch whose loss is not finite changes nothing that is learned, so that its cause can still be found
    /// ([`Learner::first_not_finite`]); it counts as a step, and its metrics are NaN.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::*};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Learner, optim::Adam};
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(8)).add(tanh()).add(dense(2));
    /// let mut learner = Learner::new(model.into(), Adam::new(0.01));
    /// let x = Tensor::from([[0f32, 0.], [0., 1.], [1., 0.], [1., 1.]]);
    /// let t = Tensor::from([0i64, 1, 1, 0]);
    /// for _ in 0..200 {
    ///     learner.train_batch(&x, &t, 0.05)?;
    /// }
    /// assert!(learner.evaluate_batch(&x, &t)?.loss < 0.1);
    /// assert_eq!(learner.predict_batch(&x)?.argmax(1).to_vec::<i64>(), [0, 1, 1, 0]);
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the batch does not suit the model or the loss, by its shapes or element types, or holds a bad value, such as a label
    /// out of range; then nothing was updated.
    pub fn train_batch(&mut self, x: &Tensor, t: &Tensor, rate: f64) -> Result<BatchResult> {
        self.train_weighted(x, t, None, rate)
    }

    /// One training step on a batch whose samples count as much as `weights [B]` say: the loss is Σwᵢℓᵢ / Σwᵢ, each wᵢ times its
    /// class's weight where the recipe has such.
    ///
    /// # Errors
    /// As [`Learner::train_batch`].
    pub fn train_weighted(
        &mut self,
        x: &Tensor,
        t: &Tensor,
        weights: Option<&Tensor>,
        rate: f64,
    ) -> Result<BatchResult> {
        let samples = samples_in(x)?;
        let last = self.micro + 1 >= self.core.borrow().recipe.accumulate.max(1);
        self.write_arguments(rate);
        let Arguments { scalars, key, .. } = &self.arguments;
        let step = if last { &mut self.train } else { &mut self.hold };
        let out = match weights {
            Some(w) => step.run(&[x, t, scalars, key, w]),
            None => step.run(&[x, t, scalars, key]),
        };
        let out = out.map_err(|error| in_batch(error, &*self.model, x, Some(t)))?;
        let metrics = self.core.borrow().recipe.metrics.len();
        let mut result = result_of(&out, metrics, samples);
        if !result.loss.is_finite() {
            // The step ended there.
            result.metrics.fill(f64::NAN);
        }
        (self.step, self.micro) =
            if last { (self.step + 1, 0) } else { (self.step, self.micro + 1) };
        Ok(result)
    }

    /// Loss and metrics of a batch, without training.
    ///
    /// # Errors
    /// As [`Learner::train_batch`].
    pub fn evaluate_batch(&mut self, x: &Tensor, t: &Tensor) -> Result<BatchResult> {
        let samples = samples_in(x)?;
        let metrics = self.core.borrow().recipe.metrics.len();
        let out = self.evaluate.run(&[x, t]);
        let out = out.map_err(|error| in_batch(error, &*self.model, x, Some(t)))?;
        Ok(result_of(&out, metrics, samples))
    }

    /// Which op first gave a number that is not finite on this batch, which was the last, in words: when it is evaluated, or else
    /// when it is trained on.
    ///
    /// # Errors
    /// When evaluating meets a bad value.
    pub fn first_not_finite(&mut self, x: &Tensor, t: &Tensor) -> Result<String> {
        let name = |what: &str, t: &Tensor| -> Option<String> {
            let bad = t.dtype().is_float() && !all_finite(t);
            bad.then(|| format!("the {what} hold values that are not finite"))
        };
        if let Some(bad) = name("inputs", x).or_else(|| name("targets", t)) {
            return Ok(bad);
        }
        for (path, p) in parameters(&*self.model) {
            if !all_finite(&p.variable().value()) {
                let why = match self.steps_before() {
                    0 => "is not finite, and no step has changed it yet",
                    _ => "is no longer finite: the rate may be too high",
                };
                return Ok(format!("the parameter {path} {why}"));
            }
        }
        if let Some(op) = first_bad_op(&mut self.evaluate, &[x, t])? {
            return Ok(format!("the first op that is not finite is {op}"));
        }
        // Training differs: statistics of the batch, dropout.
        let args = [x, t, &self.arguments.key];
        Ok(match first_bad_op(&mut self.gradients, &args)? {
            Some(op) => format!(
                "predicting, every op is finite; training, the first that is not finite is {op}"
            ),
            None => "every op is finite now".to_owned(),
        })
    }

    /// What the model gives for a batch.
    ///
    /// # Errors
    /// When the batch does not suit the model, or computing meets a bad value.
    pub fn predict_batch(&mut self, x: &Tensor) -> Result<Tensor> {
        let out = self.predict.run(&[x]);
        Ok(out.map_err(|error| in_batch(error, &*self.model, x, None))?.tensor(0))
    }

    /// Every number training has changed, by name: `model.…`, `optimizer.…`; with [`Learner::counters`] it is all that a
    /// bit-identical continuation needs.
    ///
    /// The optimiser's state exists from the first step on; [`Learner::prepare`] makes it without taking one.
    pub fn state(&self) -> Vec<(String, Variable)> {
        let mut all: Vec<(String, Variable)> = named_states(&*self.model)
            .into_iter()
            .map(|(path, state)| {
                let variable = match state {
                    State::Parameter(p) => p.variable().clone(),
                    State::Buffer(v) => v.clone(),
                    State::Child(_) => unreachable!("children are walked"),
                };
                (format!("model.{path}"), variable)
            })
            .collect();
        let slots = self.core.borrow().slots.named();
        all.extend(slots.into_iter().map(|(path, v)| (format!("optimizer.{path}"), v)));
        all
    }

    /// (steps taken, batches accumulated since).
    pub fn counters(&self) -> (u64, usize) {
        (self.step, self.micro)
    }
    /// Steps taken before the batch at hand.
    pub(crate) fn steps_before(&self) -> u64 {
        // A batch whose gradients are only added up has not become a step.
        self.step - u64::from(self.micro == 0 && self.step > 0)
    }
    /// Continues from where other counters stood.
    pub fn set_counters(&mut self, step: u64, micro: usize) {
        (self.step, self.micro) = (step, micro);
    }

    /// Plans the training step for batches like this, which makes the optimiser's state.
    ///
    /// # Errors
    /// When the step cannot be built.
    pub fn prepare(&mut self, x: &Tensor, t: &Tensor) -> Result<&gradus_tensor::Plan> {
        let Arguments { scalars, key, .. } = &self.arguments;
        let metas = [x, t, scalars, key].map(|t| t.node().meta());
        if self.core.borrow().recipe.accumulate > 1 {
            self.hold.plan(&metas)?;
        }
        self.train.plan(&metas)
    }

    /// Plans the training step anew: for after parameters were frozen or unfrozen.
    pub fn retrace(&mut self) {
        self.train.retrace();
        self.hold.retrace();
        self.gradients.retrace();
    }

    /// A picture of the training step on batches like this: what the loss is made of, and with `updates` also its gradients and
    /// the new values of the parameters and of the optimiser's state. Nothing is computed.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Learner, optim::Sgd};
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(2));
    /// let mut learner = Learner::new(model.into(), Sgd::new(0.1));
    /// let picture = learner.draw(&Tensor::zeros([4, 2]), &Tensor::from([0i64; 4]), false);
    /// assert!(picture.to_svg().contains(">matmul</text>"));
    /// ```
    pub fn draw(&mut self, x: &Tensor, t: &Tensor, updates: bool) -> gradus_tensor::Drawing {
        let Arguments { scalars, key, .. } = &self.arguments;
        let metas = [x, t, scalars, key].map(|t| t.node().meta());
        let drawing = self.train.draw(&metas, &["x", "t", "rate", "random key"], updates);
        let named = self.state().into_iter();
        named.fold(drawing, |drawing, (path, variable)| {
            let path = path.strip_prefix("model.").unwrap_or(&path);
            drawing.name_variable(&variable, path)
        })
    }
}

fn all_finite(t: &Tensor) -> bool {
    t.is_finite().all(..).item() != 0.0
}

/// How many samples a batch `[B, ..]` has.
fn samples_in(x: &Tensor) -> Result<usize> {
    match x.shape().first() {
        Some(&samples) if samples > 0 => Ok(samples),
        _ => {
            let what = format!("found x {}, expected [B, ..] with at least one sample", x.shape());
            Err(Error::shape("batch", what))
        }
    }
}

/// The error with the batch that it is about, where shapes or element types do not fit.
fn in_batch(mut error: Error, model: &dyn Module, x: &Tensor, t: Option<&Tensor>) -> Error {
    let told = |t: &Tensor| format!("{} {}", t.dtype(), t.shape());
    let targets = t.map_or(String::new(), |t| format!(" and t {}", told(t)));
    let of_model = parameters(model).first().map(|(_, p)| p.variable().dtype());
    let other = of_model.filter(|dtype| *dtype != x.dtype());
    match error.kind {
        Kind::Shape => error.what += &format!("\n  in a batch of x {}{targets}", told(x)),
        Kind::DType => {
            let own = other.map_or(String::new(), |d| format!("; the model's parameters are {d}"));
            error.what += &format!("\n  in a batch of x {}{targets}{own}", told(x));
        }
        _ => {}
    }
    error
}

/// The first op of a step on these arguments whose result is not finite: its name, layer and line.
fn first_bad_op(step: &mut Compiled<Trace>, args: &[&Tensor]) -> Result<Option<String>> {
    let metas: Vec<_> = args.iter().map(|t| t.node().meta()).collect();
    let program = step.program(&metas)?;
    for t in args {
        t.try_read()?;
    }
    let buffers: Vec<_> = args.iter().filter_map(|t| t.node().value().map(|b| &**b)).collect();
    let (_, first) = program.run_checked(&buffers)?;
    Ok(first.map(|i| &program.plan().steps()[i]).map(|step| {
        let layer = step.scope.as_deref().map_or(String::new(), |s| format!(" in layer {s}"));
        format!("{}{layer}, built at {}", step.name, step.at)
    }))
}

fn result_of(out: &gradus_tensor::Outputs<'_>, metrics: usize, samples: usize) -> BatchResult {
    BatchResult {
        loss: out.item(0),
        metrics: (0..metrics).map(|i| out.item(1 + i)).collect(),
        samples,
    }
}
