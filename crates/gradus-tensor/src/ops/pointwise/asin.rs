//! asin(x) = arctan(x/√(1 − x²))   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Asin;

impl Pointwise<1> for Asin {
    const NAME: &'static str = "asin";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        // (1 − x)(1 + x) keeps the digits that 1 − x² loses near ±1.
        let one = R::constant(1.0);
        (x / ((one - x) * (one + x)).sqrt()).atan()
    }
    /// arcsin' = 1/√(1 − x²)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let one = R::constant(1.0);
        Some([dy / ((one - x) * (one + x)).sqrt()])
    }
}

impl Tensor {
    /// The arcsine of x, in [−π/2, π/2].
    ///
    /// **Shape** `[..] -> [..]`. Outside [−1, 1] it is NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.5f64, 1.0]).asin().to_vec::<f64>();
    /// assert!((y[0] - 0.523599).abs() < 1e-6 && (y[1] - 1.570796).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn asin(&self) -> Tensor {
        apply(Asin, [self])
    }
}

#[test]
fn asin() {
    crate::ops::check("asin", |x| x[0].asin())
        .domain(-0.9..0.9)
        .oracle(|x| x[0].asin())
        .example(&[&[0.5, 1.0, -1.0, 2.0]], &[0.523599, 1.570796, -1.570796, f64::NAN])
        .run();
}
