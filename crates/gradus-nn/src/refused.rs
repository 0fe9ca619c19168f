//! A layer that a mistake left unbuilt.

use crate::{Context, Layer, Module, Spec, Visitor};
use gradus_base::{DType, Error, Shape};
use gradus_tensor::{Tensor, report};
use std::sync::Arc;

/// Stands for a layer that could not be built: what it gives is poisoned by the mistake.
#[derive(Debug)]
struct Refused(Error);

impl Module for Refused {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}

impl Layer for Refused {
    #[track_caller]
    fn forward(&self, _: &Tensor, _: &Context) -> Tensor {
        Tensor::refuse(self.0.clone())
    }
    fn describe(&self) -> String {
        format!("Refused({})", self.0.op)
    }
}

/// Reports a mistake in describing a layer; inside [`gradus_tensor::try_build`] what gives a layer goes on with this one.
///
/// # Panics
/// Outside of [`gradus_tensor::try_build`].
#[track_caller]
pub(crate) fn refused(error: Error) -> Arc<dyn Layer> {
    report(error.clone());
    Arc::new(Refused(error))
}

/// What goes on from where a mistake was reported: axes enough for whoever counts them, one element each, so that layers built
/// for it take no memory.
pub(crate) fn nothing() -> Spec {
    Spec { shape: Shape::from([1; 5]), dtype: DType::F32 }
}
