//! `Spec`: what one sample is, its shape and its element type. Layers are built for it, and refuse
//! what they cannot take.

use crate::{Context, Layer};
use gradus_base::{DType, Error, Shape};
use gradus_tensor::{Meta, Place, Tensor, try_build};
use std::fmt;

/// A shape without the batch axis, and an element type: those of the input or the output of a
/// layer.
///
/// ```
/// use gradus_nn::{Init, Sequential, Spec, layers::*};
/// use gradus_tensor::{DType, Tensor};
/// // Sentences of 12 words, each the number of one of 1,000.
/// let words = Spec::new([12], DType::I64);
/// let model = Sequential::new(words, &Init::new(0)).add(embedding(1000, 8)).add(flatten()).add(dense(2));
/// assert_eq!(model.input_spec().to_string(), "i64 [12]");
/// assert_eq!(model.output_spec(), Spec::new([2], DType::F32));
/// assert_eq!(words.zeros(3).shape().to_string(), "[3, 12]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The shape, without the batch axis.
    pub shape: Shape,
    /// The element type.
    pub dtype: DType,
}

impl Spec {
    /// A shape without the batch axis, and an element type.
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, dtype: DType) -> Spec {
        Spec { shape: shape.into(), dtype }
    }
    /// The shape and type of each sample of a batch `[B, ..]`.
    ///
    /// # Panics
    /// If the batch is a scalar.
    #[track_caller]
    pub fn of(batch: &Tensor) -> Spec {
        Spec::new(batch.shape().without(0), batch.dtype())
    }
    /// A batch of zeros, `[B, ..]`, for code that looks at shapes and types only.
    #[track_caller]
    pub fn zeros(&self, batch: usize) -> Tensor {
        Tensor::full_of(self.shape.inserted(0, batch), 0.0, self.dtype)
    }
    /// The shape and type of a batch of `batch` samples.
    #[track_caller]
    pub fn batch(&self, batch: usize) -> Meta {
        Meta::new(self.shape.inserted(0, batch), self.dtype)
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dtype, self.shape)
    }
}

/// The input of a model or a layer, before there are numbers: a [`Spec`], a
/// [`Symbol`](crate::functional::Symbol), or a shape alone (`[1, 28, 28]`, `784`), which means
/// floats of the type of the weights.
pub trait Input {
    /// The shape without the batch axis, and the element type if one is named.
    fn parts(self) -> (Shape, Option<DType>);
}

impl<S: Into<Shape>> Input for S {
    #[track_caller]
    fn parts(self) -> (Shape, Option<DType>) {
        (self.into(), None)
    }
}

impl Input for Spec {
    fn parts(self) -> (Shape, Option<DType>) {
        (self.shape, Some(self.dtype))
    }
}

/// The element types that a layer takes: see [`Layer::takes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Any type; an op inside may still refuse some.
    Any,
    /// Floats of any type.
    Floats,
    /// Floats that go together with weights of this type ([`DType::join`]): element by element.
    FloatsLike(DType),
    /// Floats of this type, which the weights have: products and convolutions do not mix types.
    FloatsOf(DType),
    /// This type only, which was named for the model.
    Only(DType),
}

impl Takes {
    /// The type that is certainly taken, if the layer names one.
    ///
    /// ```
    /// use gradus_nn::{Init, Layer, layers::dense};
    /// use gradus_tensor::DType;
    /// let layer = dense(3).build(4, &Init::new(0).of(DType::F64));
    /// assert_eq!(layer.takes().dtype(), Some(DType::F64));
    /// ```
    pub fn dtype(self) -> Option<DType> {
        match self {
            Takes::Any | Takes::Floats => None,
            Takes::FloatsLike(own) | Takes::FloatsOf(own) | Takes::Only(own) => Some(own),
        }
    }

    fn allows(self, dtype: DType) -> bool {
        match self {
            Takes::Any => true,
            Takes::Floats => dtype.is_float(),
            Takes::FloatsLike(own) => dtype.is_float() && dtype.join(own).is_some(),
            Takes::FloatsOf(own) | Takes::Only(own) => dtype == own,
        }
    }

    /// Why an input of this type and shape is refused, if it is: `i64 [4], expected floats; embedding or a cast before it`.
    fn refusal(self, dtype: DType, shape: Shape) -> Option<String> {
        if self.allows(dtype) {
            return None;
        }
        let of = |expected: DType| (expected.to_string(), format!("cast(DType::{expected:?})"));
        let (expected, remedy) = match self {
            Takes::Only(own) => of(own),
            Takes::FloatsLike(own) | Takes::FloatsOf(own) if dtype.is_float() => of(own),
            _ => ("floats".into(), "embedding or a cast".into()),
        };
        Some(format!("{dtype} {shape}, expected {expected}; {remedy} before it"))
    }

    /// Refuses an input of this type and shape, if it is not taken, by the name of a layer and what the input is called.
    pub(crate) fn expect(
        self,
        name: &str,
        input: &str,
        dtype: DType,
        shape: Shape,
    ) -> Result<(), Error> {
        match self.refusal(dtype, shape) {
            Some(refusal) => Err(Error::dtype(name, format!("{input} {refusal}"))),
            None => Ok(()),
        }
    }
}

/// What a layer gives for such inputs. Nothing is computed.
///
/// # Errors
/// When the layer cannot work on them.
#[track_caller]
pub(crate) fn output_spec(name: &str, layer: &dyn Layer, input: Spec) -> Result<Spec, Error> {
    let here = Place::here();
    layer
        .takes()
        .expect(name, "input", input.dtype, input.shape)
        .map_err(|e| e.at(here.clone()))?;
    let y = try_build(|| {
        // A batch of two tells the batch axis apart from axes of size 1.
        Context::trial().run(name, layer, &input.zeros(2))
    });
    // What the library runs is told at the line that made it run.
    y.map(|y| Spec::of(&y)).map_err(|error| error.moved(file!(), here))
}
