//! selu(x) = λ·elu(x, α), λ = 1.0507…, α = 1.6733…   [..] -> [..]
//! Klambauer et al. 2017, arXiv:1706.02515 eq. 2

use super::elu::{exponential_linear, exponential_linear_slope};
use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Selu;

impl Pointwise<1> for Selu {
    const NAME: &'static str = "selu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        R::constant(LAMBDA) * exponential_linear(x, ALPHA)
    }
    /// λ where x > 0, else λαeˣ
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(LAMBDA) * exponential_linear_slope(x, ALPHA))])
    }
}

/// The fixed point of mean 0 and variance 1 under the map (arXiv:1706.02515, appendix).
const LAMBDA: f64 = 1.050_700_987_355_480_5;
const ALPHA: f64 = 1.673_263_242_354_377_2;

impl Tensor {
    /// λx where x > 0, else λα(eˣ − 1), with λ and α such that activations of mean 0 and variance 1
    /// keep them.
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at the kink 0 is λα, as in PyTorch.
    ///
    /// **Paper** Klambauer et al. 2017, arXiv:1706.02515 eq. 2.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 1.0]).selu().to_vec::<f64>();
    /// assert!((y[0] + 1.111331).abs() < 1e-6 && (y[1] - 1.050701).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn selu(&self) -> Tensor {
        apply(Selu, [self])
    }
}

#[test]
fn selu() {
    crate::ops::check("selu", |x| x[0].selu())
        .domain(-3.0..3.0)
        .avoid(&[0.0])
        .oracle(|x| LAMBDA * if x[0] > 0.0 { x[0] } else { ALPHA * x[0].exp_m1() })
        .example(&[&[-1.0, 1.0, f64::NAN]], &[-1.111331, 1.050701, f64::NAN])
        .slope(&[&[0.0, 1000.0]], &[1.758099, 1.050701])
        .run();
}
