//! sinh(x) = (eˣ − e⁻ˣ)/2   [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Sinh;

impl Pointwise<1> for Sinh {
    const NAME: &'static str = "sinh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        let [up, down] = halves(x);
        up - down
    }
    /// sinh' = cosh
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let [up, down] = halves(x);
        Some([dy * (R::constant(1.0) + (up + down))])
    }
}

/// (eˣ − 1)/2 and (e⁻ˣ − 1)/2, of e^(x/2) − 1 = u as u/2·(u + 2): it overflows where sinh x does, and not where eˣ does, and has
/// the digits that eˣ − e⁻ˣ loses near 0.
pub(crate) fn halves<R: Real>(x: R) -> [R; 2] {
    let half = R::constant(0.5);
    let of = |u: R| (half * u) * (u + R::constant(2.0));
    [of((half * x).exp_m1()), of((-(half * x)).exp_m1())]
}

impl Tensor {
    /// The hyperbolic sine of x, (eˣ − e⁻ˣ)/2.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// If the elements are not floats.
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
