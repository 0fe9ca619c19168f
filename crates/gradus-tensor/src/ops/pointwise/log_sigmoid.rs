//! log_sigmoid(x) = ln σ(x) = min(x, 0) − ln(1 + e^(−|x|))   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct LogSigmoid;

impl Pointwise<1> for LogSigmoid {
    const NAME: &'static str = "log_sigmoid";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.min(R::constant(0.0)) - (-x.abs()).exp().ln_1p()
    }
    /// (ln σ)' = 1 − σ(x) = σ(−x)
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (-x).logistic()])
    }
}

impl Tensor {
    /// The logarithm of the sigmoid, ln(1/(1 + e⁻ˣ)), which neither overflows nor loses digits.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0f64, -1000.0]).log_sigmoid().to_vec::<f64>();
    /// assert!((y[0] + 0.693147).abs() < 1e-6 && y[1] == -1000.0);
    /// ```
    #[track_caller]
    pub fn log_sigmoid(&self) -> Tensor {
        apply(LogSigmoid, [self])
    }
}

#[test]
fn log_sigmoid() {
    crate::ops::check("log_sigmoid", |x| x[0].log_sigmoid())
        .domain(-4.0..4.0)
        .oracle(|x| x[0].min(0.0) - (-x[0].abs()).exp().ln_1p())
        .example(&[&[0.0, -1000.0, 1000.0]], &[-0.693147, -1000.0, 0.0])
        .slope(&[&[0.0, -1000.0, 1000.0]], &[0.5, 1.0, 0.0])
        .run();
}
