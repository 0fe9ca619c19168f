//! Networks over sequences: characters, numbers, a sound's frames. As in `net`, inputs, weights and targets are formulas.

use super::net::{formula, set_weight};
use super::train::{Method, Planned, Trace, program, updated};
use super::{Work, mean_abs};
use gradus::nn::layers::{Dense, Merge, Recurrent, dense, gru, lstm, multi_head_attention};
use gradus::nn::losses::cross_entropy;
use gradus::nn::{Context, Init, Layer, Module, Sequential, parameters};
use gradus::train::optim::Slots;
use gradus::{Compiled, DType, Plan, Program, Result, Step, Tensor, Variable, compile};
use gradus_base::Buffer;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Different characters.
const SYMBOLS: usize = 65;
/// Updates before the loss that serves as a check.
const CHECK_STEPS: usize = 3;
/// Characters before the scores that do.
const CHECK_CHARACTERS: usize = 10;

/// What goes over a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many units in so many layers.
    Lstm(usize, usize),
    /// So many units in so many layers.
    Gru(usize, usize),
    /// A GRU from both ends.
    GruBothWays(usize, usize),
    /// One layer of so many features in so many heads.
    Attention(usize, usize),
}

/// What a place of a sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A character; scores of the next one come out.
    Character,
    /// So many numbers, whose gradient is wanted: a layer in the middle of a network.
    Numbers(usize),
    /// So many numbers of a record: nobody wants their gradient.
    Frame(usize),
}

/// A case over sequences.
#[derive(Clone, Copy, Debug)]
pub struct Sequences {
    /// What goes over them.
    pub body: Body,
    /// What a place is.
    pub input: Input,
    /// Sequences of a batch.
    pub batch: usize,
    /// Places of a sequence.
    pub steps: usize,
}

impl Body {
    /// Parts of the weights, units, layers and directions of a recurrent network.
    fn recurrent(self) -> Option<[usize; 4]> {
        match self {
            Body::Lstm(units, layers) => Some([4, units, layers, 1]),
            Body::Gru(units, layers) => Some([3, units, layers, 1]),
            Body::GruBothWays(units, layers) => Some([3, units, layers, 2]),
            Body::Attention(..) => None,
        }
    }

    /// Weights are uniform within this.
    fn scale(self) -> f64 {
        let (Body::Lstm(width, _)
        | Body::Gru(width, _)
        | Body::GruBothWays(width, _)
        | Body::Attention(width, _)) = self;
        1.0 / (width as f64).sqrt()
    }
}

impl Sequences {
    /// Numbers of a place.
    fn width(self) -> usize {
        match self.input {
            Input::Character => SYMBOLS,
            Input::Numbers(width) | Input::Frame(width) => width,
        }
    }

    /// Multiply-adds of one place forward: of the first layer's products with the input, where they are not rows of a table, and of
    /// all else.
    fn macs_of_place(self) -> [usize; 2] {
        let Some([parts, units, layers, ways]) = self.body.recurrent() else {
            let Body::Attention(features, _) = self.body else { return [0, 0] };
            return [0, features * (4 * features + 2 * self.steps)];
        };
        let (from, scores) = match self.input {
            Input::Character => (0, ways * units * SYMBOLS),
            Input::Numbers(width) | Input::Frame(width) => (width, 0),
        };
        let above = (layers - 1) * ways * units;
        [ways * parts * units * from, ways * parts * units * (layers * units + above) + scores]
    }

    /// Useful multiply-adds of a training step.
    pub fn macs(self) -> usize {
        let [first, rest] = self.macs_of_place();
        let passes = if matches!(self.input, Input::Frame(_)) { 2 } else { 3 };
        self.batch * self.steps * (passes * first + 3 * rest)
    }

    /// Multiply-adds of one character, of one sequence.
    pub fn macs_of_character(self) -> usize {
        self.macs_of_place().iter().sum()
    }

    /// Bytes of weights that one character reads: all but the first layer's of the input, of which it is one row.
    pub fn bytes_of_character(self) -> usize {
        let row = self.body.recurrent().map_or(0, |[parts, units, ..]| parts * units);
        (self.macs_of_character() + row) * size_of::<f32>()
    }

