//! Normalisation layers.   x [B, C, ..]   y as x

use crate::refused::refused;
use crate::{
    Config, Context, Init, Layer, Module, Padding, Parameter, Spec, State, Takes, Visitor,
};
use gradus_base::{Error, Result, Shape};
use gradus_tensor::{LocalResponse, Tensor, Variable};
use std::sync::Arc;

/// Describes batch normalisation over everything but the channels: `[B, C, ..]` → `[B, C, ..]`.
/// Ioffe & Szegedy 2015, arXiv:1502.03167 alg. 1
#[doc(alias("BatchNorm2d", "BatchNorm1d", "BatchNormalization"))]
pub fn batch_norm() -> BatchNormConfig {
    BatchNormConfig { eps: 1e-5, momentum: 0.1 }
}

/// The description of a [`BatchNorm`].
#[derive(Clone, Copy, Debug)]
pub struct BatchNormConfig {
    eps: f64,
    momentum: f64,
}

impl BatchNormConfig {
    /// ε, added to the variance; 1e-5 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
    /// How much of each batch enters the running statistics; 0.1 by default.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// The layer for `channels`.
    pub fn build(&self, channels: usize, init: &Init) -> BatchNorm {
        let full = |v: f64| Tensor::full_of([channels], v, init.dtype());
        BatchNorm {
            weight: Parameter::bias(&full(1.0)),
            bias: Parameter::bias(&full(0.0)),
            running_mean: Variable::new("running_mean", &full(0.0)),
            running_var: Variable::new("running_var", &full(1.0)),
            eps: self.eps,
            momentum: self.momentum,
        }
    }
}

impl Config for BatchNormConfig {
    fn name(&self) -> &'static str {
        "batch_norm"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        match channels("batch_norm", &input.shape) {
            Ok(channels) => Arc::new(BatchNormConfig::build(&self, channels, init)),
            Err(e) => refused(e),
        }
    }
}

fn channels(op: &str, input: &Shape) -> Result<usize> {
    let refusal = || Error::shape(op, "the input is a scalar, expected channels");
    input.first().copied().ok_or_else(refusal)
}

/// y = γ(x − μ)/√(σ² + ε) + β per channel; μ and σ² are the batch's while training, running means
/// of them otherwise. The running variance is the unbiased one, as in PyTorch. Frozen, with γ and
/// β, it does while training what it does otherwise, as in Keras: a frozen layer is the same
/// function for every batch.
///
/// A batch with one value a channel is refused while training, as in PyTorch: what is taken from
/// its own mean is 0, so that the layer would give β for any input, and its variance of 0 would
/// enter the running one.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// γ, `[C]`.
    pub weight: Parameter,
    /// β, `[C]`.
    pub bias: Parameter,
    /// The running mean, `[C]`.
    pub running_mean: Variable,
    /// The running variance, `[C]`.
    pub running_var: Variable,
    eps: f64,
    momentum: f64,
}

impl BatchNorm {
    /// Whether the statistics are this batch's.
    fn learns(&self, cx: &Context) -> bool {
        let frozen = self.weight.is_frozen() && self.bias.is_frozen();
        cx.is_training() && !frozen
    }

    /// Asks for running statistics that know of this batch's mean and unbiased variance.
    fn moved(&self, mean: &Tensor, var: &Tensor, cx: &Context) {
        let keep = 1.0 - self.momentum;
        for (old, new) in [(&self.running_mean, mean), (&self.running_var, var)] {
            cx.update(old, &(cx.value(old) * keep + new.stop_gradient() * self.momentum));
        }
    }

    /// Over rows `x [R, C]`, of which those count where `there [R, 1]` is 1; all, if it is not given. A variance of one row is 0.
    #[track_caller]
    pub(super) fn over_rows(&self, x: &Tensor, there: Option<&Tensor>, cx: &Context) -> Tensor {
        let Some(there) = there.filter(|_| self.learns(cx)) else { return self.forward(x, cx) };
        let count = there.sum(..).clamp(1.0, f64::INFINITY);
        let mean = (x * there).sum(0) / &count; // [C]
        let var = ((x - &mean).square() * there).sum(0) / &count;
        let one_less = (&count - 1.0).clamp(1.0, f64::INFINITY);
        self.moved(&mean, &(&var * &count / one_less), cx);
        x.batch_norm_with(&mean, &var, &self.weight.tensor(), &self.bias.tensor(), self.eps)
    }
}

impl Module for BatchNorm {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        visitor("bias", State::Parameter(&self.bias));
        visitor("running_mean", State::Buffer(&self.running_mean));
        visitor("running_var", State::Buffer(&self.running_var));
    }
}

impl Layer for BatchNorm {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let (w, b) = (self.weight.tensor(), self.bias.tensor());
        if !self.learns(cx) {
            let (mean, var) = (self.running_mean.tensor(), self.running_var.tensor());
            return x.batch_norm_with(&mean, &var, &w, &b, self.eps);
        }
        let (y, mean, var) = x.batch_norm(&w, &b, self.eps);
        if y.mistake().is_some() {
            return y;
        }
        let count = (x.len() / x.shape()[1].max(1)) as f64;
        if count == 1.0 {
            let what = format!(
                "the input is {}: training needs more than one value a channel, so more samples a batch",
                x.shape()
            );
            return Tensor::refuse(Error::shape("batch_norm", what));
        }
        self.moved(&mean, &(var * (count / (count - 1.0).max(1.0))), cx);
        y
    }
    fn takes(&self) -> Takes {
        Takes::FloatsOf(self.weight.variable().dtype())
    }
    fn describe(&self) -> String {
        "BatchNorm".into()
    }
    fn epsilon(&self) -> Option<f64> {
        Some(self.eps)
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Layer,
    Group(usize),
    Instance,
}

