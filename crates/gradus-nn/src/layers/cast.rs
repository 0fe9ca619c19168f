//! Another element type.   x [B, ..]   y as x

use crate::{Config, Context, Init, Layer, Module, Padding, Spec, Visitor};
use gradus_base::Shape;
use gradus_tensor::{DType, Tensor};
use std::sync::Arc;

/// Describes a layer that gives the same numbers in another element type, by the rules of
/// [`Tensor::cast`]: `[B, ..]` → `[B, ..]`.
///
/// ```
/// use gradus_nn::{Context, Init, Layer, Sequential, Spec, layers::*};
/// use gradus_tensor::{DType, Tensor};
/// // Grey values as they lie in files.
/// let bytes = Spec::new([4], DType::U8);
/// let model = Sequential::new(bytes, &Init::new(0)).add(cast(DType::F32)).add(dense(2));
/// assert_eq!(model.output_spec(), Spec::new([2], DType::F32));
/// let y = model.layer("cast1").unwrap().forward(&Tensor::from([[0u8, 7, 255, 1]]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [0.0, 7.0, 255.0, 1.0]);
/// ```
pub fn cast(dtype: DType) -> Cast {
    Cast(dtype)
}

/// The same numbers in this element type.
#[derive(Clone, Copy, Debug)]
pub struct Cast(DType);

impl Module for Cast {
    fn visit<'a>(&'a self, _: &mut Visitor<'a, '_>) {}
}
impl Layer for Cast {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        x.cast(self.0)
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Apart
    }
    fn describe(&self) -> String {
        format!("Cast({})", self.0)
    }
}
impl Config for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }
    fn build(self: Box<Self>, _: Spec, _: &Init) -> Arc<dyn Layer> {
        Arc::new(*self)
    }
}
