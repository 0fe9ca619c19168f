//! Gradients are graph: from the loss backwards, every node's rule appends nodes. So a gradient can
//! be differentiated again.

use crate::build::{constant, pointwise};
use crate::mistake::{refuse, sound};
use crate::node::{Kind, Node, Pointwise, ViewOp};
use crate::rule::{Backward, Meta, not_differentiable};
use gradus_base::ReduceOp;
use gradus_base::expr::Sym;
use gradus_base::{Error, Expr, Place, Real, Result, Shape};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The gradients of the sum of `y · dy` over all elements with respect to each of `xs`, `None`
/// where `y` does not depend on it. A variable stands for all of its nodes.
///
/// # Errors
/// When an op on the way has no gradient, which the error names, or `y` and `dy` are not of one
/// shape and float type.
#[track_caller]
pub fn gradients(y: &Node, dy: &Node, xs: &[Node]) -> Result<Vec<Option<Node>>> {
    gradients_of(&[(y.clone(), dy.clone())], xs)
}

/// As [`gradients`], of the sum over several pairs (y, dy): what the ys share is walked once.
///
/// # Errors
/// As [`gradients`].
#[track_caller]
pub fn gradients_of(ys: &[(Node, Node)], xs: &[Node]) -> Result<Vec<Option<Node>>> {
    gradients_by(ys, xs, &|_, _| None)
}

/// As [`gradients_of`], but where `rule` gives a node for a function of one value and the gradient
/// of what it gave, that is the gradient of the value.
///
/// # Errors
/// As [`gradients`], and when what the rule gives is of another shape or type than the value.
#[track_caller]
pub fn gradients_by(
    ys: &[(Node, Node)],
    xs: &[Node],
    rule: &dyn Fn(&Node, &Node) -> Option<Node>,
) -> Result<Vec<Option<Node>>> {
    sound(ys.iter().flat_map(|(y, dy)| [y, dy]).chain(xs))?;
    if let Some((y, dy)) = ys.iter().find(|(y, dy)| y.meta() != dy.meta() || !y.dtype().is_float())
    {
        let what =
            format!("y is {}, its gradient {}; both must be one float type", y.meta(), dy.meta());
        return Err(Error::shape("grad", what).at(Place::here()));
    }
    let targets = Targets::new(xs);
    let order = relevant(ys, &targets);
    let mut found = vec![None; xs.len()];
    let mut pending: BTreeMap<u64, Vec<Option<Node>>> = BTreeMap::new();
    for (y, dy) in ys.iter().filter(|(y, _)| order.contains_key(&y.id())) {
        add_to(&mut pending.entry(y.id()).or_insert_with(|| vec![None])[0], dy.clone());
    }
    while let Some((id, dys)) = pending.pop_last() {
        let node = &order[&id];
        if let Some(slots) = targets.slots(node) {
            let d = dys[0].clone().expect("a pending node has a gradient");
            for &slot in slots {
                add_to(&mut found[slot], d.clone());
            }
            if matches!(node.kind(), Kind::Variable(_) | Kind::Data | Kind::Input(_)) {
                continue;
            }
        }
        let at = |e: Error| e.at(node.place().clone()).in_scope(node.scope().map(|s| &**s));
        if let Kind::Part(i) = node.kind() {
            let call = &node.inputs()[0];
            let Kind::Call(_, metas) = call.kind() else { unreachable!("a part of a call") };
            if !order.contains_key(&call.id()) {
                continue; // the part itself is asked about, nothing that it was made from
            }
            let slots = pending.entry(call.id()).or_insert_with(|| vec![None; metas.len()]);
            // Two nodes may stand for one part: the op's own gradient reads its outputs through nodes of its own.
            add_to(&mut slots[*i], dys[0].clone().expect("a pending node has a gradient"));
            continue;
        }
        let wanted: Vec<bool> = node.inputs().iter().map(|n| order.contains_key(&n.id())).collect();
        if !wanted.contains(&true) {
            continue; // x itself: what it was made from is not asked about
        }
        let found_by = || match ruled(node, &dys, rule)? {
            Some(dx) => Ok(vec![Some(dx)]),
            None => backward(node, &dys, &wanted),
        };
        let dxs = crate::scope::scope_at(node, found_by).map_err(at)?;
        for ((input, dx), wanted) in node.inputs().iter().zip(dxs).zip(wanted) {
            if let (Some(dx), true) = (dx, wanted) {
                sound([&dx])?;
                debug_assert_eq!(dx.meta(), input.meta(), "gradient of {}", node.name());
                add_to(&mut pending.entry(input.id()).or_insert_with(|| vec![None])[0], dx);
            }
        }
    }
    Ok(found)
}

/// The gradients of a one-element `y` with respect to each of `xs`.
///
/// # Panics
/// If `y` has not exactly one element or is not a float, does not depend on an `x`, or an op on the
/// way has no gradient.
#[track_caller]
pub fn grad(y: &Node, xs: &[Node]) -> Vec<Node> {
    match each_gradient(y, xs) {
        Ok(found) => found,
        Err(e) => vec![refuse(e); xs.len()],
    }
}

