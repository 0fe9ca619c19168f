//! abs(x) = |x|   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Abs;

impl Pointwise<1> for Abs {
    const NAME: &'static str = "abs";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.abs()
    }
}

impl Tensor {
    /// The absolute value |x|.
    ///
    /// **Shape** `[..] -> [..]`. The gradient at 0 is 0.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 3.0]).abs().to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn abs(&self) -> Tensor {
        apply(Abs, [self])
    }
}

#[test]
fn abs() {
    crate::ops::check("abs", |x| x[0].abs())
        .domain(-3.0..3.0)
        .avoid(&[0.0])
        .oracle(|x| x[0].abs())
        .example(&[&[-2.0, 3.0, f64::NAN]], &[2.0, 3.0, f64::NAN])
        .slope(&[&[-2.0, 0.0, 3.0]], &[-1.0, 0.0, 1.0])
        .run();
}