    fn model(self) -> Result<Sequential> {
        let start = Sequential::new([self.steps, self.width()], &Init::blank());
        let model = match self.body {
            Body::Lstm(units, layers) => start.add(lstm(units).layers(layers)),
            Body::Gru(units, layers) => start.add(gru(units).layers(layers)),
            Body::GruBothWays(units, layers) => {
                start.add(gru(units).layers(layers).bidirectional(Merge::Concat))
            }
            Body::Attention(_, heads) => start.add(multi_head_attention(heads)),
        };
        let model = match self.input {
            Input::Character => model.add(dense(SYMBOLS)),
            _ => model,
        };
        self.start(&model)?;
        Ok(model)
    }

    /// Gives the parameters their starting values: uniform weights, no biases.
    fn start(self, model: &dyn Module) -> Result<()> {
        let mut salt = 2001;
        for (path, parameter) in parameters(model) {
            let name = path.rsplit('.').next().unwrap_or(&path);
            if name.starts_with("weight") {
                set_weight(&parameter, salt, self.body.scale())?;
                salt += 1000;
            } else {
                parameter.variable().set(&parameter.tensor().zeros_like())?;
            }
        }
        Ok(())
    }

    /// A batch's inputs `[B, T]` or `[B, T, I]`, and of characters the ones that follow.
    fn batch(self) -> Vec<Tensor> {
        let places = [self.batch, self.steps];
        if self.input == Input::Character {
            let ids = |from: usize| {
                let ids = (from..from + self.batch * self.steps).map(|i| (7 * i % SYMBOLS) as i64);
                Tensor::from_slice(&ids.collect::<Vec<_>>(), places)
            };
            return vec![ids(0), ids(1)];
        }
        let shape = [self.batch, self.steps, self.width()];
        vec![Tensor::from_slice(&formula(shape.iter().product(), 1001, 1.0), shape)]
    }

    /// The mean loss of a batch: of characters their cross-entropy, else the mean square of what comes out.
    fn loss(self, model: &Sequential, args: &[Tensor]) -> Tensor {
        let cx = Context::eval();
        match args {
            [ids, next] => {
                let y = model.forward(&ids.one_hot(SYMBOLS), &cx);
                let count = self.batch * self.steps;
                let t = next.reshape([count]);
                cross_entropy(&y.reshape([count, SYMBOLS]), &t).mean(..)
            }
            _ => model.forward(&args[0], &cx).square().mean(..),
        }
    }

    fn method(self) -> Method {
        if self.input == Input::Character { Method::Adam } else { Method::Sgd }
    }
}

/// A network that trains on one batch of sequences again and again.
pub struct SequenceTraining {
    of: Sequences,
    model: Rc<Sequential>,
    /// The optimiser's: zeros at the start.
    state: Vec<Variable>,
    step: Compiled<Trace>,
    batch: Vec<Tensor>,
}

impl SequenceTraining {
    /// A network at its starting weights, and its loss on the batch after three updates.
    ///
    /// # Errors
    /// When the engine refuses the step.
    pub fn new(of: Sequences) -> Result<(SequenceTraining, f64)> {
        let (model, batch) = (Rc::new(of.model()?), of.batch());
        let slots = Rc::new(RefCell::new(Slots::new()));
        let trace: Trace = {
            let (model, slots) = (model.clone(), slots.clone());
            Box::new(move |args: &[Tensor]| {
                let loss = of.loss(&model, args);
                let inputs = match of.input {
                    Input::Numbers(_) => args,
                    _ => &[],
                };
                let step = Step::new().read(&loss);
                updated(step, &loss, &model, inputs, &*of.method().optimizer(0.01), &slots)
            })
        };
        let mut step = compile(trace);
        step.plan(&batch.iter().map(|t| t.node().meta()).collect::<Vec<_>>())?; // makes the optimiser's state
        let state = slots.borrow().named().into_iter().map(|(_, v)| v).collect();
        let mut training = SequenceTraining { of, model, state, step, batch };
        for _ in 0..CHECK_STEPS {
            training.run()?;
        }
        // A step's loss is that before its update.
        let args: Vec<&Tensor> = training.batch.iter().collect();
        let check = training.step.run(&args)?.item(0);
        Ok((training, check))
    }

