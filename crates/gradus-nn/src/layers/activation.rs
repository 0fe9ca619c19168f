//! Layers that apply one function at every element.   x [B, ..]   y as x
//!
//! They take floats, unless their description says otherwise.

use crate::{Config, Context, Init, Layer, Module, Padding, Spec, Takes, Visitor};
use gradus_base::Shape;
use gradus_tensor::Tensor;
use std::fmt;
use std::sync::Arc;

/// A layer that applies one function at every element, `[B, ..]` → `[B, ..]`.
#[derive(Clone, Copy)]
pub struct Activation {
    name: &'static str,
    function: fn(&Tensor) -> Tensor,
    takes: Takes,
}

impl Activation {
    /// A layer for a function of your own, which says itself which element types it takes.
    pub fn new(name: &'static str, function: fn(&Tensor) -> Tensor) -> Activation {
        Activation { name, function, takes: Takes::Any }
    }

    /// A layer for a function of floats.
    fn of_floats(name: &'static str, function: fn(&Tensor) -> Tensor) -> Activation {
        Activation { takes: Takes::Floats, ..Activation::new(name, function) }
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activation({})", self.name)
    }
}

impl Module for Activation {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Activation {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        (self.function)(x)
    }
    fn takes(&self) -> Takes {
        self.takes
    }
    fn padding(&self, input: &Shape) -> Padding {
        let over_places = self.name.ends_with("softmax") && input.rank() == 2;
        if over_places { Padding::Mixes } else { Padding::Apart }
    }
    fn describe(&self) -> String {
        self.name.into()
    }
}
impl Config for Activation {
    fn name(&self) -> &'static str {
        self.name
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}

/// Describes a layer that applies [`Tensor::relu`]; integers and booleans keep their type.
pub fn relu() -> Activation {
    Activation::new("relu", Tensor::relu)
}
/// Describes a layer that applies [`Tensor::gelu`].
pub fn gelu() -> Activation {
    Activation::of_floats("gelu", Tensor::gelu)
}
/// Describes a layer that applies [`Tensor::tanh`].
pub fn tanh() -> Activation {
    Activation::of_floats("tanh", Tensor::tanh)
}
/// Describes a layer that applies [`Tensor::sigmoid`], the logistic function.
pub fn sigmoid() -> Activation {
    Activation::of_floats("sigmoid", Tensor::sigmoid)
}
/// Describes a layer that applies [`Tensor::silu`].
#[doc(alias = "swish")]
pub fn silu() -> Activation {
    Activation::of_floats("silu", Tensor::silu)
}
/// Describes a layer that applies [`Tensor::lecun_tanh`], 1.7159 tanh(2x/3).
pub fn lecun_tanh() -> Activation {
    Activation::of_floats("lecun_tanh", Tensor::lecun_tanh)
}
/// Describes a layer that applies [`Tensor::leaky_relu`] with slope 0.01.
#[doc(alias = "LeakyReLU")]
pub fn leaky_relu() -> Activation {
    Activation::of_floats("leaky_relu", |x| x.leaky_relu(0.01))
}
/// Describes a layer that applies [`Tensor::elu`] with α = 1.
pub fn elu() -> Activation {
    Activation::of_floats("elu", |x| x.elu(1.0))
}
/// Describes a layer that applies [`Tensor::softplus`] with β = 1.
pub fn softplus() -> Activation {
    Activation::of_floats("softplus", |x| x.softplus(1.0))
}
/// Describes a layer that applies [`Tensor::softmax`] over the last axis.
pub fn softmax() -> Activation {
    Activation::of_floats("softmax", |x| x.softmax(-1))
}
/// Describes a layer that applies [`Tensor::selu`].
pub fn selu() -> Activation {
    Activation::of_floats("selu", Tensor::selu)
}
/// Describes a layer that applies [`Tensor::mish`].
pub fn mish() -> Activation {
    Activation::of_floats("mish", Tensor::mish)
}
/// Describes a layer that applies [`Tensor::hard_sigmoid`].
pub fn hard_sigmoid() -> Activation {
    Activation::of_floats("hard_sigmoid", Tensor::hard_sigmoid)
}
/// Describes a layer that applies [`Tensor::hard_swish`].
pub fn hard_swish() -> Activation {
    Activation::of_floats("hard_swish", Tensor::hard_swish)
}
/// Describes a layer that applies [`Tensor::hard_tanh`]; integers and booleans keep their type.
#[doc(alias = "Hardtanh")]
pub fn hard_tanh() -> Activation {
    Activation::new("hard_tanh", Tensor::hard_tanh)
}
/// Describes a layer that applies [`Tensor::softsign`].
pub fn softsign() -> Activation {
    Activation::of_floats("softsign", Tensor::softsign)
}
/// Describes a layer that applies [`Tensor::relu6`]; integers and booleans keep their type.
pub fn relu6() -> Activation {
    Activation::new("relu6", Tensor::relu6)
}
/// Describes a layer that applies [`Tensor::log_sigmoid`].
pub fn log_sigmoid() -> Activation {
    Activation::of_floats("log_sigmoid", Tensor::log_sigmoid)
}
/// Describes a layer that applies [`Tensor::gelu_tanh`].
pub fn gelu_tanh() -> Activation {
    Activation::of_floats("gelu_tanh", Tensor::gelu_tanh)
}
/// Describes a layer that applies [`Tensor::log_softmax`] over the last axis.
pub fn log_softmax() -> Activation {
    Activation::of_floats("log_softmax", |x| x.log_softmax(-1))
}