#[track_caller]
fn each_gradient(y: &Node, xs: &[Node]) -> Result<Vec<Node>> {
    if y.shape().len() != 1 {
        let what = format!(
            "y has shape {}; a gradient starts at one number: take its sum or mean",
            y.shape()
        );
        return Err(Error::shape("grad", what));
    }
    let found = gradients(y, &constant(1.0, y.meta()).reshape(y.shape()), xs)?;
    let one = |(i, d): (usize, Option<Node>)| {
        d.ok_or_else(|| {
            let what = format!("y does not depend on x{i}, {:?}", xs[i]);
            Error::new(gradus_base::Kind::Gradient, "grad", what)
        })
    };
    found.into_iter().enumerate().map(one).collect()
}

/// The gradients of an op that is a composition of others; those of one that is none err by its name.
pub(crate) fn through(
    b: &Backward<'_>,
    name: &str,
    expand: impl FnOnce(&[Node]) -> Option<Vec<Node>>,
) -> Result<Vec<Option<Node>>> {
    // Stand-ins: nodes of their own, so that the gradient of one input does not flow on into another.
    let stand_ins: Vec<Node> = b.inputs.iter().map(stand_in).collect();
    let inputs: Vec<Node> =
        stand_ins.iter().zip(b.inputs).map(|(s, x)| s.reshape(x.shape())).collect();
    let outputs = expand(&inputs).ok_or_else(|| not_differentiable(name, "none is known"))?;
    let pair = |(y, dy): (Node, &Option<Node>)| Some((y, dy.clone()?));
    let pairs: Vec<(Node, Node)> = outputs.into_iter().zip(b.dys).filter_map(pair).collect();
    let total = gradients_of(&pairs, &stand_ins)?;
    let shaped = |(d, x): (Option<Node>, &Node)| d.map(|d| d.reshape(x.shape()));
    Ok(total.into_iter().zip(b.inputs).map(shaped).collect())
}

/// The same elements in a row: a node of its own, whatever the shape.
fn stand_in(x: &Node) -> Node {
    let len = x.shape().len();
    // Of another rank: a reshape to the same shape would be the node itself.
    x.reshape(if x.shape().rank() == 1 { Shape::from([len, 1]) } else { Shape::from([len]) })
}

/// Which nodes gradients are wanted for, and where they go.
struct Targets {
    nodes: HashMap<u64, Vec<usize>>,
    variables: HashMap<u64, Vec<usize>>,
}

impl Targets {
    fn new(xs: &[Node]) -> Targets {
        let mut t = Targets { nodes: HashMap::new(), variables: HashMap::new() };
        for (slot, x) in xs.iter().enumerate() {
            match x.kind() {
                Kind::Variable(v) => t.variables.entry(v.id()).or_default().push(slot),
                _ => t.nodes.entry(x.id()).or_default().push(slot),
            }
        }
        t
    }
    fn slots(&self, node: &Node) -> Option<&Vec<usize>> {
        match node.kind() {
            Kind::Variable(v) => self.variables.get(&v.id()),
            _ => self.nodes.get(&node.id()),
        }
    }
}

/// The nodes between the ys and the targets: those a gradient flows through.
fn relevant(ys: &[(Node, Node)], targets: &Targets) -> BTreeMap<u64, Node> {
    let mut all = BTreeMap::new();
    let mut stack: Vec<Node> = ys.iter().map(|(y, _)| y.clone()).collect();
    while let Some(node) = stack.pop() {
        if all.contains_key(&node.id()) || matches!(node.kind(), Kind::Detach) {
            continue;
        }
        stack.extend(node.inputs().iter().cloned());
        all.insert(node.id(), node);
    }
    let mut order: BTreeMap<u64, Node> = BTreeMap::new();
    for (id, node) in all {
        let on_the_way = targets.slots(&node).is_some()
            || node.inputs().iter().any(|n| order.contains_key(&n.id()));
        let carrier = matches!(node.kind(), Kind::Call(_, outs) if outs.len() > 1);
        if on_the_way && (node.dtype().is_float() || carrier) {
            order.insert(id, node);
        }
    }
    order
}

#[track_caller]
fn add_to(slot: &mut Option<Node>, d: Node) {
    *slot = Some(match slot.take() {
        Some(sum) => sum.zip(&d, "add", |a, b| a + b),
        None => d,
    });
}

/// What a rule gives for a function of one value.
fn ruled(
    node: &Node,
    dys: &[Option<Node>],
    rule: &dyn Fn(&Node, &Node) -> Option<Node>,
) -> Result<Option<Node>> {
    let (Kind::Pointwise(_), [x], [Some(dy)]) = (node.kind(), node.inputs(), dys) else {
        return Ok(None);
    };
    let dx = rule(node, dy);
    match &dx {
        Some(dx) if dx.meta() != x.meta() => {
            let what = format!("a rule gave {} for the gradient of {}", dx.meta(), x.meta());
            Err(Error::shape(node.name(), what))
        }
        _ => Ok(dx),
    }
}

