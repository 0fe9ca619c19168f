//! What casting whole numbers is checked with: integers that came as floats. What a fraction gives stands with the op.

use crate::DType;
use crate::ops::check;
use gradus_testkit::{Array, Case};

pub(crate) fn cases() -> Vec<Case> {
    let case = check("cast_whole", |x| x[0].cast(DType::F64).cast_whole());
    let case = case.typed([3, 4], DType::I64, -20..20).not_differentiable();
    vec![case.oracle_of(|x| Array::from_fn(x[0].shape, |at| x[0].at(at)))]
}
