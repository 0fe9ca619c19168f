//! Layers that apply one function at every element.

use crate::{Config, Context, Init, Layer, Module, Visitor};
use gradus_base::Shape;
use gradus_tensor::Tensor;
use std::fmt;
use std::sync::Arc;

/// A layer that applies one function at every element.
#[derive(Clone, Copy)]
pub struct Activation {
    name: &'static str,
    function: fn(&Tensor) -> Tensor,
}

impl Activation {
    /// A layer for a function of your own.
    pub fn new(name: &'static str, function: fn(&Tensor) -> Tensor) -> Activation {
        Activation { name, function }
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
    fn describe(&self) -> String {
        self.name.into()
    }
}
impl Config for Activation {
    fn name(&self) -> &'static str {
        self.name
    }
    fn build(self: Box<Self>, _: Shape, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}

/// Describes a layer that applies [`Tensor::relu`].
pub fn relu() -> Activation {
    Activation::new("relu", Tensor::relu)
}
/// Describes a layer that applies [`Tensor::gelu`].
pub fn gelu() -> Activation {
    Activation::new("gelu", Tensor::gelu)
}
