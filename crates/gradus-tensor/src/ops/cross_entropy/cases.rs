//! What the cross-entropy of scores and labels is checked with.

use crate::DType;
use crate::ops::check;
use gradus_testkit::{Array, Case, Species};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        scores("softmax_cross_entropy", &[5, 7])
            .empty(&[&[0, 7], &[0]])
            .refuses(&[&[5, 2], &[5]], "cross_entropy: label")
            .refuses(&[&[5, 7], &[4]], "cross_entropy: scores [.., classes] and labels [..] are"),
        scores("softmax_cross_entropy, of sequences", &[2, 3, 19]).empty(&[&[2, 0, 19], &[2, 0]]),
    ]
}

/// ln Σ eˣ − x at the label.
fn scores(name: &str, shape: &[usize]) -> Case {
    let (classes, rows) = shape.split_last().expect("classes");
    let case = check(name, |x| x[0].softmax_cross_entropy(&x[1])).input(shape, -2.0..2.0);
    let case = case.typed(rows, DType::I64, 0..*classes as i64);
    case.species(Species::Reduction).empty_axis(None).oracle_of(|x| {
        let (scores, labels) = (&x[0], &x[1]);
        let one = |(row, &label): (&[f64], &f64)| {
            row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[label as usize]
        };
        let values: Vec<f64> = scores.rows().zip(&labels.values).map(one).collect();
        Array::new(labels.shape, values)
    })
}
