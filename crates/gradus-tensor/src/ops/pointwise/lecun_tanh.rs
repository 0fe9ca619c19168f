//! lecun_tanh(x) = 1.7159·tanh(2x/3)   [..] -> [..]   LeCun et al. 1998, "Efficient BackProp" §4.4

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct LecunTanh;

impl Pointwise<1> for LecunTanh {
    const NAME: &'static str = "lecun_tanh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        R::constant(A) * (R::constant(S) * x).tanh()
    }
    /// S·A(1 − tanh²(Sx)) = S(A − y²/A), from the value
    fn grad<R: Real>(&self, [_x]: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(S * A) - R::constant(S / A) * (y * y))])
    }
}

const A: f64 = 1.7159;
const S: f64 = 2.0 / 3.0;

impl Tensor {
    /// 1.7159·tanh(2x/3), which maps ±1 to ±1 and is most curved there.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// **Paper** LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp" §4.4; LeNet-5 uses it.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 1.0]).lecun_tanh().to_vec::<f64>();
    /// assert!((y[0] + 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4);
    /// ```
    #[track_caller]
    pub fn lecun_tanh(&self) -> Tensor {
        apply(LecunTanh, [self])
    }
}

#[test]
fn lecun_tanh() {
    crate::ops::check("lecun_tanh", |x| x[0].lecun_tanh())
        .domain(-3.0..3.0)
        .oracle(|x| 1.7159 * (2.0 * x[0] / 3.0).tanh())
        .example(&[&[0.0, 1.0]], &[0.0, 0.999997])
        .run();
}
