//! A table of vectors.   ids [B, ..]   W [N, D]   y [B, .., D]

use crate::{
    Config, Context, Init, Initializer, Layer, Module, Padding, Parameter, State, Visitor,
};
use gradus_base::Shape;
use gradus_tensor::{DType, Tensor};
use std::sync::Arc;

/// Describes a table of `vocabulary` vectors of `size` numbers, normal with variance 1.
pub fn embedding(vocabulary: usize, size: usize) -> EmbeddingConfig {
    EmbeddingConfig { vocabulary, size, init: Initializer::Normal(1.0) }
}

/// The description of an [`Embedding`].
#[derive(Clone, Debug)]
pub struct EmbeddingConfig {
    vocabulary: usize,
    size: usize,
    init: Initializer,
}

impl EmbeddingConfig {
    /// How the vectors start.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.init = init;
        self
    }
}

impl Config for EmbeddingConfig {
    fn name(&self) -> &'static str {
        "embedding"
    }
    fn build(self: Box<Self>, _: Shape, init: &Init) -> Arc<dyn Layer> {
        let shape = Shape::from([self.vocabulary, self.size]);
        let weight = init.tensor(self.init, shape, self.vocabulary, self.size);
        Arc::new(Embedding { weight: Parameter::weight(&weight) })
    }
}

/// Looks vectors up by their numbers, i64 or floats without a fraction.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// W, `[N, D]`.
    pub weight: Parameter,
}

impl Module for Embedding {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
    }
}
impl Layer for Embedding {
    #[track_caller]
    fn forward(&self, ids: &Tensor, _: &Context) -> Tensor {
        self.weight.tensor().embedding(&ids.cast(DType::I64))
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        let shape = self.weight.variable().shape();
        format!("Embedding({}×{})", shape[0], shape[1])
    }
}
