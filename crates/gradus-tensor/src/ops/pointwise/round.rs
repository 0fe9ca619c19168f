//! round(x) = the nearest integer, ties to even   [..] -> [..]

use super::{FLAT, Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Round;

impl Pointwise<1> for Round {
    const NAME: &'static str = "round";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.round()
    }
}

impl Tensor {
    /// Rounded to the nearest integer, ties to the even one.
    ///
    /// **Shape** `[..] -> [..]`. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.5f32, 1.5]).round().to_vec::<f32>(), [-2.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn round(&self) -> Tensor {
        apply(Round, [self])
    }
}

#[test]
fn round() {
    crate::ops::check("round", |x| x[0].round())
        .domain(-3.0..3.0)
        .oracle(|x| x[0].round_ties_even())
        .example(&[&[-1.5, 1.5]], &[-2.0, 2.0])
        .not_differentiable()
        .run();
}
