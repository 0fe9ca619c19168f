//! ceil(x) = the smallest integer ≥ x   [..] -> [..]

use super::{FLAT, Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Ceil;

impl Pointwise<1> for Ceil {
    const NAME: &'static str = "ceil";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.ceil()
    }
}

impl Tensor {
    /// Rounded up: the smallest integer ≥ x.
    ///
    /// **Shape** `[..] -> [..]`. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).ceil().to_vec::<f32>(), [-1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn ceil(&self) -> Tensor {
        apply(Ceil, [self])
    }
}

#[test]
fn ceil() {
    crate::ops::check("ceil", |x| x[0].ceil())
        .domain(-3.0..3.0)
        .oracle(|x| x[0].ceil())
        .example(&[&[-1.5, 1.5]], &[-1.0, 2.0])
        .not_differentiable()
        .run();
}
