//! `Context`: what a forward pass knows besides its input: training or not, randomness, and the
//! state it changes.

use crate::{Layer, Padding};
use gradus_base::{DType, Error, Result};
use gradus_tensor::{Caller, Key, Place, Tensor, Variable, layer_scope, report};
use std::cell::{Cell, RefCell};

/// How the names of this library's source files begin.
const LIBRARY: &str = file!().split_at(file!().len() - "context.rs".len()).0;

/// Called with a layer's path and output: to look at activations, or to change them.
pub type Hook<'h> = dyn Fn(&str, &Tensor) -> Option<Tensor> + 'h;

/// One forward pass: its mode, its random key, the updates that layers ask for.
pub struct Context<'h> {
    training: bool,
    trial: bool,
    key: Option<Tensor>,
    stream: Cell<u32>,
    path: RefCell<String>,
    updates: RefCell<Vec<(Variable, Tensor)>>,
    auxiliary: RefCell<Vec<(Tensor, f64)>>,
    /// Sequences that are padded, with their lengths.
    lengths: RefCell<Vec<(Tensor, Tensor)>>,
    hook: Option<Box<Hook<'h>>>,
}

impl<'h> Context<'h> {
    /// A pass that predicts: no dropout, running statistics are used and stay as they are.
    #[doc(alias("no_grad", "inference_mode", "training"))]
    pub fn eval() -> Context<'h> {
        Context {
            training: false,
            trial: false,
            key: None,
            stream: Cell::new(0),
            path: RefCell::default(),
            updates: RefCell::default(),
            auxiliary: RefCell::default(),
            lengths: RefCell::default(),
            hook: None,
        }
    }

    /// A pass that trains. `key` is an i64 tensor `[seed, step]`; give it as an argument of a
    /// compiled step, so that every step draws other numbers without being planned anew.
    #[doc(alias = "training")]
    pub fn train(key: &Tensor) -> Context<'h> {
        Context { training: true, key: Some(key.clone()), ..Context::eval() }
    }

    /// A pass that predicts for some batch of zeros, to see what shape comes out.
    pub(crate) fn trial() -> Context<'h> {
        Context { trial: true, ..Context::eval() }
    }

    /// This pass with a hook that sees the output of every layer, by the layer's path, and may
    /// change it.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, Layer, Sequential, layers::*};
    /// use gradus_tensor::{Tensor, gradients};
    /// use std::cell::RefCell;
    /// let model = Sequential::new([2], &Init::new(0)).add(dense(3)).add(tanh()).add(dense(1));
    /// let seen = RefCell::new(vec![]);
    /// let look = Context::eval().with_hook(|path, y| {
    ///     seen.borrow_mut().push((path.to_owned(), y.clone()));
    ///     None // or a tensor to go on with instead
    /// });
    /// let loss = model.forward(&Tensor::ones([1, 2]), &look).sum(..);
    /// drop(look);
    /// let (path, hidden) = &seen.into_inner()[1];
    /// assert_eq!(path, "tanh1");
    /// // What the loss's gradient is there.
    /// let slope = gradients(&loss, std::slice::from_ref(hidden))?.remove(0);
    /// assert_eq!(slope.map(|dy| dy.shape()), Some(hidden.shape()));
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "register_forward_hook")]
    pub fn with_hook(mut self, hook: impl Fn(&str, &Tensor) -> Option<Tensor> + 'h) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// This pass with random numbers to draw from although it predicts, for models that sample.
    /// `key` is as in [`Context::train`].
    #[must_use]
    pub fn drawing(self, key: &Tensor) -> Self {
        Context { key: Some(key.clone()), ..self }
    }

    /// Shows hooks a value inside the layer that runs, under a name below its path, such as the
    /// gates of a recurrent cell.
    pub fn show(&self, name: &str, value: &Tensor) {
        if let Some(hook) = &self.hook {
            let path = self.path.borrow();
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            hook(&below, value);
        }
    }

    /// Whether this pass trains.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// Whether nothing is meant but the shape that comes out: the size of the batch says nothing then.
    pub(crate) fn is_trial(&self) -> bool {
        self.trial
    }

    /// The random key of this pass, and a stream number that nobody else in it has.
    ///
    /// # Panics
    /// If this pass neither trains nor is [`Context::drawing`]: a prediction draws no random
    /// numbers.
    #[track_caller]
    pub fn random(&self) -> (Tensor, u32) {
        let Some(key) = self.key.clone() else {
            let what = "a pass that predicts draws no random numbers, unless it is given a key by Context::drawing";
            return (Tensor::refuse(Error::value("random", what)), 0);
        };
        let stream = self.stream.get();
        self.stream.set(stream + 1);
        (key, stream)
    }

    /// Random numbers that nobody else in this pass draws.
    ///
    /// ```
    /// use gradus_nn::Context;
    /// use gradus_tensor::Tensor;
    /// let cx = Context::train(&Tensor::from([7i64, 0])); // seed 7, step 0
    /// let (a, b) = (cx.key().normal([3]), cx.key().normal([3]));
    /// assert!(a.to_vec::<f32>() != b.to_vec::<f32>());
    /// ```
    ///
    /// # Panics
    /// As [`Context::random`].
    #[track_caller]
    pub fn key(&self) -> Key {
        let (key, stream) = self.random();
        Key::of(&key).stream(stream.into())
    }

    /// Asks for `variable` to take a new value when the step commits. It replaces what was asked
    /// for before in this pass.
    pub fn update(&self, variable: &Variable, value: &Tensor) {
        let mut updates = self.updates.borrow_mut();
        match updates.iter_mut().find(|(v, _)| v == variable) {
            Some((_, pending)) => *pending = value.clone(),
            None => updates.push((variable.clone(), value.clone())),
        }
    }

    /// What `variable` will hold after the updates asked for so far in this pass; its present value
    /// if there are none. So a layer that is called twice moves its statistics twice, the second
    /// time from where the first call left them.
    pub fn value(&self, variable: &Variable) -> Tensor {
        let updates = self.updates.borrow();
        let pending = updates.iter().find(|(v, _)| v == variable);
        pending.map_or_else(|| variable.tensor(), |(_, value)| value.clone())
    }

    /// Takes out the updates asked for so far.
    pub fn take_updates(&self) -> Vec<(Variable, Tensor)> {
        self.updates.take()
    }

    /// Offers another output to learn from: `weight` times its loss is added to the loss of the
    /// model's output.
    pub fn add_auxiliary(&self, output: &Tensor, weight: f64) {
        self.auxiliary.borrow_mut().push((output.clone(), weight));
    }

    /// Takes out the outputs offered so far, with their weights.
    pub fn take_auxiliary(&self) -> Vec<(Tensor, f64)> {
        self.auxiliary.take()
    }

    /// Says that `x [B, T, ..]` is padded: only the first `lengths [B]` places (i64) of each
    /// sequence count. The lengths travel beside the tensor: layers that treat each place apart
    /// pass them on, layers that know of padding ask for them, all others refuse `x`.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, Layer, Sequential, layers::*};
    /// use gradus_tensor::{Tensor, try_build};
    /// let cx = Context::eval();
    /// let x = Tensor::ones([2, 3, 4]);
    /// cx.set_lengths(&x, &Tensor::from([3i64, 1]));
    /// let words = Sequential::new([3, 4], &Init::new(0)).add(dense(5)).add(tanh());
    /// let y = words.forward(&x, &cx);
    /// assert_eq!(cx.mask(&y).unwrap().to_vec::<f32>(), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    /// let flat = Sequential::new([3, 4], &Init::new(0)).add(flatten());
    /// let error = try_build(|| flat.forward(&x, &cx)).unwrap_err().to_string();
    /// assert!(error.contains("Flatten would mix padding with what is there"), "{error}");
    /// ```
    ///
    /// # Panics
    /// If the lengths are not i64 `[B]`, or `x` has no second axis.
    #[track_caller]
    pub fn set_lengths(&self, x: &Tensor, lengths: &Tensor) {
        let fits = x.rank() >= 2
            && lengths.dtype() == DType::I64
            && lengths.rank() == 1
            && lengths.size(0) == x.size(0);
        if !fits {
            let what = format!(
                "x is {}, its lengths {} {}; expected [B, T, ..] and i64 [B]",
                x.shape(),
                lengths.dtype(),
                lengths.shape()
            );
            return report(Error::shape("lengths", what));
        }
        self.lengths.borrow_mut().push((x.clone(), lengths.clone()));
    }

    /// The lengths `[B]` of padded sequences `x [B, T, ..]`; `None` where nothing is padded.
    pub fn lengths(&self, x: &Tensor) -> Option<Tensor> {
        let all = self.lengths.borrow();
        let found = all.iter().rev().find(|(known, _)| known.node().id() == x.node().id());
        found.map(|(_, lengths)| lengths.clone())
    }

    /// The mask of padded sequences `x [B, T, ..]`, f32 `[B, T]`: 1 at places that count, 0 at
    /// padding. `None` where nothing is padded.
    pub fn mask(&self, x: &Tensor) -> Option<Tensor> {
        self.lengths(x).map(|lengths| mask_of(&lengths, x.size(1)))
    }

    /// Refuses padded sequences where padding would be mixed with what is there.
    pub(crate) fn refuse_lengths(&self, x: &Tensor, who: &str) -> Result<()> {
        if self.lengths(x).is_some() {
            let what = format!(
                "{who} would mix padding with what is there: x {} has lengths, of which it does not know",
                x.shape()
            );
            return Err(Error::value("padding", what));
        }
        Ok(())
    }

    /// Runs a layer under its name: its nodes and messages carry the layer's path and the line that
    /// runs the model, and hooks see its output.
    #[track_caller]
    pub fn run(&self, name: &str, layer: &dyn Layer, x: &Tensor) -> Tensor {
        let _leave = self.enter(name);
        let caller = Caller { line: Place::here(), library: LIBRARY };
        let label = format!("{name} ({})", layer.describe());
        let y = layer_scope(&label, caller, || match self.check(layer, x) {
            Ok(()) => layer.forward(x, self),
            Err(e) => Tensor::refuse(e),
        });
        if layer.padding(&x.shape()) == Padding::Apart {
            self.lengths(x).inspect(|lengths| self.set_lengths(&y, lengths));
        }
        self.hooked(y)
    }

    /// Refuses what a layer cannot take.
    fn check(&self, layer: &dyn Layer, x: &Tensor) -> Result<()> {
        if let Some(mistake) = x.mistake() {
            return Err(mistake.clone());
        }
        layer.takes().expect(&self.path.borrow(), "input", x.dtype(), x.shape())?;
        match layer.padding(&x.shape()) {
            Padding::Mixes => self.refuse_lengths(x, &layer.describe()),
            _ => Ok(()),
        }
    }

    /// What hooks put in the place of a layer's output.
    fn hooked(&self, y: Tensor) -> Tensor {
        let Some(hook) = &self.hook else { return y };
        let Some(other) = hook(&self.path.borrow(), &y) else { return y };
        // What stands in for an output is as long as it was.
        self.lengths(&y).inspect(|lengths| self.set_lengths(&other, lengths));
        other
    }

    /// Goes to a layer's path, until what is given back is dropped: also where the layer fails.
    pub(crate) fn enter(&self, name: &str) -> Leave<'_> {
        let mut path = self.path.borrow_mut();
        let before = path.len();
        if before > 0 {
            path.push('.');
        }
        path.push_str(name);
        Leave { path: &self.path, before }
    }
}

pub(crate) struct Leave<'p> {
    path: &'p RefCell<String>,
    before: usize,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.path.borrow_mut().truncate(self.before);
    }
}

/// 1 for each of the first `lengths [B]` of so many places, 0 for the others: f32 `[B, places]`.
fn mask_of(lengths: &Tensor, places: usize) -> Tensor {
    let numbers: Vec<i64> = (0..places as i64).collect();
    let numbers = Tensor::from_slice(&numbers, [1, places]);
    numbers.lt(&lengths.unsqueeze(1)).cast(DType::F32)
}
