//! Pieces: where a loop writes over the variables it reads and alone consumes a call's result, as
//! an optimiser consumes a gradient, the call computes some rows of it at a time and the loop
//! follows at once. So a large gradient is never in memory as a whole. Gradients of one MiB, cut in
//! the same way, took up to 5 % longer than whole.

use super::super::collect::What;
use super::super::facts::compute_of;
use super::super::fuse::{Group, inputs, pieces};
use super::super::loops::compose;
use super::super::lowered::BufferView;
use super::builder::Lowerer;
use crate::rule::Meta;
use crate::strategy::Spec;
use std::sync::Arc;

impl Lowerer<'_> {
    /// Runs the call and the group piece by piece. False, with nothing done, if the call's inputs cannot be cut as they lie.
    pub(super) fn run_in_pieces(&mut self, group: &Group, call: usize) -> bool {
        let c = self.c;
        let item = &c.items[call];
        let What::Call(rule, metas) = &item.what else { unreachable!("a call") };
        let axes = rule.slices(0).expect("asked before");
        let input_metas: Vec<Meta> = item.inputs.iter().map(|&n| c.items[n].meta).collect();
        let layouts =
            self.cheapest(c.strategy(rule).layout_choices(&input_metas, metas), &item.inputs);
        let (rows, count) = (metas[0].shape[0], pieces(c, metas[0]));
        let each = rows.div_ceil(count);
        let cut = |v: BufferView, axis: Option<usize>, start: usize| match axis {
            Some(a) => BufferView { view: v.view.slice(a, start, 1, each.min(rows - start)), ..v },
            None => v,
        };
        let whole: Vec<BufferView> =
            item.inputs.iter().zip(&layouts.inputs).map(|(&n, o)| self.in_order(n, o)).collect();
        let parts = |start: usize| -> Vec<BufferView> {
            whole.iter().zip(&axes).map(|(&v, &axis)| cut(v, axis, start)).collect()
        };
        let last = parts((rows - 1) / each * each);
        let fits = |parts: &[BufferView]| {
            parts.iter().zip(&layouts.inputs).all(|(v, o)| o.accepts(&v.view))
        };
        if !fits(&parts(0)) || !fits(&last) {
            return false;
        }
        let root = &c.items[group.root];
        let sources = inputs(c, group);
        let expr = Arc::new(compose(c, group, &sources, &group.outputs));
        let compute = compute_of(c, group.root);
        let results: Vec<BufferView> =
            group.outputs.iter().map(|&o| self.fresh_dense(c.items[o].meta)).collect();
        for start in (0..rows).step_by(each) {
            let inputs = parts(start);
            let meta = Meta::new(metas[0].shape.with(0, each.min(rows - start)), metas[0].dtype);
            let piece = self.fresh(meta, &layouts.outputs[0]);
            let spec = Spec {
                inputs: inputs.iter().map(BufferView::slot).collect(),
                outputs: vec![piece.slot()],
                epilogue: None,
            };
            let input_metas: Vec<Meta> =
                inputs.iter().map(|v| Meta::new(v.view.shape, v.dtype)).collect();
            let flops = rule.flops(&input_metas, &[meta]);
            self.call_step((rule, spec), inputs, &[piece], &item.node, rule.name(), flops);
            let read = sources.iter().map(|&n| match n == call {
                true => piece,
                false => cut(self.value(n), Some(0), start),
            });
            let read = read.collect();
            let written = results.iter().map(|&v| cut(v, Some(0), start)).collect();
            self.loop_step(expr.clone(), compute, read, written, &root.node, root.node.name());
        }
        for (&o, &result) in group.outputs.iter().zip(&results) {
            self.set(o, result);
        }
        true
    }
}
