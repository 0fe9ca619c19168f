//! trunc(x) = x without its fraction, rounded towards 0   [..] -> [..]

use super::{FLAT, Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Trunc;

impl Pointwise<1> for Trunc {
    const NAME: &'static str = "trunc";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        R::select(x.lt(R::constant(0.0)), x.ceil(), x.floor())
    }
}

impl Tensor {
    /// Rounded towards 0: x without its fraction.
    ///
    /// **Shape** `[..] -> [..]`. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).trunc().to_vec::<f32>(), [-1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn trunc(&self) -> Tensor {
        apply(Trunc, [self])
    }
}

#[test]
fn trunc() {
    crate::ops::check("trunc", |x| x[0].trunc())
        .domain(-3.0..3.0)
        .oracle(|x| x[0].trunc())
        .example(&[&[-1.5, 1.5, f64::NAN]], &[-1.0, 1.0, f64::NAN])
        .not_differentiable()
        .run();
}
