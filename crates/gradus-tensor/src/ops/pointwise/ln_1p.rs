//! ln_1p(x) = ln(1 + x), accurate near 0   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Ln1p;

impl Pointwise<1> for Ln1p {
    const NAME: &'static str = "ln_1p";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.ln_1p()
    }
}

impl Tensor {
    /// ln(1 + x), accurate near 0, where `(x + 1.0).ln()` has lost digits of x.
    ///
    /// **Shape** `[..] -> [..]`. At −1 it is −∞, below −1 NaN.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1e-20f64]).ln_1p().to_vec::<f64>(), [1e-20]);
    /// ```
    #[track_caller]
    #[doc(alias = "log1p")]
    pub fn ln_1p(&self) -> Tensor {
        apply(Ln1p, [self])
    }
}

#[test]
fn ln_1p() {
    let check = || crate::ops::check("ln_1p", |x| x[0].ln_1p()).oracle(|x| x[0].ln_1p());
    check().domain(-0.9..5.0).example(&[&[0.0, 1.0, -1.0]], &[0.0, 0.693147, -1.0 / 0.0]).run();
    check().domain(-1e-6..1e-6).dtypes(&[crate::DType::F64, crate::DType::F32]).run();
}
