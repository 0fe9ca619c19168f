//! `Sequential`: layers one after the other.

use crate::refused::nothing;
use crate::spec::output_spec;
use crate::{Config, Context, Init, Input, Layer, Module, Padding, Spec, State, Takes, Visitor};
use gradus_base::{Error, Result, Shape};
use gradus_tensor::{Tensor, report};
use std::sync::Arc;

/// Layers one after the other, each built for the output of the one before.
pub struct Sequential {
    input: Spec,
    /// The type that inputs must have, if one was said.
    takes: Takes,
    output: Spec,
    seed: Init,
    layers: Vec<(String, Arc<dyn Layer>)>,
}

impl Sequential {
    /// An empty model for inputs of the given shape, without the batch axis: `[1, 28, 28]`. They
    /// are floats of the type of `init`'s weights; others are said by a [`Spec`], and then no
    /// others are taken. Weights come from `init`'s seed.
    ///
    /// ```
    /// use gradus_nn::{Context, Init, Layer, Sequential, Spec, layers::*};
    /// use gradus_tensor::{DType, Tensor, try_build};
    /// let words = Spec::new([3], DType::I64);
    /// let model = Sequential::new(words, &Init::new(0)).add(embedding(10, 4));
    /// let y = model.forward(&Tensor::from([[7i64, 0, 2]]), &Context::eval());
    /// assert_eq!((y.shape(), y.dtype()), ([1, 3, 4].into(), DType::F32));
    /// let wrong = try_build(|| model.forward(&Tensor::ones([1, 3]), &Context::eval())).unwrap_err();
    /// assert!(wrong.to_string().starts_with("sequential: input f32 [1, 3], expected i64; cast(DType::I64) before it"));
    /// ```
    #[track_caller]
    pub fn new(input: impl Input, init: &Init) -> Sequential {
        let (shape, said) = input.parts();
        let takes = said.map_or(Takes::Any, Takes::Only);
        let input = Spec { shape, dtype: said.unwrap_or(init.dtype()) };
        Sequential { input, takes, output: input, seed: init.restarted(), layers: vec![] }
    }

    /// An empty model inside a layer, for what the model around it gives; that one says which types it takes.
    pub(crate) fn inside(input: Spec, init: &Init) -> Sequential {
        Sequential { takes: Takes::Any, ..Sequential::new(input, init) }
    }

    /// Adds a layer, named after its kind and number: `conv1`.
    ///
    /// # Panics
    /// If it cannot work on what the model gives so far.
    // Keras's name; there is no sum of models to confuse it with.
    #[allow(clippy::should_implement_trait)]
    #[must_use]
    #[track_caller]
    #[doc(alias = "append")]
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
        match self.tried(name, &*layer) {
            Ok(output) => self.output = output,
            Err(e) => {
                report(e);
                self.output = nothing();
            }
        }
        self.layers.push((name.to_owned(), layer));
        self
    }

    /// What one more layer gives.
    fn tried(&self, name: &str, layer: &dyn Layer) -> Result<Spec> {
        if self.layers.iter().any(|(n, _)| n == name) {
            return Err(Error::value("sequential", format!("two layers are named {name}")));
        }
        let Spec { shape, dtype } = self.output;
        layer.takes().expect(name, "input", dtype, shape)?;
        output_spec(name, layer, self.output).map_err(|e| {
            // The batch of two is ours, so it is explained.
            let what = format!("{}\n  (tried on a batch of 2 samples {shape})", e.what);
            Error { at: None, what, ..e }
        })
    }

    /// The shape of the input, without the batch axis.
    pub fn input_shape(&self) -> Shape {
        self.input.shape
    }
    /// The shape of the output, without the batch axis.
    pub fn output_shape(&self) -> Shape {
        self.output.shape
    }
    /// The shape of the input without the batch axis, and its element type.
    pub fn input_spec(&self) -> Spec {
        self.input
    }
    /// The shape of the output without the batch axis, and its element type.
    pub fn output_spec(&self) -> Spec {
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
        if let Err(e) = self.takes.expect("sequential", "input", x.dtype(), x.shape()) {
            return Tensor::refuse(e);
        }
        let mut y = x.clone();
        for (name, layer) in &self.layers {
            y = cx.run(name, &**layer, &y);
        }
        y
    }
    fn takes(&self) -> Takes {
        self.takes
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
