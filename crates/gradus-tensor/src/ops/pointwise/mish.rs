//! mish(x) = x·tanh(ln(1 + eˣ))   [..] -> [..]   Misra 2019, arXiv:1908.08681 eq. 1

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Mish;

impl Pointwise<1> for Mish {
    const NAME: &'static str = "mish";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x * smooth(x).tanh()
    }
    /// with t = tanh(softplus(x)): t + x(1 − t²)σ(x)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let t = smooth(x).tanh();
        Some([dy * (t + x * (R::constant(1.0) - t * t) * x.logistic())])
    }
}

/// ln(1 + eˣ) without overflow.
fn smooth<R: Real>(x: R) -> R {
    x.max(R::constant(0.0)) + (-x.abs()).exp().ln_1p()
}

impl Tensor {
    /// x·tanh(softplus(x)), with softplus(x) = ln(1 + eˣ).
    ///
    /// **Shape** `[..] -> [..]`. At −∞ it is NaN.
    ///
    /// **Paper** Misra 2019, arXiv:1908.08681 eq. 1.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 1.0]).mish().to_vec::<f64>();
    /// assert!((y[0] + 0.303401).abs() < 1e-6 && (y[1] - 0.865098).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn mish(&self) -> Tensor {
        apply(Mish, [self])
    }
}

#[test]
fn mish() {
    crate::ops::check("mish", |x| x[0].mish())
        .domain(-4.0..4.0)
        .oracle(|x| x[0] * x[0].exp().ln_1p().tanh())
        .example(&[&[-1.0, 0.0, 1.0, 1000.0]], &[-0.303401, 0.0, 0.865098, 1000.0])
        .run();
}
