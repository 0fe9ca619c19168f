//! sqrt(x) = √x   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Sqrt;

impl Pointwise<1> for Sqrt {
    const NAME: &'static str = "sqrt";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sqrt()
    }
    /// (√x)' = 1/(2√x), from the value
    fn grad<R: Real>(&self, _x: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([R::constant(0.5) * dy / y])
    }
}

impl Tensor {
    /// The square root √x.
    ///
    /// **Shape** `[..] -> [..]`. Below 0 it is NaN. The gradient at 0 is ∞; that of
    /// [`Tensor::norm_l2`] is 0.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.25f32, 9.0]).sqrt().to_vec::<f32>(), [0.5, 3.0]);
    /// ```
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        apply(Sqrt, [self])
    }
}

#[test]
fn sqrt() {
    crate::ops::check("sqrt", |x| x[0].sqrt())
        .domain(0.1..4.0)
        .oracle(|x| x[0].sqrt())
        .example(&[&[0.25, 9.0, -1.0]], &[0.5, 3.0, f64::NAN])
        .slope(&[&[0.25, 0.0]], &[1.0, f64::INFINITY])
        .run();
}
