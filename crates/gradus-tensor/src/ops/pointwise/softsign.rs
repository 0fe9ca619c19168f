//! softsign(x) = x/(1 + |x|)   [..] -> [..]   Glorot & Bengio 2010

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Softsign;

impl Pointwise<1> for Softsign {
    const NAME: &'static str = "softsign";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x / (R::constant(1.0) + x.abs())
    }
    /// 1/(1 + |x|)², also at 0
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let z = R::constant(1.0) + x.abs();
        Some([dy / (z * z)])
    }
}

impl Tensor {
    /// x/(1 + |x|), between −1 and 1.
    ///
    /// **Shape** `[..] -> [..]`. At ±∞ it is NaN.
    ///
    /// **Paper** Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward
    /// neural networks".
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.0f32, 0.0, 3.0]).softsign().to_vec::<f32>(), [-0.5, 0.0, 0.75]);
    /// ```
    #[track_caller]
    pub fn softsign(&self) -> Tensor {
        apply(Softsign, [self])
    }
}

#[test]
fn softsign() {
    crate::ops::check("softsign", |x| x[0].softsign())
        .domain(-4.0..4.0)
        .avoid(&[0.0])
        .oracle(|x| x[0] / (1.0 + x[0].abs()))
        .example(&[&[-1.0, 0.0, 3.0]], &[-0.5, 0.0, 0.75])
        .slope(&[&[0.0, 3.0]], &[1.0, 0.0625])
        .run();
}
