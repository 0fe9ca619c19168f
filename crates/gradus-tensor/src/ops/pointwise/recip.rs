//! recip(x) = 1/x   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Recip;

impl Pointwise<1> for Recip {
    const NAME: &'static str = "recip";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.recip()
    }
    /// (1/x)' = −1/x² = −y²
    fn grad<R: Real>(&self, _x: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([-(dy * y * y)])
    }
}

impl Tensor {
    /// The reciprocal 1/x.
    ///
    /// **Shape** `[..] -> [..]`. At 0 it is ∞ with the sign of the zero.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([4.0f32, -0.5]).recip().to_vec::<f32>(), [0.25, -2.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "reciprocal")]
    pub fn recip(&self) -> Tensor {
        apply(Recip, [self])
    }
}

#[test]
fn recip() {
    crate::ops::check("recip", |x| x[0].recip())
        .domain(0.2..4.0)
        .oracle(|x| 1.0 / x[0])
        .example(&[&[4.0, -0.5, -0.0]], &[0.25, -2.0, f64::NEG_INFINITY])
        .run();
}
