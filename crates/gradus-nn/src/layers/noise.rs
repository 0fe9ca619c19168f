//! Gaussian noise on the input, while training.   x [B, ..]   y as x.   Bishop 1995, "Training with
//! noise is equivalent to Tikhonov regularization"

use crate::{Config, Context, Init, Layer, Module, Padding, Spec, Takes, Visitor};
use gradus_base::Shape;
use gradus_tensor::{Key, Tensor};
use std::sync::Arc;

/// Describes normal noise of the given standard deviation, added while training:
/// `[B, ..]` → `[B, ..]`.
pub fn gaussian_noise(std: f64) -> GaussianNoise {
    GaussianNoise(std)
}

/// y = x + std·noise while training, x otherwise.
#[derive(Clone, Copy, Debug)]
pub struct GaussianNoise(f64);

impl Module for GaussianNoise {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for GaussianNoise {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        if !cx.is_training() {
            return x.clone();
        }
        let (key, stream) = cx.random();
        x + Key::of(&key).stream(u64::from(stream)).normal_of(x.shape(), x.dtype()) * self.0
    }
    fn takes(&self) -> Takes {
        Takes::Floats
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        format!("GaussianNoise({})", self.0)
    }
}
impl Config for GaussianNoise {
    fn name(&self) -> &'static str {
        "noise"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}
