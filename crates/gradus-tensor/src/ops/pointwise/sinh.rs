//! sinh(x) = (eˣ − e⁻ˣ)/2 = 2·sinh(x/2)·cosh(x/2)   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Sinh;

impl Pointwise<1> for Sinh {
    const NAME: &'static str = "sinh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let [s, c] = halves(x);
        R::constant(2.0) * (s * c)
    }
    /// sinh' = cosh
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let [s, c] = halves(x);
        Some([dy * (s * s + c * c)])
    }
}

/// sinh(x/2) and cosh(x/2): their products overflow where sinh x and cosh x do, and not where eˣ does. expm1 keeps the digits
/// that eˣ − e⁻ˣ loses near 0.
pub(crate) fn halves<R: Real>(x: R) -> [R; 2] {
    let half = R::constant(0.5);
    let (up, down) = ((half * x).exp_m1(), (-(half * x)).exp_m1());
    [half * (up - down), half * (up + down) + R::constant(1.0)]
}

impl Tensor {
    /// sinh x = (eˣ − e⁻ˣ)/2.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1.0f64, 1e-20]).sinh().to_vec::<f64>();
    /// assert!((y[0] - 1.175201).abs() < 1e-6 && y[1] == 1e-20);
    /// ```
    #[track_caller]
    pub fn sinh(&self) -> Tensor {
        apply(Sinh, [self])
    }
}

#[test]
fn sinh() {
    crate::ops::check("sinh", |x| x[0].sinh())
        .domain(-2.0..2.0)
        .oracle(|x| x[0].sinh())
        .example(&[&[0.0, 1.0, f64::NEG_INFINITY]], &[0.0, 1.175201, f64::NEG_INFINITY])
        .run();
}
