//! Lowering: groups and calls become steps with kernels; values get buffers, views and memory
//! orders.
//!
//! A memory order is a property of a buffer of the plan, never of a node. A call says which orders
//! it wants, a loop takes over the order of what it reads, and a value in the wrong order is copied
//! once.

use super::berths::{Berth, berths};
use super::collect::{Collected, Item, What};
use super::fuse::{Group, Groups, inputs, is_constant};
use super::loops::{compose, compute_of};
use super::show::PlanStep;
use crate::node::{Node, ViewOp};
use crate::rule::{Epilogue, Layouts, Meta, Order, Rule, Slot, Spec};
use gradus_base::exec::Kernel;
use gradus_base::{DType, Expr, Shape, View};
use gradus_cpu::{Pointwise, Reduce};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where a buffer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Arena,
    /// In memory that outlasts a run.
    Kept,
    Input(usize),
    Leaf(usize),
    Variable(usize),
    Output(usize),
    /// Beside a variable, whose new value it holds.
    Next(usize),
}

/// A buffer of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Buf {
    pub home: Home,
    pub bytes: usize,
}

/// A computed item: a view of a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BufferView {
    pub buf: usize,
    pub dtype: DType,
    pub view: View,
}

/// A step before its memory is fixed.
pub(crate) struct Lowered {
    pub kernel: Box<dyn Kernel>,
    pub inputs: Vec<BufferView>,
    pub outputs: Vec<BufferView>,
    /// Whether an output may take the place of an input with the same view.
    pub aligned: bool,
    /// Of a call: what its kernel was built from.
    pub call: Option<(Arc<dyn Rule>, Spec)>,
}

/// All steps and buffers.
pub(crate) struct LoweredPlan {
    pub steps: Vec<Lowered>,
    /// How many of the steps, the first, run once.
    pub prologue: usize,
    pub bufs: Vec<Buf>,
    pub updated: Vec<bool>,
    pub outputs: Vec<Meta>,
    pub shown: Vec<PlanStep>,
}

pub(crate) fn lower(c: &Collected, groups: &Groups, undo: bool) -> LoweredPlan {
    let mut l = Lowerer {
        c,
        groups,
        values: vec![None; c.items.len()],
        ordered: HashMap::new(),
        parts_read: parts_read(c, groups),
        berths: berths(c, groups),
        wholes: HashMap::new(),
        delayed: groups.list.iter().filter_map(|g| g.call.or(g.follows)).collect::<HashSet<_>>(),
        plan: LoweredPlan {
            steps: vec![],
            prologue: 0,
            bufs: vec![],
            updated: vec![false; c.variables.len()],
            outputs: vec![],
            shown: vec![],
        },
    };
    for i in 0..c.items.len() {
        l.item(i);
    }
    l.put_outputs();
    if undo {
        l.put_beside_variables()
    } else {
        l.put_into_variables()
    }
    l.plan
}

/// The outputs that are read of calls with several: (call, number).
fn parts_read(c: &Collected, groups: &Groups) -> HashSet<(usize, usize)> {
    let used = c.items.iter().zip(&groups.uses).filter(|(_, uses)| **uses > 0);
    let part = |(item, _): (&Item, _)| match item.what {
        What::Part(n) => Some((item.inputs[0], n)),
        _ => None,
    };
    used.filter_map(part).collect()
}

