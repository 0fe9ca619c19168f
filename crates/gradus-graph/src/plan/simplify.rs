//! Simplifying: what a collected graph says in fewer items. Arithmetic among constants is done
//! here, and a factor along an axis of a call's result moves into an input of the call, where it is
//! multiplied in once instead of at each run.

use super::collect::{Collected, Item, What};
use super::facts::{fixed_items, readers};
use crate::node::{Node, Pointwise, ViewOp};
use crate::rule::Meta;
use gradus_base::ReduceOp;
use gradus_base::expr::{Op, Sym};
use gradus_base::{DType, Expr, Real as _, Shape};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) fn simplify(c: &mut Collected) {
    fold_constants(c);
    fold_scales(c);
}

/// The number that an item is everywhere, if it is written down as one.
fn constant_of(item: &Item) -> Option<f64> {
    match &item.what {
        What::Pointwise(p) if p.expr.inputs() == 0 => p.expr.as_constant(),
        _ => None,
    }
}

fn constant(value: f64) -> What {
    formula(Expr::trace(0, |_| vec![Sym::constant(value)]))
}

fn formula(expr: Expr) -> What {
    What::Pointwise(Pointwise { name: "".into(), expr: Arc::new(expr), vjp: None, constant: None })
}

/// Computes what is made of constants only. Types that would round in between are left alone, but for views, which only move numbers.
fn fold_constants(c: &mut Collected) {
    for i in 0..c.items.len() {
        let item = &c.items[i];
        let exact = matches!(item.meta.dtype, DType::F32 | DType::F64);
        if item.inputs.is_empty() || !(exact || matches!(item.what, What::View(_))) {
            continue;
        }
        let same = |n: &usize| c.items[*n].meta.dtype == item.meta.dtype;
        let values: Option<Vec<f64>> =
            item.inputs.iter().map(|n| constant_of(&c.items[*n]).filter(|_| same(n))).collect();
        let Some(values) = values else { continue };
        let folded = match &item.what {
            What::Pointwise(p) => p.expr.eval(&values)[0],
            What::View(_) => values[0],
            What::Reduce(op, reduced) => {
                let shape = c.items[item.inputs[0]].meta.shape;
                let sizes = shape.iter().zip(reduced).filter(|(_, r)| **r);
                match (op, sizes.map(|(&s, _)| s).product::<usize>()) {
                    (ReduceOp::Sum, count) => values[0] * count as f64,
                    (ReduceOp::Min | ReduceOp::Max, 1..) => values[0],
                    _ => continue,
                }
            }
            _ => continue,
        };
        c.items[i].what = constant(folded);
        c.items[i].inputs.clear();
    }
}

/// One operation of a call's result with a row: a value that varies along one axis only.
struct Link {
    op: Op,
    /// Whether the row is the first operand.
    flipped: bool,
    row: Row,
}

#[derive(Clone, Copy)]
enum Row {
    Constant(f64),
    /// An item of one element, or of as many as the axis has.
    Item(usize),
}

/// A call and what is done to its result alone, up to the last factor and the terms right after it.
struct Chain {
    axis: usize,
    /// The call's input that takes the factor, and along which of its axes.
    into: (usize, usize),
    links: Vec<Link>,
    /// The last item of the chain, and all of it after the call.
    last: usize,
    inner: Vec<usize>,
}

/// call(x, w)·s + t becomes call(x, w·s) + t where w, s and t stay from run to run: so a batch norm disappears into the
/// convolution before it. The rule declares what a factor moves into; see [`crate::Rule::scaling`].
fn fold_scales(c: &mut Collected) {
    let fixed = fixed_items(c, c.leaves_stay);
    let readers = readers(c);
    let mut wanted = vec![false; c.items.len()];
    c.outputs.iter().chain(c.updates.iter().map(|(_, i)| i)).for_each(|&i| wanted[i] = true);
    let alone = |i: usize| match readers[i][..] {
        [r] if !wanted[i] => Some(r),
        _ => None,
    };
    let chains: HashMap<usize, Chain> = (0..c.items.len())
        .filter(|&i| !fixed[i])
        .filter_map(|i| chain(c, &fixed, &alone, i).map(|chain| (i, chain)))
        .collect();
    if !chains.is_empty() {
        Rewriter::new(c).rewrite(&fixed, &chains);
    }
}

fn chain(
    c: &Collected,
    fixed: &[bool],
    alone: &dyn Fn(usize) -> Option<usize>,
    call: usize,
) -> Option<Chain> {
    let What::Call(rule, metas) = &c.items[call].what else { return None };
    let Meta { shape, dtype } = c.items[call].meta;
    if metas.len() != 1 || c.items[call].has_effect() || !matches!(dtype, DType::F32 | DType::F64) {
        return None;
    }
    (0..shape.rank()).find_map(|axis| {
        let into = rule.scaling(axis)?;
        let w = &c.items[c.items[call].inputs[into.0]];
        if !fixed[c.items[call].inputs[into.0]] || w.meta.shape[into.1] != shape[axis] {
            return None;
        }
        let mut chain = Chain { axis, into, links: vec![], last: call, inner: vec![] };
        let mut factor = false;
        while let Some(next) = alone(chain.last) {
            let Some(link) = link(c, fixed, chain.last, next, axis) else { break };
            factor |= matches!(link.op, Op::Mul | Op::Div) && matches!(link.row, Row::Item(_));
            chain.links.push(link);
            chain.inner.push(next);
            chain.last = next;
        }
        factor.then_some(chain)
    })
}

