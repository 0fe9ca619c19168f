//! Where a place is in its sequence, added to what it holds.   x [B, T, F]   y as x

use super::attention::features;
use crate::refused::refused;
use crate::{
    Config, Context, Init, Initializer, Layer, Module, Padding, Parameter, Spec, State, Takes,
    Visitor,
};
use gradus_base::{Error, Shape};
use gradus_tensor::{DType, Tensor};
use std::sync::Arc;

/// Describes waves that tell places apart: sin(t/10000^(f/F)) is added to the even features, the cosine to the odd ones behind them:
/// `[B, T, F]` → `[B, T, F]`.   Vaswani et al. 2017, arXiv:1706.03762 §3.5
///
/// ```
/// use gradus_nn::{Context, Init, Layer, Sequential, layers::sinusoidal_positions};
/// use gradus_tensor::Tensor;
/// let model = Sequential::new([1, 4], &Init::new(0)).add(sinusoidal_positions());
/// let y = model.forward(&Tensor::zeros([1, 1, 4]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [0.0, 1.0, 0.0, 1.0]); // of place 0
/// ```
#[doc(alias("PositionalEncoding", "SinePositionEncoding"))]
pub fn sinusoidal_positions() -> SinusoidalPositions {
    SinusoidalPositions
}

/// Adds waves that tell places apart.
#[derive(Clone, Copy, Debug)]
pub struct SinusoidalPositions;

impl SinusoidalPositions {
    /// The waves of so many places, `[places, features]`.
    #[track_caller]
    pub fn waves(&self, places: usize, features: usize, dtype: DType) -> Tensor {
        let wave = |i: usize| {
            let (t, f) = (i / features, i % features);
            let angle = t as f64 / 10_000f64.powf((f - f % 2) as f64 / features as f64);
            if f % 2 == 0 { angle.sin() } else { angle.cos() }
        };
        let waves: Vec<f64> = (0..places * features).map(wave).collect();
        Tensor::from_slice(&waves, [places, features]).cast(dtype)
    }
}

impl Module for SinusoidalPositions {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for SinusoidalPositions {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        if let Err(e) = sequences("sinusoidal_positions", x, usize::MAX) {
            return Tensor::refuse(e);
        }
        x + self.waves(x.size(1), x.size(2), x.dtype())
    }
    fn takes(&self) -> Takes {
        Takes::Floats
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        "SinusoidalPositions".into()
    }
}
impl Config for SinusoidalPositions {
    fn name(&self) -> &'static str {
        "positions"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, _: &Init) -> Arc<dyn Layer> {
        match features("sinusoidal_positions", input.shape) {
            Ok(_) => Arc::new(*self),
            Err(e) => refused(e),
        }
    }
}

/// Describes a vector for each of up to so many places, learned, normal with deviation 0.02 at the start, which is added:
/// `[B, T, F]` → `[B, T, F]`.   Gehring et al. 2017, arXiv:1705.03122 §3.1
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::position_embedding};
/// let model = Sequential::new([5, 4], &Init::new(0)).add(position_embedding(100));
/// assert_eq!(model.summary().parameters, 400);
/// ```
#[doc(alias = "PositionEmbedding")]
pub fn position_embedding(places: usize) -> PositionEmbeddingConfig {
    PositionEmbeddingConfig { places, init: Initializer::Normal(0.02) }
}

/// The description of a [`PositionEmbedding`].
#[derive(Clone, Copy, Debug)]
pub struct PositionEmbeddingConfig {
    places: usize,
    init: Initializer,
}

impl PositionEmbeddingConfig {
    /// The initialiser of the vectors.
    #[must_use]
    pub fn init(self, init: Initializer) -> Self {
        PositionEmbeddingConfig { init, ..self }
    }
}

impl Config for PositionEmbeddingConfig {
    fn name(&self) -> &'static str {
        "positions"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let op = "position_embedding";
        let features = match features(op, input.shape) {
            Ok(features) => features,
            Err(e) => return refused(e),
        };
        if self.places < input.shape[0] {
            let what = format!("the input {} has more than {} places", input.shape, self.places);
            return refused(Error::shape(op, what));
        }
        let shape = Shape::from([self.places, features]);
        let weight = init.tensor(self.init, shape, self.places, features);
        Arc::new(PositionEmbedding { weight: Parameter::weight(&weight) })
    }
}

/// Adds a learned vector for each place.
#[derive(Clone, Debug)]
pub struct PositionEmbedding {
    /// W, `[places, F]`.
    pub weight: Parameter,
}

impl Module for PositionEmbedding {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("weight", State::Parameter(&self.weight));
    }
}
impl Layer for PositionEmbedding {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        let places = self.weight.variable().shape()[0];
        if let Err(e) = sequences("position_embedding", x, places) {
            return Tensor::refuse(e);
        }
        x + self.weight.tensor().slice(0, ..x.size(1))
    }
    fn takes(&self) -> Takes {
        Takes::FloatsLike(self.weight.variable().dtype())
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        let shape = self.weight.variable().shape();
        format!("PositionEmbedding({}×{})", shape[0], shape[1])
    }
}

/// Refuses what are no sequences of at most so many places.
fn sequences(op: &str, x: &Tensor, places: usize) -> Result<(), Error> {
    if let Some(mistake) = x.mistake() {
        return Err(mistake.clone());
    }
    if !x.dtype().is_float() {
        return Err(Error::dtype(op, format!("the input is {}, expected floats", x.dtype())));
    }
    if x.rank() != 3 {
        let what = format!("the input is {}, expected [B, places, features]", x.shape());
        return Err(Error::shape(op, what));
    }
    if x.size(1) > places {
        let what = format!("the input {} has more than {places} places", x.shape());
        return Err(Error::shape(op, what));
    }
    Ok(())
}
