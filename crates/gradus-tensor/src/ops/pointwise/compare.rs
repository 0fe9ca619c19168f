//! eq, ne, lt, le, gt, ge: a ? b as a mask   [..], [..] -> bool [..]

use super::compare;
use crate::ops::Operand;
use crate::{DType, Tensor};
use gradus_base::Real;
use gradus_base::expr::{Sym, SymMask};

/// x compared with a tensor or a number. Integers are compared with any number as numbers are, not with what it would be as an
/// integer: 0 < ½, and no integer is ½ or NaN.
#[track_caller]
fn with(
    name: &'static str,
    x: &Tensor,
    other: Operand<'_>,
    formula: impl FnOnce(Sym, Sym) -> SymMask,
) -> Tensor {
    let number = match other {
        Operand::Number(n) if !x.dtype().is_float() => n,
        Operand::Large(n) if !x.dtype().is_float() => {
            return compare(name, [&x.wide(), &Tensor::scalar(n)], formula);
        }
        other => return compare(name, [x, &other.beside(name, x)], formula),
    };
    match threshold(name, number) {
        Ok(whole) => {
            let wide = x.wide();
            compare(name, [&wide, &wide.full_like(whole)], formula)
        }
        Err(answer) => Tensor::full_of(x.shape(), f64::from(u8::from(answer)), DType::Bool),
    }
}

/// The integer that integers may as well be compared with, or the answer for all of them.
fn threshold(name: &str, number: f64) -> Result<f64, bool> {
    let whole = match name {
        "lt" | "ge" => number.ceil(),
        "le" | "gt" => number.floor(),
        _ => number,
    };
    let below = matches!(name, "lt" | "le" | "ne");
    match DType::I64.number(whole) {
        Ok(whole) => Ok(whole),
        // What is beyond all integers, or none.
        Err(_) if number.is_nan() || matches!(name, "eq" | "ne") => Err(name == "ne"),
        Err(_) => Err(below == (number > 0.0)),
    }
}

impl Tensor {
    /// A mask, true where a = b.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. NaN equals nothing. There is no gradient.
    /// Integers are compared with a number as it is, fractions included; floats with the nearest
    /// number of their type.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the types have none in common ([`DType::join`]), or a number
    /// is out of the range of the floats it is compared with, as 1e9 is of f16.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).eq(2.0).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    #[doc(alias = "equal")]
    pub fn eq<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        with("eq", self, other.into(), |a, b| a.eq(b))
    }

    /// A mask, true where a ≠ b.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. NaN differs from everything. There is no
    /// gradient.
    ///
    /// # Panics
    /// As [`Tensor::eq`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).ne(2.0).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn ne<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        with("ne", self, other.into(), |a, b| Sym::not(a.eq(b)))
    }

    /// A mask, true where a < b.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN it is false. There is no gradient.
    ///
    /// # Panics
    /// As [`Tensor::eq`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).lt(2.0).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    #[doc(alias = "less")]
    pub fn lt<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        with("lt", self, other.into(), |a, b| a.lt(b))
    }

    /// A mask, true where a ≤ b.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN it is false. There is no gradient.
    ///
    /// # Panics
    /// As [`Tensor::eq`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).le(1.0).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn le<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        with("le", self, other.into(), |a, b| a.le(b))
    }

    /// A mask, true where a > b.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN it is false. There is no gradient.
    ///
    /// # Panics
    /// As [`Tensor::eq`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).gt(1.0).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    #[doc(alias = "greater")]
    pub fn gt<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        with("gt", self, other.into(), |a, b| b.lt(a))
    }

    /// A mask, true where a ≥ b.
    ///
    /// **Shape** `[..], [..] -> bool [..]`, broadcast. With NaN it is false. There is no gradient.
    ///
    /// # Panics
    /// As [`Tensor::eq`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).ge(2.0).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    pub fn ge<'a>(&self, other: impl Into<Operand<'a>>) -> Tensor {
        with("ge", self, other.into(), |a, b| b.le(a))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{DType, Tensor};

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
    /// Every comparison of integers with numbers that they do not hold, against the same numbers in f64.
    #[test]
    fn integers_are_compared_with_any_number() {
        let values = [0i64, 3, -2, 255];
        let numbers = [0.5, -0.5, 2.999, 3.0, -2.0, 1e300, -1e300, 256.0, -1.0, 1e18];
        let edges = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 9.3e18, -9.3e18];
        type Compare = (fn(&Tensor, f64) -> Tensor, fn(&f64, &f64) -> bool);
        let all: [Compare; 6] = [
            (|x, n| x.eq(n), f64::eq),
            (|x, n| x.ne(n), f64::ne),
            (|x, n| x.lt(n), f64::lt),
            (|x, n| x.le(n), f64::le),
            (|x, n| x.gt(n), f64::gt),
            (|x, n| x.ge(n), f64::ge),
        ];
        for (compare, oracle) in all {
            for n in numbers.into_iter().chain(edges) {
                let want = values.map(|v| oracle(&(v as f64), &n));
                let x = Tensor::from(values);
                assert_eq!(compare(&x, n).to_vec::<bool>(), want, "{values:?} with {n}");
                assert_eq!(compare(&x.cast(DType::I32), n).to_vec::<bool>(), want, "i32 with {n}");
                let bytes = compare(&Tensor::from([0u8, 3, 255]), n).to_vec::<bool>();
                assert_eq!(bytes, [want[0], want[1], want[3]], "u8 with {n}");
                let masks = compare(&Tensor::from([false, true]), n).to_vec::<bool>();
                assert_eq!(masks, [oracle(&0.0, &n), oracle(&1.0, &n)], "bool with {n}");
            }
        }
        let large = Tensor::from([i64::MAX, i64::MIN]);
        assert_eq!(large.lt(2f64.powi(63)).to_vec::<bool>(), [true, true]);
        assert_eq!(large.le(-(2f64.powi(63))).to_vec::<bool>(), [false, true]);
    }

    #[test]
    fn ge() {
        comparison("ge", |a, b| a.ge(b), |a| a.ge(2.0), |a, b| a >= b);
    }
}
