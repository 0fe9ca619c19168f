//! Layers that only rearrange.

use crate::{Config, Context, Init, Layer, Module, Padding, Spec, Visitor};
use gradus_base::Shape;
use gradus_tensor::Tensor;
use std::sync::Arc;

/// Describes a layer that makes all axes but the batch one: `[B, ..]` → `[B, n]`.
pub fn flatten() -> Flatten {
    Flatten
}

/// `[B, ..]` → `[B, n]`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

impl Module for Flatten {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Flatten {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        x.flatten(1)
    }
    fn padding(&self, input: &Shape) -> Padding {
        // One number a place is left as it is.
        let is_alone = input.iter().skip(2).all(|&size| size == 1);
        if is_alone { Padding::Apart } else { Padding::Mixes }
    }
    fn describe(&self) -> String {
        "Flatten".into()
    }
}
impl Config for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}

/// Describes a layer that gives all axes but the batch another shape: `[B, ..]` → `[B, shape..]`.
#[doc(alias = "Unflatten")]
pub fn reshape(shape: impl Into<Shape>) -> Reshape {
    Reshape(shape.into())
}

/// `[B, ..]` → `[B, shape]`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Reshape(Shape);

impl Module for Reshape {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Reshape {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        x.reshape(self.0.inserted(0, x.shape()[0]))
    }
    fn padding(&self, input: &Shape) -> Padding {
        // As many places before as after: row-major, each keeps what it has.
        let keeps = self.0.first().is_some_and(|places| input.get(1) == Some(places));
        if keeps { Padding::Apart } else { Padding::Mixes }
    }
    fn describe(&self) -> String {
        format!("Reshape({})", self.0)
    }
}
impl Config for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}
