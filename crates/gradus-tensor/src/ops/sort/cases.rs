//! What sorting is checked with.

use crate::ops::{check, check_all};
use gradus_testkit::{Array, Case};

pub(crate) fn cases() -> Vec<Case> {
    let argsort = check("argsort", |x| x[0].argsort(1, false)).input([3, 5], -1.0..1.0).apart();
    let sort = check("sort", |x| x[0].sort(1, true)).input([3, 5], -1.0..1.0).apart();
    let top_k = check_all("top_k", |x| {
        let (values, places) = x[0].top_k(2, 1);
        vec![values, places]
    });
    let top_k = top_k.input([3, 5], -1.0..1.0).apart();
    vec![
        argsort.not_differentiable().oracle_of(|x| ranked(&x[0], 5, false)[1].clone()),
        sort.empty(&[&[3, 0]]).oracle_of(|x| ranked(&x[0], x[0].shape[1], true)[0].clone()),
        top_k
            .refuses(&[&[3, 1]], "top_k: the 2 largest of axis 1 of [3, 1], which has 1")
            .oracles_of(|x| ranked(&x[0], 2, true).to_vec()),
    ]
}

/// The first `keep` values of each row in order, and where they stood; equals in the order they came in.
fn ranked(x: &Array, keep: usize, descending: bool) -> [Array; 2] {
    let mut found = [vec![], vec![]];
    for row in x.rows() {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| {
            let ascending = row[a].total_cmp(&row[b]);
            if descending { ascending.reverse() } else { ascending }
        });
        found[0].extend(order[..keep].iter().map(|&i| row[i]));
        found[1].extend(order[..keep].iter().map(|&i| i as f64));
    }
    found.map(|values| Array::new(x.shape.with(1, keep), values))
}
