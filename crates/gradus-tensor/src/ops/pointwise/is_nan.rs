//! is_nan(x), is_finite(x): which elements are not numbers, which are ordinary ones
//! [..] -> bool [..]

use super::mask;
use crate::Tensor;
use gradus_base::Real;
use gradus_base::expr::Sym;

impl Tensor {
    /// A mask, true where x is NaN.
    ///
    /// **Shape** `[..] -> bool [..]`. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, f32::NAN]).is_nan().to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    #[doc(alias = "isnan")]
    pub fn is_nan(&self) -> Tensor {
        mask("is_nan", [self], |[x]| Sym::not(x.eq(x)))
    }

    /// A mask, true where x is neither NaN nor infinite.
    ///
    /// **Shape** `[..] -> bool [..]`. There is no gradient.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, f32::INFINITY, f32::NAN]);
    /// assert_eq!(x.is_finite().to_vec::<bool>(), [true, false, false]);
    /// ```
    #[track_caller]
    pub fn is_finite(&self) -> Tensor {
        let zero = || Sym::constant(0.0);
        mask("is_finite", [self], |[x]| (x * zero()).eq(zero()))
    }
}

#[test]
fn is_nan() {
    let x = [1.0, f64::INFINITY, f64::NAN];
    let case = crate::ops::check("is_nan", |x| x[0].is_nan()).domain(-1.0..1.0).oracle(|_| 0.0);
    case.example(&[&x], &[0.0, 0.0, 1.0]).not_differentiable().run();
}

#[test]
fn is_finite() {
    let x = [1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let case = crate::ops::check("is_finite", |x| x[0].is_finite()).domain(-1.0..1.0);
    case.oracle(|_| 1.0).example(&[&x], &[1.0, 0.0, 0.0, 0.0]).not_differentiable().run();
}