/// What `next` does to `from`, if that is one of the four operations with a row along `axis` that stays.
fn link(c: &Collected, fixed: &[bool], from: usize, next: usize, axis: usize) -> Option<Link> {
    let item = &c.items[next];
    let What::Pointwise(p) = &item.what else { return None };
    let [a, b] = item.inputs[..] else { return None };
    let other = if a == from { b } else { a };
    if a == b || !fixed[other] || item.meta != c.items[from].meta {
        return None;
    }
    if c.items[other].meta.dtype != item.meta.dtype {
        return None;
    }
    let [output] = p.expr.outputs() else { return None };
    let line = p.expr.lines()[*output as usize];
    let args = [0, 1].map(|i| p.expr.lines()[line.args[i] as usize].op);
    let flipped = match args {
        [Op::Input(0), Op::Input(1)] => a == other,
        [Op::Input(1), Op::Input(0)] => b == other,
        _ => return None,
    };
    let usable = match line.op {
        Op::Add | Op::Sub | Op::Mul => true,
        Op::Div => !flipped,
        _ => false,
    };
    usable.then(|| row(c, other, axis)).flatten().map(|row| Link { op: line.op, flipped, row })
}

/// An item as a row along `axis`.
fn row(c: &Collected, i: usize, axis: usize) -> Option<Row> {
    let item = &c.items[i];
    if let Some(value) = constant_of(item) {
        return Some(Row::Constant(value));
    }
    let full = item.meta.shape;
    let of = match item.what {
        What::View(ViewOp::Expand) => item.inputs[0],
        _ => i,
    };
    let shape = c.items[of].meta.shape;
    let lead = full.rank() - shape.rank();
    let along = (0..shape.rank()).all(|a| shape[a] == 1 || a + lead == axis);
    along.then_some(Row::Item(of))
}

/// Writes the items anew, those that stay first.
struct Rewriter<'a> {
    c: &'a mut Collected,
    items: Vec<Item>,
    /// Where each old item went.
    place: Vec<usize>,
}

