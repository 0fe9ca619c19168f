//! A look at what comes next.   x [B, T, D]   W [context + 1, D]   y [B, T, D]
//!
//! Amodei et al. 2015, "Deep Speech 2", arXiv:1512.02595 §3.7

use crate::refused::refused;
use crate::{
    Config, Context, Init, Initializer, Layer, Module, Padding, Parameter, Spec, State, Takes,
    Visitor,
};
use gradus_base::{Error, Shape};
use gradus_tensor::Tensor;
use std::sync::Arc;

/// Describes a weighted sum of each step and the `context` steps behind it, feature by feature: `[B, T, D]` → `[B, T, D]`. So layers
/// that run one way see a little of what comes, without waiting for the end. Behind the end, and behind a sequence's length, there are zeros.
///
/// ```
/// use gradus_nn::{Context, Init, Initializer, Layer, Sequential, layers::lookahead};
/// use gradus_tensor::Tensor;
/// let sum = lookahead(2).init(Initializer::Constant(1.0));
/// let model = Sequential::new([4, 1], &Init::new(0)).add(sum);
/// let y = model.forward(&Tensor::from([[[1f32], [2.0], [3.0], [4.0]]]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [6.0, 9.0, 7.0, 4.0]);
/// ```
pub fn lookahead(context: usize) -> LookaheadConfig {
    LookaheadConfig { context, init: Initializer::GlorotUniform }
}

/// The description of a [`Lookahead`].
#[derive(Clone, Debug)]
pub struct LookaheadConfig {
    context: usize,
    init: Initializer,
}

impl LookaheadConfig {
    /// The initialiser of the weights; Glorot uniform by default.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.init = init;
        self
    }
}

impl Config for LookaheadConfig {
    fn name(&self) -> &'static str {
        "lookahead"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let &[_, features] = &input.shape[..] else {
            let what = format!("the input is {}, expected [steps, features]", input.shape);
            return refused(Error::shape("lookahead", what));
        };
        let places = self.context + 1;
        let weight = init.tensor(self.init, Shape::from([places, features]), places, places);
        Arc::new(Lookahead { weight: Parameter::weight(&weight) })
    }
}

/// y\[t\] = Σ W\[j\]·x\[t + j\], j from 0 to the context.
#[derive(Clone, Debug)]
pub struct Lookahead {
    /// W, `[context + 1, D]`.
    pub weight: Parameter,
}

impl Module for Lookahead {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
    }
}

impl Layer for Lookahead {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let (w, lengths) = (self.weight.tensor(), cx.lengths(x));
        if !x.dtype().is_float() {
            let what = format!("x is {} {}, expected floats", x.dtype(), x.shape());
            return Tensor::refuse(Error::dtype("lookahead", what));
        }
        if x.rank() != 3 || x.size(2) != w.size(1) {
            let what = format!("x is {}, expected [B, T, {}]", x.shape(), w.size(1));
            return Tensor::refuse(Error::shape("lookahead", what));
        }
        let (places, steps) = (w.size(0), x.size(1));
        let x = match cx.mask(x) {
            Some(mask) => x * mask.cast(x.dtype()).unsqueeze(2),
            None => x.clone(),
        };
        let x = x.pad(1, 0, places - 1); // [B, T + context, D]
        let seen = |j: usize| x.slice(1, j..j + steps) * w.slice(0, j..j + 1);
        let y = (1..places).fold(seen(0), |sum, j| sum + seen(j)); // [B, T, D]
        lengths.inspect(|lengths| cx.set_lengths(&y, lengths));
        y
    }
    fn takes(&self) -> Takes {
        Takes::FloatsLike(self.weight.variable().dtype())
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        format!("Lookahead({})", self.weight.variable().shape()[0] - 1)
    }
    fn macs(&self, _input: &Shape, output: &Shape) -> u64 {
        (self.weight.variable().shape()[0] * output.len()) as u64
    }
}