    /// Bytes that the forward pass keeps for the backward pass, of one place of all sequences.
    ///
    /// # Errors
    /// When the engine refuses the step.
    pub fn kept_each_step(&mut self) -> Result<usize> {
        let steps = self.of.steps;
        Ok(kept(self.program()?.0.plan()) / steps)
    }
}

impl Planned for SequenceTraining {
    fn program(&mut self) -> Result<(&mut Program, Vec<Arc<Buffer>>)> {
        program(&mut self.step, &self.batch)
    }
}

impl Work for SequenceTraining {
    fn run(&mut self) -> Result<()> {
        let args: Vec<&Tensor> = self.batch.iter().collect();
        self.step.run(&args).map(drop)
    }
    fn reset(&mut self) -> Result<()> {
        self.of.start(&*self.model)?;
        self.state.iter().try_for_each(|v| v.set(&v.value().zeros_like()))
    }
    fn kept_each_step(&mut self) -> Result<Option<usize>> {
        SequenceTraining::kept_each_step(self).map(Some)
    }
}

/// Bytes of what is made up to the op whose gradient comes first, the last of the forward pass, and read from then on.
fn kept(plan: &Plan) -> usize {
    let (names, steps) = (plan.steps(), plan.program().steps());
    let forward = |name: &str| name.strip_suffix("_grad").map(str::to_owned);
    let is_back = |i: usize| {
        let of = forward(&names[i].name);
        of.is_some_and(|of| names[..i].iter().any(|step| step.name == of))
    };
    let Some(back) = (0..names.len()).find(|&i| is_back(i)) else { return 0 };
    let of = forward(&names[back].name);
    let Some(last) = names[..back].iter().rposition(|step| Some(&step.name) == of.as_ref()) else {
        return 0;
    };
    let span = |first: usize, (low, high): (isize, isize)| {
        first.saturating_add_signed(low)..first.saturating_add_signed(high)
    };
    let read = |i: usize| {
        let places = steps[i].inputs().iter().zip(steps[i].kernel().touches().inputs());
        places.filter(|(p, _)| p.storage() == 0).map(move |(p, &t)| span(p.first(), t))
    };
    let writes = |i: usize, what: &Range<usize>| {
        let places = steps[i].outputs().iter().zip(steps[i].kernel().touches().outputs());
        places.filter(|(p, _)| p.storage() == 0).any(|(p, &t)| {
            let to = span(p.first(), t);
            to.start < what.end && what.start < to.end
        })
    };
    let made = |before: usize, what: &Range<usize>| (0..before).rev().find(|&i| writes(i, what));
    let mut all: Vec<Range<usize>> = (back..steps.len())
        .flat_map(|i| read(i).map(move |what| (i, what)))
        .filter(|(i, what)| made(*i, what).is_some_and(|by| by <= last))
        .map(|(_, what)| what)
        .collect();
    all.sort_unstable_by_key(|what| what.start);
    let (mut end, mut bytes) = (0, 0);
    for what in all {
        bytes += what.end.saturating_sub(what.start.max(end));
        end = end.max(what.end);
    }
    bytes
}

/// A network that writes: the most likely character is the next input.
pub struct Sampling {
    step: Compiled<Trace>,
    /// The last character, and what the layers know.
    state: Vec<Variable>,
}

#[derive(Module)]
struct Writer {
    body: Recurrent,
    scores: Dense,
}

impl Sampling {
    /// A network at its starting weights, and its mean |score| of the tenth character.
    ///
    /// # Errors
    /// When the engine refuses the step.
    pub fn new(of: Sequences) -> Result<(Sampling, f64)> {
        let init = Init::blank();
        let (body, units) = match of.body {
            Body::Lstm(units, layers) => (lstm(units).layers(layers).build(SYMBOLS, &init), units),
            Body::Gru(units, layers) => (gru(units).layers(layers).build(SYMBOLS, &init), units),
            _ => unreachable!("what writes goes one way, step by step"),
        };
        let writer = Writer { body, scores: dense(SYMBOLS).build(units, &init) };
        of.start(&writer)?;
        let known = writer.body.initial_state(1);
        let of_name = |(name, t): &(String, Tensor)| (name.clone(), Variable::new(name, t));
        let known: Vec<(String, Variable)> = known.iter().map(of_name).collect();
        let last = Variable::new("last", &Tensor::full_of([1], 0.0, DType::I64));
        let state = known.iter().map(|(_, v)| v).chain([&last]).cloned().collect();
        let trace: Trace = Box::new(move |_| {
            let before = known.iter().map(|(name, v)| (name.clone(), v.tensor())).collect();
            let (y, after) = writer.body.step(&last.tensor().one_hot(SYMBOLS), &before);
            let scores = writer.scores.forward(&y, &Context::eval()); // [1, SYMBOLS]
            let step = Step::new().read(&scores).update(&last, &scores.argmax(1));
            known.iter().zip(&after).fold(step, |step, ((_, v), (_, t))| step.update(v, t))
        });
        let mut sampling = Sampling { step: compile(trace), state };
        for _ in 1..CHECK_CHARACTERS {
            sampling.run()?;
        }
        let check = mean_abs(&sampling.step.run(&[])?.tensor(0).to_vec::<f32>());
        Ok((sampling, check))
    }
}

