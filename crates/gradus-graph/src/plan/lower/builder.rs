//! The builder: buffers, values in the order that somebody asks for, and steps, as the items are
//! lowered.

use super::super::berths::Berth;
use super::super::collect::Collected;
use super::super::fuse::Groups;
use super::super::lowered::{Buf, BufferView, Home, Label, Lowered, LoweredPlan, Work};
use crate::node::{Node, ViewOp};
use crate::rule::Meta;
use crate::strategy::{Layouts, Order};
use gradus_base::{DType, Expr, Shape, View};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) struct Lowerer<'a> {
    pub(super) c: &'a Collected,
    pub(super) groups: &'a Groups,
    /// Each item's value; a call of several outputs has several, others one.
    pub(super) values: Vec<Option<Vec<BufferView>>>,
    /// Copies made of a value in another order, so that no copy is made twice.
    pub(super) ordered: HashMap<(usize, Vec<usize>), BufferView>,
    /// The outputs, by call and number, that are read of calls with several.
    pub(super) parts_read: HashSet<(usize, usize)>,
    /// Where items belong that are part of an assembled value.
    pub(super) berths: Vec<Option<Berth>>,
    /// Assembled values that have their memory, some of whose pieces may be there already.
    pub(super) wholes: HashMap<usize, BufferView>,
    /// Calls that run with the group that rides on them.
    pub(super) delayed: HashSet<usize>,
    pub(super) plan: LoweredPlan,
}

impl Lowerer<'_> {
    pub(super) fn value(&self, i: usize) -> BufferView {
        self.values[i].as_ref().expect("inputs are lowered first")[0]
    }

    pub(super) fn set(&mut self, i: usize, value: BufferView) {
        self.values[i] = Some(vec![value]);
    }

    fn buf(&mut self, home: Home, bytes: usize) -> usize {
        self.plan.bufs.push(Buf { home, bytes });
        self.plan.bufs.len() - 1
    }

    /// A new dense value in the arena with its axes in `order`.
    pub(super) fn fresh(&mut self, meta: Meta, order: &[usize]) -> BufferView {
        let buf = self.buf(Home::Arena, meta.shape.len() * meta.dtype.size());
        BufferView { buf, dtype: meta.dtype, view: View::ordered(meta.shape, order) }
    }

    pub(super) fn fresh_dense(&mut self, meta: Meta) -> BufferView {
        self.fresh(meta, &(0..meta.shape.rank()).collect::<Vec<_>>())
    }

    pub(super) fn outside(&mut self, home: Home, meta: Meta) -> BufferView {
        let buf = self.buf(home, meta.shape.len() * meta.dtype.size());
        BufferView { buf, dtype: meta.dtype, view: View::dense(meta.shape) }
    }

    pub(super) fn view(&mut self, i: usize, op: &ViewOp) -> BufferView {
        let item = &self.c.items[i];
        let from = self.value(item.inputs[0]);
        let shape = item.meta.shape;
        let view = match op {
            ViewOp::Permute(order) => from.view.permute(order),
            ViewOp::Expand => from.view.expand(shape),
            ViewOp::Slice { axis, start, step } => {
                from.view.slice(*axis, *start, *step, shape[*axis])
            }
            ViewOp::Reshape => match from.view.reshape(shape) {
                Some(view) => view,
                None => {
                    let dense = self.in_order(item.inputs[0], &Order::Dense);
                    return BufferView { view: View::dense(shape), ..dense };
                }
            },
        };
        BufferView { view, ..from }
    }

    pub(super) fn copy(&mut self, from: BufferView, to: BufferView, node: &Node) {
        self.loop_step(Arc::new(Expr::identity()), from.dtype, vec![from], vec![to], node, "copy");
    }

    /// The item's value lying as `order` asks, copied if need be.
    pub(super) fn in_order(&mut self, i: usize, order: &Order) -> BufferView {
        let value = self.value(i);
        if order.accepts(&value.view) {
            return value;
        }
        let axes = order.axes(&value.view);
        if let Some(&done) = self.ordered.get(&(i, axes.clone())) {
            return done;
        }
        let meta = self.c.items[i].meta;
        let to = self.fresh(meta, &axes);
        self.copy(value, to, &self.c.items[i].node);
        self.ordered.insert((i, axes), to);
        to
    }

    /// The choice that needs the fewest bytes copied, the first of equals.
    pub(super) fn cheapest(&self, choices: Vec<Layouts>, inputs: &[usize]) -> Layouts {
        let copied = |l: &Layouts| -> usize {
            let wrong = inputs.iter().zip(&l.inputs).filter(|&(&n, order)| {
                let value = self.value(n);
                !order.accepts(&value.view)
                    && !self.ordered.contains_key(&(n, order.axes(&value.view)))
            });
            wrong.map(|(&n, _)| self.c.items[n].meta.shape.len()).sum()
        };
        choices.into_iter().min_by_key(copied).expect("a rule has a layout")
    }

    /// A step that computes an expression at every element of the outputs.
    pub(super) fn loop_step(
        &mut self,
        expr: Arc<Expr>,
        compute: DType,
        inputs: Vec<BufferView>,
        outputs: Vec<BufferView>,
        node: &Node,
        name: &str,
    ) {
        let flops = (expr.flops() * outputs[0].view.shape.len()) as u64;
        let work = Work::Loop { expr, compute: compute.compute() };
        let label = Label { name: name.to_owned(), node: node.clone(), flops };
        self.push(Lowered::new(work, inputs, outputs, label));
    }

    pub(super) fn push(&mut self, step: Lowered) {
        self.plan.steps.push(step);
    }

    /// Whether a value is a whole dense arena buffer, so that the buffer can live elsewhere.
    pub(super) fn whole(&self, value: &BufferView) -> bool {
        let buf = &self.plan.bufs[value.buf];
        buf.home == Home::Arena
            && value.view.is_dense()
            && value.view.offset == 0
            && value.view.shape.len() * value.dtype.size() == buf.bytes
    }
}

/// The memory order a loop takes over: the first that is not row-major among its full-size dense inputs, or else among those with gaps, such as some of
/// the channels of what lies with the channels innermost.
pub(super) fn order_of(values: &[BufferView], shape: Shape) -> Option<Vec<usize>> {
    let full = || values.iter().filter(|v| v.view.shape == shape && !v.view.is_dense());
    let other = |axes: &Vec<usize>| !axes.is_sorted();
    let dense = full().find_map(|v| v.view.memory_order());
    dense.or_else(|| full().find_map(|v| v.view.memory_order_with_gaps().filter(other)))
}
