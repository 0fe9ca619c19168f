//! cos(x), x in radians   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Cos;

impl Pointwise<1> for Cos {
    const NAME: &'static str = "cos";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.cos()
    }
}

impl Tensor {
    /// The cosine of x, in radians.
    ///
    /// **Shape** `[..] -> [..]`. At ±∞ it is NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).cos().to_vec::<f64>();
    /// assert!(y[0] == 1.0 && (y[1] - 0.540302).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn cos(&self) -> Tensor {
        apply(Cos, [self])
    }
}

#[test]
fn cos() {
    crate::ops::check("cos", |x| x[0].cos())
        .domain(-4.0..4.0)
        .within(200.0, "differences take steps of a ten-thousandth")
        .oracle(|x| x[0].cos())
        .example(&[&[0.0, 1.0, f64::INFINITY]], &[1.0, 0.540302, f64::NAN])
        .run();
}
