//! sin(x), x in radians   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Sin;

impl Pointwise<1> for Sin {
    const NAME: &'static str = "sin";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sin()
    }
}

impl Tensor {
    /// The sine of x, in radians.
    ///
    /// **Shape** `[..] -> [..]`. At ±∞ it is NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).sin().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.841471).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn sin(&self) -> Tensor {
        apply(Sin, [self])
    }
}

#[test]
fn sin() {
    crate::ops::check("sin", |x| x[0].sin())
        .domain(-4.0..4.0)
        .within(200.0, "differences take steps of a ten-thousandth")
        .oracle(|x| x[0].sin())
        .example(&[&[0.0, 1.0, f64::INFINITY]], &[0.0, 0.841471, f64::NAN])
        .run();
}
