//! atan(x), the angle in (−π/2, π/2) whose tangent is x   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Atan;

impl Pointwise<1> for Atan {
    const NAME: &'static str = "atan";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.atan()
    }
}

impl Tensor {
    /// The arctangent of x, in (−π/2, π/2).
    ///
    /// **Shape** `[..] -> [..]`. At ±∞ it is ±π/2.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).atan().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.785398).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn atan(&self) -> Tensor {
        apply(Atan, [self])
    }
}

#[test]
fn atan() {
    crate::ops::check("atan", |x| x[0].atan())
        .domain(-4.0..4.0)
        .oracle(|x| x[0].atan())
        .example(&[&[0.0, 1.0, f64::INFINITY]], &[0.0, 0.785398, 1.570796])
        .run();
}
