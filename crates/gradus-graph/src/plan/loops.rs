//! Loops: the expression of a group of items.

use super::collect::{Collected, What};
use super::facts::{compute_of, is_constant};
use super::fuse::Group;
use gradus_base::Expr;
use gradus_base::expr::{Arg, Part};
use std::collections::HashMap;

/// The group's expressions as one, of the given sources and with the given outputs.
pub(crate) fn compose(c: &Collected, group: &Group, sources: &[usize], outputs: &[usize]) -> Expr {
    let mut number: HashMap<usize, usize> = HashMap::new();
    let mut parts: Vec<Part<'_>> = vec![];
    let mut add = |i: usize, number: &mut HashMap<usize, usize>| {
        let What::Pointwise(p) = &c.items[i].what else { unreachable!("a pointwise member") };
        let args = c.items[i]
            .inputs
            .iter()
            .map(|n| match number.get(n) {
                Some(&part) => Arg::Part(part, 0),
                None => Arg::Input(sources.iter().position(|s| s == n).expect("a source")),
            })
            .collect();
        number.insert(i, parts.len());
        parts.push(Part { expr: &p.expr, args });
    };
    let mut constants: Vec<usize> = group
        .members
        .iter()
        .chain(outputs)
        .flat_map(|&m| c.items[m].inputs.iter().copied().chain([m]))
        .filter(|&n| is_constant(c, n) && !group.members.contains(&n))
        .collect();
    constants.sort_unstable();
    constants.dedup();
    for n in constants {
        add(n, &mut number);
    }
    for &m in &group.members {
        add(m, &mut number);
    }
    // Members of a group compute in one type.
    let fold = group.members.iter().all(|&m| compute_of(c, m).is_float());
    let outputs: Vec<(usize, usize)> = outputs.iter().map(|o| (number[o], 0)).collect();
    Expr::compose(sources.len(), &parts, &outputs, fold)
}
