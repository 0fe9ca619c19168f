//! `Learner`: a model with its loss and optimiser, and the compiled steps: train on a batch, evaluate a batch, predict.
//!
//! It is the supervised [`Task`]: batches have inputs `x` and targets `t`, and perhaps `weights`, what each sample counts.

use crate::Result as TrainResult;
use crate::batch::{Fields, Name, samples_in};
use crate::compiled::remark_on_speed;
use crate::faults::{Told, in_batch};
use crate::forward::Forward;
use crate::metrics::Metric;
use crate::objective::{Objective, Trace};
use crate::optim::{Clip, Ema, Optimizer};
use crate::task::{Swap, Task};
use crate::updater::{Group, Updater};
use gradus_base::{Error, Result};
use gradus_nn::losses::{Loss, cross_entropy};
use gradus_nn::{Context, Layer, Parameter, State, named_states, parameters};
use gradus_tensor::{Compiled, Plan, Step, Tensor, Variable, compile, report};
use parking_lot::Mutex;
use std::sync::Arc;

mod given;
mod inspect;
mod padding;
mod predict;
mod supervised;
mod task;

pub use inspect::{Activity, Units};
pub use predict::Predictor;
use supervised::Supervised;

/// What can be chosen about training steps, beside model and optimiser.
#[derive(Clone)]
#[doc(alias = "compile")]
pub struct Recipe {
    /// The loss. Of a [`CrossEntropy`](gradus_nn::losses::CrossEntropy) with options (smoothed labels, weights of classes, a label that
    /// does not count) a batch's loss is Σ/Σ over what counts, as PyTorch's; places of the ignored label have no part in metrics either.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense, losses::CrossEntropy};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Learner, Recipe, optim::Sgd};
    /// let loss = CrossEntropy { ignore_index: Some(-100), label_smoothing: 0.1, ..CrossEntropy::default() };
    /// let recipe = Recipe { loss: loss.into(), ..Recipe::default() };
    /// let model = Sequential::new([1], &Init::new(0)).add(dense(2));
    /// let mut learner = Learner::with(model.into(), Box::new(Sgd::new(0.1)), recipe, 0);
    /// let x = Tensor::from([[0.5f32], [9.0], [-1.0]]);
    /// let both = learner.evaluate_batch(&x.slice(0, ..2), &Tensor::from([1i64, -100]))?.loss;
    /// let alone = learner.evaluate_batch(&x.slice(0, ..1), &Tensor::from([1i64]))?.loss;
    /// assert_eq!(both, alone);
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    pub loss: Loss,
    /// What is measured beside the loss.
    pub metrics: Vec<Metric>,
    /// A bound on gradients.
    pub clip: Option<Clip>,
    /// λ₁ of λ₁‖w‖₁, added to the loss over parameters that decay.
    pub l1: f64,
    /// Batches whose gradients are averaged before the parameters move. [`Fit`](crate::Fit) ends a step with its epoch, by the mean
    /// of those that there are then: of 5 batches, 2 for a step, the third step of an epoch is of one.
    pub accumulate: usize,
    /// Averages of the weights.
    pub ema: Option<Ema>,
    /// Rates and decays of their own for some parameters; the last group that matches counts.
    pub groups: Vec<Group>,
    /// A weight for each class, for losses whose targets are labels `[B]`: rare classes can count more. With a
    /// `CrossEntropy` they are its weights, of labels of any shape.
    pub class_weights: Option<Vec<f64>>,
    /// Whether activations are computed again in the backward pass instead of being kept for it: less memory for about a third
    /// more time, the same bits.
    pub recompute: bool,
}

