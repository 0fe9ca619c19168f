//! Facts about items that several passes ask for.

use super::collect::{Collected, What};
use crate::build::compute_type;
use crate::node::{Node, ViewOp};
use gradus_base::DType;

/// The items that read each item, each once.
pub(crate) fn readers(c: &Collected) -> Vec<Vec<usize>> {
    let mut readers = vec![vec![]; c.items.len()];
    for (i, item) in c.items.iter().enumerate() {
        for &n in &item.inputs {
            if readers[n].last() != Some(&i) {
                readers[n].push(i);
            }
        }
    }
    readers
}

/// A constant that loops write down instead of reading.
pub(crate) fn is_constant(c: &Collected, i: usize) -> bool {
    matches!(&c.items[i].what, What::Pointwise(p) if p.expr.inputs() == 0)
}

/// The type that a pointwise item is computed in.
pub(crate) fn compute_of(c: &Collected, i: usize) -> DType {
    let item = &c.items[i];
    let nodes: Vec<Node> = item.inputs.iter().map(|&n| c.items[n].node.clone()).collect();
    compute_type(&nodes, item.meta.dtype).expect("checked when the node was built")
}

/// Which items do not change from run to run.
pub(crate) fn fixed_items(c: &Collected, leaves_stay: bool) -> Vec<bool> {
    let mut updated = vec![false; c.variables.len()];
    for &(v, _) in &c.updates {
        updated[v] = true;
    }
    let mut fixed = Vec::with_capacity(c.items.len());
    for item in &c.items {
        fixed.push(match item.what {
            What::Input(i) => i >= c.changing,
            What::Leaf(_) => leaves_stay,
            What::Variable(v) => !updated[v],
            _ if item.has_effect() => false,
            _ => item.inputs.iter().all(|&n: &usize| fixed[n]),
        });
    }
    fixed
}

/// How many elements of memory each item's value takes if nothing repeated is written out: fewer than its shape's where it
/// was broadcast.
pub(crate) fn distinct_elements(c: &Collected) -> Vec<usize> {
    let mut distinct: Vec<usize> = Vec::with_capacity(c.items.len());
    for item in &c.items {
        let below = item.inputs.iter().fold(0usize, |sum, &n| sum.saturating_add(distinct[n]));
        let len = item.meta.shape.len();
        distinct.push(match &item.what {
            What::View(ViewOp::Expand | ViewOp::Reshape | ViewOp::Permute(_)) => below.min(len),
            What::Pointwise(_) => below.min(len),
            _ => len,
        });
    }
    distinct
}