impl Planned for Sampling {
    fn program(&mut self) -> Result<(&mut Program, Vec<Arc<Buffer>>)> {
        program(&mut self.step, &[])
    }
}

impl Work for Sampling {
    fn run(&mut self) -> Result<()> {
        self.step.run(&[]).map(drop)
    }
    fn reset(&mut self) -> Result<()> {
        self.state.iter().try_for_each(|v| v.set(&v.value().zeros_like()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn small(body: Body, input: Input) -> Sequences {
        Sequences { body, input, batch: 3, steps: 4 }
    }

    #[test]
    fn multiply_adds_by_hand() {
        let chars = small(Body::Lstm(8, 2), Input::Character);
        let place = 32 * 8 + 32 * (8 + 8) + 8 * SYMBOLS;
        assert_eq!((chars.macs(), chars.macs_of_character()), (12 * 3 * place, place));
        assert_eq!(chars.bytes_of_character(), 4 * (place + 32));
        let dense = small(Body::Gru(8, 1), Input::Numbers(5));
        assert_eq!(dense.macs(), 12 * 3 * 24 * (5 + 8));
        let both = small(Body::GruBothWays(8, 2), Input::Frame(5));
        let first = 2 * 24 * 5;
        assert_eq!(both.macs(), 12 * (2 * first + 3 * (2 * 24 * 8 + 2 * 24 * (16 + 8))));
        let attention = small(Body::Attention(8, 2), Input::Numbers(8));
        assert_eq!(attention.macs(), 12 * 3 * (4 * 64 + 2 * 4 * 8));
    }

    /// What an LSTM keeps: gates, cells, y, and its inputs in the order of its steps.
    #[test]
    fn kept_bytes_by_hand() {
        let (mut training, _) =
            SequenceTraining::new(small(Body::Lstm(8, 1), Input::Numbers(5))).unwrap();
        assert_eq!(training.kept_each_step().unwrap(), 3 * (32 + 8 + 8 + 5) * 4);
    }

    #[test]
    fn small_twins_train_and_go_back_to_the_start() {
        for of in [
            small(Body::Lstm(8, 2), Input::Character),
            small(Body::Gru(8, 1), Input::Numbers(5)),
            small(Body::GruBothWays(4, 2), Input::Frame(5)),
            small(Body::Attention(8, 2), Input::Numbers(8)),
        ] {
            let (mut training, check) = SequenceTraining::new(of).unwrap();
            training.reset().unwrap();
            let args: Vec<Tensor> = training.batch.clone();
            let args: Vec<&Tensor> = args.iter().collect();
            let first = training.step.run(&args).unwrap().item(0);
            assert!(check < first, "{of:?}: {check} after three updates, {first} before");
            (1..CHECK_STEPS).for_each(|_| training.run().unwrap());
            let again = training.step.run(&args).unwrap().item(0);
            assert!((again - check).abs() < 1e-6, "{of:?}: {again}, {check}");
        }
    }

    #[test]
    fn a_small_twin_writes_the_same_again() {
        let (mut sampling, check) =
            Sampling::new(small(Body::Lstm(8, 2), Input::Character)).unwrap();
        sampling.reset().unwrap();
        (1..CHECK_CHARACTERS).for_each(|_| sampling.run().unwrap());
        let scores = sampling.step.run(&[]).unwrap().tensor(0).to_vec::<f32>();
        assert!((mean_abs(&scores) - check).abs() < 1e-9);
    }
}
