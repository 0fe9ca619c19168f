//! What the places of extremes are checked with.

use crate::ops::check;
use gradus_testkit::{Array, Case};

pub(crate) fn cases() -> Vec<Case> {
    [("argmax", 1.0), ("argmin", -1.0)].map(|(name, sign)| place(name, sign)).into()
}

/// The first place along the middle axis where sign·x is largest.
fn place(name: &str, sign: f64) -> Case {
    let case = check(name, move |x| if sign > 0.0 { x[0].argmax(1) } else { x[0].argmin(1) });
    case.input([3, 4, 5], -1.0..1.0)
        .apart()
        .not_differentiable()
        .refuses(&[&[3, 0, 5]], "axis 1 of [3, 0, 5] has no element")
        .oracle_of(move |x| {
            let x = &x[0];
            Array::from_fn([x.shape[0], x.shape[2]], |at| {
                let value = |k: usize| sign * x.at(&[at[0], k, at[1]]);
                (1..4).fold(0, |best, k| if value(k) > value(best) { k } else { best }) as f64
            })
        })
}
