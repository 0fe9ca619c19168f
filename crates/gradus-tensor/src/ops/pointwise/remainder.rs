//! remainder(a, b) = a − b·⌊a/b⌋, with the sign of b   [..], [..] -> [..]

use super::broadcast;
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::Expr;
use gradus_graph::{Pointwise, pointwise};
use std::sync::Arc;

impl Tensor {
    /// a − b·⌊a/b⌋, the remainder with the sign of b, as Python's `%`.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. Of b = 0: NaN. The gradient with respect to b is −⌊a/b⌋.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([5.5f32, -1.0]);
    /// assert_eq!(x.remainder(2.0).to_vec::<f32>(), [1.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn remainder<'a>(&self, divisor: impl Into<Operand<'a>>) -> Tensor {
        let inputs = broadcast("remainder", &[self, &divisor.into().beside(self)]);
        // One operation of its own and not a formula over `Real`: integers have it too.
        let expr = Arc::new(Expr::trace(2, |x| vec![x[0].remainder(x[1])]));
        let p = Pointwise { name: "remainder", expr, vjp: None, constant: None };
        Tensor(pointwise(p, inputs.into_iter().map(|t| t.0).collect(), self.dtype()))
    }
}

#[test]
fn remainder() {
    // Half types round a quotient across an integer, where the remainder jumps by a whole divisor.
    crate::ops::check("remainder", |x| x[0].remainder(&x[1]))
        .domain(2.1..2.9)
        .domain(0.8..1.0)
        .dtypes(&[crate::DType::F64, crate::DType::F32])
        .oracle(|x| x[0].rem_euclid(x[1]))
        .example(&[&[5.5, -1.0, -5.5, 5.5], &[2.0, 2.0, -2.0, -2.0]], &[1.5, 1.0, -1.5, -0.5])
        .run();
    let i = Tensor::from([7i64, -7]);
    assert_eq!(i.remainder(&Tensor::from([3i64, 3])).to_vec::<i64>(), [1, 2]);
}
