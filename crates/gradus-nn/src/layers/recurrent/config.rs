//! What is asked for of a recurrent layer.

use super::cell::{Cell, Gru, Lstm, Rnn};
use super::direction::Direction;
use super::layer::Recurrent;
use super::start::InitialState;
use crate::refused::refused;
use crate::{Config, Init, Initializer, Layer, Spec};
use gradus_base::{Error, Result};
use gradus_tensor::{GruReset, GruUpdate, LstmGates, RnnActivation, report};
use std::sync::Arc;

/// Describes a simple recurrent layer of `units`, h′ = tanh(x·Wi + h·Wh + b): `[B, T, I]` → `[B, T, units]`.
///
/// What all recurrent layers have is told at [`RecurrentConfig`]. Elman 1990, "Finding structure in time"
///
/// ```
/// use gradus_nn::{Init, layers::rnn, parameters};
/// let layer = rnn(8).build(3, &Init::new(0));
/// let shapes: Vec<String> = parameters(&layer).iter().map(|(n, p)| format!("{n} {}", p.variable().shape())).collect();
/// assert_eq!(shapes, ["weight_ih_l0 [3, 8]", "weight_hh_l0 [8, 8]", "bias_l0 [8]"]);
/// ```
#[doc(alias("SimpleRNN", "RNN", "RNNCell"))]
pub fn rnn(units: usize) -> RecurrentConfig<Rnn> {
    RecurrentConfig::new(Rnn { activation: RnnActivation::Tanh }, units)
}

/// Describes long short-term memory of `units`: `[B, T, I]` → `[B, T, units]`. The step is that of
/// [`Tensor::lstm`](gradus_tensor::Tensor::lstm), the parts of its weights in the order i, f, g, o.
///
/// What all recurrent layers have is told at [`RecurrentConfig`]. Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000
///
/// ```
/// use gradus_nn::{Context, Init, Layer, Sequential, layers::*};
/// use gradus_tensor::Tensor;
/// // Of sequences of 20 pairs of numbers, whatever their length, one number each.
/// let model = Sequential::new([20, 2], &Init::new(0)).add(lstm(16).return_sequences(false)).add(dense(1));
/// let y = model.forward(&Tensor::ones([4, 20, 2]), &Context::eval());
/// assert_eq!(y.shape().to_string(), "[4, 1]");
/// assert_eq!(model.summary().rows[0].layer, "LSTM(16)");
/// assert_eq!(model.summary().parameters, 4 * 16 * (2 + 16 + 1) + 17);
/// ```
#[doc(alias("LSTM", "LSTMCell"))]
pub fn lstm(units: usize) -> RecurrentConfig<Lstm> {
    let cell = Lstm {
        gates: LstmGates::All,
        linear_input: false,
        linear_output: false,
        peepholes: false,
        projection: None,
        layer_norm: false,
        forget_bias: 1.0,
    };
    RecurrentConfig::new(cell, units)
}

/// Describes gated recurrent units: `[B, T, I]` → `[B, T, units]`. The step is that of [`Tensor::gru`](gradus_tensor::Tensor::gru), the
/// parts of its weights in the order r, z, n.
///
/// What all recurrent layers have is told at [`RecurrentConfig`]. Cho et al. 2014, arXiv:1406.1078
///
/// ```
/// use gradus_nn::{Init, Layer, layers::{Merge, gru}};
/// let layer = gru(96).layers(2).bidirectional(Merge::Concat).build(3, &Init::new(0));
/// assert_eq!(layer.describe(), "GRU(2×96, bidirectional)");
/// ```
#[doc(alias("GRU", "GRUCell"))]
pub fn gru(units: usize) -> RecurrentConfig<Gru> {
    RecurrentConfig::new(Gru { reset: GruReset::After, update: GruUpdate::Cho }, units)
}

/// How what comes from both ends is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// One after the other along the last axis: twice as many.
    Concat,
    /// Their sum.
    Sum,
}