/// Describes normalisation of each sample over its last axis: `[B, .., F]` → `[B, .., F]`.
/// Ba, Kiros & Hinton 2016, arXiv:1607.06450
#[doc(alias("LayerNorm", "LayerNormalization"))]
pub fn layer_norm() -> NormConfig {
    NormConfig { kind: Kind::Layer, eps: 1e-5 }
}
/// Describes normalisation of each sample over groups of channels: `[B, C, ..]` → `[B, C, ..]`.
/// Wu & He 2018, arXiv:1803.08494
#[doc(alias("GroupNorm", "GroupNormalization"))]
pub fn group_norm(groups: usize) -> NormConfig {
    NormConfig { kind: Kind::Group(groups), eps: 1e-5 }
}
/// Describes normalisation of each channel of each sample: `[B, C, ..]` → `[B, C, ..]`.
/// Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022
#[doc(alias = "InstanceNorm2d")]
pub fn instance_norm() -> NormConfig {
    NormConfig { kind: Kind::Instance, eps: 1e-5 }
}

/// The description of a [`Norm`].
#[derive(Clone, Copy, Debug)]
pub struct NormConfig {
    kind: Kind,
    eps: f64,
}

impl NormConfig {
    /// ε, added to the variance; 1e-5 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
    /// Builds the layer for `size` channels; of layer norm, for `size` elements of the last axis.
    pub fn build(&self, size: usize, init: &Init) -> Norm {
        let full = |v: f64| Parameter::bias(&Tensor::full_of([size], v, init.dtype()));
        Norm { weight: full(1.0), bias: full(0.0), kind: self.kind, eps: self.eps }
    }
}

impl Config for NormConfig {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Layer => "layer_norm",
            Kind::Group(_) => "group_norm",
            Kind::Instance => "instance_norm",
        }
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let input = input.shape;
        let first = match channels(self.name(), &input) {
            Ok(first) => first,
            Err(e) => return refused(e),
        };
        if matches!(self.kind, Kind::Instance) && input.rank() == 1 {
            let what =
                format!("the input is {input}: one element has no spread; expected [channels, ..]");
            return refused(Error::shape(self.name(), what));
        }
        let size =
            if matches!(self.kind, Kind::Layer) { *input.last().unwrap_or(&first) } else { first };
        Arc::new(NormConfig::build(&self, size, init))
    }
}

/// A normalisation that needs no statistics of the batch.
#[derive(Clone, Debug)]
pub struct Norm {
    /// γ.
    pub weight: Parameter,
    /// β.
    pub bias: Parameter,
    kind: Kind,
    eps: f64,
}

impl Module for Norm {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
        visitor("bias", State::Parameter(&self.bias));
    }
}
impl Layer for Norm {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let (w, b) = (self.weight.tensor(), self.bias.tensor());
        match self.kind {
            Kind::Layer => x.layer_norm(&w, &b, self.eps),
            Kind::Group(groups) => x.group_norm(groups, &w, &b, self.eps),
            Kind::Instance => x.instance_norm(&w, &b, self.eps),
        }
    }
    fn takes(&self) -> Takes {
        let own = self.weight.variable().dtype();
        if matches!(self.kind, Kind::Layer) { Takes::FloatsLike(own) } else { Takes::FloatsOf(own) }
    }
    fn padding(&self, input: &Shape) -> Padding {
        // Over the last axis, or all behind it, each place is normalised on its own, if that is not the axis of places.
        let apart = !matches!(self.kind, Kind::Group(_)) && input.rank() > 2;
        if apart { Padding::Apart } else { Padding::Mixes }
    }
    fn describe(&self) -> String {
        match self.kind {
            Kind::Layer => "LayerNorm".into(),
            Kind::Group(groups) => format!("GroupNorm({groups})"),
            Kind::Instance => "InstanceNorm".into(),
        }
    }
}

/// Describes normalisation by the squares of neighbouring channels: `[B, C, ..]` → `[B, C, ..]`.
/// Krizhevsky, Sutskever & Hinton 2012 §3.3
#[doc(alias = "LocalResponseNorm")]
pub fn local_response_norm(rule: LocalResponse) -> Lrn {
    Lrn(rule)
}

/// Local response normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Lrn(LocalResponse);

impl Module for Lrn {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Lrn {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        x.local_response_norm(self.0)
    }
    fn takes(&self) -> Takes {
        Takes::Floats
    }
    fn describe(&self) -> String {
        "LocalResponseNorm".into()
    }
}
impl Config for Lrn {
    fn name(&self) -> &'static str {
        "lrn"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, _: &Init) -> Arc<dyn Layer> {
        match channels("local_response_norm", &input.shape) {
            Ok(_) => Arc::new(*self),
            Err(e) => refused(e),
        }
    }
}
