//! cosh(x) = (eˣ + e⁻ˣ)/2   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Cosh;

impl Pointwise<1> for Cosh {
    const NAME: &'static str = "cosh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        R::constant(0.5) * (x.exp() + (-x).exp())
    }
    /// cosh' = sinh
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(0.5) * (x.exp_m1() - (-x).exp_m1()))])
    }
}

impl Tensor {
    /// cosh x = (eˣ + e⁻ˣ)/2.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).cosh().to_vec::<f64>();
    /// assert!(y[0] == 1.0 && (y[1] - 1.543081).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn cosh(&self) -> Tensor {
        apply(Cosh, [self])
    }
}

#[test]
fn cosh() {
    crate::ops::check("cosh", |x| x[0].cosh())
        .domain(-2.0..2.0)
        .oracle(|x| x[0].cosh())
        .example(&[&[0.0, 1.0, f64::NEG_INFINITY]], &[1.0, 1.543081, f64::INFINITY])
        .run();
}