/// What is asked for, whatever happens at a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub units: usize,
    pub layers: usize,
    pub merge: Option<Merge>,
    pub return_sequences: bool,
    pub dropout: f64,
    pub recurrent_dropout: f64,
    pub batch_norm: bool,
    pub initial_state: InitialState,
    pub init: Initializer,
    pub recurrent_init: Initializer,
}

impl Form {
    pub(super) fn directions(&self) -> usize {
        1 + usize::from(self.merge.is_some())
    }
}

/// The description of a [`Recurrent`] layer. `C` is what happens at a step, with options of its own.
///
/// The layer takes `x [B, T, I]`. It gives what it knows after each step, `[B, T, P]`, as PyTorch's do, so that layers over sequences
/// follow each other without a word; [`return_sequences(false)`](Self::return_sequences) gives what it knows at the end, `[B, P]`. P is
/// the number of units, that of a projection, or twice that with both directions.
///
/// Lengths ([`Context::set_lengths`](crate::Context::set_lengths)) are known: a sample's last step is that of its length, and so is the
/// first one of the other direction; behind it y is 0. Of a sample of length 0 the last state is the initial one.
///
/// Weights of the input begin as Glorot's uniform ones, recurrent ones orthogonal, each over the whole matrix of all parts, and
/// biases at 0 but for an LSTM's forget gate, as in Keras. PyTorch's layers begin uniform in ±1/√units:
/// `.init(u).recurrent_init(u)` with `u = Initializer::Uniform(1.0 / (units as f64).sqrt())`.
///
/// Parameters are called as PyTorch's, but lie as all matrices here, `[in, out]`, and there is one bias, as Keras has it:
///
/// | name | shape | |
/// |---|---|---|
/// | `weight_ih_l0` | `[I, G·units]` | of the input; G parts |
/// | `weight_hh_l0` | `[P, G·units]` | of the state |
/// | `bias_l0` | `[G·units]` | not with a batch norm, whose shift it is |
/// | `bias_hn_l0` | `[units]` | of a GRU whose reset gate works after the product: what is added before it |
/// | `peepholes_l0` | `[K, units]` | of an LSTM, a row for each gate |
/// | `weight_hr_l0` | `[units, P]` | of an LSTM's projection |
/// | `norm_l0.…` | `[G·units]` | the batch norm's state |
/// | `norm_ih_l0`, `norm_hh_l0`, `norm_c_l0`, `norm_c_bias_l0` | `[G·units]`, `[units]` | a layer norm's |
/// | `h_l0`, `c_l0` | `[P]`, `[units]` or `[B, ..]` | the initial state, if it is learned or carried |
///
/// `l1` is the second layer, and names of the way from the end go on with `_reverse`.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentConfig<C> {
    cell: C,
    form: Form,
}

impl<C> RecurrentConfig<C> {
    fn new(cell: C, units: usize) -> Self {
        let form = Form {
            units,
            layers: 1,
            merge: None,
            return_sequences: true,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            batch_norm: false,
            initial_state: InitialState::Zero,
            init: Initializer::GlorotUniform,
            recurrent_init: Initializer::Orthogonal(1.0),
        };
        RecurrentConfig { cell, form }
    }

