//! `Sequential`: layers one after the other.

use crate::{Config, Context, Init, Layer, Module, Padding, State, Visitor};
use gradus_base::{Error, Shape};
use gradus_tensor::{Tensor, fail, try_build};
use std::sync::Arc;

/// Layers one after the other, each built for what the one before gives.
pub struct Sequential {
    input: Shape,
    output: Shape,
    seed: Init,
    layers: Vec<(String, Arc<dyn Layer>)>,
}

impl Sequential {
    /// An empty model for inputs of the given shape, without the batch axis: `[1, 28, 28]`. Weights come from `init`'s seed.
    pub fn new(input: impl Into<Shape>, init: &Init) -> Sequential {
        let input = input.into();
        let seed = init.restarted();
        Sequential { input, output: input, seed, layers: vec![] }
    }

    /// Adds a layer, named after its kind and number: `conv1`.
    ///
    /// # Panics
    /// If it cannot work on what the model gives so far.
    // Keras's name; there is no sum of models to confuse it with.
    #[allow(clippy::should_implement_trait)]
    #[must_use]
    #[track_caller]
    pub fn add(self, config: impl Config + 'static) -> Sequential {
        let mut kind = config.name().to_owned();
        if kind.ends_with(|c: char| c.is_ascii_digit()) {
            kind.push('_'); // relu6_1
        }
        let numbered = |name: &str| {
            name.strip_prefix(&*kind).is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()))
        };
        let number = self.layers.iter().filter(|(name, _)| numbered(name)).count() + 1;
        self.add_named(&format!("{kind}{number}"), config)
    }

    /// Adds a layer under a name of your own.
    ///
    /// # Panics
    /// If the name is taken, or the layer cannot work on what the model gives so far.
    #[must_use]
    #[track_caller]
    pub fn add_named(self, name: &str, config: impl Config + 'static) -> Sequential {
        let layer = Box::new(config).build(self.output, &self.seed);
        self.add_layer(name, layer)
    }

    /// Adds a layer that is built already, perhaps shared with other models.
    ///
    /// # Panics
    /// If the name is taken, or the layer cannot work on what the model gives so far.
    #[must_use]
    #[track_caller]
    pub fn add_layer(mut self, name: &str, layer: Arc<dyn Layer>) -> Sequential {
        let here = std::panic::Location::caller();
        assert!(!self.layers.iter().any(|(n, _)| n == name), "two layers are named {name}");
        self.output =
            output_shape(name, &*layer, self.output, self.seed.dtype()).unwrap_or_else(|e| {
                // The batch of two is ours, so it is explained.
                let what = format!("{}\n  (tried on a batch of 2 samples {})", e.what, self.output);
                fail(Error { at: None, what, ..e }, here)
            });
        self.layers.push((name.to_owned(), layer));
        self
    }

    /// The input's shape, without the batch axis.
    pub fn input_shape(&self) -> Shape {
        self.input
    }
    /// The output's shape, without the batch axis.
    pub fn output_shape(&self) -> Shape {
        self.output
    }
    /// The layers with their names.
    pub fn layers(&self) -> &[(String, Arc<dyn Layer>)] {
        &self.layers
    }
    /// The layer of the given name.
    pub fn layer(&self, name: &str) -> Option<&Arc<dyn Layer>> {
        self.layers.iter().find(|(n, _)| n == name).map(|(_, l)| l)
    }
}

/// The shape a layer gives for inputs of `input`, both without the batch axis. Nothing is computed.
///
/// # Errors
/// When the layer cannot work on such inputs.
pub(crate) fn output_shape(
    name: &str,
    layer: &dyn Layer,
    input: Shape,
    dtype: gradus_base::DType,
) -> Result<Shape, Error> {
    // A batch of two tells the batch axis apart from axes of size 1.
    let x = Tensor::full_of(input.inserted(0, 2), 0.0, dtype);
    let y = try_build(|| Context::eval().run(name, layer, &x))?;
    Ok(y.shape().without(0))
}

impl Module for Sequential {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (name, layer) in &self.layers {
            visitor(name, State::Child(layer));
        }
    }
}

impl Layer for Sequential {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context) -> Tensor {
        let mut y = x.clone();
        for (name, layer) in &self.layers {
            y = cx.run(name, &**layer, &y);
        }
        y
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        format!("Sequential({})", self.layers.len())
    }
    fn children(&self) -> &[(String, Arc<dyn Layer>)] {
        &self.layers
    }
}

impl From<Sequential> for Arc<dyn Layer> {
    fn from(model: Sequential) -> Arc<dyn Layer> {
        Arc::new(model)
    }
}
