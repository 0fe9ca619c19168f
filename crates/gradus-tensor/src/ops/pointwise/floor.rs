//! floor(x) = the largest integer ≤ x   [..] -> [..]

use super::{FLAT, Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Floor;

impl Pointwise<1> for Floor {
    const NAME: &'static str = "floor";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.floor()
    }
}

impl Tensor {
    /// Rounded down: the largest integer ≤ x.
    ///
    /// **Shape** `[..] -> [..]`. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).floor().to_vec::<f32>(), [-2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn floor(&self) -> Tensor {
        apply(Floor, [self])
    }
}

#[test]
fn floor() {
    crate::ops::check("floor", |x| x[0].floor())
        .domain(-3.0..3.0)
        .oracle(|x| x[0].floor())
        .example(&[&[-1.5, 1.5]], &[-2.0, 1.0])
        .not_differentiable()
        .run();
}
