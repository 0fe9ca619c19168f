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
}
