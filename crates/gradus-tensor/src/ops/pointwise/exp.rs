//! exp(x) = eˣ   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Exp;

impl Pointwise<1> for Exp {
    const NAME: &'static str = "exp";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.exp()
    }
    /// (eˣ)' = eˣ, the value
    fn grad<R: Real>(&self, _x: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * y])
    }
}

impl Tensor {
    /// The exponential function eˣ.
    ///
    /// **Shape** `[..] -> [..]`. At −∞ it is 0.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).exp().to_vec::<f64>();
    /// assert!(y[0] == 1.0 && (y[1] - 2.718282).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        apply(Exp, [self])
    }
}

#[test]
fn exp() {
    crate::ops::check("exp", |x| x[0].exp())
        .domain(-3.0..2.0)
        .oracle(|x| x[0].exp())
        .example(&[&[0.0, 1.0, f64::NEG_INFINITY, f64::NAN]], &[1.0, 2.718282, 0.0, f64::NAN])
        .run();
}
