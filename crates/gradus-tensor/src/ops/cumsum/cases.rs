//! What running sums and products are checked with.

use crate::ops::check;
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    let add = |a: f64, b: f64| a + b;
    let multiply = |a: f64, b: f64| a * b;
    vec![
        running("cumsum", &[2, 3, 2], 1, add).empty(&[&[2, 0, 2]]),
        running("cumsum, outermost", &[4, 3], 0, add).empty_axis(Some(1)),
        running("cumsum, beyond a vector", &[2, 37], 1, add),
        running("cumprod", &[2, 5], 1, multiply),
        // Where a product is 0, quotients of it are none.
        running("cumprod, through zeros", &[5], 0, multiply).at(&[0.5, 0.0, 2.0, 0.0, -1.5]),
    ]
}

fn running(name: &str, shape: &[usize], axis: usize, step: fn(f64, f64) -> f64) -> Case {
    let sum = name.starts_with("cumsum");
    let along = axis as isize;
    let case = check(name, move |x| if sum { x[0].cumsum(along) } else { x[0].cumprod(along) });
    case.input(shape, 0.3..1.6).species(Species::Reduction).oracle_of(move |x| {
        Array::from_fn(x[0].shape, |at| {
            let mut before = at.to_vec();
            let each = (0..=at[axis]).map(|k| {
                before[axis] = k;
                x[0].at(&before)
            });
            each.reduce(step).unwrap_or(0.0)
        })
    })
}
