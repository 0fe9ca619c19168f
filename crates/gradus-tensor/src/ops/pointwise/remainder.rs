//! remainder(a, b) = a − b·⌊a/b⌋, with the sign of b   [..], [..] -> [..]

use super::{broadcast, common_type};
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::Expr;
use gradus_graph::{Pointwise, pointwise};
use std::sync::Arc;

impl Tensor {
    /// The remainder a − b·⌊a/b⌋ with the sign of b, as by Python's `%`; exact however large the
    /// quotient.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. Where b = 0, floats give NaN; an integer b = 0 is
    /// an error of the run. The gradient with respect to b is −⌊a/b⌋.
    ///
    /// # Panics
    /// As [`Tensor::div_floor`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([5.5f32, -1.0]);
    /// assert_eq!(x.remainder(2.0).to_vec::<f32>(), [1.5, 1.0]);
    /// ```
    #[track_caller]
    #[doc(alias("fmod", "mod"))]
    pub fn remainder<'a>(&self, divisor: impl Into<Operand<'a>>) -> Tensor {
        let divisor = divisor.into().as_divisor("remainder", self);
        let inputs = match broadcast("remainder", [self, &divisor]) {
            Ok(inputs) => inputs,
            Err(e) => return Tensor::refuse(e),
        };
        let dtype = common_type(&inputs);
        // One operation of its own and not a formula over `Real`: integers have it too.
        let expr = Arc::new(Expr::trace(2, |x| vec![x[0].remainder(x[1])]));
        let p = Pointwise { name: "remainder".into(), expr, vjp: None, constant: None };
        Tensor(pointwise(p, inputs.into_iter().map(|t| t.0).collect(), dtype))
    }
}

#[test]
fn remainder() {
    // Half types round a quotient across an integer, where the remainder jumps by a whole divisor.
    crate::ops::check("remainder", |x| x[0].remainder(&x[1]))
        .domain(2.1..2.9)
        .domain(0.8..1.0)
        .dtypes(&[crate::DType::F64, crate::DType::F32])
        .within(0.0, "it jumps at every multiple")
        .oracle(|x| x[0].rem_euclid(x[1]))
        .example(&[&[5.5, -1.0, -5.5, 5.5], &[2.0, 2.0, -2.0, -2.0]], &[1.5, 1.0, -1.5, -0.5])
        .run();
    // Quotients that no float holds: 10¹⁰ and 2⁸⁰ modulo 3 and 7 are 1 and 4.
    let (inf, far) = (f64::INFINITY, 2f64.powi(80));
    let x = Tensor::from([1e10, far, -far, 1.0, -1.0, 5.0, inf]);
    let y = Tensor::from([3.0, 7.0, 7.0, inf, inf, 0.0, 2.0]);
    for dtype in [crate::DType::F32, crate::DType::F64] {
        let r = x.cast(dtype).remainder(&y.cast(dtype)).to_vec::<f64>();
        assert_eq!(r[..5], [1.0, 4.0, 3.0, 1.0, inf], "{dtype}");
        assert!(r[5].is_nan() && r[6].is_nan(), "{r:?}");
    }
    let i = Tensor::from([7i64, -7]);
    assert_eq!(i.remainder(&Tensor::from([3i64, 3])).to_vec::<i64>(), [1, 2]);
}
