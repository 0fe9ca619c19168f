//! y = x·W + b.   x [B, .., in]   W [in, out]   b [out]   y [B, .., out].   Step 2 of the walk.

use crate::refused::refused;
use crate::{
    Config, Context, Init, Initializer, Layer, Module, Padding, Parameter, Spec, State, Takes,
    Visitor,
};
use gradus_base::{Error, Shape};
use gradus_tensor::Tensor;
use std::sync::Arc;

/// Describes a fully connected layer of `units` outputs, over the last axis:
/// `[B, .., in]` → `[B, .., units]`.
///
/// ```
/// use gradus_nn::{Init, layers::dense, parameters};
/// let layer = dense(10).build(84, &Init::new(0));
/// let shapes: Vec<String> = parameters(&layer).iter().map(|(n, p)| format!("{n} {}", p.variable().shape())).collect();
/// assert_eq!(shapes, ["weight [84, 10]", "bias [10]"]);
/// ```
#[doc(alias = "Linear")]
pub fn dense(units: usize) -> DenseConfig {
    DenseConfig { units, bias: true, init: Initializer::GlorotUniform, bias_init: 0.0 }
}

/// The description of a [`Dense`] layer.
#[derive(Clone, Debug)]
pub struct DenseConfig {
    units: usize,
    bias: bool,
    init: Initializer,
    bias_init: f64,
}

impl DenseConfig {
    /// With or without a bias.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }
    /// The initialiser of the weights; Glorot uniform by default.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.init = init;
        self
    }
    /// The number that the biases start at; 0 by default.
    #[must_use]
    pub fn bias_init(mut self, value: f64) -> Self {
        self.bias_init = value;
        self
    }
    /// Builds the layer for `features` inputs.
    #[track_caller]
    pub fn build(&self, features: usize, init: &Init) -> Dense {
        let (i, o) = (features, self.units);
        let weight = init.tensor(self.init, Shape::from([i, o]), i, o);
        let bias = self.bias.then(|| Tensor::full_of([o], self.bias_init, init.dtype()));
        Dense { weight: Parameter::weight(&weight), bias: bias.map(|b| Parameter::bias(&b)) }
    }
}

impl Config for DenseConfig {
    fn name(&self) -> &'static str {
        "dense"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let Some(&features) = input.shape.last() else {
            let what = "the input is a scalar, expected features";
            return refused(Error::shape("dense", what));
        };
        if self.units == 0 {
            let what = "0 units, expected at least 1";
            return refused(Error::value("dense", what));
        }
        Arc::new(DenseConfig::build(&self, features, init))
    }
}

/// A fully connected layer.
#[derive(Clone, Debug)]
pub struct Dense {
    /// W, `[in, out]`.
    pub weight: Parameter,
    /// b, `[out]`.
    pub bias: Option<Parameter>,
}

impl Module for Dense {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        if let Some(bias) = &self.bias {
            visitor("bias", State::Parameter(bias));
        }
    }
}

impl Layer for Dense {
    #[track_caller]
    fn forward(&self, x: &Tensor, _cx: &Context) -> Tensor {
        let y = x.matmul(&self.weight.tensor()); // [B, .., out]
        match &self.bias {
            Some(bias) => y + bias.tensor(),
            None => y,
        }
    }
    fn takes(&self) -> Takes {
        Takes::FloatsOf(self.weight.variable().dtype())
    }
    fn padding(&self, input: &Shape) -> Padding {
        // Over the last axis each place is treated apart, if that is not the axis of places.
        if input.rank() > 2 { Padding::Apart } else { Padding::Mixes }
    }
    fn describe(&self) -> String {
        format!("Dense({})", self.weight.variable().shape()[1])
    }
    fn macs(&self, input: &Shape, output: &Shape) -> u64 {
        (input.last().copied().unwrap_or(0) * output.len()) as u64
    }
}
