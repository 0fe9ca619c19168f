//! tan(x) = sin x / cos x   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Tan;

impl Pointwise<1> for Tan {
    const NAME: &'static str = "tan";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sin() / x.cos()
    }
    /// tan' = 1 + tan²
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(1.0) + y * y)])
    }
}

impl Tensor {
    /// The tangent of x, in radians: sin x / cos x.
    ///
    /// **Shape** `[..] -> [..]`. At ±∞ it is NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).tan().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 1.557408).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn tan(&self) -> Tensor {
        apply(Tan, [self])
    }
}

#[test]
fn tan() {
    crate::ops::check("tan", |x| x[0].tan())
        .domain(-1.2..1.2)
        .within(200.0, "differences take steps of a ten-thousandth")
        .oracle(|x| x[0].tan())
        .example(&[&[0.0, 1.0]], &[0.0, 1.557408])
        .run();
}
