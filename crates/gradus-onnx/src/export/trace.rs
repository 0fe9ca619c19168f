//! What a network computes, and which of its sizes grow with the batch: it is built for two batch sizes and the two graphs are
//! compared, node by node. Building computes nothing.

use crate::{Error, Result};
use gradus_base::{Expr, Shape};
use gradus_graph::{Kind, Node, ViewOp, input};
use gradus_nn::Spec;
use gradus_tensor::{Tensor, try_build};
use std::collections::{HashMap, HashSet};

/// The size of an axis in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// Always the same.
    Fixed(usize),
    /// So many times the batch's size.
    Batches(usize),
}

/// A network's nodes.
pub(crate) struct Trace {
    pub outputs: Vec<Node>,
    /// Those that the outputs need, in order of making.
    pub nodes: Vec<Node>,
    batches: [usize; 2],
    /// Each node's shape in the second graph.
    twins: HashMap<u64, Shape>,
    /// What depends on an input.
    varying: HashSet<u64>,
    readers: HashMap<u64, usize>,
}

/// Builds a network of its inputs.
pub(crate) type Build<'a> = &'a dyn Fn(&[Tensor]) -> Vec<Tensor>;

impl Trace {
    /// The graph for samples like these, in batches of any size or of a given one.
    pub(crate) fn new(samples: &[Spec], batch: Option<usize>, build: Build<'_>) -> Result<Trace> {
        let batches = batch.map_or([2, 3], |batch| [batch; 2]);
        let first = outputs(samples, batches[0], build).map_err(|e| match batch {
            Some(_) => e,
            None => fixed(&format!("it cannot be built for a batch of {}\n{e}", batches[0])),
        })?;
        let twins = match batch {
            Some(_) => first.iter().map(seen).collect(),
            None => outputs(samples, batches[1], build)
                .map_err(|e| fixed(&format!("for a batch of 2 it is built, for 3 not\n{e}")))?,
        };
        if first.len() != twins.len() {
            return Err(fixed("it has more outputs for some batches than for others"));
        }
        let (mut nodes, twins) = compare(&first, &twins)?;
        nodes.sort_unstable_by_key(Node::id);
        let (mut varying, mut readers) = (HashSet::new(), HashMap::new());
        first.iter().for_each(|n| *readers.entry(n.id()).or_default() += 1);
        for node in &nodes {
            let inputs: Vec<u64> = inputs(node).iter().map(Node::id).collect();
            if matches!(node.kind(), Kind::Input(_)) || inputs.iter().any(|i| varying.contains(i)) {
                varying.insert(node.id());
            }
            inputs.iter().for_each(|&i| *readers.entry(i).or_default() += 1);
        }
        let trace = Trace { outputs: first, nodes, batches, twins, varying, readers };
        trace.nodes.iter().try_for_each(|n| trace.sizes(n).map(drop))?;
        Ok(trace)
    }

    /// A node's sizes.
    pub(crate) fn sizes(&self, node: &Node) -> Result<Vec<Extent>> {
        let shape = node.shape();
        let twin = self.twins.get(&node.id()).unwrap_or(&shape);
        let [b, c] = self.batches;
        let extent = |(&s, &t): (&usize, &usize)| match () {
            () if s == t => Ok(Extent::Fixed(s)),
            () if s * c == t * b && s.is_multiple_of(b) => Ok(Extent::Batches(s / b)),
            () => {
                Err(made_by(node, fixed(&format!("is {shape} for a batch of {b}, {twin} for {c}"))))
            }
        };
        shape.iter().zip(twin.iter()).map(extent).collect()
    }

    /// Whether the value depends on an input of the network.
    pub(crate) fn varies(&self, node: &Node) -> bool {
        self.varying.contains(&node.id())
    }

    /// Whether only one node reads the value.
    pub(crate) fn read_once(&self, node: &Node) -> bool {
        self.readers.get(&node.id()) == Some(&1)
    }
}

/// The node behind those that only stop gradients.
pub(crate) fn seen(node: &Node) -> Node {
    let mut node = node.clone();
    while let (Kind::Detach, None) = (node.kind(), node.value()) {
        node = node.inputs()[0].clone();
    }
    node
}

/// What a node is made of; nothing, if it is computed already.
pub(crate) fn inputs(node: &Node) -> Vec<Node> {
    match node.value() {
        Some(_) => vec![],
        None => node.inputs().iter().map(seen).collect(),
    }
}

/// The node behind repetitions, which operators do by themselves.
pub(crate) fn unexpanded(node: &Node) -> Node {
    behind(node, |view| *view == ViewOp::Expand)
}

