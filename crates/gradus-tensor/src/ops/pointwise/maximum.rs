//! maximum(a, b) = the larger, minimum(a, b) = the smaller   [..], [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::Real;

struct Maximum;

impl Pointwise<2> for Maximum {
    const NAME: &'static str = "maximum";
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        a.max(b)
    }
}

struct Minimum;

impl Pointwise<2> for Minimum {
    const NAME: &'static str = "minimum";
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        a.min(b)
    }
}

impl Tensor {
    /// The larger of two numbers, element by element.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. NaN if either is. At a tie each gets half of the
    /// gradient.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the types have none in common
    /// ([`DType::join`](crate::DType::join)), or `other` is a number that the type of this does not
    /// hold.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0f32, 5.0]);
    /// assert_eq!(x.maximum(2.0).to_vec::<f32>(), [2.0, 5.0]);
    /// assert_eq!(x.maximum(&Tensor::from([3.0f32, 4.0])).to_vec::<f32>(), [3.0, 5.0]);
    /// ```
    #[track_caller]
    pub fn maximum<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        apply(Maximum, [self, &other.into().beside("maximum", self)])
    }

    /// The smaller of two numbers, element by element.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. NaN if either is. At a tie each gets half of the
    /// gradient.
    ///
    /// # Panics
    /// As [`Tensor::maximum`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 5.0]).minimum(2.0).to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn minimum<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        apply(Minimum, [self, &other.into().beside("minimum", self)])
    }
}

#[test]
fn maximum() {
    let nan = f64::NAN;
    crate::ops::check("maximum", |x| x[0].maximum(&x[1]))
        .domain(-2.0..2.0)
        .domain(-2.0..2.0)
        .oracle(|x| if x[0] > x[1] { x[0] } else { x[1] })
        .example(&[&[1.0, 5.0, nan, 1.0], &[3.0, 4.0, 1.0, nan]], &[3.0, 5.0, nan, nan])
        .slope(&[&[1.0, 5.0, 2.0], &[3.0, 4.0, 2.0]], &[0.0, 1.0, 0.5])
        .run();
    let case = crate::ops::check("maximum", |x| x[0].maximum(0.5)).domain(-2.0..2.0).avoid(&[0.5]);
    case.oracle(|x| x[0].max(0.5)).run();
}

#[test]
fn minimum() {
    let nan = f64::NAN;
    crate::ops::check("minimum", |x| x[0].minimum(&x[1]))
        .domain(-2.0..2.0)
        .domain(-2.0..2.0)
        .oracle(|x| if x[0] < x[1] { x[0] } else { x[1] })
        .example(&[&[1.0, 5.0, nan, 1.0], &[3.0, 4.0, 1.0, nan]], &[1.0, 4.0, nan, nan])
        .slope(&[&[1.0, 5.0, 2.0], &[3.0, 4.0, 2.0]], &[1.0, 0.0, 0.5])
        .run();
}
