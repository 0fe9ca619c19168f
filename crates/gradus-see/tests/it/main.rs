//! What the crate promises, as its users see it.

mod attacks;
mod attribution;
mod captum;

use gradus_nn::{Context, Init, Layer, Module, Sequential, Visitor, layers::*};
use gradus_see::Subject;
use gradus_tensor::Tensor;
use std::sync::Arc;

/// A layer whose op has no gradient.
struct Steps;
impl Module for Steps {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Steps {
    fn forward(&self, x: &Tensor, _: &Context<'_>) -> Tensor {
        x.floor()
    }
    fn describe(&self) -> String {
        "Steps".into()
    }
}

/// A network of pictures 2×2 in grey that ends in steps.
fn without_gradient() -> Subject {
    let model = Sequential::new([1, 2, 2], &Init::new(0))
        .add(flatten())
        .add(dense(3))
        .add_layer("steps", Arc::new(Steps));
    Subject::new(model.into())
}
