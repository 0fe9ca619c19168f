//! Assembling: pieces go to their part of a larger value, or are made there.

use super::super::berths::Berth;
use super::super::collect::What;
use super::super::lowered::BufferView;
use super::builder::{Lowerer, order_of};
use gradus_base::{Expr, Real};
use std::sync::Arc;

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
        value.view.lies_in(order).then_some(value)
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
            self.loop_step(Arc::new(zero), item.meta.dtype, vec![], vec![out], &item.node, "zeros");
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
