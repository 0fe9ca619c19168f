//! temporary
#![allow(missing_docs, clippy::all)]
use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;
struct Sqrt;
impl Pointwise<1> for Sqrt {
    const NAME: &'static str = "sqrt";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.sqrt()
    }
}
struct Exp;
impl Pointwise<1> for Exp {
    const NAME: &'static str = "exp";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.exp()
    }
}
struct Ln;
impl Pointwise<1> for Ln {
    const NAME: &'static str = "ln";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.ln()
    }
}
struct Tanh;
impl Pointwise<1> for Tanh {
    const NAME: &'static str = "tanh";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.tanh()
    }
    fn grad<R: Real>(&self, _: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        Some([dy * (R::constant(1.) - y * y)])
    }
}
struct Max;
impl Pointwise<2> for Max {
    const NAME: &'static str = "maximum";
    fn formula<R: Real>(&self, [x, y]: [R; 2]) -> R {
        x.max(y)
    }
}
struct Min;
impl Pointwise<2> for Min {
    const NAME: &'static str = "minimum";
    fn formula<R: Real>(&self, [x, y]: [R; 2]) -> R {
        x.min(y)
    }
}
impl Tensor {
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        apply(Sqrt, [self])
    }
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        apply(Exp, [self])
    }
    #[track_caller]
    pub fn ln(&self) -> Tensor {
        apply(Ln, [self])
    }
    #[track_caller]
    pub fn tanh(&self) -> Tensor {
        apply(Tanh, [self])
    }
    #[track_caller]
    pub fn maximum(&self, o: &Tensor) -> Tensor {
        apply(Max, [self, o])
    }
    #[track_caller]
    pub fn minimum(&self, o: f64) -> Tensor {
        apply(Min, [self, &self.full_like(o)])
    }
    #[track_caller]
    pub fn clamp(&self, a: f64, b: f64) -> Tensor {
        apply(Min, [&apply(Max, [self, &self.full_like(a)]), &self.full_like(b)])
    }
    #[track_caller]
    pub fn equal(&self, o: &Tensor) -> Tensor {
        super::compare("eq", [self, o], |a, b| a.eq(b))
    }
}
