//! a + b, a − b, a·b, a/b, −x and x², with operators for tensors and numbers.   [..], [..] -> [..]

use super::{Pointwise, apply};
use crate::Tensor;
use crate::ops::Operand;
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
fn number<P: Pointwise<2>>(value: f64, other: &Tensor) -> Tensor {
    Operand::Number(value).in_arithmetic(P::NAME, other)
}

/// The operators for every mix of owned and borrowed tensors and numbers.
macro_rules! operator {
    ($op:ident, $method:ident) => {
        impl std::ops::$op<&Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                apply($op, [self, other])
            }
        }
        impl std::ops::$op<Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                apply($op, [self, &other])
            }
        }
        impl std::ops::$op<&Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                apply($op, [&self, other])
            }
        }
        impl std::ops::$op<Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                apply($op, [&self, &other])
            }
        }
        impl std::ops::$op<f64> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                apply($op, [self, &number::<$op>(other, self)])
            }
        }
        impl std::ops::$op<f64> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                apply($op, [&self, &number::<$op>(other, &self)])
            }
        }
        impl std::ops::$op<&Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                apply($op, [&number::<$op>(self, other), other])
            }
        }
        impl std::ops::$op<Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                apply($op, [&number::<$op>(self, &other), &other])
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

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
    /// x²
    ///
    /// **Shape** `[..] -> [..]`.
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
    use crate::Tensor;
    use crate::ops::check;

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
    fn numbers_on_either_side() {
        let x = Tensor::from([4.0f32]);
        let all = [&x - 1.0, 1.0 - &x, &x / 2.0, 2.0 / &x, 3.0 * &x, &x + 1.0];
        assert_eq!(all.map(|y| y.item()), [3.0, -3.0, 2.0, 0.5, 12.0, 5.0]);
    }
}
