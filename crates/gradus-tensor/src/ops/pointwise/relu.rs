//! relu(x) = max(x, 0).   [..] -> [..]   Nair & Hinton 2010

use super::{Pointwise, apply};
use crate::Tensor;
use gradus_base::Real;

struct Relu;

impl Pointwise<1> for Relu {
    const NAME: &'static str = "relu";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        x.max(R::constant(0.0))
    }
    /// 1 where x > 0, else 0; at 0 it is 0.
    fn grad<R: Real>(&self, _: [R; 1], y: R, dy: R) -> Option<[R; 1]> {
        let zero = R::constant(0.0);
        Some([R::select(zero.lt(y), dy, zero)])
    }
}

impl Tensor {
    /// max(x, 0); NaN stays NaN. The gradient at 0 is 0.
    #[track_caller]
    pub fn relu(&self) -> Tensor {
        apply(Relu, [self])
    }
}
