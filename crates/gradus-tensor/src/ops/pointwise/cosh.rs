//! cosh(x) = (eˣ + e⁻ˣ)/2   [..] -> [..]

use super::sinh::halves;
use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Cosh;

impl Pointwise<1> for Cosh {
    const NAME: &'static str = "cosh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let [up, down] = halves(x);
        R::constant(1.0) + (up + down)
    }
    /// cosh' = sinh
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let [up, down] = halves(x);
        Some([dy * (up - down)])
    }
}

impl Tensor {
    /// The hyperbolic cosine of x, (eˣ + e⁻ˣ)/2.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).cosh().to_vec::<f64>();
    /// assert!(y[0] == 1.0 && (y[1] - 1.543081).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn cosh(&self) -> Tensor {
        apply(Cosh, [self])
    }
}

#[test]
fn cosh() {
    crate::ops::check("cosh", |x| x[0].cosh())
        .domain(-2.0..2.0)
        .oracle(|x| x[0].cosh())
        .example(
            &[&[0.0, 1.0, 89.0, f64::NEG_INFINITY]],
            &[1.0, 1.543081, 2.244_806e38, f64::INFINITY],
        )
        .run();
}
