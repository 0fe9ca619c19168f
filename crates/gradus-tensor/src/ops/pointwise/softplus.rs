//! softplus(x, β) = ln(1 + e^(βx))/β = max(x, 0) + ln(1 + e^(−|βx|))/β   [..] -> [..]
//! Dugas et al. 2001

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Softplus {
    beta: f64,
}

impl Pointwise<1> for Softplus {
    const NAME: &'static str = "softplus";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let beta = R::constant(self.beta);
        x.max(R::constant(0.0)) + (-(beta * x).abs()).exp().ln_1p() / beta
    }
    /// d/dx ln(1 + e^(βx))/β = σ(βx)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(self.beta) * x).logistic()])
    }
}

impl Tensor {
    /// A smooth relu, ln(1 + e^(βx))/β: the larger β > 0, the sharper its bend. The usual β is 1.
    ///
    /// **Shape** `[..] -> [..]`. It does not overflow: at 1000 it is 1000.
    ///
    /// **Paper** Dugas et al. 2001, "Incorporating second-order functional knowledge for better
    /// option pricing".
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1000.0]).softplus(1.0).to_vec::<f64>();
    /// assert!((y[0] - 0.693147).abs() < 1e-6 && y[1] == 1000.0);
    /// ```
    #[track_caller]
    pub fn softplus(&self, beta: f64) -> Tensor {
        apply(Softplus { beta }, [self])
    }
}

#[test]
fn softplus() {
    crate::ops::check("softplus", |x| x[0].softplus(2.0))
        .domain(-3.0..3.0)
        .oracle(|x| x[0].max(0.0) + (-2.0 * x[0].abs()).exp().ln_1p() / 2.0)
        .example(&[&[0.0, 0.5, 1000.0, -1000.0]], &[0.346574, 0.656631, 1000.0, 0.0])
        .slope(&[&[0.0, 1000.0, -1000.0]], &[0.5, 1.0, 0.0])
        .run();
}
