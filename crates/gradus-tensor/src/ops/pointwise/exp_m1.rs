//! exp_m1(x) = eˣ − 1, accurate near 0   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct ExpM1;

impl Pointwise<1> for ExpM1 {
    const NAME: &'static str = "exp_m1";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.exp_m1()
    }
}

impl Tensor {
    /// eˣ − 1, accurate near 0, where `x.exp() - 1.0` cancels.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1e-20f64]).exp_m1().to_vec::<f64>(), [1e-20]);
    /// ```
    #[track_caller]
    #[doc(alias = "expm1")]
    pub fn exp_m1(&self) -> Tensor {
        apply(ExpM1, [self])
    }
}

#[test]
fn exp_m1() {
    let check = || crate::ops::check("exp_m1", |x| x[0].exp_m1()).oracle(|x| x[0].exp_m1());
    check().domain(-3.0..2.0).example(&[&[0.0, 1.0]], &[0.0, 1.718282]).run();
    check().domain(-1e-6..1e-6).dtypes(&[crate::DType::F64, crate::DType::F32]).run();
}