    /// Whether what is known after each step comes out, `[B, T, P]`, or what is known at the end, `[B, P]`; true by default.
    #[must_use]
    pub fn return_sequences(mut self, all: bool) -> Self {
        self.form.return_sequences = all;
        self
    }
    /// So many layers, each over what the one before gives; 1 by default.
    #[must_use]
    #[doc(alias = "num_layers")]
    pub fn layers(mut self, layers: usize) -> Self {
        self.form.layers = layers;
        self
    }
    /// Both ways, with weights of their own: each layer sees what comes before and what comes after. Schuster & Paliwal 1997
    #[must_use]
    #[doc(alias = "Bidirectional")]
    pub fn bidirectional(mut self, merge: Merge) -> Self {
        self.form.merge = Some(merge);
        self
    }
    /// Dropout of what a layer gives to the next; 0 by default.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.form.dropout = p;
        self
    }
    /// Dropout of the state where it is multiplied by the recurrent weights, while training: what is dropped is the same at all steps of a
    /// sequence. Such a pass is unrolled, a handful of ops a step: it takes several times as long, and longer to be planned. Gal &
    /// Ghahramani 2016, arXiv:1512.05287
    #[must_use]
    pub fn recurrent_dropout(mut self, p: f64) -> Self {
        self.form.recurrent_dropout = p;
        self
    }
    /// Batch normalisation of the input's share, x·Wi, over all samples and steps that are there; the state's share is left alone.
    /// Laurent et al. 2015, arXiv:1510.01378
    #[must_use]
    pub fn batch_norm(mut self) -> Self {
        self.form.batch_norm = true;
        self
    }
    /// What a sequence begins with; zeros by default.
    #[must_use]
    #[doc(alias = "stateful")]
    pub fn initial_state(mut self, initial: InitialState) -> Self {
        self.form.initial_state = initial;
        self
    }
    /// The initialiser of the input's weights; Glorot uniform by default.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.form.init = init;
        self
    }
    /// The initialiser of the recurrent weights; orthogonal by default.
    #[must_use]
    pub fn recurrent_init(mut self, init: Initializer) -> Self {
        self.form.recurrent_init = init;
        self
    }
}

impl RecurrentConfig<Rnn> {
    /// What is done with the sum; tanh by default.
    #[must_use]
    pub fn activation(mut self, activation: RnnActivation) -> Self {
        self.cell.activation = activation;
        self
    }
}

impl RecurrentConfig<Lstm> {
    /// What the forget gate's biases begin at, if there is such a gate; 1 by default, so that a cell remembers until it learns to forget,
    /// as in Keras. Jozefowicz, Zaremba & Sutskever 2015
    #[must_use]
    #[doc(alias = "unit_forget_bias")]
    pub fn forget_bias(mut self, bias: f64) -> Self {
        self.cell.forget_bias = bias;
        self
    }
    /// Gates see the cell too. Gers & Schmidhuber 2000
    #[must_use]
    pub fn peepholes(mut self) -> Self {
        self.cell.peepholes = true;
        self
    }
    /// The state is `size` numbers that are made of the units. Sak, Senior & Beaufays 2014, arXiv:1402.1128
    #[must_use]
    #[doc(alias = "proj_size")]
    pub fn projection(mut self, size: usize) -> Self {
        self.cell.projection = Some(size);
        self
    }
    /// Layer normalisation of the input's share, the state's share and the cell on its way out. The net is unrolled for it, a handful of
    /// ops a step: it takes several times as long, and longer to be planned. Ba, Kiros & Hinton 2016, arXiv:1607.06450
    #[must_use]
    pub fn layer_norm(mut self) -> Self {
        self.cell.layer_norm = true;
        self
    }
    /// The forget gate is what the input gate leaves: f = 1 − i. Greff et al. 2015, arXiv:1503.04069 (CIFG)
    #[must_use]
    pub fn coupled(self) -> Self {
        self.gates(LstmGates::Coupled)
    }
    /// The gates that there are; all by default. Greff et al. 2015 (NIG, NFG, NOG, CIFG)
    #[must_use]
    pub fn gates(mut self, gates: LstmGates) -> Self {
        self.cell.gates = gates;
        self
    }
    /// New content is not squashed. Greff et al. 2015 (NIAF)
    #[must_use]
    pub fn linear_input(mut self) -> Self {
        self.cell.linear_input = true;
        self
    }
    /// The cell is not squashed on its way out. Greff et al. 2015 (NOAF)
    #[must_use]
    pub fn linear_output(mut self) -> Self {
        self.cell.linear_output = true;
        self
    }
}

