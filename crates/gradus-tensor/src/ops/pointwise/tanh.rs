//! tanh(x) = (eˣ − e⁻ˣ)/(eˣ + e⁻ˣ)   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Tanh;

impl Pointwise<1> for Tanh {
    const NAME: &'static str = "tanh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.tanh()
    }
    /// tanh' = 1 − tanh², from the value
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(1.0) - y * y)])
    }
}

impl Tensor {
    /// The hyperbolic tangent of x, between −1 and 1.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).tanh().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.761594).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn tanh(&self) -> Tensor {
        apply(Tanh, [self])
    }
}

#[test]
fn tanh() {
    crate::ops::check("tanh", |x| x[0].tanh())
        .domain(-3.0..3.0)
        .oracle(|x| x[0].tanh())
        .example(&[&[0.0, 1.0, f64::INFINITY, f64::NAN]], &[0.0, 0.761594, 1.0, f64::NAN])
        .run();
}
