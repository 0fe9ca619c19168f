//! a + b, a − b, a·b, a/b, −x and x², with operators for tensors and numbers.   [..], [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use crate::ops::{Number, Operand};
use gradus_base::Real;

struct Add;
impl Pointwise<2> for Add {
    const NAME: &'static str = "add";
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        a + b
    }
}
struct Sub;
impl Pointwise<2> for Sub {
    const NAME: &'static str = "sub";
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        a - b
    }
}
struct Mul;
impl Pointwise<2> for Mul {
    const NAME: &'static str = "mul";
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        a * b
    }
}
struct Div;
impl Pointwise<2> for Div {
    const NAME: &'static str = "div";
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        a / b
    }
}
struct Neg;
impl Pointwise<1> for Neg {
    const NAME: &'static str = "neg";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        -x
    }
}

/// A number as the other side of an operator.
#[track_caller]
fn number<P: Pointwise<2>>(value: impl Number, other: &Tensor) -> Tensor {
    Operand::from(value).in_arithmetic(P::NAME, other)
}

/// The operators for every mix of owned and borrowed tensors and numbers.
macro_rules! operator {
    ($op:ident, $method:ident, $assign:ident, $assigned:ident) => {
        operator!($op, $method: &Tensor, &Tensor);
        operator!($op, $method: &Tensor, Tensor);
        operator!($op, $method: Tensor, &Tensor);
        operator!($op, $method: Tensor, Tensor);
        operator!($op, $method: Number on &Tensor);
        operator!($op, $method: Number on Tensor);
        // Of one type of floats and one of integers: so a literal is known to be of that type, and the result to be a tensor.
        operator!($op, $method: f64 before &Tensor);
        operator!($op, $method: f64 before Tensor);
        operator!($op, $method: i32 before &Tensor);
        operator!($op, $method: i32 before Tensor);
        /// The name has another tensor then; what was cloned from it before stays as it is.
        impl<T> std::ops::$assign<T> for Tensor
        where
            for<'a> &'a Tensor: std::ops::$op<T, Output = Tensor>,
        {
            #[track_caller]
            fn $assigned(&mut self, other: T) {
                *self = std::ops::$op::$method(&*self, other);
            }
        }
    };
    ($op:ident, $method:ident: $left:ty, $right:ty) => {
        impl std::ops::$op<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor {
                apply($op, [self.as_ref(), other.as_ref()])
            }
        }
    };
    ($op:ident, $method:ident: Number on $left:ty) => {
        impl<N: Number> std::ops::$op<N> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: N) -> Tensor {
                let x: &Tensor = self.as_ref();
                apply($op, [x, &number::<$op>(other, x)])
            }
        }
    };
    ($op:ident, $method:ident: $number:ident before $right:ty) => {
        impl std::ops::$op<$right> for $number {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor {
                let x: &Tensor = other.as_ref();
                apply($op, [&number::<$op>(self, x), x])
            }
        }
    };
}
operator!(Add, add, AddAssign, add_assign);
operator!(Sub, sub, SubAssign, sub_assign);
operator!(Mul, mul, MulAssign, mul_assign);
operator!(Div, div, DivAssign, div_assign);

impl std::ops::Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        apply(Neg, [self])
    }
}
impl std::ops::Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        apply(Neg, [&self])
    }
}

