//! What bits are checked with.

use crate::ops::check;
use crate::{DType, Tensor};
use gradus_testkit::{Array, Case};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        of("bitwise_and", |a, b| a.bitwise_and(b), |a, b| a & b),
        of("bitwise_or", |a, b| a.bitwise_or(b), |a, b| a | b),
        of("bitwise_xor", |a, b| a.bitwise_xor(b), |a, b| a ^ b),
        of("bitwise_left_shift", |a, b| a.bitwise_left_shift(&b.abs()), |a, b| a << b.abs()),
        of("bitwise_right_shift", |a, b| a.bitwise_right_shift(&b.abs()), |a, b| a >> b.abs()),
    ]
}

fn of(name: &str, op: fn(&Tensor, &Tensor) -> Tensor, oracle: fn(i64, i64) -> i64) -> Case {
    let case = check(name, move |x| op(&x[0], &x[1]));
    let case = case.typed([3, 7], DType::I64, -99..99).typed([3, 7], DType::I64, -30..30);
    case.not_differentiable().oracle_of(move |x| {
        Array::from_fn(x[0].shape, |at| oracle(x[0].at(at) as i64, x[1].at(at) as i64) as f64)
    })
}
