//! eq, ne, lt, le, gt, ge: a ? b as a mask   [..], [..] -> bool [..]

use super::compare;
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::Real;
use gradus_base::expr::Sym;

impl Tensor {
    /// a = b, as a mask.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. NaN equals nothing. A mask carries no gradient.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).eq(2.0).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    pub fn eq<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        compare("eq", [self, &other.into().beside(self)], |a, b| a.eq(b))
    }

    /// a ≠ b, as a mask.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. NaN differs from everything.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).ne(2.0).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn ne<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        compare("ne", [self, &other.into().beside(self)], |a, b| Sym::not(a.eq(b)))
    }

    /// a < b, as a mask.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN: false.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).lt(2.0).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn lt<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        compare("lt", [self, &other.into().beside(self)], |a, b| a.lt(b))
    }

    /// a ≤ b, as a mask.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN: false.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).le(1.0).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn le<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        compare("le", [self, &other.into().beside(self)], |a, b| a.le(b))
    }

    /// a > b, as a mask.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN: false.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).gt(1.0).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    pub fn gt<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        compare("gt", [self, &other.into().beside(self)], |a, b| b.lt(a))
    }

    /// a ≥ b, as a mask.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN: false.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).ge(2.0).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    pub fn ge<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        compare("ge", [self, &other.into().beside(self)], |a, b| b.le(a))
    }
}

#[cfg(test)]
mod tests {
    use crate::Tensor;
    use crate::ops::check;

    /// Values around a threshold, ties and NaN in the example, and a number for the other side.
    fn comparison(
        name: &str,
        op: fn(&Tensor, &Tensor) -> Tensor,
        by_number: fn(&Tensor) -> Tensor,
        oracle: fn(f64, f64) -> bool,
    ) {
        let truth = move |a, b| f64::from(u8::from(oracle(a, b)));
        let (a, b) = ([1.0, 2.0, 3.0, f64::NAN], [2.0, 2.0, 2.0, f64::NAN]);
        let want: Vec<f64> = a.iter().zip(&b).map(|(&a, &b)| truth(a, b)).collect();
        check(name, move |x| op(&x[0], &x[1]))
            .domain(-1.0..1.0)
            .domain(-1.0..1.0)
            .oracle(move |x| truth(x[0], x[1]))
            .example(&[&a, &b], &want)
            .not_differentiable()
            .run();
        let want = want[..3].iter().map(|&w| w != 0.0).collect::<Vec<_>>();
        assert_eq!(by_number(&Tensor::from([1.0f32, 2.0, 3.0])).to_vec::<bool>(), want, "{name}");
        assert_eq!(by_number(&Tensor::from([1i64, 2, 3])).to_vec::<bool>(), want, "{name} of i64");
    }

    #[test]
    fn eq() {
        comparison("eq", |a, b| a.eq(b), |a| a.eq(2.0), |a, b| a == b);
    }
    #[test]
    fn ne() {
        comparison("ne", |a, b| a.ne(b), |a| a.ne(2.0), |a, b| a != b);
    }
    #[test]
    fn lt() {
        comparison("lt", |a, b| a.lt(b), |a| a.lt(2.0), |a, b| a < b);
    }
    #[test]
    fn le() {
        comparison("le", |a, b| a.le(b), |a| a.le(2.0), |a, b| a <= b);
    }
    #[test]
    fn gt() {
        comparison("gt", |a, b| a.gt(b), |a| a.gt(2.0), |a, b| a > b);
    }
    #[test]
    fn ge() {
        comparison("ge", |a, b| a.ge(b), |a| a.ge(2.0), |a, b| a >= b);
    }
}
