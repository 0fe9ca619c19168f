//! hard_swish(x) = x·min(max(x/6 + ½, 0), 1)   [..] -> [..]
//! Howard et al. 2019, arXiv:1905.02244 §5.2

use super::hard_sigmoid::ramp;
use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct HardSwish;

impl Pointwise<1> for HardSwish {
    const NAME: &'static str = "hard_swish";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x * ramp(x)
    }
    /// 0 up to −3, 1 from 3, between them x/3 + ½
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let (zero, one) = (R::constant(0.0), R::constant(1.0));
        let (low, high) = (x.le(R::constant(-3.0)), R::constant(3.0).le(x));
        let middle = x * R::constant(1.0 / 3.0) + R::constant(0.5);
        Some([dy * R::select(low, zero, R::select(high, one, middle))])
    }
}

impl Tensor {
    /// x·hard_sigmoid(x), an approximation of [`Tensor::silu`].
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at −3 is 0, at 3 it is 1.
    ///
    /// **Paper** Howard et al. 2019, arXiv:1905.02244 §5.2.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-4.0f32, 1.5, 4.0]).hard_swish().to_vec::<f32>(), [0.0, 1.125, 4.0]);
    /// ```
    #[track_caller]
    pub fn hard_swish(&self) -> Tensor {
        apply(HardSwish, [self])
    }
}

#[test]
fn hard_swish() {
    crate::ops::check("hard_swish", |x| x[0].hard_swish())
        .domain(-5.0..5.0)
        .avoid(&[-3.0, 3.0])
        .oracle(|x| x[0] * (x[0] / 6.0 + 0.5).clamp(0.0, 1.0))
        .example(&[&[-4.0, 1.5, 4.0, f64::NAN]], &[0.0, 1.125, 4.0, f64::NAN])
        .slope(&[&[-3.0, 0.0, 3.0]], &[0.0, 0.5, 1.0])
        .run();
}
