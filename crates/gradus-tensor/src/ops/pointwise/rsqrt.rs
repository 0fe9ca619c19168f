//! rsqrt(x) = 1/√x   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Rsqrt;

impl Pointwise<1> for Rsqrt {
    const NAME: &'static str = "rsqrt";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sqrt().recip()
    }
    /// d/dx x^(−½) = −½x^(−³⁄₂) = −½y³
    fn grad<R: Real>(&self, _x: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([R::constant(-0.5) * dy * (y * y * y)])
    }
}

impl Tensor {
    /// The reciprocal of the square root, 1/√x.
    ///
    /// **Shape** `[..] -> [..]`. At 0 it is ∞, below 0 NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, 0.25]).rsqrt().to_vec::<f32>(), [0.5, 2.0]);
    /// ```
    #[track_caller]
    pub fn rsqrt(&self) -> Tensor {
        apply(Rsqrt, [self])
    }
}

#[test]
fn rsqrt() {
    crate::ops::check("rsqrt", |x| x[0].rsqrt())
        .domain(0.2..4.0)
        .oracle(|x| 1.0 / x[0].sqrt())
        .example(&[&[4.0, 0.25, 0.0]], &[0.5, 2.0, f64::INFINITY])
        .run();
}
