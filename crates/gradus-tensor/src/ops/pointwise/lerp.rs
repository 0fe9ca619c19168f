//! lerp(a, b, t) = a + t(b − a)   [..], [..], [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::Real;

struct Lerp;

impl Pointwise<3> for Lerp {
    const NAME: &'static str = "lerp";
    fn formula<R: Real>(&self, [a, b, t]: [R; 3]) -> R {
        a + t * (b - a)
    }
}

impl Tensor {
    /// Linear interpolation a + t(b − a) between this, a, and `end`, b: a at t = 0, b at t = 1.
    ///
    /// **Shape** `[..], [..], [..] -> [..]`, broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the types have none in common
    /// ([`DType::join`](crate::DType::join)) or are all bool, or `t` is a number that the type of
    /// this does not hold; booleans take no number.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([0.0f32, 1.0]), Tensor::from([4.0f32, 3.0]));
    /// assert_eq!(a.lerp(&b, 0.25).to_vec::<f32>(), [1.0, 1.5]);
    /// ```
    #[track_caller]
    pub fn lerp<'a>(&self, end: &Tensor, t: impl Into<Operand<'a>>) -> Tensor {
        apply(Lerp, [self, end, &t.into().in_arithmetic("lerp", self)])
    }
}

#[test]
fn lerp() {
    crate::ops::check("lerp", |x| x[0].lerp(&x[1], &x[2]))
        .domain(-2.0..2.0)
        .domain(-2.0..2.0)
        .domain(0.0..1.0)
        .oracle(|x| x[0] + x[2] * (x[1] - x[0]))
        .example(&[&[0.0, 1.0], &[4.0, 3.0], &[0.25, 1.0]], &[1.0, 3.0])
        .run();
}