impl RecurrentConfig<Gru> {
    /// Where the reset gate works; after the product by default, as in PyTorch and Keras.
    #[must_use]
    #[doc(alias = "reset_after")]
    pub fn reset(mut self, reset: GruReset) -> Self {
        self.cell.reset = reset;
        self
    }
    /// What the update gate weighs; the old state by default, as in PyTorch and Keras.
    #[must_use]
    pub fn update(mut self, update: GruUpdate) -> Self {
        self.cell.update = update;
        self
    }
}

impl<C: Copy + Into<Cell>> RecurrentConfig<C> {
    /// Builds the layer for `features` inputs a step.
    ///
    /// # Panics
    /// If what is asked for cannot be.
    #[track_caller]
    pub fn build(&self, features: usize, init: &Init) -> Recurrent {
        let (mut cell, mut form) = (self.cell.into(), self.form);
        if let Err(e) = check(&cell, &form) {
            // What goes on from there is seen by nobody.
            report(e);
            let plain = rnn(1);
            (cell, form) = (plain.cell.into(), plain.form);
        }
        let given = form.directions_given(&cell);
        let mut directions = vec![];
        for layer in 0..form.layers {
            let inputs = if layer == 0 { features } else { given };
            for reverse in [false, true].into_iter().take(form.directions()) {
                directions.push(Direction::new(&cell, &form, layer, reverse, inputs, init));
            }
        }
        Recurrent { cell, form, features, directions }
    }
}

impl Form {
    /// How many numbers a step gives.
    pub(super) fn directions_given(&self, cell: &Cell) -> usize {
        let one = cell.projection().unwrap_or(self.units);
        if self.merge == Some(Merge::Concat) { 2 * one } else { one }
    }
}

impl<C: Copy + Into<Cell>> Config for RecurrentConfig<C> {
    fn name(&self) -> &'static str {
        self.cell.into().name()
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let cell = self.cell.into();
        if let Err(e) = check(&cell, &self.form) {
            return refused(e);
        }
        let &[_, features] = &input.shape[..] else {
            let what = format!("the input is {}, expected [steps, features]", input.shape);
            return refused(Error::shape(cell.name(), what));
        };
        Arc::new(RecurrentConfig::build(&self, features, init))
    }
}

/// Errs on what cannot be.
fn check(cell: &Cell, form: &Form) -> Result<()> {
    let err = |what: String| Err(Error::value(cell.name(), what));
    let sizes = [(form.units, "units"), (form.layers, "layers")];
    let projected = cell.projection().map(|size| (size, "numbers of a projection"));
    for (size, of) in sizes.into_iter().chain(projected) {
        if size == 0 {
            return err(format!("0 {of}, expected at least 1"));
        }
    }
    for (p, name) in [(form.dropout, "dropout"), (form.recurrent_dropout, "recurrent_dropout")] {
        if !(0.0..1.0).contains(&p) {
            return err(format!("{name} {p}; expected 0 ≤ p < 1"));
        }
    }
    if form.dropout > 0.0 && form.layers == 1 {
        let what = "dropout works between layers, and there is one; a dropout layer behind it does the same";
        return err(what.into());
    }
    if form.batch_norm && cell.has_layer_norm() {
        return err("batch_norm and layer_norm would both normalise the input's share".into());
    }
    match form.initial_state {
        InitialState::Random(std) if !(std >= 0.0 && std.is_finite()) => {
            err(format!("a state of standard deviation {std}; expected a number of at least 0"))
        }
        InitialState::Carried(0) => {
            err("a state for batches of 0 samples, expected at least 1".into())
        }
        InitialState::Carried(_) if form.merge.is_some() => {
            let what = "a state is carried on from one end, and the layer is bidirectional: what comes next is not known yet";
            err(what.into())
        }
        _ => Ok(()),
    }
}
