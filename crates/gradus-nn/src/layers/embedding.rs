//! A table of vectors.   ids [B, ..]   W [N, D]   y [B, .., D]

use crate::refused::refused;
use crate::{
    Config, Context, Init, Initializer, Layer, Module, Padding, Parameter, Spec, State, Visitor,
};
use gradus_base::{Error, Shape};
use gradus_tensor::Tensor;
use std::sync::Arc;

/// Describes a table of `vocabulary` vectors of `size` numbers, normal with variance 1: ids
/// `[B, ..]` → `[B, .., size]`.
///
/// ```
/// use gradus_nn::{Context, Init, Initializer, Layer, Sequential, Spec, layers::embedding};
/// use gradus_tensor::{DType, Tensor};
/// let table = embedding(5, 2).init(Initializer::Constant(0.5));
/// let model = Sequential::new(Spec::new([3], DType::I64), &Init::new(0)).add(table);
/// let y = model.forward(&Tensor::from([[4i64, 0, 4]]), &Context::eval());
/// assert_eq!((y.shape(), y.to_vec::<f32>()), ([1, 3, 2].into(), vec![0.5; 6]));
/// ```
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
    /// The initialiser of the vectors.
    #[must_use]
    pub fn init(mut self, init: Initializer) -> Self {
        self.init = init;
        self
    }
    /// Builds the table.
    #[track_caller]
    pub fn build(&self, init: &Init) -> Embedding {
        let shape = Shape::from([self.vocabulary, self.size]);
        let weight = init.tensor(self.init, shape, self.vocabulary, self.size);
        Embedding { weight: Parameter::weight(&weight) }
    }
}

impl Config for EmbeddingConfig {
    fn name(&self) -> &'static str {
        "embedding"
    }
    #[track_caller]
    fn build(self: Box<Self>, _: Spec, init: &Init) -> Arc<dyn Layer> {
        for (size, what) in [(self.vocabulary, "vectors"), (self.size, "numbers a vector")] {
            if size == 0 {
                let what = format!("0 {what}, expected at least 1");
                return refused(Error::value("embedding", what));
            }
        }
        Arc::new(EmbeddingConfig::build(&self, init))
    }
}

/// Looks vectors up by their numbers. Other integers than i64 and floats are made i64 first; a
/// number outside the table, or with a fraction, is an error of the run.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// W, `[N, D]`.
    pub weight: Parameter,
}

impl Embedding {
    /// How well each vector of the table goes with `x`: x·Wᵀ, `[B, .., D]` → `[B, .., N]`. Scores of the next word, with no weights but
    /// the table's, which a file then holds once.   Press & Wolf 2016, arXiv:1608.05859
    ///
    /// ```
    /// use gradus_nn::{Context, Init, Layer, layers::{Embedding, embedding}, parameters};
    /// use gradus_tensor::Tensor;
    /// let table: Embedding = embedding(5, 2).build(&Init::new(0));
    /// let words = table.forward(&Tensor::from([[4i64, 0, 4]]), &Context::eval()); // [1, 3, 2]
    /// assert_eq!(table.scores(&words).shape().to_string(), "[1, 3, 5]");
    /// assert_eq!(parameters(&table).len(), 1);
    /// ```
    ///
    /// # Panics
    /// If the last axis of `x` is not as long as a vector, or its type is not the table's.
    #[track_caller]
    #[doc(alias("tie_weights", "tied"))]
    pub fn scores(&self, x: &Tensor) -> Tensor {
        x.matmul(&self.weight.tensor().t())
    }
}

impl Module for Embedding {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
    }
}
impl Layer for Embedding {
    #[track_caller]
    fn forward(&self, ids: &Tensor, _: &Context) -> Tensor {
        // Of i64 this is no node.
        self.weight.tensor().embedding(&ids.cast_whole()) // [B, .., D]
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        let shape = self.weight.variable().shape();
        format!("Embedding({}×{})", shape[0], shape[1])
    }
}
