//! hard_sigmoid(x) = min(max(x/6 + ½, 0), 1)   [..] -> [..]
//! Howard et al. 2019, arXiv:1905.02244 §5.2

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct HardSigmoid;

impl Pointwise<1> for HardSigmoid {
    const NAME: &'static str = "hard_sigmoid";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        ramp(x)
    }
    /// 1/6 where |x| < 3, else 0
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let inside = x.abs().lt(R::constant(3.0));
        Some([R::select(inside, dy * R::constant(1.0 / 6.0), R::constant(0.0))])
    }
}

/// x/6 + ½ between 0 and 1.
pub(crate) fn ramp<R: Real>(x: R) -> R {
    let (zero, half, one) = (R::constant(0.0), R::constant(0.5), R::constant(1.0));
    (x * R::constant(1.0 / 6.0) + half).max(zero).min(one)
}

impl Tensor {
    /// A sigmoid made of straight lines: min(max(x/6 + ½, 0), 1). (That of Courbariaux et al. 2015
    /// has slope ½, an old one of Keras 0.2.)
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. The gradient at the kinks ±3 is 0.
    ///
    /// **Paper** Howard et al. 2019, arXiv:1905.02244 §5.2.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-4.0f32, 0.0, 1.5]).hard_sigmoid().to_vec::<f32>(), [0.0, 0.5, 0.75]);
    /// ```
    #[track_caller]
    pub fn hard_sigmoid(&self) -> Tensor {
        apply(HardSigmoid, [self])
    }
}

#[test]
fn hard_sigmoid() {
    crate::ops::check("hard_sigmoid", |x| x[0].hard_sigmoid())
        .domain(-5.0..5.0)
        .avoid(&[-3.0, 3.0])
        .oracle(|x| (x[0] / 6.0 + 0.5).clamp(0.0, 1.0))
        .example(&[&[-4.0, 0.0, 1.5, f64::NAN]], &[0.0, 0.5, 0.75, f64::NAN])
        .slope(&[&[-3.0, 0.0, 3.0]], &[0.0, 1.0 / 6.0, 0.0])
        .run();
}
