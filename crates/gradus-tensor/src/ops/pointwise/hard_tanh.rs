//! hard_tanh(x) = min(max(x, −1), 1)   [..] -> [..]   Collobert 2004

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct HardTanh;

impl Pointwise<1> for HardTanh {
    const NAME: &'static str = "hard_tanh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.max(R::constant(-1.0)).min(R::constant(1.0))
    }
    /// 0 where |y| ≥ 1, else 1, from the value
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([R::select(R::constant(1.0).le(y.abs()), R::constant(0.0), dy)])
    }
}

impl Tensor {
    /// Limited to [−1, 1]: min(max(x, −1), 1).
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at the kinks ±1 is 0.
    ///
    /// **Paper** Collobert 2004, "Large scale machine learning".
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.5, 3.0]).hard_tanh().to_vec::<f32>(), [-1.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn hard_tanh(&self) -> Tensor {
        apply(HardTanh, [self])
    }
}

#[test]
fn hard_tanh() {
    crate::ops::check("hard_tanh", |x| x[0].hard_tanh())
        .domain(-2.0..2.0)
        .avoid(&[-1.0, 1.0])
        .oracle(|x| x[0].clamp(-1.0, 1.0))
        .example(&[&[-2.0, 0.5, 3.0, f64::NAN]], &[-1.0, 0.5, 1.0, f64::NAN])
        .slope(&[&[-1.0, 0.5, 1.0, f64::NAN]], &[0.0, 1.0, 0.0, 1.0])
        .run();
}
