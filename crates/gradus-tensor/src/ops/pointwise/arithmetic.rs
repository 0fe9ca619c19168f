//! +, −, ×, ÷ and negation, with operators for tensors and numbers.

use super::{Pointwise, apply};
use crate::Tensor;
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
                apply($op, [self, &self.full_like(other)])
            }
        }
        impl std::ops::$op<f64> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                apply($op, [&self, &self.full_like(other)])
            }
        }
        impl std::ops::$op<&Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                apply($op, [&other.full_like(self), other])
            }
        }
        impl std::ops::$op<Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                apply($op, [&other.full_like(self), &other])
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
    #[track_caller]
    pub fn square(&self) -> Tensor {
        self * self
    }
}