/// The gradients of a node's inputs.
fn backward(node: &Node, dys: &[Option<Node>], wanted: &[bool]) -> Result<Vec<Option<Node>>> {
    let inputs = node.inputs();
    if let Kind::Call(rule, metas) = node.kind() {
        let part =
            |(i, m): (usize, &Meta)| Node::new(Kind::Part(i), vec![node.clone()], m.shape, m.dtype);
        let outputs = match metas.len() {
            1 => vec![node.clone()],
            _ => metas.iter().enumerate().map(part).collect(),
        };
        return rule.grad(&Backward { inputs, outputs: &outputs, dys, wanted });
    }
    let dy = dys[0].as_ref().expect("a pending node has a gradient");
    Ok(match node.kind() {
        Kind::Pointwise(p) => pointwise_backward(p, node, dy, wanted)?,
        Kind::View(ViewOp::Reshape) => vec![Some(dy.reshape(inputs[0].shape()))],
        Kind::View(ViewOp::Permute(order)) => {
            let mut inverse = vec![0; order.len()];
            for (i, &a) in order.iter().enumerate() {
                inverse[a] = i;
            }
            vec![Some(dy.permute(&inverse))]
        }
        Kind::View(ViewOp::Expand) => vec![Some(dy.sum_to(inputs[0].shape()))],
        Kind::View(ViewOp::Slice { axis, start, step }) => {
            vec![Some(dy.embed(*axis, inputs[0].shape()[*axis], *start, *step))]
        }
        Kind::Assemble { axis, pieces } => inputs
            .iter()
            .zip(pieces)
            .map(|(x, &(start, step))| Some(dy.slice(*axis, start, step, x.shape()[*axis])))
            .collect(),
        Kind::Reduce(op, reduced) => vec![Some(reduce_backward(*op, reduced, node, dy)?)],
        Kind::Detach | Kind::Data | Kind::Input(_) | Kind::Variable(_) => vec![],
        Kind::Part(_) | Kind::Call(..) => unreachable!("handled by the caller"),
        Kind::Poisoned(mistake) => return Err(Error::clone(mistake)),
    })
}

/// Each wanted input's gradient is one pointwise node of x…, y, dy, reading only what it needs.
fn pointwise_backward(
    p: &Pointwise,
    y: &Node,
    dy: &Node,
    wanted: &[bool],
) -> Result<Vec<Option<Node>>> {
    if let Some(why) = p.constant {
        return Err(not_differentiable(&p.name, why));
    }
    let xs = y.inputs();
    let (vjp, mut args): (Arc<Expr>, Vec<Node>) = match &p.vjp {
        Some(vjp) => (vjp.clone(), xs.iter().chain([y]).cloned().collect()),
        None => (Arc::new(p.expr.vjp()), xs.to_vec()),
    };
    args.push(dy.clone());
    let one = |(i, x): (usize, &Node)| {
        (wanted[i] && x.dtype().is_float()).then(|| pick(p.name.clone(), &vjp, i, &args, x))
    };
    Ok(xs.iter().enumerate().map(one).collect())
}

/// Output `i` of an expression as a node of its own, with only the inputs it reads.
#[track_caller]
fn pick(name: Cow<'static, str>, expr: &Expr, i: usize, args: &[Node], like: &Node) -> Node {
    let one = Expr::trace(expr.inputs(), |x| vec![expr.replay(x)[i]]);
    if let Some(n) = one.as_input().filter(|&n| args[n].meta() == like.meta()) {
        return args[n].clone();
    }
    if let Some(c) = one.as_constant() {
        return constant(c, like.meta());
    }
    let used: Vec<usize> = (0..expr.inputs()).filter(|&i| one.reads(i)).collect();
    let narrow = Expr::trace(used.len(), |x| {
        let mut all = vec![Sym::constant(0.0); expr.inputs()];
        for (&i, &x) in used.iter().zip(x) {
            all[i] = x;
        }
        one.replay(&all)
    });
    let p = Pointwise { name, expr: Arc::new(narrow), vjp: None, constant: None };
    pointwise(p, used.iter().map(|&i| args[i].clone()).collect(), like.dtype())
}

fn reduce_backward(op: ReduceOp, reduced: &[bool], y: &Node, dy: &Node) -> Result<Node> {
    let x = &y.inputs()[0];
    let kept: Vec<usize> =
        x.shape().iter().zip(reduced).map(|(&s, &r)| if r { 1 } else { s }).collect();
    let back = |n: &Node| n.reshape(kept.as_slice().into()).expand(x.shape());
    let axes: Vec<usize> = (0..reduced.len()).filter(|&a| reduced[a]).collect();
    Ok(match op {
        ReduceOp::Sum => back(dy),
        // Ties share the gradient evenly.
        ReduceOp::Min | ReduceOp::Max => {
            let hit = x.zip(&back(y), "eq", |a, b| Sym::from_mask(a.eq(b)));
            let count = hit.reduce(ReduceOp::Sum, &axes);
            hit.zip(&back(&dy.zip(&count, "div", |d, n| d / n)), "mul", |h, d| h * d)
        }
        ReduceOp::Prod => {
            return Err(not_differentiable("prod", "use Tensor::prod, which has one"));
        }
    })
}
