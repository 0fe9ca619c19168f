//! The built layer: whole sequences, from any state, or a step at a time.

use super::cell::Cell;
use super::config::{Form, Merge};
use super::direction::Direction;
use super::start::Start;
use crate::layers::dropout;
use crate::{Context, Layer, Module, Padding, Takes, Visitor};
use gradus_base::{Error, Result, Shape};
use gradus_tensor::Tensor;

/// What a recurrent layer knows after a step, by name: `h_l0 [B, P]`, and `c_l0 [B, units]` of an LSTM, for each layer.
pub type RecurrentState = Vec<(String, Tensor)>;

/// A recurrent layer: RNN, LSTM or GRU, of one or several layers, one way or both.
#[derive(Clone, Debug)]
pub struct Recurrent {
    pub(super) cell: Cell,
    pub(super) form: Form,
    /// I
    pub(super) features: usize,
    /// Layer by layer, the way from the first step before the way from the last.
    pub(super) directions: Vec<Direction>,
}

impl Recurrent {
    /// Whole sequences from a given state: what [`Layer::forward`] gives for x `[B, T, I]`, and the state after the last step. So a decoder
    /// begins with what an encoder knows, and a long sequence is learned in pieces.
    ///
    /// # Panics
    /// If x or the state does not fit.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, layers::gru};
    /// use gradus_tensor::Tensor;
    /// let layer = gru(3).build(2, &Init::new(0));
    /// let (x, cx) = (Tensor::randn([1, 5, 2], 1), Context::eval());
    /// let (all, end) = layer.forward_from(&x, &layer.initial_state(1), &cx);
    /// let (_, half) = layer.forward_from(&x.slice(1, ..2), &layer.initial_state(1), &cx);
    /// let (rest, same) = layer.forward_from(&x.slice(1, 2..), &half, &cx);
    /// assert_eq!(rest.to_vec::<f32>(), all.slice(1, 2..).to_vec::<f32>());
    /// assert_eq!(same[0].1.to_vec::<f32>(), end[0].1.to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn forward_from(
        &self,
        x: &Tensor,
        state: &RecurrentState,
        cx: &Context,
    ) -> (Tensor, RecurrentState) {
        self.run(x, Some(state), cx)
    }

    /// One step of a prediction: x `[B, I]` and what is known before it → y `[B, P]` and what is known after it. Step after step this gives what
    /// a sequence gives at once.
    ///
    /// # Panics
    /// If x or the state does not fit, or the layer is bidirectional: it would need the steps that come.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, Layer, layers::lstm};
    /// use gradus_tensor::Tensor;
    /// let layer = lstm(3).layers(2).build(2, &Init::new(0));
    /// let x = Tensor::randn([1, 4, 2], 1);
    /// let mut state = layer.initial_state(1);
    /// let names: Vec<&str> = state.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["h_l0", "c_l0", "h_l1", "c_l1"]);
    /// for t in 0..4 {
    ///     let (y, next) = layer.step(&x.select(1, t), &state);
    ///     state = next;
    ///     let all = layer.forward(&x, &Context::eval());
    ///     assert!((y - all.select(1, t)).abs().max(..).item() < 1e-6);
    /// }
    /// ```
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &RecurrentState) -> (Tensor, RecurrentState) {
        let refuse = |what: String| (Tensor::refuse(Error::value(self.cell.name(), what)), vec![]);
        if self.form.merge.is_some() {
            return refuse("a bidirectional layer has no single steps: it sees what comes".into());
        }
        if x.rank() != 2 {
            return refuse(format!("a step's x is {}, expected [B, {}]", x.shape(), self.features));
        }
        let (y, state) = self.run(&x.unsqueeze(1), Some(state), &Context::eval());
        (if self.form.return_sequences { y.squeeze(1) } else { y }, state)
    }

    /// What happens at a step.
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// What a sequence of a prediction begins with, for `batch` sequences: zeros, what was learned, or what is carried on.
    #[track_caller]
    pub fn initial_state(&self, batch: usize) -> RecurrentState {
        let named = |direction: &Direction| {
            let tensors = direction.start(self.cell.name(), batch, &Context::eval());
            direction.names().into_iter().zip(tensors).collect::<Vec<_>>()
        };
        self.directions.iter().flat_map(named).collect()
    }

    /// Forgets the state that is carried on: the next batch begins at zeros.
    ///
    /// # Errors
    /// When there is not enough memory.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, Layer, layers::{InitialState, rnn}};
    /// use gradus_tensor::{Tensor, update};
    /// let layer = rnn(2).initial_state(InitialState::Carried(1)).build(1, &Init::new(0));
    /// let one = || {
    ///     let cx = Context::eval();
    ///     let y = layer.forward(&Tensor::ones([1, 1, 1]), &cx).to_vec::<f32>();
    ///     update(&[], &cx.take_updates()).unwrap(); // a training loop does this itself
    ///     y
    /// };
    /// let first = one();
    /// assert_ne!(one(), first);
    /// layer.reset_state()?;
    /// assert_eq!(one(), first);
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    #[doc(alias = "reset_states")]
    pub fn reset_state(&self) -> Result<()> {
        for (_, _, start) in self.directions.iter().flat_map(|direction| &direction.starts) {
            if let Start::Carried(variable) = start {
                variable.set(&Tensor::full_of(variable.shape(), 0.0, variable.dtype()))?;
            }
        }
        Ok(())
    }

    /// All layers; the state is the given one or that which the layer begins with.
    #[track_caller]
    fn run(
        &self,
        x: &Tensor,
        state: Option<&RecurrentState>,
        cx: &Context,
    ) -> (Tensor, RecurrentState) {
        if let Err(e) = self.check(x, state) {
            return (Tensor::refuse(e), vec![]);
        }
        let lengths = cx.lengths(x);
        let there = cx.mask(x).map(|mask| mask.cast(x.dtype()).transpose(0, 1).unsqueeze(2)); // [T, B, 1]
        let (mut ys, mut state_after) = (vec![], vec![]);
        // Step by step, as the op has it: what all layers make of it lies so, and nothing is copied in between.
        let mut below = x.transpose(0, 1); // [T, B, I]
        for (l, layer) in self.directions.chunks(self.form.directions()).enumerate() {
            if l > 0 {
                below = self.merge(&ys, 2); // [T, B, P]
                if self.form.dropout > 0.0 {
                    below = dropout(self.form.dropout).forward(&below, cx);
                }
            }
            ys.clear();
            let mut ends = vec![];
            for direction in layer {
                let start = match state {
                    Some(state) => direction.take(state),
                    None => direction.start(self.cell.name(), x.size(0), cx),
                };
                let zx = direction.project(&below, there.as_ref(), cx); // [T, B, G·H]
                let kept = self.kept(&start[0], cx);
                let ran = direction.run(&self.cell, &zx, &start, lengths.as_ref(), kept.as_ref());
                for (name, seen) in &ran.seen {
                    cx.show(&format!("{name}_{}", direction.suffix), &seen.transpose(0, 1));
                }
                if state.is_none() {
                    let starts = direction.starts.iter().zip(&ran.end);
                    starts.for_each(|((_, _, start), end)| start.keep(end, cx));
                }
                ends.push(ran.end[0].clone());
                state_after.extend(direction.names().into_iter().zip(ran.end));
                ys.push(ran.y); // [T, B, P]
            }
            if l + 1 == self.form.layers && !self.form.return_sequences {
                return (self.merge(&ends, 1), state_after); // [B, P]
            }
        }
        let y = self.merge(&ys, 2).transpose(0, 1); // [B, T, P]
        lengths.inspect(|lengths| cx.set_lengths(&y, lengths));
        (y, state_after)
    }

    /// What comes from both ends.
    fn merge(&self, ways: &[Tensor], axis: isize) -> Tensor {
        match (ways, self.form.merge) {
            ([one, other], Some(Merge::Concat)) => Tensor::concat(&[one, other], axis),
            ([one, other], Some(Merge::Sum)) => one + other,
            _ => ways[0].clone(),
        }
    }

    /// What recurrent dropout leaves of the state, `[B, P]`: one draw for all steps.
    fn kept(&self, h: &Tensor, cx: &Context) -> Option<Tensor> {
        let keep = 1.0 - self.form.recurrent_dropout;
        let drops = keep < 1.0 && cx.is_training();
        drops.then(|| cx.key().bernoulli(h.shape(), keep).cast(h.dtype()) / keep)
    }

    /// Errs unless x and the state fit.
    fn check(&self, x: &Tensor, state: Option<&RecurrentState>) -> Result<()> {
        if let Some(mistake) = x.mistake() {
            return Err(mistake.clone());
        }
        let who = self.cell.name();
        if x.rank() != 3 || x.size(2) != self.features {
            let what = format!("x is {}, expected [B, T, {}]", x.shape(), self.features);
            return Err(Error::shape(who, what));
        }
        for direction in self.directions.iter().filter(|_| state.is_some()) {
            for (name, (_, size, _)) in direction.names().into_iter().zip(&direction.starts) {
                let found = state.and_then(|state| state.iter().find(|(known, _)| *known == name));
                let expected = Shape::from([x.size(0), *size]);
                let found = match found {
                    Some((_, found)) if found.shape() == expected => continue,
                    Some((_, found)) => format!("{name} {}", found.shape()),
                    None => format!("no {name}"),
                };
                let what = format!("the state has {found}, expected {name} {expected}");
                return Err(Error::shape(who, what));
            }
        }
        Ok(())
    }
}

