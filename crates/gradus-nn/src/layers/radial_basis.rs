//! Distances to fixed codes, as LeNet-5's output.   x [B, F]   y [B, C].
//! LeCun et al. 1998 §II.B eq. 7

use crate::refused::refused;
use crate::{Config, Context, Init, Layer, Module, Spec, State, Takes, Visitor};
use gradus_base::{Error, Shape};
use gradus_tensor::{Tensor, Variable};
use std::sync::Arc;

/// Describes an output of minus the squared distances to fixed codes `[classes, features]`: the
/// nearest code scores highest. `[B, features]` → `[B, classes]`.
///
/// # Panics
/// If the codes are not a matrix.
#[track_caller]
pub fn radial_basis(codes: &Tensor) -> RadialBasisConfig {
    if codes.rank() != 2 {
        let what = format!("the codes are {}, expected [classes, features]", codes.shape());
        return RadialBasisConfig(Tensor::refuse(Error::shape("radial_basis", what)));
    }
    RadialBasisConfig(codes.clone())
}

/// The description of a [`RadialBasis`].
#[derive(Clone, Debug)]
pub struct RadialBasisConfig(Tensor);

impl Config for RadialBasisConfig {
    fn name(&self) -> &'static str {
        "rbf"
    }
    #[track_caller]
    fn build(self: Box<Self>, input: Spec, init: &Init) -> Arc<dyn Layer> {
        let (input, codes) = (input.shape, self.0.shape());
        if *input != codes[1..] {
            let what =
                format!("the input is {input}, the codes {codes} have {} features", codes[1]);
            return refused(Error::shape("radial_basis", what));
        }
        Arc::new(RadialBasis { codes: Variable::new("codes", &self.0.cast(init.dtype())) })
    }
}

/// y_i = −Σ_j (x_j − c_ij)².   x [B, F]   c [C, F]   y [B, C]
#[derive(Clone, Debug)]
pub struct RadialBasis {
    /// One row per class; training leaves them alone.
    pub codes: Variable,
}

impl Module for RadialBasis {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("codes", State::Buffer(&self.codes));
    }
}
impl Layer for RadialBasis {
    #[track_caller]
    fn forward(&self, x: &Tensor, _: &Context) -> Tensor {
        -(x.unsqueeze(1) - self.codes.tensor()).square().sum([2])
    }
    fn takes(&self) -> Takes {
        Takes::FloatsLike(self.codes.dtype())
    }
    fn describe(&self) -> String {
        format!("RadialBasis({})", self.codes.shape()[0])
    }
    fn macs(&self, _: &Shape, _: &Shape) -> u64 {
        self.codes.shape().len() as u64
    }
}
