//! Berths: parts of an assembled value are computed where they belong, inside of it, instead of
//! beside it and copied.
//!
//! That takes a part that is computed here, and readers that do not mind the gaps between its rows.
//! Of several values that it is part of it lies in the last.

use super::collect::{Collected, What};
use super::facts::{fixed_items, readers};
use super::fuse::Groups;
use crate::rule::Meta;
use crate::strategy::{Layouts, Order};

/// Where an item belongs: the item that is assembled, and which of its pieces it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Berth {
    pub whole: usize,
    pub piece: usize,
}

/// Assembled values within assembled values, at most.
const DEEPEST: usize = 16;

/// Each item's berth, if it has one.
pub(crate) fn berths(c: &Collected, groups: &Groups) -> Vec<Option<Berth>> {
    let mut berths: Vec<Option<Berth>> = vec![None; c.items.len()];
    let assembled = |i: &usize| matches!(c.items[*i].what, What::Assemble { .. });
    if !c.limits().together || !(0..c.items.len()).any(|i| assembled(&i)) {
        return berths;
    }
    let (readers, fixed) = (readers(c), fixed_items(c, c.leaves_stay));
    let mut wanted = vec![false; c.items.len()];
    c.outputs.iter().chain(c.updates.iter().map(|(_, i)| i)).for_each(|&i| wanted[i] = true);
    let mut depth = vec![0; c.items.len()];
    for whole in (0..c.items.len()).rev().filter(assembled) {
        let What::Assemble { pieces, .. } = &c.items[whole].what else { unreachable!("filtered") };
        if depth[whole] == DEEPEST {
            continue;
        }
        for (piece, (&n, &(_, step))) in c.items[whole].inputs.iter().zip(pieces).enumerate() {
            // What stays from run to run must not lie in what does not.
            let fits = step > 0 && fixed[n] == fixed[whole] && !wanted[n] && berths[n].is_none();
            if fits && is_computed(c, groups, n) && readers[n].iter().all(|&r| accepts(c, r, n)) {
                berths[n] = Some(Berth { whole, piece });
                depth[n] = depth[whole] + 1;
            }
        }
    }
    berths
}

/// Whether a step writes the item alone.
fn is_computed(c: &Collected, groups: &Groups, i: usize) -> bool {
    match &c.items[i].what {
        What::Pointwise(_) | What::Reduce(..) => groups.of[i].is_some(),
        What::Call(_, metas) => metas.len() == 1,
        What::Assemble { .. } => true,
        _ => false,
    }
}

/// Whether `reader` reads item `i` with any strides.
fn accepts(c: &Collected, reader: usize, i: usize) -> bool {
    let item = &c.items[reader];
    match &item.what {
        What::Pointwise(_) | What::Reduce(..) | What::Assemble { .. } => true,
        What::Call(rule, metas) => {
            let inputs: Vec<Meta> = item.inputs.iter().map(|&n| c.items[n].meta).collect();
            let at = || (0..inputs.len()).filter(|&k| item.inputs[k] == i);
            let any = |l: &Layouts| at().all(|k| l.inputs[k] == Order::Any);
            c.strategy(rule).layout_choices(&inputs, metas).iter().all(any)
        }
        _ => false,
    }
}
