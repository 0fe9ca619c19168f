//! What gathering and scattering are checked with.

use crate::DType;
use crate::ops::check;
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    vec![gather(), index_select(), embedding(), scatter_add()]
}

fn gather() -> Case {
    let case = check("gather", |x| x[0].gather(1, &x[1])).input([3, 4, 5], -1.0..1.0);
    case.typed([3, 2, 5], DType::I64, 0..4)
        .empty_axis(None)
        .empty(&[&[0, 4, 5], &[0, 2, 5]])
        .empty(&[&[3, 4, 5], &[3, 0, 5]])
        .refuses(&[&[3, 1, 5], &[3, 2, 5]], "is outside axis 1, whose size is 1")
        .refuses(&[&[3, 4, 5], &[2, 2, 5]], "differ elsewhere than on axis 1")
        .oracle_of(|x| {
            Array::from_fn(x[1].shape, |at| x[0].at(&[at[0], x[1].at(at) as usize, at[2]]))
        })
}

fn index_select() -> Case {
    let case = check("index_select", |x| x[0].index_select(1, &x[1])).input([3, 4, 2], -1.0..1.0);
    case.typed([3], DType::I64, 0..4)
        .empty_axis(None)
        .empty(&[&[3, 4, 2], &[0]])
        .empty(&[&[3, 4, 0], &[3]])
        .refuses(&[&[3, 0, 2], &[3]], "is outside axis 1, whose size is 0")
        .oracle_of(|x| {
            let shape = x[0].shape.with(1, x[1].shape[0]);
            Array::from_fn(shape, |at| x[0].at(&[at[0], x[1].values[at[1]] as usize, at[2]]))
        })
}

/// More ids than rows: some row is read twice, and its gradient is a sum.
fn embedding() -> Case {
    let case = check("embedding", |x| x[0].embedding(&x[1])).input([3, 9], -1.0..1.0);
    case.typed([2, 4], DType::I64, 0..3)
        .empty_axis(None)
        .empty(&[&[3, 9], &[2, 0]])
        .refuses(&[&[1, 9], &[2, 4]], "is outside axis 0, whose size is 1")
        .oracle_of(|x| {
            let shape = [x[1].shape[0], x[1].shape[1], x[0].shape[1]];
            Array::from_fn(shape, |at| x[0].at(&[x[1].at(&at[..2]) as usize, at[2]]))
        })
}

fn scatter_add() -> Case {
    let case = check("scatter_add", |x| x[0].scatter_add(1, &x[1], 5)).input([2, 7], -1.0..1.0);
    case.typed([2, 7], DType::I64, 0..5)
        .species(Species::Reduction)
        .empty_axis(None)
        .empty(&[&[2, 0], &[2, 0]])
        .empty(&[&[0, 7], &[0, 7]])
        .refuses(&[&[2, 7], &[2, 6]], "they must be the same")
        .oracle_of(|x| {
            let mut y = Array::from_fn(x[0].shape.with(1, 5), |_| 0.0);
            for (i, (v, id)) in x[0].values.iter().zip(&x[1].values).enumerate() {
                y.values[i / x[0].shape[1] * 5 + *id as usize] += v;
            }
            y
        })
}
