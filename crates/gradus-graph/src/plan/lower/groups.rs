//! Groups: the items of a loop as one step.

use super::super::collect::What;
use super::super::facts::{compute_of, is_constant};
use super::super::fuse::{Group, inputs};
use super::super::loops::compose;
use super::super::lowered::{BufferView, Label, Lowered, Work};
use super::builder::{Lowerer, order_of};
use gradus_base::{Expr, ReduceOp};
use std::sync::Arc;

impl Lowerer<'_> {
    /// A group at its place: on its call if it has one, else on its own.
    pub(super) fn group(&mut self, group: &Group) {
        if let Some(call) = group.call {
            // The call's output becomes input 0 of the expression.
            let mut sources = inputs(self.c, group);
            sources.retain(|&n| n != call);
            sources.insert(0, call);
            let expr = compose(self.c, group, &sources, &group.outputs);
            if !self.call(call, Some((group, Arc::new(expr), sources[1..].to_vec()))) {
                self.run_group(group);
            }
        } else if let Some(call) = group.follows {
            if !self.run_in_pieces(group, call) {
                self.call(call, None);
                self.run_group(group);
            }
        } else {
            self.run_group(group);
        }
    }

    pub(super) fn run_group(&mut self, group: &Group) {
        let c = self.c;
        let root = &c.items[group.root];
        let sources = inputs(c, group);
        let values: Vec<BufferView> = sources.iter().map(|&n| self.value(n)).collect();
        if let What::Reduce(op, reduced) = &root.what {
            return self.reduce(group, *op, reduced, &sources, values);
        }
        let shape = root.meta.shape;
        let order = order_of(&values, shape).unwrap_or_else(|| (0..shape.rank()).collect());
        let outs: Vec<BufferView> =
            group.outputs.iter().map(|&o| self.place_for(o, &order)).collect();
        let expr = compose(c, group, &sources, &group.outputs);
        let compute = compute_of(c, group.root);
        self.loop_step(Arc::new(expr), compute, values, outs.clone(), &root.node, root.node.name());
        for (&o, out) in group.outputs.iter().zip(outs) {
            self.values[o] = Some(vec![out]);
        }
    }

    fn reduce(
        &mut self,
        group: &Group,
        op: ReduceOp,
        reduced: &[bool],
        sources: &[usize],
        values: Vec<BufferView>,
    ) {
        let c = self.c;
        let root = &c.items[group.root];
        let of = root.inputs[0];
        let shape = c.items[of].meta.shape;
        let expr = if group.members.contains(&of) || is_constant(c, of) {
            compose(c, group, sources, &[of])
        } else {
            Expr::identity()
        };
        let out = self.place_for(group.root, &(0..root.meta.shape.rank()).collect::<Vec<_>>());
        let flops = ((expr.flops() + 1) * shape.len()) as u64;
        let (expr, compute) = (Arc::new(expr), c.items[of].meta.dtype.compute());
        let work = Work::Reduce { expr, compute, op, shape, reduced: reduced.to_vec() };
        let label = Label { name: root.node.name().to_owned(), node: root.node.clone(), flops };
        self.push(Lowered::new(work, values, vec![out], label));
        self.values[group.root] = Some(vec![out]);
    }
}
