//! Calls: a rule's kernel in the memory orders it wants, with the group that rides on it.

use super::super::collect::What;
use super::super::fuse::Group;
use super::super::lowered::{BufferView, Label, Lowered, Work};
use super::builder::Lowerer;
use crate::node::Node;
use crate::rule::{Meta, Rule};
use crate::strategy::{Epilogue, Order, Spec};
use gradus_base::Expr;
use std::sync::Arc;

impl Lowerer<'_> {
    /// Call `i`, with the expression of a group and the further items that it reads if its kernel applies that. Whether it does.
    pub(super) fn call(
        &mut self,
        i: usize,
        epilogue: Option<(&Group, Arc<Expr>, Vec<usize>)>,
    ) -> bool {
        let c = self.c;
        let item = &c.items[i];
        let What::Call(rule, metas) = &item.what else { unreachable!("a call") };
        let input_metas: Vec<Meta> = item.inputs.iter().map(|&n| c.items[n].meta).collect();
        let strategy = c.strategy(rule);
        let layouts = self.cheapest(strategy.layout_choices(&input_metas, metas), &item.inputs);
        let mut inputs: Vec<BufferView> =
            item.inputs.iter().zip(&layouts.inputs).map(|(&n, o)| self.in_order(n, o)).collect();
        let flops = rule.flops(&input_metas, metas);
        let Some((group, expr, extra)) = epilogue else {
            self.plain_call(i, inputs, &layouts.outputs, flops);
            return false;
        };
        let (outputs, mut spec) = self.outputs(i, group.root, &inputs, &layouts.outputs);
        let extra_values: Vec<BufferView> = extra.iter().map(|&n| self.value(n)).collect();
        spec.inputs.extend(extra_values.iter().map(BufferView::slot));
        let lines = (expr.flops() * item.meta.shape.len()) as u64;
        spec.epilogue = Some(Epilogue { expr, inputs: extra.len() });
        if strategy.accepts_epilogue(&spec) {
            inputs.extend(extra_values);
            let name = format!("{} + {}", rule.name(), c.items[group.root].node.name());
            self.call_step((rule, spec), inputs, &outputs, &item.node, &name, flops + lines);
            self.values[group.root] = Some(outputs);
            return true;
        }
        self.plain_call(i, inputs, &layouts.outputs, flops);
        false
    }

    /// Room for an output of call `i`: none for one that nobody reads, if the kernel can leave it out.
    fn output(&mut self, i: usize, n: usize, order: &[usize]) -> BufferView {
        let What::Call(rule, metas) = &self.c.items[i].what else { unreachable!("a call") };
        let unread = metas.len() > 1 && !self.parts_read.contains(&(i, n));
        match unread && self.c.strategy(rule).may_skip(n) {
            true => self.fresh_dense(Meta::new([0], metas[n].dtype)),
            false => self.fresh(metas[n], order),
        }
    }

    fn plain_call(&mut self, i: usize, inputs: Vec<BufferView>, orders: &[Vec<usize>], flops: u64) {
        let item = &self.c.items[i];
        let What::Call(rule, _) = &item.what else { unreachable!("a call") };
        let (outputs, spec) = self.outputs(i, i, &inputs, orders);
        self.call_step((rule, spec), inputs, &outputs, &item.node, rule.name(), flops);
        self.values[i] = Some(outputs);
    }

    /// The outputs of call `i`, whose value is that of item `of`, and what its kernel is built for: where `of` belongs if the
    /// kernel can write there.
    fn outputs(
        &mut self,
        i: usize,
        of: usize,
        inputs: &[BufferView],
        orders: &[Vec<usize>],
    ) -> (Vec<BufferView>, Spec) {
        let What::Call(rule, metas) = &self.c.items[i].what else { unreachable!("a call") };
        let spec = |outputs: &[BufferView]| Spec {
            inputs: inputs.iter().map(BufferView::slot).collect(),
            outputs: outputs.iter().map(BufferView::slot).collect(),
            epilogue: None,
        };
        if let ([_], [order]) = (&metas[..], orders)
            && let Some(berth) = self.berth(of, order)
        {
            let spec = spec(&[berth]);
            if Order::Axes(order.clone()).accepts(&berth.view)
                || self.c.strategy(rule).accepts_room(&spec)
            {
                return (vec![berth], spec);
            }
        }
        let outputs: Vec<BufferView> =
            orders.iter().enumerate().map(|(n, o)| self.output(i, n, o)).collect();
        let spec = spec(&outputs);
        (outputs, spec)
    }

    pub(super) fn call_step(
        &mut self,
        (rule, spec): (&Arc<dyn Rule>, Spec),
        inputs: Vec<BufferView>,
        outputs: &[BufferView],
        node: &Node,
        name: &str,
        flops: u64,
    ) {
        let label = Label { name: name.to_owned(), node: node.clone(), flops };
        let work = Work::Call { rule: rule.clone(), spec };
        self.push(Lowered::new(work, inputs, outputs.to_vec(), label));
    }
}
