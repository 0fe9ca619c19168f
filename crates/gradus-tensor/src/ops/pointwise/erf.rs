//! erf(x) = 2/√π ∫₀ˣ e^(−t²) dt   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Erf;

impl Pointwise<1> for Erf {
    const NAME: &'static str = "erf";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.erf()
    }
}

impl Tensor {
    /// The error function 2/√π ∫₀ˣ e^(−t²) dt.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, 1.0]).erf().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.842701).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn erf(&self) -> Tensor {
        apply(Erf, [self])
    }
}

#[test]
fn erf() {
    crate::ops::check("erf", |x| x[0].erf())
        .domain(-2.0..2.0)
        .oracle(|x| Real::erf(x[0]))
        .example(&[&[0.0, 0.5, 1.0, -2.0]], &[0.0, 0.520500, 0.842701, -0.995322])
        .run();
}