impl Default for Recipe {
    fn default() -> Recipe {
        Recipe {
            loss: cross_entropy.into(),
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
#[doc(alias("Trainer", "Model"))]
pub struct Learner {
    model: Arc<dyn Layer>,
    supervised: Arc<Supervised>,
    objective: Objective,
    evaluate: Forward,
    predict: Compiled<Trace>,
    predict_padded: Forward,
    activity: Compiled<Trace>,
    /// The paths of what a look at activity reads, and whether the layer levels off.
    active: Arc<Mutex<Vec<(String, bool)>>>,
}

/// The names of a batch's fields.
const NAMES: [Name; 3] = [Name::Borrowed("x"), Name::Borrowed("t"), Name::Borrowed("weights")];

impl Learner {
    /// A model with an optimiser, by the default [`Recipe`]: cross-entropy, no metrics.
    #[track_caller]
    pub fn new(model: Arc<dyn Layer>, optimizer: impl Optimizer + 'static) -> Learner {
        Learner::with(model, Box::new(optimizer), Recipe::default(), 0)
    }

    /// A model with an optimiser, a recipe and the seed of its random numbers (dropout).
    ///
    /// # Panics
    /// If two metrics have one name, or one is called `loss`.
    #[track_caller]
    #[doc(alias = "compile")]
    pub fn with(
        model: Arc<dyn Layer>,
        optimizer: Box<dyn Optimizer>,
        recipe: Recipe,
        seed: u64,
    ) -> Learner {
        let Recipe { loss, metrics, class_weights, .. } = recipe;
        expect_names_apart(&metrics);
        let called = format!("the loss {}", loss.name());
        let supervised =
            Arc::new(Supervised { model: model.clone(), loss, metrics, class_weights });
        let updater = Updater::of(optimizer)
            .clip(recipe.clip)
            .l1(recipe.l1)
            .accumulate(recipe.accumulate)
            .ema(recipe.ema)
            .groups(recipe.groups)
            .recompute(recipe.recompute);
        let active = Arc::<Mutex<Vec<(String, bool)>>>::default();
        let measured = supervised.clone();
        let measure = move |fields: &Fields<'_>, cx: &Context<'_>| measured.train(fields, cx);
        let moved = model.clone();
        let moves = move || parameters(&*moved);
        Learner {
            objective: Objective::new(updater, called, Box::new(measure), Box::new(moves), seed),
            evaluate: {
                let supervised = supervised.clone();
                Forward::new(Arc::new(move |fields, cx| supervised.evaluate(fields, cx)))
            },
            predict: traced(&supervised, |s, args| {
                let cx = Context::eval();
                Step::new().read(&s.model.forward(&args[0], &cx)).updates(cx.take_updates())
            }),
            predict_padded: {
                let supervised = supervised.clone();
                let report = move |fields: &Fields<'_>, cx: &Context<'_>| {
                    vec![("y".into(), supervised.predict(fields, cx))]
                };
                Forward::new(Arc::new(report))
            },
            activity: {
                let (model, active) = (model.clone(), Arc::clone(&active));
                compile(Box::new(move |args: &[Tensor]| {
                    let (step, layers) = inspect::activity_step(&model, &args[0]);
                    *active.lock() = layers;
                    step
                }) as Trace)
            },
            active,
            model,
            supervised,
        }
    }

    /// The model.
    pub fn model(&self) -> &Arc<dyn Layer> {
        &self.model
    }
    /// Steps taken: how often the parameters moved.
    pub fn step(&self) -> u64 {
        self.objective.counters().0
    }
    /// The optimiser's base rate.
    pub fn learning_rate(&self) -> f64 {
        self.objective.updater().learning_rate()
    }
    /// The optimiser's name.
    pub fn optimizer_name(&self) -> &'static str {
        self.objective.updater().name()
    }
    /// The metrics' names.
    pub fn metric_names(&self) -> Vec<Name> {
        self.supervised.metrics.iter().map(|metric| metric.name.clone()).collect()
    }
    /// Parameters that the loss does not depend on, found when the first step was traced.
    pub fn unreached(&self) -> Vec<String> {
        self.objective.unreached()
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
    /// out of range; then nothing was updated. The error has the line of the layer, or of a loss of your own; else that of this call.
    #[track_caller]
    #[doc(alias("step", "train_on_batch"))]
    pub fn train_batch(&mut self, x: &Tensor, t: &Tensor, rate: f64) -> Result<BatchResult> {
        self.train_weighted(x, t, None, rate)
    }

    /// One training step on a batch whose samples count as much as `weights [B]` say: the loss is Σwᵢℓᵢ / Σwᵢ, each wᵢ times its
    /// class's weight where the recipe has such.
    ///
    /// # Errors
    /// As [`Learner::train_batch`].
    #[track_caller]
    pub fn train_weighted(
        &mut self,
        x: &Tensor,
        t: &Tensor,
        weights: Option<&Tensor>,
        rate: f64,
    ) -> Result<BatchResult> {
        remark_on_speed();
        let samples = samples_in("x", x).told()?;
        let fields = [x, t, weights.unwrap_or(x)];
        let used = 2 + usize::from(weights.is_some());
        let (names, fields) = (&NAMES[..used], &fields[..used]);
        let result = self.objective.step(names, fields, rate, |numbers| BatchResult {
            loss: numbers.next().unwrap_or(f64::NAN),
            metrics: numbers.collect(),
            samples,
        });
        result.map_err(|error| self.in_batch(error, &fields[..2])).told()
    }

    /// Loss and metrics of a batch, without training. Metrics of a whole set are not among them: see [`Learner::evaluate`].
    ///
    /// # Errors
    /// As [`Learner::train_batch`].
    #[track_caller]
    pub fn evaluate_batch(&mut self, x: &Tensor, t: &Tensor) -> Result<BatchResult> {
        let samples = samples_in("x", x).told()?;
        let means = 1 + self.supervised.means().count();
        match self.evaluate.run(&NAMES[..2], &[x, t], self.objective.key()) {
            Ok(out) => Ok(BatchResult {
                loss: out.item(0),
                metrics: (1..means).map(|i| out.item(i)).collect(),
                samples,
            }),
            Err(error) => Err(self.in_batch(error, &[x, t])).told(),
        }
    }

    /// Which op first gave a number that is not finite on this batch, which was the last, in words: when it is evaluated, or else
    /// when it is trained on.
    ///
    /// # Errors
    /// When evaluating meets a bad value.
    #[track_caller]
    pub fn first_not_finite(&mut self, x: &Tensor, t: &Tensor) -> Result<String> {
        self.not_finite_in(&NAMES[..2], &[x, t]).told()
    }

    fn not_finite_in(&mut self, names: &[Name], fields: &[&Tensor]) -> Result<String> {
        let called = |name: &Name| match &**name {
            "x" => "inputs".to_owned(),
            "t" => "targets".to_owned(),
            name => name.to_owned(),
        };
        let mut given = names.iter().zip(fields);
        if let Some(bad) = given.find_map(|(name, t)| bad_field(&called(name), t)) {
            return Ok(bad);
        }
        if let Some(bad) = bad_parameter(self) {
            return Ok(bad);
        }
        let key = self.objective.key();
        if let Some(op) = self.evaluate.first_bad_op(names, fields, key)? {
            return Ok(format!("the first op that is not finite is {op}"));
        }
        // Training differs: statistics of the batch, dropout.
        Ok(match self.objective.first_bad_op(names, fields)? {
            Some(op) => format!(
                "predicting, every op is finite; training, the first that is not finite is {op}"
            ),
            None => "every op is finite now".to_owned(),
        })
    }

    /// The momentum of the steps to come, in place of the optimiser's own: sgd's μ, Adam's β₁. An argument of the step, as the rate
    /// is: only beginning or ending to give one plans the step anew. [`Fit`](crate::Fit) sets what its schedule says.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense, parameters};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Learner, optim::Sgd};
    /// let model = Sequential::new([1], &Init::new(0)).add(dense(1));
    /// let mut learner = Learner::new(model.into(), Sgd::new(0.1));
    /// learner.set_momentum(Some(0.95))?;
    /// learner.train_batch(&Tensor::ones([1, 1]), &Tensor::from([0i64]), 0.1)?;
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the optimiser has no momentum that can be given.
    #[track_caller]
    pub fn set_momentum(&mut self, momentum: Option<f64>) -> Result<()> {
        self.objective.set_momentum(momentum).told()
    }

    /// Every number training has changed, by name: `model.…`, `optimizer.…`; with [`Learner::counters`] it is all that a
    /// bit-identical continuation needs.
    ///
    /// The optimiser's state exists from the first step on; [`Learner::prepare`] makes it without taking one.
    pub fn state(&self) -> Vec<(String, Variable)> {
        let mut all = module_state("model", &*self.model);
        let slots = self.objective.slots();
        all.extend(slots.into_iter().map(|(path, v)| (format!("optimizer.{path}"), v)));
        all
    }

    /// (steps taken, batches accumulated since).
    pub fn counters(&self) -> (u64, usize) {
        self.objective.counters()
    }
    /// Continues from where other counters stood.
    pub fn set_counters(&mut self, step: u64, micro: usize) {
        self.objective.set_counters((step, micro));
    }

    /// Plans the training step for batches like this, which makes the optimiser's state.
    ///
    /// # Errors
    /// When the step cannot be built.
    #[track_caller]
    pub fn prepare(&mut self, x: &Tensor, t: &Tensor) -> Result<&Plan> {
        self.objective.prepare(&NAMES[..2], &[x, t]).told()
    }

    /// Plans the training step anew: for after parameters were frozen or unfrozen.
    pub fn retrace(&mut self) {
        self.objective.retrace();
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
        let drawing = self.objective.draw(&NAMES[..2], &[x, t], updates);
        let named = self.state().into_iter();
        named.fold(drawing, |drawing, (path, variable)| {
            let path = path.strip_prefix("model.").unwrap_or(&path);
            drawing.name_variable(&variable, path)
        })
    }

    /// The average of the weights, by the parameters' paths, if the recipe keeps one.
    pub fn averages(&self) -> Vec<(String, Variable)> {
        averages(&self.objective)
    }

    /// Does something with the model as it is with the averages in place of the weights; then the weights are as before. Without
    /// averages it is done with the weights.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::optim::{Ema, Sgd};
    /// use gradus_train::{Learner, Recipe};
    /// let model = Sequential::new([1], &Init::new(0)).add(dense(2));
    /// let recipe = Recipe { ema: Some(Ema::new(0.9)), ..Recipe::default() };
    /// let mut learner = Learner::with(model.into(), Box::new(Sgd::new(1.0)), recipe, 0);
    /// let (x, t) = (Tensor::from([[1f32]]), Tensor::from([1i64]));
    /// learner.train_batch(&x, &t, 1.0)?;
    /// let now = learner.evaluate_batch(&x, &t)?.loss;
    /// let averaged = learner.with_averages(|learner| learner.evaluate_batch(&x, &t))??.loss;
    /// assert!(averaged > now, "an average lags behind");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the averages are those of another model.
    pub fn with_averages<T>(&mut self, work: impl FnOnce(&mut Learner) -> T) -> TrainResult<T> {
        let swap = Swap::averages_of(self)?;
        let result = work(self);
        swap.back()?;
        Ok(result)
    }

    fn in_batch(&self, error: gradus_base::Error, fields: &[&Tensor]) -> gradus_base::Error {
        let tensors: Vec<Tensor> = fields.iter().map(|&t| t.clone()).collect();
        in_batch(error, &Fields::new(&NAMES[..tensors.len()], &tensors), &self.objective.moves())
    }
}

/// Fails if the numbers of a learner could not be told apart by their names.
#[track_caller]
fn expect_names_apart(metrics: &[Metric]) {
    let names = || metrics.iter().map(|metric| &*metric.name);
    if names().any(|name| name == "loss") {
        let what = "found a metric named loss, expected another name: so the loss itself is called";
        report(Error::value("metrics", what));
    }
    if let Some((_, name)) =
        names().enumerate().find(|(at, name)| names().take(*at).any(|n| n == *name))
    {
        let what = format!("found two metrics named {name}, expected a name for each");
        report(Error::value("metrics", what));
    }
}

/// A step that something traces.
fn traced(
    supervised: &Arc<Supervised>,
    f: impl Fn(&Supervised, &[Tensor]) -> Step + Send + 'static,
) -> Compiled<Trace> {
    let supervised = supervised.clone();
    compile(Box::new(move |args: &[Tensor]| f(&supervised, args)) as Trace)
}

/// What is said of a field that holds a number that is not finite.
pub(crate) fn bad_field(what: &str, t: &Tensor) -> Option<String> {
    let bad = t.dtype().is_float() && !all_finite(t);
    bad.then(|| format!("the {what} hold values that are not finite"))
}

fn all_finite(t: &Tensor) -> bool {
    t.is_finite().all(..).item() != 0.0
}

/// What is said of the first parameter that is not finite.
pub(crate) fn bad_parameter(task: &dyn Task) -> Option<String> {
    let bad = |p: &Parameter| !all_finite(&p.variable().value());
    let (path, _) = task.parameters().into_iter().find(|(_, p)| bad(p))?;
    let why = match task.steps_before() {
        0 => "is not finite, and no step has changed it yet",
        _ => "is no longer finite: the rate may be too high",
    };
    Some(format!("the parameter {path} {why}"))
}

/// Every parameter and buffer of a module, its path below `name`.
pub(crate) fn module_state(name: &str, module: &dyn gradus_nn::Module) -> Vec<(String, Variable)> {
    let variable = |(path, state): (String, State<'_>)| {
        let variable = match state {
            State::Parameter(p) => p.variable().clone(),
            State::Buffer(v) => v.clone(),
            State::Child(_) => unreachable!("children are walked"),
        };
        let path = if path.is_empty() { name.to_owned() } else { format!("{name}.{path}") };
        (path, variable)
    };
    named_states(module).into_iter().map(variable).collect()
}

/// The averages that an objective's updater keeps.
pub(crate) fn averages(objective: &Objective) -> Vec<(String, Variable)> {
    let average = |(path, v): (String, Variable)| Some((path.strip_suffix(".ema")?.to_owned(), v));
    objective.slots().into_iter().filter_map(average).collect()
}