impl<'a> Rewriter<'a> {
    fn new(c: &'a mut Collected) -> Rewriter<'a> {
        let place = vec![usize::MAX; c.items.len()];
        Rewriter { c, items: vec![], place }
    }

    fn rewrite(mut self, fixed: &[bool], chains: &HashMap<usize, Chain>) {
        let mut inner = vec![false; fixed.len()];
        chains.values().flat_map(|c| &c.inner).for_each(|&i| inner[i] = true);
        // The offset of each chain's end.
        let mut offsets: HashMap<usize, Option<usize>> = HashMap::new();
        let order =
            (0..fixed.len()).filter(|&i| fixed[i]).chain((0..fixed.len()).filter(|&i| !fixed[i]));
        for i in order {
            if let Some(chain) = chains.get(&i) {
                let (factor, offset) = self.affine(chain, i);
                let scaled = self.scaled(chain, i, factor);
                let inputs = self.inputs(i);
                let inputs = (0..inputs.len())
                    .map(|k| if k == chain.into.0 { scaled } else { inputs[k] })
                    .collect();
                self.place[i] =
                    self.add(self.c.items[i].what.clone(), inputs, self.c.items[i].meta, i);
                offsets.insert(chain.last, offset);
                for &inner in &chain.inner {
                    self.place[inner] = self.place[i];
                }
            } else if !inner[i] {
                let inputs = self.inputs(i);
                self.place[i] =
                    self.add(self.c.items[i].what.clone(), inputs, self.c.items[i].meta, i);
            } else if let Some(Some(offset)) = offsets.get(&i) {
                let meta = self.c.items[i].meta;
                let full = self.add(What::View(ViewOp::Expand), vec![*offset], meta, i);
                self.place[i] = self.zip(self.place[i], full, meta, i, |y, t| y + t);
            }
        }
        let Rewriter { c, items, place } = self;
        c.items = items;
        c.outputs.iter_mut().for_each(|o| *o = place[*o]);
        c.updates.iter_mut().for_each(|(_, i)| *i = place[*i]);
        prune(c);
    }

    fn inputs(&self, i: usize) -> Vec<usize> {
        self.c.items[i].inputs.iter().map(|&n| self.place[n]).collect()
    }

    /// A new item; messages speak of the old item `like`.
    fn add(&mut self, what: What, inputs: Vec<usize>, meta: Meta, like: usize) -> usize {
        let node: Node = self.c.items[like].node.clone();
        self.items.push(Item { what, inputs, meta, node });
        self.items.len() - 1
    }

    fn zip(
        &mut self,
        a: usize,
        b: usize,
        meta: Meta,
        like: usize,
        f: impl FnOnce(Sym, Sym) -> Sym,
    ) -> usize {
        let expr = Expr::trace(2, |x| vec![f(x[0], x[1])]);
        self.add(formula(expr), vec![a, b], meta, like)
    }

    /// A row as an item of the given shape, which has 1 everywhere but along one axis.
    fn row(&mut self, row: Row, meta: Meta, like: usize) -> usize {
        let of = match row {
            Row::Constant(value) => return self.add(constant(value), vec![], meta, like),
            Row::Item(of) => of,
        };
        let small = self.c.items[of].meta;
        let shape = if small.shape.len() == 1 {
            Shape::new(&vec![1; meta.shape.rank()])
        } else {
            meta.shape
        };
        let flat = Meta { shape, ..meta };
        let flat_item = self.add(What::View(ViewOp::Reshape), vec![self.place[of]], flat, like);
        if flat == meta {
            return flat_item;
        }
        self.add(What::View(ViewOp::Expand), vec![flat_item], meta, like)
    }

    /// The factor and the offset that a chain amounts to, as rows.
    fn affine(&mut self, chain: &Chain, call: usize) -> (usize, Option<usize>) {
        let Meta { shape, dtype } = self.c.items[call].meta;
        let mut sizes = vec![1; shape.rank()];
        sizes[chain.axis] = shape[chain.axis];
        let meta = Meta { shape: Shape::new(&sizes), dtype };
        let (mut factor, mut offset): (Option<usize>, Option<usize>) = (None, None);
        let one = Row::Constant(1.0);
        let zero = Row::Constant(0.0);
        for (link, &at) in chain.links.iter().zip(&chain.inner) {
            let r = self.row(link.row, meta, at);
            match (link.op, link.flipped) {
                (Op::Mul | Op::Div, _) => {
                    let old = factor.unwrap_or_else(|| self.row(one, meta, at));
                    let times = |a: Sym, b: Sym| if link.op == Op::Mul { a * b } else { a / b };
                    factor = Some(self.zip(old, r, meta, at, times));
                    offset = offset.map(|o| self.zip(o, r, meta, at, times));
                }
                (Op::Sub, true) => {
                    let old = factor.unwrap_or_else(|| self.row(one, meta, at));
                    let negative = self.row(Row::Constant(-1.0), meta, at);
                    factor = Some(self.zip(old, negative, meta, at, |a, b| a * b));
                    let old = offset.unwrap_or_else(|| self.row(zero, meta, at));
                    offset = Some(self.zip(r, old, meta, at, |a, b| a - b));
                }
                (op, _) => {
                    let old = offset.unwrap_or_else(|| self.row(zero, meta, at));
                    let plus = |a: Sym, b: Sym| if op == Op::Sub { a - b } else { a + b };
                    offset = Some(self.zip(old, r, meta, at, plus));
                }
            }
        }
        (factor.expect("a chain has a factor"), offset)
    }

    /// The call's input times the factor.
    fn scaled(&mut self, chain: &Chain, call: usize, factor: usize) -> usize {
        let (input, axis) = chain.into;
        let w = self.c.items[call].inputs[input];
        let meta = self.c.items[w].meta;
        let factors = chain.links.iter().zip(&chain.inner);
        let mut factors = factors.filter(|(l, _)| matches!(l.op, Op::Mul | Op::Div));
        let like = factors.next_back().map_or(call, |(_, &i)| i);
        let mut sizes = vec![1; meta.shape.rank()];
        sizes[axis] = meta.shape[axis];
        let row = Meta { shape: Shape::new(&sizes), ..meta };
        let factor = self.add(What::View(ViewOp::Reshape), vec![factor], row, like);
        let factor = self.add(What::View(ViewOp::Expand), vec![factor], meta, like);
        self.zip(self.place[w], factor, meta, like, |w, s| w * s)
    }
}

/// Drops items that nothing needs any more.
pub(super) fn prune(c: &mut Collected) {
    let mut needed = vec![false; c.items.len()];
    c.outputs.iter().chain(c.updates.iter().map(|(_, i)| i)).for_each(|&i| needed[i] = true);
    for i in (0..c.items.len()).rev() {
        needed[i] |= c.items[i].has_effect();
        if needed[i] {
            c.items[i].inputs.iter().for_each(|&n| needed[n] = true);
        }
    }
    let mut place = vec![usize::MAX; c.items.len()];
    let kept = place.iter_mut().zip(&needed).filter(|(_, n)| **n);
    kept.enumerate().for_each(|(at, (place, _))| *place = at);
    let mut keep = needed.iter();
    c.items.retain(|_| keep.next().is_some_and(|&n| n));
    let new = |i: &mut usize| *i = place[*i];
    c.items.iter_mut().flat_map(|item| &mut item.inputs).for_each(new);
    c.outputs.iter_mut().for_each(new);
    c.updates.iter_mut().for_each(|(_, i)| new(i));
}
