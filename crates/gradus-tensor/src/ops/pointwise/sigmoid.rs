//! sigmoid(x) = 1/(1 + e⁻ˣ)   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Sigmoid;

impl Pointwise<1> for Sigmoid {
    const NAME: &'static str = "sigmoid";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.logistic()
    }
    /// σ' = σ(1 − σ), from the value
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * y * (R::constant(1.0) - y)])
    }
}

impl Tensor {
    /// The logistic function 1/(1 + e⁻ˣ), between 0 and 1.
    ///
    /// **Shape** `[..] -> [..]`. It does not overflow: at −1000 it is 0.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 2.0]).sigmoid().to_vec::<f64>();
    /// assert!(y[0] == 0.5 && (y[1] - 0.880797).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn sigmoid(&self) -> Tensor {
        apply(Sigmoid, [self])
    }
}

#[test]
fn sigmoid() {
    crate::ops::check("sigmoid", |x| x[0].sigmoid())
        .domain(-4.0..4.0)
        .oracle(|x| 1.0 / (1.0 + (-x[0]).exp()))
        .example(&[&[0.0, 2.0, -1000.0, 1000.0]], &[0.5, 0.880797, 0.0, 1.0])
        .run();
}