pub(super) struct Lowerer<'a> {
    pub(super) c: &'a Collected,
    groups: &'a Groups,
    /// Each item's value; a call of several outputs has several, others one.
    values: Vec<Option<Vec<BufferView>>>,
    /// Copies made of a value in another order, so that no copy is made twice.
    ordered: HashMap<(usize, Vec<usize>), BufferView>,
    /// The outputs, by call and number, that are read of calls with several.
    parts_read: HashSet<(usize, usize)>,
    /// Where items belong that are part of an assembled value.
    pub(super) berths: Vec<Option<Berth>>,
    /// Assembled values that have their memory, some of whose pieces may be there already.
    pub(super) wholes: HashMap<usize, BufferView>,
    /// Calls that run with the group that rides on them.
    delayed: HashSet<usize>,
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

    fn item(&mut self, i: usize) {
        let c = self.c;
        let item = &c.items[i];
        let value = match &item.what {
            What::Input(n) => self.outside(Home::Input(*n), item.meta),
            What::Leaf(n) => self.outside(Home::Leaf(*n), item.meta),
            What::Variable(n) => self.outside(Home::Variable(*n), item.meta),
            What::View(op) => self.view(i, op),
            What::Assemble { .. } => self.assemble(i),
            What::Part(n) => self.values[item.inputs[0]].as_ref().expect("calls come first")[*n],
            What::Call(..) if self.delayed.contains(&i) => return,
            What::Call(..) => return self.call(i, None),
            What::Pointwise(_) | What::Reduce(..) => {
                if let Some(g) = self.groups.of[i].map(|g| &self.groups.list[g])
                    && g.root == i
                {
                    self.group(g);
                }
                return;
            }
        };
        self.values[i] = Some(vec![value]);
    }

    fn view(&mut self, i: usize, op: &ViewOp) -> BufferView {
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
        self.loop_step(&Expr::identity(), from.dtype, vec![from], vec![to], node, "copy");
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

    fn call(&mut self, i: usize, epilogue: Option<(&Group, Arc<Expr>, Vec<usize>)>) {
        let c = self.c;
        let item = &c.items[i];
        let What::Call(rule, metas) = &item.what else { unreachable!("a call") };
        let input_metas: Vec<Meta> = item.inputs.iter().map(|&n| c.items[n].meta).collect();
        let layouts = self.cheapest(rule.layout_choices(&input_metas, metas), &item.inputs);
        let mut inputs: Vec<BufferView> =
            item.inputs.iter().zip(&layouts.inputs).map(|(&n, o)| self.in_order(n, o)).collect();
        let flops = rule.flops(&input_metas, metas);
        let Some((group, expr, extra)) = epilogue else {
            return self.plain_call(i, inputs, &layouts.outputs, flops);
        };
        let (outputs, mut spec) = self.outputs(i, group.root, &inputs, &layouts.outputs);
        let extra_values: Vec<BufferView> = extra.iter().map(|&n| self.value(n)).collect();
        spec.inputs.extend(extra_values.iter().map(slot));
        let lines = (expr.flops() * item.meta.shape.len()) as u64;
        spec.epilogue = Some(Epilogue { expr, inputs: extra.len() });
        if rule.accepts_epilogue(&spec) {
            inputs.extend(extra_values);
            let name = format!("{} + {}", rule.name(), c.items[group.root].node.name());
            self.call_step((rule, spec), inputs, &outputs, &item.node, &name, flops + lines);
            self.values[group.root] = Some(outputs);
            return;
        }
        self.plain_call(i, inputs, &layouts.outputs, flops);
        self.run_group(group);
    }

    /// Room for an output of call `i`: none for one that nobody reads, if the kernel can leave it out.
    fn output(&mut self, i: usize, n: usize, order: &[usize]) -> BufferView {
        let What::Call(rule, metas) = &self.c.items[i].what else { unreachable!("a call") };
        let unread = metas.len() > 1 && !self.parts_read.contains(&(i, n));
        match unread && rule.may_skip(n) {
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
            inputs: inputs.iter().map(slot).collect(),
            outputs: outputs.iter().map(slot).collect(),
            epilogue: None,
        };
        if let ([_], [order]) = (&metas[..], orders)
            && let Some(berth) = self.berth(of, order)
        {
            let spec = spec(&[berth]);
            if Order::Axes(order.clone()).accepts(&berth.view) || rule.accepts_room(&spec) {
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
        self.push(rule.cpu(&spec), inputs, outputs.to_vec(), false, node, name, flops);
        if let Some(step) = self.plan.steps.last_mut() {
            step.call = Some((rule.clone(), spec));
        }
    }

    /// A group at its place: on its call if it has one, else on its own.
    fn group(&mut self, group: &Group) {
        if let Some(call) = group.call {
            // The call's output becomes input 0 of the expression.
            let mut sources = inputs(self.c, group);
            sources.retain(|&n| n != call);
            sources.insert(0, call);
            let expr = compose(self.c, group, &sources, &group.outputs);
            self.call(call, Some((group, Arc::new(expr), sources[1..].to_vec())));
        } else if let Some(call) = group.follows {
            if !self.run_in_pieces(group, call) {
                self.call(call, None);
                self.run_group(group);
            }
        } else {
            self.run_group(group);
        }
    }

    fn run_group(&mut self, group: &Group) {
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
        self.loop_step(&expr, compute, values, outs.clone(), &root.node, root.node.name());
        for (&o, out) in group.outputs.iter().zip(outs) {
            self.values[o] = Some(vec![out]);
        }
    }

    fn reduce(
        &mut self,
        group: &Group,
        op: gradus_base::ReduceOp,
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
        // Seen over the whole loop, the output stands still along the reduced axes.
        let mut full = View { shape, strides: Default::default(), offset: 0 };
        let mut kept = out.view.strides().iter();
        for a in 0..shape.rank() {
            full.strides[a] = if reduced[a] { 0 } else { *kept.next().expect("a kept axis") };
        }
        let compute = c.items[of].meta.dtype.compute();
        let slots: Vec<_> = values.iter().map(|v| (v.dtype, place(v))).collect();
        let kernel = Reduce::new(&expr, compute, op, shape, reduced, &slots, (out.dtype, full));
        let flops = ((expr.flops() + 1) * shape.len()) as u64;
        let name = root.node.name();
        self.push(Box::new(kernel), values, vec![out], false, &root.node, name, flops);
        self.values[group.root] = Some(vec![out]);
    }

    pub(super) fn loop_step(
        &mut self,
        expr: &Expr,
        compute: DType,
        inputs: Vec<BufferView>,
        outputs: Vec<BufferView>,
        node: &Node,
        name: &str,
    ) {
        let shape = outputs[0].view.shape;
        let pair = |v: &BufferView| (v.dtype, place(v));
        let (ins, outs): (Vec<_>, Vec<_>) =
            (inputs.iter().map(pair).collect(), outputs.iter().map(pair).collect());
        let kernel = Pointwise::new(expr, compute.compute(), shape, &ins, &outs);
        let flops = (expr.flops() * shape.len()) as u64;
        self.push(Box::new(kernel), inputs, outputs, true, node, name, flops);
    }

    fn push(
        &mut self,
        kernel: Box<dyn Kernel>,
        inputs: Vec<BufferView>,
        outputs: Vec<BufferView>,
        aligned: bool,
        node: &Node,
        name: &str,
        flops: u64,
    ) {
        self.plan.shown.push(PlanStep::new(name, &*kernel, node, &inputs, &outputs, flops));
        self.plan.steps.push(Lowered { kernel, inputs, outputs, aligned, call: None });
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

pub(super) fn slot(v: &BufferView) -> Slot {
    Slot { dtype: v.dtype, view: place(v), packed: false }
}

/// The view a kernel sees: its pointer is at the first element.
fn place(v: &BufferView) -> View {
    View { offset: 0, ..v.view }
}

/// The memory order a loop takes over: the first that is not row-major among its full-size dense inputs.
pub(super) fn order_of(values: &[BufferView], shape: Shape) -> Option<Vec<usize>> {
    values
        .iter()
        .filter(|v| v.view.shape == shape && !v.view.is_dense())
        .find_map(|v| v.view.memory_order())
}
