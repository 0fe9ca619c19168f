//! gelu_tanh(x) = ½x(1 + tanh(√(2/π)(x + 0.044715x³)))   [..] -> [..]
//! Hendrycks & Gimpel 2016, arXiv:1606.08415 §2

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct GeluTanh;

impl Pointwise<1> for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let half = R::constant(0.5);
        half * x * (R::constant(1.0) + inner(x).tanh())
    }
    /// with t = tanh(inner(x)): ½(1 + t) + ½x(1 − t²)·inner'(x). From ±16 on t is ±1, so that there the cube, which would
    /// overflow, may stay what it is.
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let (half, one) = (R::constant(0.5), R::constant(1.0));
        let near = x.max(R::constant(-16.0)).min(R::constant(16.0));
        let t = inner(near).tanh();
        let steepness = R::constant(ROOT) * (one + R::constant(3.0 * CUBIC) * (near * near));
        Some([dy * half * (one + t + x * (one - t * t) * steepness)])
    }
}

/// √(2/π)
const ROOT: f64 = 0.797_884_560_802_865_4;
const CUBIC: f64 = 0.044_715;

/// √(2/π)(x + 0.044715x³)
fn inner<R: Real>(x: R) -> R {
    R::constant(ROOT) * (x + R::constant(CUBIC) * (x * x * x))
}

impl Tensor {
    /// The approximation of [`Tensor::gelu`] that GPT-2 was trained with: ½x(1 + tanh(√(2/π)(x +
    /// 0.044715x³))).
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// **Paper** Hendrycks & Gimpel 2016, arXiv:1606.08415 §2.
    ///
    /// # Panics
    /// If the elements are not floats.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([-1.0f64, 0.0, 1.0]).gelu_tanh().to_vec::<f64>();
    /// assert!((y[0] + 0.158808).abs() < 1e-6 && y[1] == 0.0 && (y[2] - 0.841192).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn gelu_tanh(&self) -> Tensor {
        apply(GeluTanh, [self])
    }
}

#[test]
fn gelu_tanh() {
    crate::ops::check("gelu_tanh", |x| x[0].gelu_tanh())
        .domain(-4.0..4.0)
        .oracle(|x| 0.5 * x[0] * (1.0 + (ROOT * (x[0] + CUBIC * x[0].powi(3))).tanh()))
        .example(&[&[-1.0, 0.0, 1.0]], &[-0.158808, 0.0, 0.841192])
        .run();
}
