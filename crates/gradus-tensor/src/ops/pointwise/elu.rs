//! elu(x, α) = x where x > 0, else α(eˣ − 1)   [..] -> [..]
//! Clevert et al. 2016, arXiv:1511.07289 §3

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Elu {
    alpha: f64,
}

impl Pointwise<1> for Elu {
    const NAME: &'static str = "elu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        exponential_linear(x, self.alpha)
    }
    /// 1 where x > 0, else αeˣ
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * exponential_linear_slope(x, self.alpha)])
    }
}

/// x where x > 0, else α(eˣ − 1).
pub(crate) fn exponential_linear<R: Real>(x: R, alpha: f64) -> R {
    R::select(R::constant(0.0).lt(x), x, R::constant(alpha) * x.exp_m1())
}

/// Its derivative, α at 0, whose own derivative there is 0. The exponent is held below 0: e^x of a large x is ∞, and ∞ times the
/// 0 of the branch not taken is NaN in the second derivative.
pub(crate) fn exponential_linear_slope<R: Real>(x: R, alpha: f64) -> R {
    let zero = R::constant(0.0);
    let below = R::select(zero.le(x), zero, x);
    R::select(zero.lt(x), R::constant(1.0), R::constant(alpha) * below.exp())
}

impl Tensor {
    /// The exponential linear unit: x where x > 0, else α(eˣ − 1); the usual α is 1.
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at the kink 0 is α, the second
    /// derivative there 0, as in PyTorch.
    ///
    /// **Paper** Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289 §3.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 2.0]).elu(1.0).to_vec::<f64>();
    /// assert!((y[0] + 0.632121).abs() < 1e-6 && y[1] == 2.0);
    /// ```
    #[track_caller]
    pub fn elu(&self, alpha: f64) -> Tensor {
        apply(Elu { alpha }, [self])
    }
}

#[test]
fn elu() {
    crate::ops::check("elu", |x| x[0].elu(1.5))
        .domain(-3.0..3.0)
        .avoid(&[0.0])
        .oracle(|x| if x[0] > 0.0 { x[0] } else { 1.5 * x[0].exp_m1() })
        .example(&[&[-1.0, 2.0, 1000.0, f64::NAN]], &[-0.948181, 2.0, 1000.0, f64::NAN])
        .slope(&[&[-1.0, 0.0, 1000.0]], &[0.551819, 1.5, 1.0])
        .run();
}