impl Direction {
    /// The names of its state.
    fn names(&self) -> Vec<String> {
        self.starts.iter().map(|(name, ..)| format!("{name}_{}", self.suffix)).collect()
    }

    /// Its part of a state that has all.
    fn take(&self, state: &RecurrentState) -> Vec<Tensor> {
        let of = |name: String| state.iter().find(|(known, _)| *known == name);
        self.names().into_iter().filter_map(of).map(|(_, tensor)| tensor.clone()).collect()
    }
}

impl Module for Recurrent {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        self.directions.iter().for_each(|direction| direction.visit(visitor));
    }
}

impl Layer for Recurrent {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        self.run(x, None, cx).0
    }
    fn takes(&self) -> Takes {
        Takes::FloatsOf(self.directions[0].weight_ih.variable().dtype())
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        let Form { units, layers, merge, .. } = self.form;
        let many = if layers > 1 { format!("{layers}×") } else { String::new() };
        let both = if merge.is_some() { ", bidirectional" } else { "" };
        format!("{}({many}{units}{both})", self.cell.title())
    }
    fn macs(&self, input: &Shape, _output: &Shape) -> u64 {
        let products = |direction: &Direction| {
            let weights = [&direction.weight_ih, &direction.weight_hh];
            let all = weights.into_iter().chain(&direction.weight_hr);
            all.map(|p| p.variable().shape().len()).sum::<usize>()
        };
        let each: usize = self.directions.iter().map(products).sum();
        (input.first().copied().unwrap_or(0) * each) as u64
    }
}
