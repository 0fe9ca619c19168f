//! silu(x) = x·σ(x) = x/(1 + e⁻ˣ)   [..] -> [..]   Hendrycks & Gimpel 2016, arXiv:1606.08415 §4

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Silu;

impl Pointwise<1> for Silu {
    const NAME: &'static str = "silu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x * x.logistic()
    }
    /// (xσ)' = σ + xσ(1 − σ)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let s = x.logistic();
        Some([dy * s * (R::constant(1.0) + x * (R::constant(1.0) - s))])
    }
}

impl Tensor {
    /// The sigmoid linear unit x/(1 + e⁻ˣ), also called swish.
    ///
    /// **Shape** `[..] -> [..]`. At −∞ it is NaN.
    ///
    /// **Paper** Hendrycks & Gimpel 2016, arXiv:1606.08415 §4; Ramachandran et al. 2017,
    /// arXiv:1710.05941 (swish).
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 1.0]).silu().to_vec::<f64>();
    /// assert!((y[0] + 0.268941).abs() < 1e-6 && (y[1] - 0.731059).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn silu(&self) -> Tensor {
        apply(Silu, [self])
    }
}

#[test]
fn silu() {
    crate::ops::check("silu", |x| x[0].silu())
        .domain(-4.0..4.0)
        .oracle(|x| x[0] / (1.0 + (-x[0]).exp()))
        .example(&[&[-1.0, 0.0, 1.0, -1000.0]], &[-0.268941, 0.0, 0.731059, 0.0])
        .run();
}
