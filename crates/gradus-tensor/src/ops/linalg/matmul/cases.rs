//! What products are checked with.

use crate::ops::check;
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    let matrices = product("matmul", &[3, 4], &[4, 2])
        .empty(&[&[0, 4], &[4, 2]])
        .empty(&[&[3, 0], &[0, 2]])
        .empty(&[&[3, 4], &[4, 0]])
        .refuses(&[&[3, 4], &[5, 2]], "matmul: the inner sizes differ");
    vec![
        matrices,
        product("matmul, panels with remainders", &[37, 61], &[61, 35]),
        product("matmul, a batch", &[2, 3, 4], &[2, 4, 1]).empty(&[&[0, 3, 4], &[0, 4, 1]]),
        product("matmul, one matrix for a batch", &[2, 3, 4], &[4, 2]),
        product("matmul, leading axes broadcast", &[2, 1, 3, 4], &[3, 4, 2])
            .refuses(&[&[2, 1, 3, 4], &[0, 4, 2, 1]], "matmul"),
        transposed(),
        vector(),
    ]
}

fn product(name: &str, a: &[usize], b: &[usize]) -> Case {
    let case = check(name, |x| x[0].matmul(&x[1])).input(a, -1.0..1.0).input(b, -1.0..1.0);
    case.species(Species::Kernel).empty_axis(None).oracle_of(|x| naive(&x[0], &x[1]))
}

fn transposed() -> Case {
    let case = check("matmul, both transposed", |x| x[0].t().matmul(&x[1].t()));
    let case = case.input([4, 3], -1.0..1.0).input([2, 4], -1.0..1.0);
    case.species(Species::Kernel).empty_axis(None).oracle_of(|x| {
        Array::from_fn([3, 2], |at| {
            (0..4).map(|k| x[0].at(&[k, at[0]]) * x[1].at(&[at[1], k])).sum()
        })
    })
}

fn vector() -> Case {
    let case = check("matmul, a vector", |x| x[0].matmul(&x[1]));
    let case = case.input([3, 4], -1.0..1.0).input([4], -1.0..1.0);
    case.species(Species::Kernel).empty_axis(None).oracle_of(|x| {
        Array::from_fn([3], |at| (0..4).map(|k| x[0].at(&[at[0], k]) * x[1].at(&[k])).sum())
    })
}

/// Σₖ a[.., m, k]·b[.., k, n], the leading axes broadcast.
fn naive(a: &Array, b: &Array) -> Array {
    let rank = a.shape.rank().max(b.shape.rank());
    let size = |x: &Array, axis: usize| {
        let missing = rank - x.shape.rank();
        if axis < missing { 1 } else { x.shape[axis - missing] }
    };
    let mut shape: Vec<usize> = (0..rank - 2).map(|i| size(a, i).max(size(b, i))).collect();
    let smallest = |i: usize| size(a, i).min(size(b, i)) == 0;
    (0..rank - 2).filter(|&i| smallest(i)).for_each(|i| shape[i] = 0);
    shape.extend([size(a, rank - 2), size(b, rank - 1)]);
    let read = |x: &Array, at: &[usize], row: usize, column: usize| {
        let missing = rank - x.shape.rank();
        let lead = (missing..rank - 2).map(|i| if size(x, i) == 1 { 0 } else { at[i] });
        x.at(&lead.chain([row, column]).collect::<Vec<_>>())
    };
    Array::from_fn(shape, |at| {
        let (m, n) = (at[rank - 2], at[rank - 1]);
        (0..size(a, rank - 1)).map(|k| read(a, at, m, k) * read(b, at, k, n)).sum()
    })
}
