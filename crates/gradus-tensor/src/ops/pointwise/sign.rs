//! sign(x) = 1 where x > 0, −1 where x < 0, else x   [..] -> [..]

use super::{FLAT, Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Sign;

impl Pointwise<1> for Sign {
    const NAME: &'static str = "sign";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let (zero, one) = (R::constant(0.0), R::constant(1.0));
        R::select(zero.lt(x), one, R::select(x.lt(zero), -one, x))
    }
}

impl Tensor {
    /// The sign: 1 where x > 0, −1 where x < 0, 0 at 0.
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.0, 3.0]).sign().to_vec::<f32>(), [-1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn sign(&self) -> Tensor {
        apply(Sign, [self])
    }
}

#[test]
fn sign() {
    crate::ops::check("sign", |x| x[0].sign())
        .domain(-3.0..3.0)
        .oracle(|x| x[0].signum())
        .example(&[&[-2.0, 0.0, 3.0, f64::NAN]], &[-1.0, 0.0, 1.0, f64::NAN])
        .not_differentiable()
        .run();
}
