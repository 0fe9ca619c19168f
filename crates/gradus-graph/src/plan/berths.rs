//! Berths: parts of an assembled value are computed where they belong, inside of it, instead of
//! beside it and copied.
//!
//! That takes a part that is computed here, and readers that do not mind the gaps between its rows.
//! Of several values that it is part of it lies in the last.

use super::collect::{Collected, What};
use super::fuse::{Groups, readers};
use super::hoist::fixed_items;
use super::lower::{BufferView, Lowerer, order_of};
use crate::rule::{Layouts, Meta, Order};
use gradus_base::{Expr, Real, View};

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
    if !(0..c.items.len()).any(|i| assembled(&i)) {
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
            rule.layout_choices(&inputs, metas).iter().all(any)
        }
        _ => false,
    }
}

impl Lowerer<'_> {
    /// A new value for item `i` with its axes in `order`: inside the value that it is part of if it can lie so there.
    pub(super) fn place_for(&mut self, i: usize, order: &[usize]) -> BufferView {
        self.berth(i, order).unwrap_or_else(|| self.fresh(self.c.items[i].meta, order))
    }

    /// Where item `i` belongs in the value that it is part of, if its axes lie in `order` there.
    pub(super) fn berth(&mut self, i: usize, order: &[usize]) -> Option<BufferView> {
        let Berth { whole, piece } = self.berths[i]?;
        let of = self.whole_value(whole, order);
        let value = self.piece(whole, piece, of);
        lies_in(&value.view, order).then_some(value)
    }

    /// A piece's part of an assembled value.
    fn piece(&self, whole: usize, piece: usize, of: BufferView) -> BufferView {
        let item = &self.c.items[whole];
        let What::Assemble { axis, pieces } = &item.what else { unreachable!("assembled") };
        let ((start, step), len) =
            (pieces[piece], self.c.items[item.inputs[piece]].meta.shape[*axis]);
        BufferView { view: of.view.slice(*axis, start, step, len), ..of }
    }

    /// The memory of an assembled value, with its axes in `order` if it is new: zeros where no piece will lie.
    fn whole_value(&mut self, i: usize, order: &[usize]) -> BufferView {
        if let Some(&value) = self.wholes.get(&i) {
            return value;
        }
        let out = self.place_for(i, order);
        let item = &self.c.items[i];
        let What::Assemble { axis, .. } = item.what else { unreachable!("assembled") };
        let covered: usize = item.inputs.iter().map(|&n| self.c.items[n].meta.shape[axis]).sum();
        if covered < item.meta.shape[axis] {
            let zero = Expr::trace(0, |_| vec![Real::constant(0.0)]);
            self.loop_step(&zero, item.meta.dtype, vec![], vec![out], &item.node, "zeros");
        }
        self.wholes.insert(i, out);
        out
    }

    /// Every piece that is not there already into its part.
    pub(super) fn assemble(&mut self, i: usize) -> BufferView {
        let item = &self.c.items[i];
        // It lies as the first piece that does not lie row by row, so that channels stay innermost.
        let of_piece = |&n: &usize| order_of(&[self.value(n)], self.c.items[n].meta.shape);
        let order = item.inputs.iter().find_map(of_piece);
        let order = order.unwrap_or_else(|| (0..item.meta.shape.rank()).collect());
        let out = self.whole_value(i, &order);
        for (piece, &n) in item.inputs.iter().enumerate() {
            let (from, to) = (self.value(n), self.piece(i, piece, out));
            if from != to {
                self.copy(from, to, &item.node);
            }
        }
        out
    }
}

/// Whether a view's axes lie in memory in `order`, outermost first, perhaps with gaps.
fn lies_in(view: &View, order: &[usize]) -> bool {
    let mut reach = 1;
    order.iter().rev().filter(|&&a| view.shape[a] != 1).all(|&a| {
        let apart = view.strides[a] >= reach;
        reach = view.strides[a] * view.shape[a] as isize;
        apart
    })
}