impl Tensor {
    /// The square x².
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-3.0f32, 0.5]).square().to_vec::<f32>(), [9.0, 0.25]);
    /// ```
    #[track_caller]
    pub fn square(&self) -> Tensor {
        self * self
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::check;
    use crate::{DType, Tensor, try_build};

    type One = fn(&Tensor) -> Tensor;
    type Two = fn(&Tensor, &Tensor) -> Tensor;

    fn binary(name: &str, op: fn(&Tensor, &Tensor) -> Tensor, oracle: fn(f64, f64) -> f64) {
        let want: Vec<f64> = [(6.0, 3.0), (-1.0, 4.0)].iter().map(|&(a, b)| oracle(a, b)).collect();
        check(name, move |x| op(&x[0], &x[1]))
            .domain(-2.0..2.0)
            .domain(0.5..2.0)
            .oracle(move |x| oracle(x[0], x[1]))
            .example(&[&[6.0, -1.0], &[3.0, 4.0]], &want)
            .run();
    }

    #[test]
    fn add() {
        binary("add", |a, b| a + b, |a, b| a + b);
    }
    #[test]
    fn sub() {
        binary("sub", |a, b| a - b, |a, b| a - b);
    }
    #[test]
    fn mul() {
        binary("mul", |a, b| a * b, |a, b| a * b);
    }
    #[test]
    fn div() {
        binary("div", |a, b| a / b, |a, b| a / b);
    }
    #[test]
    fn neg() {
        let case = check("neg", |x| -&x[0]).domain(-2.0..2.0).oracle(|x| -x[0]);
        case.example(&[&[1.0, -2.0]], &[-1.0, 2.0]).run();
    }
    #[test]
    fn square() {
        let case = check("square", |x| x[0].square()).domain(-2.0..2.0).oracle(|x| x[0] * x[0]);
        case.example(&[&[-3.0, 0.5]], &[9.0, 0.25]).run();
    }

    #[test]
    fn integers_take_the_numbers_that_they_hold() {
        let i = Tensor::from([0i64, 3, -4]);
        assert_eq!((&i * 3.0 + 1.0 - 2.0).to_vec::<i64>(), [-1, 8, -13]);
        let bytes = Tensor::from([200u8, 3]);
        // Computed in i64, held at the ends of u8.
        assert_eq!((&bytes + 100.0).to_vec::<u8>(), [255, 103]);
        assert_eq!((&bytes - 5.0).to_vec::<u8>(), [195, 0]);
        let refused: [(&str, One); 9] = [
            ("mul: 0.5 is no i64", |x| x * 0.5),
            ("div: 0.5 is no i64", |x| x / 0.5),
            ("add: 0.5 is no i64", |x| 0.5 + x),
            ("sub: NaN is no i64", |x| x - f64::NAN),
            ("mul: inf is no i64", |x| f64::INFINITY * x),
            ("add: 1e19 is no i64", |x| x + 1e19),
            ("maximum: 0.5 is no i64", |x| x.maximum(0.5)),
            ("clamp: 0.5 is no i64", |x| x.clamp(0.5, 2.0)),
            ("lerp: 0.25 is no i64", |x| x.lerp(x, 0.25)),
        ];
        for (want, f) in refused {
            let e = try_build(|| f(&i)).unwrap_err().to_string();
            assert!(e.starts_with(want) && e.contains("arithmetic.rs"), "{e}");
            let remedy = "; cast the tensor first: .cast(DType::F32)\n  at ";
            assert!(e.contains(remedy), "{e}");
        }
        let e = try_build(|| &bytes * 300.0).unwrap_err().to_string();
        let want = "mul: 300 is no u8, which holds whole numbers from 0 to 255; cast the tensor \
                    first: .cast(DType::I64)\n  at ";
        assert!(e.starts_with(want), "{e}");
        assert_eq!((bytes.cast(DType::I64) * 300.0).to_vec::<i64>(), [60_000, 900]);
        let half = Tensor::from([1.0f32]).cast(DType::F16);
        let e = try_build(|| &half * 1e6).unwrap_err().to_string();
        assert!(e.starts_with("mul: 1000000 is no f16, which holds numbers up to 65504"), "{e}");
        assert_eq!(i.clamp(f64::NEG_INFINITY, 2.0).to_vec::<i64>(), [0, 2, -4]);
        assert_eq!(i.clamp(-1.0, f64::INFINITY).to_vec::<i64>(), [0, 3, -1]);
    }

    /// The table of [`DType::join`], as results have it, either way round.
    #[test]
    fn mixed_types_have_their_common_one() {
        let all = [
            DType::Bool,
            DType::U8,
            DType::I32,
            DType::I64,
            DType::BF16,
            DType::F16,
            DType::F32,
            DType::F64,
        ];
        for a in all {
            for b in all {
                let [x, y] = [a, b].map(|dtype| Tensor::from([1i64, 0]).cast(dtype));
                let sum = try_build(|| &x + &y).map(|sum| sum.dtype()).ok();
                assert_eq!(sum, a.join(b), "{a} + {b}");
                let chosen = try_build(|| Tensor::from([true, false]).select_where(&x, &y));
                assert_eq!(chosen.map(|t| t.dtype()).ok(), a.join(b), "{a} or {b}");
            }
        }
        let (byte, wide) = (Tensor::from([200u8]), Tensor::from([100i64]));
        assert_eq!((&byte + &wide).to_vec::<i64>(), [300]);
        assert_eq!((&wide + &byte).to_vec::<i64>(), [300]);
        let e = try_build(|| &wide + Tensor::from([0.5f32])).unwrap_err().to_string();
        assert!(e.starts_with("add: the element types differ: i64, f32; cast one of them"), "{e}");
    }

    #[test]
    fn booleans_are_added_and_multiplied_and_nothing_else() {
        let (a, b) = (Tensor::from([true, true, false]), Tensor::from([true, false, false]));
        assert_eq!((&a + &b).to_vec::<bool>(), [true, true, false]);
        assert_eq!((&a * &b).to_vec::<bool>(), [true, false, false]);
        let refused: [(&str, Two); 5] = [
            (
                "sub: the elements are bool, it needs numbers; cast them, or use logical_not",
                |a, b| a - b,
            ),
            ("neg: the elements are bool, it needs numbers", |a, _| -a),
            ("div: the elements are bool, it needs floats", |a, b| a / b),
            ("add: 1 beside booleans; cast them: .cast(DType::F32), or DType::I64", |a, _| a + 1.0),
            ("sub: 1 beside booleans", |a, _| 1.0 - a),
        ];
        for (want, f) in refused {
            let e = try_build(|| f(&a, &b)).unwrap_err().to_string();
            assert!(e.starts_with(want), "{e}");
        }
    }

    #[test]
    fn numbers_on_either_side() {
        let x = Tensor::from([4.0f32]);
        let all = [&x - 1.0, 1.0 - &x, &x / 2.0, 2.0 / &x, 3.0 * &x, &x + 1.0];
        assert_eq!(all.map(|y| y.item()), [3.0, -3.0, 2.0, 0.5, 12.0, 5.0]);
    }
}
