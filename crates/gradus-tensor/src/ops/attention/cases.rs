//! What attention is checked with.

use crate::ops::check;
use crate::{Attention, DType, Tensor};
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    let name = super::OP;
    vec![
        plain(name, [&[2, 3, 4], &[2, 5, 4], &[2, 5, 2]])
            .empty(&[&[0, 3, 4], &[0, 5, 4], &[0, 5, 2]])
            .empty(&[&[2, 0, 4], &[2, 5, 4], &[2, 5, 2]])
            .refuses(
                &[&[2, 3, 4], &[2, 5, 3], &[2, 5, 2]],
                "q [2, 3, 4], k [2, 5, 3], v [2, 5, 2]; expected",
            )
            .refuses(&[&[2, 3, 4], &[3, 5, 4], &[2, 5, 2]], "the leading axes do not broadcast"),
        plain(
            "scaled_dot_product_attention, of heads",
            [&[2, 3, 9, 8], &[2, 3, 7, 8], &[2, 3, 7, 5]],
        ),
        plain(
            "scaled_dot_product_attention, of shared keys",
            [&[2, 3, 4, 2], &[3, 4, 2], &[1, 1, 4, 3]],
        ),
        plain("scaled_dot_product_attention, in blocks", [&[3, 3], &[260, 3], &[260, 2]]),
        causal("scaled_dot_product_attention, causal", [5, 7]),
        causal("scaled_dot_product_attention, causal, in blocks", [66, 5]),
        masked("scaled_dot_product_attention, a mask of floats", None),
        masked("scaled_dot_product_attention, a mask", Some(DType::Bool)),
        with_lengths(),
    ]
}

/// q, k and v of these shapes.
fn inputs(case: Case, shapes: [&[usize]; 3]) -> Case {
    let case = shapes.iter().fold(case, |case, &shape| case.input(shape, -1.0..1.0));
    case.species(Species::Kernel).empty_axis(None)
}

fn attend(x: &[Tensor], how: &Attention) -> Tensor {
    x[0].scaled_dot_product_attention(&x[1], &x[2], how)
}

fn plain(name: &str, shapes: [&[usize]; 3]) -> Case {
    let case = check(name, |x| attend(x, &Attention::new()));
    inputs(case, shapes).oracle_of(|x| naive(x, None, &|_, _, _| 0.0))
}

fn causal(name: &str, [l, s]: [usize; 2]) -> Case {
    let case = check(name, |x| attend(x, &Attention::new().causal().scale(0.7)));
    let open = |_: usize, i: usize, j: usize| if j > i { f64::NEG_INFINITY } else { 0.0 };
    let shapes = [&[l, 4][..], &[s, 4], &[s, 2]];
    inputs(case, shapes).oracle_of(move |x| naive(x, Some(0.7), &open))
}

/// A mask `[4, 5]` for three matrices; it lets each query read its first key.
fn masked(name: &str, dtype: Option<DType>) -> Case {
    let case = check(name, move |x| match dtype {
        Some(_) => {
            let first = Tensor::from([[true, false, false, false, false]]);
            attend(x, &Attention::new().mask(&x[3].logical_or(&first)))
        }
        None => attend(x, &Attention::new().mask(&x[3])),
    });
    let case = inputs(case, [&[3, 4, 2], &[3, 5, 2], &[3, 5, 2]]);
    let case = match dtype {
        Some(dtype) => case.typed([4, 5], dtype, 0..2),
        None => case.input([4, 5], -1.0..1.0),
    };
    case.oracle_of(move |x| {
        let flags = dtype.is_some();
        let closed = |m: f64, j: usize| if m == 0.0 && j > 0 { f64::NEG_INFINITY } else { 0.0 };
        let added = |i: usize, j: usize| x[3].at(&[i, j]);
        naive(x, None, &|_, i, j| if flags { closed(added(i, j), j) } else { added(i, j) })
    })
}

/// Lengths of two matrices' keys, perhaps 0.
fn with_lengths() -> Case {
    let case = check("scaled_dot_product_attention, lengths", |x| {
        attend(x, &Attention::new().lengths(&x[3]).causal())
    });
    let case = inputs(case, [&[2, 4, 3], &[2, 5, 3], &[2, 5, 2]]).typed([2], DType::I64, 1..6);
    case.oracle_of(|x| {
        let open = |n: usize, i: usize, j: usize| (j as f64) < x[3].values[n] && j <= i;
        naive(x, None, &|n, i, j| if open(n, i, j) { 0.0 } else { f64::NEG_INFINITY })
    })
}

/// softmax(scale·q·kᵀ + bias)·v; k and v are those of the last matrices where they have fewer.
fn naive(x: &[Array], scale: Option<f64>, bias: &dyn Fn(usize, usize, usize) -> f64) -> Array {
    let size = |t: &Array, back: usize| t.shape[t.shape.rank() - back];
    let [l, s, d, e] = [size(&x[0], 2), size(&x[1], 2), size(&x[0], 1), size(&x[2], 1)];
    let scale = scale.unwrap_or(1.0 / (d as f64).sqrt());
    let matrices = |t: &Array| t.values.len() / (size(t, 1) * size(t, 2)).max(1);
    let [held_k, held_v] = [matrices(&x[1]).max(1), matrices(&x[2]).max(1)];
    let rank = x[0].shape.rank();
    let mut y = vec![];
    for row in 0..x[0].shape.len() / d {
        let (n, i) = (row / l, row % l);
        let score = |j: usize| {
            let k = (n % held_k * s + j) * d;
            let dot = (0..d).map(|c| x[0].values[row * d + c] * x[1].values[k + c]).sum::<f64>();
            (dot * scale + bias(n, i, j)).exp()
        };
        let sum: f64 = (0..s).map(score).sum();
        let value = |j: usize, c: usize| x[2].values[(n % held_v * s + j) * e + c];
        y.extend((0..e).map(|c| (0..s).map(|j| score(j) / sum * value(j, c)).sum::<f64>()));
    }
    Array::new(x[0].shape.with(rank - 1, e), y)
}
