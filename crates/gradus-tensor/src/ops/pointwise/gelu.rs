//! gelu(x) = x·Φ(x), Φ the standard normal distribution function.   [..] -> [..]
//! Hendrycks & Gimpel 2016, arXiv:1606.08415 §2

use super::{Pointwise, apply, normal_cdf, normal_pdf};
use crate::Tensor;
use gradus_base::Real;

struct Gelu;

impl Pointwise<1> for Gelu {
    const NAME: &'static str = "gelu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x * normal_cdf(x)
    }
    /// d/dx xΦ(x) = Φ(x) + xφ(x)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (normal_cdf(x) + x * normal_pdf(x))])
    }
}

impl Tensor {
    /// The exact Gaussian error linear unit x·Φ(x).
    ///
    /// **Shape** `[..] -> [..]`. At −∞ it is NaN.
    ///
    /// **Paper** Hendrycks & Gimpel 2016, arXiv:1606.08415 §2.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 0.0, 1.0]).gelu().to_vec::<f64>();
    /// assert!((y[0] + 0.158655).abs() < 1e-6 && y[1] == 0.0 && (y[2] - 0.841345).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn gelu(&self) -> Tensor {
        apply(Gelu, [self])
    }
}

#[test]
fn gelu() {
    crate::ops::check("gelu", |x| x[0].gelu())
        .domain(-4.0..4.0)
        .oracle(|x| 0.5 * x[0] * (1.0 + Real::erf(x[0] / 2f64.sqrt())))
        .example(&[&[-1.0, 0.0, 1.0]], &[-0.158655, 0.0, 0.841345])
        .run();
}
