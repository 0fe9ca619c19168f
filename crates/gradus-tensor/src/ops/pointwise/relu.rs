//! relu(x) = max(x, 0)   [..] -> [..]   Nair & Hinton 2010

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Relu;

impl Pointwise<1> for Relu {
    const NAME: &'static str = "relu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.max(R::constant(0.0))
    }
    /// 1 where y > 0, else 0: from the value, so that x need not be kept
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        let zero = R::constant(0.0);
        Some([R::select(y.le(zero), zero, dy)])
    }
}

impl Tensor {
    /// The rectified linear unit max(x, 0).
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at 0 is 0.
    ///
    /// **Paper** Nair & Hinton 2010, "Rectified linear units improve restricted Boltzmann
    /// machines".
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.0, 3.0]).relu().to_vec::<f32>(), [0.0, 0.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn relu(&self) -> Tensor {
        apply(Relu, [self])
    }
}

#[test]
fn relu() {
    crate::ops::check("relu", |x| x[0].relu())
        .domain(-3.0..3.0)
        .avoid(&[0.0])
        .oracle(|x| if x[0] > 0.0 { x[0] } else { 0.0 })
        .example(&[&[-2.0, 0.0, 3.0, f64::NAN]], &[0.0, 0.0, 3.0, f64::NAN])
        .slope(&[&[-2.0, 0.0, 3.0, f64::NAN]], &[0.0, 0.0, 1.0, 1.0])
        .run();
}
