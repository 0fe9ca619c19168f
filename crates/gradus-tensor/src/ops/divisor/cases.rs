//! What integers that others are divided by are checked with: the quotients. What a 0 gives stands with the ops that divide.

use crate::DType;
use crate::ops::check;
use gradus_testkit::{Array, Case};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        quotient("div_floor, of integers", f64::floor),
        quotient("div_trunc, of integers", f64::trunc),
    ]
}

fn quotient(name: &str, round: fn(f64) -> f64) -> Case {
    let floor = name.starts_with("div_floor");
    let case = check(name, move |x| match floor {
        true => x[0].div_floor(&x[1]),
        false => x[0].div_trunc(&x[1]),
    });
    let case = case.typed([3, 4], DType::I64, -20..20).typed([3, 4], DType::I64, 1..6);
    case.not_differentiable()
        .oracle_of(move |x| Array::from_fn(x[0].shape, |at| round(x[0].at(at) / x[1].at(at))))
}
