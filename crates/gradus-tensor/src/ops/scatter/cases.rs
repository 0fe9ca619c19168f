//! What scattering is checked with: places that meet, and places that nothing goes to.

use super::Scatter;
use crate::DType;
use crate::ops::check;
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    let mut all = vec![];
    for (name, how) in [
        ("scatter, replacing", Scatter::Replace),
        ("scatter, multiplying", Scatter::Mul),
        ("scatter, the largest", Scatter::Max),
        ("scatter, the smallest", Scatter::Min),
    ] {
        all.push(of(name, how));
    }
    all.push(nd());
    all
}

fn join(how: Scatter, a: f64, b: f64) -> f64 {
    match how {
        Scatter::Replace => b,
        Scatter::Add => a + b,
        Scatter::Mul => a * b,
        Scatter::Max => a.max(b),
        Scatter::Min => a.min(b),
    }
}

/// Rows of ids that name places twice.
fn of(name: &str, how: Scatter) -> Case {
    let case = check(name, move |x| x[0].scatter(1, &x[1], &x[2], how));
    case.input([2, 5], 0.5..2.0)
        .apart()
        .typed([2, 4], DType::I64, 0..5)
        .at(&[0.0, 3.0, 3.0, 1.0, 4.0, 2.0, 4.0, 4.0])
        .input([2, 4], 0.6..2.1)
        .apart()
        .species(Species::Reduction)
        .empty_axis(None)
        .empty(&[&[0, 5], &[0, 4], &[0, 4]])
        .empty(&[&[2, 5], &[2, 0], &[2, 0]])
        .refuses(&[&[2, 5], &[2, 4], &[2, 3]], "x [2, 5], ids [2, 4], elements [2, 3]")
        .oracle_of(move |x| {
            let mut y = x[0].clone();
            for (i, (id, v)) in x[1].values.iter().zip(&x[2].values).enumerate() {
                let at = i / x[1].shape[1] * x[0].shape[1] + *id as usize;
                y.values[at] = join(how, y.values[at], *v);
            }
            y
        })
}

fn nd() -> Case {
    let case = check("scatter_nd", |x| x[0].scatter_nd(&x[1], &x[2], Scatter::Add));
    case.input([3, 4, 2], -1.0..1.0)
        .typed([3, 2], DType::I64, 0..3)
        .input([3, 2], -1.0..1.0)
        .species(Species::Reduction)
        .empty_axis(None)
        .oracle_of(|x| {
            let mut y = x[0].clone();
            for i in 0..3 {
                let at = (x[1].at(&[i, 0]) as usize * 4 + x[1].at(&[i, 1]) as usize) * 2;
                (0..2).for_each(|j| y.values[at + j] += x[2].at(&[i, j]));
            }
            Array::new(y.shape, y.values)
        })
}
