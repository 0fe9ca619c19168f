//! cast(x): the same numbers in another element type.   [..] -> [..]

use crate::Tensor;
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real};
use gradus_graph::{Pointwise, pointwise};
use std::sync::Arc;

impl Tensor {
    /// The same numbers in another element type.
    ///
    /// Floats become integers by truncation towards zero, saturating, NaN as 0; anything but 0 becomes `true`. The
    /// gradient of a cast between float types is cast back; a cast from or to integers has none.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::from([-1.9f32, 2.9]).cast(DType::I64).to_vec::<i64>(), [-1, 2]);
    /// ```
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() {
            return self.clone();
        }
        let expr = match dtype {
            // A mask, not just a stored byte: loops that read it see 0 or 1.
            DType::Bool => {
                Expr::trace(1, |x| vec![Sym::of_mask(Sym::not(x[0].eq(Sym::constant(0.0))))])
            }
            _ => Expr::identity(),
        };
        let flat = (!dtype.is_float()).then_some("a cast to integers is flat almost everywhere");
        let p = Pointwise { name: "cast", expr: Arc::new(expr), vjp: None, constant: flat };
        Tensor(pointwise(p, vec![self.0.clone()], dtype))
    }

    /// The same numbers in the widest type of their kind: floats in f64, integers and booleans in i64.
    #[track_caller]
    pub(crate) fn widest(&self) -> Tensor {
        self.cast(if self.dtype().is_float() { DType::F64 } else { DType::I64 })
    }

    /// The same numbers in the type that is computed in: half types in f32, integers and booleans in i64. Whatever is
    /// composed of several steps begins with this and casts its result, so that nothing in between overflows.
    #[track_caller]
    pub(crate) fn wide(&self) -> Tensor {
        self.cast(self.dtype().compute())
    }
}

#[test]
fn cast() {
    use DType::{F32, F64, I64};
    let case = crate::ops::check("cast", |x| x[0].cast(F64)).domain(-2.0..2.0).oracle(|x| x[0]);
    case.example(&[&[0.5, -1.0]], &[0.5, -1.0]).run();
    let truncated = crate::ops::check("cast", |x| x[0].cast(I64)).domain(-3.0..3.0);
    truncated
        .dtypes(&[F64, F32])
        .within(1e15, "i64 ends")
        .oracle(|x| x[0].trunc())
        .example(&[&[-1.9, 2.9, f64::NAN, 1e30]], &[-1.0, 2.0, 0.0, i64::MAX as f64])
        .not_differentiable()
        .run();
    let x = Tensor::from([2.0f32]);
    let dx = &crate::grad(&x.cast(F64).square().sum(..), [&x])[0];
    assert_eq!((dx.dtype(), dx.to_vec::<f32>()), (F32, vec![4.0]));
}
