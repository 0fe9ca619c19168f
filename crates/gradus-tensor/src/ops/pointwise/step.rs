//! step(x) = 1 where x ≥ 0, else 0   [..] -> [..]   Rosenblatt 1958

use super::{FLAT, Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Step;

impl Pointwise<1> for Step {
    const NAME: &'static str = "step";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let (zero, one) = (R::constant(0.0), R::constant(1.0));
        R::select(zero.le(x), one, R::select(x.lt(zero), zero, x))
    }
}

impl Tensor {
    /// 1 where x ≥ 0, else 0: the threshold of the perceptron.
    ///
    /// **Shape** `[..] -> [..]`. NaN stays NaN. There is no gradient.
    ///
    /// **Paper** Rosenblatt 1958, "The perceptron: a probabilistic model for information storage
    /// and organization in the brain".
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0f32, 0.0, 3.0]).step().to_vec::<f32>(), [0.0, 1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn step(&self) -> Tensor {
        apply(Step, [self])
    }
}

#[test]
fn step() {
    crate::ops::check("step", |x| x[0].step())
        .domain(-3.0..3.0)
        .oracle(|x| f64::from(x[0] >= 0.0))
        .example(&[&[-2.0, 0.0, 3.0, f64::NAN]], &[0.0, 1.0, 1.0, f64::NAN])
        .not_differentiable()
        .run();
}
