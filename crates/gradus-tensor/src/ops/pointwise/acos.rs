//! acos(x) = 2·arctan(√((1 − x)/(1 + x)))   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Acos;

impl Pointwise<1> for Acos {
    const NAME: &'static str = "acos";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let one = R::constant(1.0);
        R::constant(2.0) * ((one - x) / (one + x)).sqrt().atan()
    }
    /// arccos' = −1/√(1 − x²)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let one = R::constant(1.0);
        Some([-dy / ((one - x) * (one + x)).sqrt()])
    }
}

impl Tensor {
    /// The arccosine of x, in [0, π].
    ///
    /// **Shape** `[..] -> [..]`. Outside [−1, 1] it is NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.5f64, -1.0]).acos().to_vec::<f64>();
    /// assert!((y[0] - 1.047198).abs() < 1e-6 && (y[1] - 3.141593).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn acos(&self) -> Tensor {
        apply(Acos, [self])
    }
}

#[test]
fn acos() {
    crate::ops::check("acos", |x| x[0].acos())
        .domain(-0.9..0.9)
        .oracle(|x| x[0].acos())
        .example(&[&[0.5, 1.0, -1.0, 2.0]], &[1.047198, 0.0, 3.141593, f64::NAN])
        .run();
}
