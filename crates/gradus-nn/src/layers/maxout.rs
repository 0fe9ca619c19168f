//! The largest of each k neighbouring channels.   x [B, C, ..]   y [B, C/k, ..].
//! Goodfellow et al. 2013, arXiv:1302.4389 §2

use crate::refused::refused;
use crate::{Config, Context, Init, Layer, Module, Spec, Visitor};
use gradus_base::Error;
use gradus_tensor::{Tensor, report};
use std::sync::Arc;

/// Describes a maxout over every `pieces` neighbouring channels:
/// `[B, C, ..]` → `[B, C/pieces, ..]`. A dense layer or a convolution before it makes the pieces.
///
/// ```
/// use gradus_nn::{Context, Layer, functional::built, layers::maxout, Init};
/// use gradus_tensor::Tensor;
/// let layer = built(maxout(2), [4], &Init::new(0));
/// let y = layer.forward(&Tensor::from([[1.0f32, 3.0, -2.0, -5.0]]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [3.0, -2.0]);
/// ```
///
/// # Panics
/// If `pieces` is 0; when the layer is built, if the channels are not a multiple of `pieces`.
#[track_caller]
pub fn maxout(pieces: usize) -> Maxout {
    if pieces == 0 {
        report(Error::value("maxout", "0 pieces; expected at least 1"));
    }
    Maxout { pieces: pieces.max(1) }
}

/// y\[c\] = max over i < k of x\[c·k + i\].
#[derive(Clone, Copy, Debug)]
pub struct Maxout {
    pieces: usize,
}

impl Module for Maxout {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Maxout {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let mut sizes = x.shape().to_vec();
        let Some(channels) = sizes.get_mut(1) else {
            let what = format!("the input is {}, expected [B, C, ..]", x.shape());
            return Tensor::refuse(Error::shape("maxout", what));
        };
        *channels /= self.pieces;
        sizes.insert(2, self.pieces);
        x.reshape(sizes).max([2]) // [B, C/k, ..]
    }
    fn describe(&self) -> String {
        format!("Maxout({})", self.pieces)
    }
}
impl Config for Maxout {
    fn name(&self) -> &'static str {
        "maxout"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, _: &Init) -> Arc<dyn Layer> {
        let input = input.shape;
        let channels = input.first().copied().unwrap_or(0);
        if channels == 0 || !channels.is_multiple_of(self.pieces) {
            let what = format!(
                "the input {input} has {channels} channels; expected a multiple of the {} pieces",
                self.pieces
            );
            return refused(Error::shape("maxout", what));
        }
        Arc::new(*self)
    }
}
