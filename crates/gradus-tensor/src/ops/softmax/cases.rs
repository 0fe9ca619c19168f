//! What softmax and its logarithm are checked with: the definition, which does not overflow at these numbers.

use crate::Tensor;
use crate::ops::check;
use gradus_testkit::{Array, Case, Species};

type Op = fn(&Tensor, isize) -> Tensor;
/// Of an element and the sum of the exponentials.
type Definition = fn(f64, f64) -> f64;

pub(crate) fn cases() -> Vec<Case> {
    let corner = || Array::new([2, 2, 1], [0.0, 3f64.ln(), 1000.0, 0.0]);
    let ops: [(&str, Op, Definition, [f64; 4]); 2] = [
        ("softmax", |x, axis| x.softmax(axis), |x, sum| x.exp() / sum, [0.25, 0.75, 1.0, 0.0]),
        (
            "log_softmax",
            |x, axis| x.log_softmax(axis),
            |x, sum| x - sum.ln(),
            [-1.386294, -0.287682, 0.0, -1000.0],
        ),
    ];
    let of = |(name, op, definition, example): (&str, Op, Definition, [f64; 4])| {
        let example = Array::new([2, 2, 1], example);
        [
            over(name, op, definition, [2, 3, 4], 1)
                .empty(&[&[2, 0, 4]])
                .example_of([corner()], example),
            over(&format!("{name}, long rows"), op, definition, [2, 1, 21], 2),
            over(&format!("{name}, outermost"), op, definition, [4, 3, 1], 0).empty_axis(Some(1)),
        ]
    };
    ops.into_iter().flat_map(of).collect()
}

fn over(name: &str, op: Op, definition: Definition, shape: [usize; 3], axis: usize) -> Case {
    let case = check(name, move |x| op(&x[0], axis as isize)).input(shape, -2.0..2.0);
    case.species(Species::Reduction).oracle_of(move |x| {
        let x = &x[0];
        let along = |at: &[usize], k: usize| {
            let mut at = at.to_vec();
            at[axis] = k;
            x.at(&at).exp()
        };
        let sum = |at: &[usize]| (0..x.shape[axis]).map(|k| along(at, k)).sum();
        Array::from_fn(x.shape, |at| definition(x.at(at), sum(at)))
    })
}
