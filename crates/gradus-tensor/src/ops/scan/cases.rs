//! What scans are checked with.

use crate::ops::check_all;
use crate::{Scan, scan};
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    vec![elementwise(), recurrent(), ragged(), nested()]
}

/// Rows of some numbers for each step, as a cell of arrays gives them: what is carried in the end, and all that is given.
fn walk(
    steps: impl Iterator<Item = usize>,
    mut carried: Array,
    mut ys: Array,
    cell: impl Fn(usize, &Array) -> (Array, Array),
) -> Vec<Array> {
    for step in steps {
        let (next, y) = cell(step, &carried);
        ys.values[step * y.values.len()..][..y.values.len()].copy_from_slice(&y.values);
        carried = next;
    }
    vec![carried, ys]
}

fn zeros(shape: &[usize]) -> Array {
    Array::from_fn(shape, |_| 0.0)
}

/// c ← tanh(c·d + x), y = c·x: what is captured is a row.
fn elementwise() -> Case {
    let case = check_all("scan", |x| {
        let ([c], [y]) = scan([&x[0]], [&x[1]], Scan::new(), |[c], [one]| {
            let next = (&c * &x[2] + &one).tanh();
            ([next.clone()], [next * one])
        });
        vec![c, y]
    });
    let case = case.input([2, 3], -1.0..1.0).input([4, 2, 3], -1.0..1.0).input([3], 0.3..0.9);
    let case = case.species(Species::Kernel).empty_axis(None).oracles_of(|x| {
        let steps = x[1].shape[0];
        walk(0..steps, x[0].clone(), zeros(&x[1].shape), |t, c| {
            let at = |at: &[usize]| x[1].at(&[t, at[0], at[1]]);
            let next = Array::from_fn(c.shape, |i| (c.at(i) * x[2].at(&i[1..]) + at(i)).tanh());
            let y = Array::from_fn(c.shape, |i| next.at(i) * at(i));
            (next, y)
        })
    });
    case.empty(&[&[2, 3], &[0, 2, 3], &[3]])
        .empty(&[&[0, 3], &[4, 0, 3], &[3]])
        .refuses(&[&[2, 4], &[4, 2, 3], &[3]], "do not broadcast")
        .refuses(
            &[&[1, 3], &[4, 2, 3], &[3]],
            "carry 0 is f64 [2, 3] after a step, expected f64 [1, 3]",
        )
}

/// h ← tanh(x·w + h·u), from the last step to the first.
fn recurrent() -> Case {
    let case = check_all("scan, from the other end", |x| {
        let options = Scan::new().reverse(true);
        let ([h], [y]) = scan([&x[0]], [&x[1]], options, |[h], [one]| {
            let next = (one.matmul(&x[2]) + h.matmul(&x[3])).tanh();
            ([next.clone()], [next])
        });
        vec![h, y]
    });
    let case = case.input([2, 3], -1.0..1.0).input([3, 2, 2], -1.0..1.0);
    let case = case.input([2, 3], -0.7..0.7).input([3, 3], -0.7..0.7);
    case.species(Species::Kernel).empty_axis(None).oracles_of(|x| {
        walk((0..3).rev(), x[0].clone(), zeros(&[3, 2, 3]), |t, h| {
            let next = Array::from_fn([2, 3], |at| {
                let [n, j] = [at[0], at[1]];
                let inward: f64 = (0..2).map(|k| x[1].at(&[t, n, k]) * x[2].at(&[k, j])).sum();
                let onward: f64 = (0..3).map(|k| h.at(&[n, k]) * x[3].at(&[k, j])).sum();
                (inward + onward).tanh()
            });
            (next.clone(), next)
        })
    })
}

/// c ← c·d + sin(x) over samples of 0 to 4 steps.
fn ragged() -> Case {
    let case = check_all("scan, of lengths", |x| {
        let options = Scan::new().lengths(&x[2]);
        let ([c], [y]) = scan([&x[0]], [&x[1]], options, |[c], [one]| {
            let next = &c * &x[3] + one.sin();
            ([next.clone()], [next.square()])
        });
        vec![c, y]
    });
    let case = case.input([5], -1.0..1.0).input([4, 5], -1.0..1.0);
    let case = case.typed([5], crate::DType::I64, 0..5).at(&[4.0, 0.0, 2.0, 3.0, 7.0]);
    let case = case.input([5], 0.3..0.9);
    case.species(Species::Kernel).empty_axis(None).oracles_of(|x| {
        walk(0..4, x[0].clone(), zeros(&[4, 5]), |t, c| {
            let runs = |at: &[usize]| (t as f64) < x[2].at(at);
            let next = Array::from_fn([5], |at| match runs(at) {
                true => c.at(at) * x[3].at(at) + x[1].at(&[t, at[0]]).sin(),
                false => c.at(at),
            });
            let y = Array::from_fn([5], |at| if runs(at) { next.at(at).powi(2) } else { 0.0 });
            (next, y)
        })
    })
}

/// A walk over the letters of each word of a sentence: both carry on.
fn nested() -> Case {
    let case = check_all("scan, in a scan", |x| {
        let ([c], [y]) = scan([&x[0]], [&x[1]], Scan::new(), |[c], [word]| {
            let ([end], [all]) = scan([&c], [&word], Scan::new(), |[c], [letter]| {
                let next = &c * &x[2] + letter.sin();
                ([next.clone()], [next])
            });
            ([end], [all.sum(0) * &c])
        });
        vec![c, y]
    });
    let case = case.input([2], -1.0..1.0).input([3, 4, 2], -1.0..1.0).input([2], 0.3..0.9);
    case.species(Species::Kernel).empty_axis(None).oracles_of(|x| {
        walk(0..3, x[0].clone(), zeros(&[3, 2]), |t, before| {
            let (mut c, mut sum) = (before.clone(), zeros(&[2]));
            for k in 0..4 {
                let letter = |i: &[usize]| x[1].at(&[t, k, i[0]]).sin();
                c = Array::from_fn([2], |i| c.at(i) * x[2].at(i) + letter(i));
                sum = Array::from_fn([2], |i| sum.at(i) + c.at(i));
            }
            (c, Array::from_fn([2], |i| sum.at(i) * before.at(i)))
        })
    })
}