/// The node behind views of some kinds.
pub(crate) fn behind(node: &Node, through: impl Fn(&ViewOp) -> bool) -> Node {
    let mut node = seen(node);
    while let (Kind::View(view), None) = (node.kind(), node.value()) {
        if !through(view) {
            break;
        }
        node = seen(&node.inputs()[0]);
    }
    node
}

/// The number that a node is everywhere, if it is written down as one.
pub(crate) fn constant(node: &Node) -> Option<f64> {
    match node.kind() {
        Kind::Pointwise(p) if p.expr.inputs() == 0 && node.value().is_none() => {
            p.expr.as_constant()
        }
        _ => None,
    }
}

/// The error with the node it is about: its op, line and layer.
pub(crate) fn made_by(node: &Node, error: Error) -> Error {
    let layer = node.scope().map_or(String::new(), |s| format!(", in layer {s}"));
    let name = format!("{} (made at {}{layer})", node.name(), node.place());
    Error { node: error.node.or(Some(name)), ..error }
}

fn fixed(what: &str) -> Error {
    let remedy = "it can be exported for one batch size, which must then be given";
    Error::new(format!("the network does not take batches of any size: {what}\n  {remedy}"))
}

fn outputs(samples: &[Spec], batch: usize, build: Build<'_>) -> Result<Vec<Node>> {
    let built = try_build(|| {
        let arg = |(i, s): (usize, &Spec)| Tensor::from_node(input(i, s.batch(batch)));
        build(&samples.iter().enumerate().map(arg).collect::<Vec<_>>())
    });
    Ok(built?.iter().map(|t| seen(t.node())).collect())
}

/// The nodes of the first graph, each with the shape of its twin.
fn compare(first: &[Node], second: &[Node]) -> Result<(Vec<Node>, HashMap<u64, Shape>)> {
    let (mut nodes, mut twins) = (vec![], HashMap::new());
    let pair = |(a, b): (&Node, &Node)| (a.clone(), b.clone());
    let mut open: Vec<(Node, Node)> = first.iter().zip(second).map(pair).collect();
    while let Some((a, b)) = open.pop() {
        if twins.contains_key(&a.id()) {
            continue;
        }
        if !alike(&a, &b) {
            return Err(made_by(&a, fixed("is made in another way for another batch size")));
        }
        open.extend(inputs(&a).iter().zip(&inputs(&b)).map(pair));
        twins.insert(a.id(), b.shape());
        nodes.push(a);
    }
    Ok((nodes, twins))
}

fn alike(a: &Node, b: &Node) -> bool {
    if a.id() == b.id() {
        return true;
    }
    if let (Some(x), Some(y)) = (a.value(), b.value()) {
        return a.meta() == b.meta() && x.as_bytes() == y.as_bytes();
    }
    let same = |p: &Expr, q: &Expr| p == q;
    let kinds = match (a.kind(), b.kind()) {
        (Kind::Input(i), Kind::Input(j)) | (Kind::Part(i), Kind::Part(j)) => i == j,
        (Kind::Variable(v), Kind::Variable(w)) => v == w,
        (Kind::Pointwise(p), Kind::Pointwise(q)) => same(&p.expr, &q.expr),
        (Kind::View(v), Kind::View(w)) => v == w,
        (Kind::Assemble { axis: x, .. }, Kind::Assemble { axis: y, .. }) => x == y,
        (Kind::Reduce(f, x), Kind::Reduce(g, y)) => f == g && x == y,
        (Kind::Call(r, _), Kind::Call(s, _)) => {
            r.name() == s.name() && r.settings() == s.settings()
        }
        _ => false,
    };
    kinds
        && a.dtype() == b.dtype()
        && a.shape().rank() == b.shape().rank()
        && a.inputs().len() == b.inputs().len()
        && a.value().is_some() == b.value().is_some()
}

/// A value that is the same for all inputs and varies along one axis of `shape` only, as a vector; a variable as it is.
pub(crate) fn row(trace: &Trace, node: &Node, shape: Shape, axis: usize) -> Option<Node> {
    let node = unexpanded(node);
    let len = shape[axis];
    let own = (axis + node.shape().rank()).checked_sub(shape.rank())?;
    if trace.varies(&node) || node.shape().len() != len || node.shape()[own] != len {
        return None;
    }
    let flat = Shape::from([len]);
    let source = behind(&node, |view| *view == ViewOp::Reshape);
    Some(if source.shape() == flat { source } else { source.reshape(flat) })
}
