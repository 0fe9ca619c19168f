//! y = x where x > 0, else a·x, with one trained slope a per channel.   x [B, C, ..]   a [C]
//! y as x
//!
//! He et al. 2015, arXiv:1502.01852 eq. 1

use crate::refused::refused;
use crate::{
    Config, Context, Init, Layer, Module, Padding, Parameter, Spec, State, Takes, Visitor,
};
use gradus_base::{Error, Shape};
use gradus_tensor::Tensor;
use std::sync::Arc;

/// Describes a ReLU with trained slopes that start at 0.25: `[B, C, ..]` → `[B, C, ..]`.
pub fn prelu() -> PreluConfig {
    PreluConfig
}

/// The description of a [`Prelu`].
#[derive(Clone, Copy, Debug)]
pub struct PreluConfig;

impl Config for PreluConfig {
    fn name(&self) -> &'static str {
        "prelu"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let input = input.shape;
        if input.rank() == 0 {
            let what = "the input is a scalar, expected channels";
            return refused(Error::shape("prelu", what));
        }
        let slope = Tensor::full_of([input[0]], 0.25, init.dtype());
        Arc::new(Prelu { weight: Parameter::bias(&slope) })
    }
}

/// A ReLU with a trained slope per channel, which is left out of weight decay as in the paper.
#[derive(Clone, Debug)]
pub struct Prelu {
    /// a, `[C]`.
    pub weight: Parameter,
}

impl Module for Prelu {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
    }
}
impl Layer for Prelu {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let mut shape = self.weight.variable().shape();
        (2..x.rank()).for_each(|axis| shape = shape.inserted(axis - 1, 1));
        x.relu() - self.weight.tensor().reshape(shape) * (-x).relu()
    }
    fn takes(&self) -> Takes {
        Takes::FloatsLike(self.weight.variable().dtype())
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        "Prelu".into()
    }
}
