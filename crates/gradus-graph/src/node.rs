//! `Node`: a cheap, immutable handle on a value of the graph, and what kinds of value there are.

use crate::rule::{Meta, Rule};
use crate::scope::scope_path;
use crate::variable::Variable;
use gradus_base::{Buffer, ReduceOp};
use gradus_base::{DType, Error, Expr, Place, Shape};
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A value of the graph, perhaps not computed yet. Cloning copies a pointer.
#[derive(Clone)]
pub struct Node(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    id: u64,
    kind: Kind,
    inputs: Vec<Node>,
    meta: Meta,
    at: Place,
    scope: Option<Arc<str>>,
    /// The longest way down through nodes that were not computed when this one was made.
    depth: u32,
    /// The computed elements, dense, once somebody read them.
    value: OnceLock<Arc<Buffer>>,
}

/// How a value is made.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Given elements.
    Data,
    /// The i-th argument of a program.
    Input(usize),
    /// A variable as it was when the node was made.
    Variable(Variable),
    /// The same scalar expression at every element.
    Pointwise(Pointwise),
    /// The same elements seen differently.
    View(ViewOp),
    /// Zeros, with each input written along `axis` at every `step`-th place from `start`: a
    /// concatenation, or what undoes a slice.
    Assemble {
        /// The axis.
        axis: usize,
        /// One (start, step) per input.
        pieces: Vec<(usize, isize)>,
    },
    /// A reduction over the marked axes, which are removed.
    Reduce(ReduceOp, Vec<bool>),
    /// A kernel op. With several outputs the node itself has no value; its [`Kind::Part`]s do.
    Call(Arc<dyn Rule>, Vec<Meta>),
    /// One output of a call.
    Part(usize),
    /// The input, with no gradient.
    Detach,
    /// None: the mistake that was made instead. What is made of it is poisoned too.
    Poisoned(Arc<Error>),
}

/// A named scalar expression, perhaps with a gradient of its own.
#[derive(Clone, Debug)]
pub struct Pointwise {
    /// The op's name, for messages.
    pub name: Cow<'static, str>,
    /// The expression, one output.
    pub expr: Arc<Expr>,
    /// The gradient, from inputs x…, y, dy to one output per x. Without it the expression is
    /// differentiated.
    pub vjp: Option<Arc<Expr>>,
    /// Why the op has no gradient, if it has none.
    pub constant: Option<&'static str>,
}

/// A way to see the same elements differently.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ViewOp {
    /// The elements in row-major order under another shape.
    Reshape,
    /// Axes reordered: axis i of the result is axis `order[i]` of the input.
    Permute(Vec<usize>),
    /// Repeated along axes of size 1 and along new leading axes.
    Expand,
    /// Along `axis` from `start`, every `step`-th element.
    Slice {
        /// The axis.
        axis: usize,
        /// The first element.
        start: usize,
        /// The distance, not 0; negative walks backwards.
        step: isize,
    },
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Node {
    #[track_caller]
    pub(crate) fn new(kind: Kind, inputs: Vec<Node>, shape: Shape, dtype: DType) -> Node {
        let at = crate::scope::told_by(Location::caller().into());
        Node::made(kind, inputs, Meta { shape, dtype }, at, scope_path())
    }

    /// The same made of other inputs of the same shapes and types: a node of its own, of the same line and layer.
    pub(crate) fn with_inputs(&self, inputs: Vec<Node>) -> Node {
        let (at, scope) = (self.0.at.clone(), self.0.scope.clone());
        Node::made(self.kind().clone(), inputs, self.meta(), at, scope)
    }

    fn made(kind: Kind, inputs: Vec<Node>, meta: Meta, at: Place, scope: Option<Arc<str>>) -> Node {
        if let Some(mistake) = inputs.iter().find_map(Node::mistake) {
            crate::mistake::noticed(mistake);
            return Node::poisoned(mistake.clone());
        }
        let waiting = inputs.iter().filter(|n| n.value().is_none());
        let depth = waiting.map(|n| n.0.depth).max().unwrap_or(0).saturating_add(1);
        Node(Arc::new(Inner {
            depth,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            kind,
            inputs,
            meta,
            at,
            scope,
            value: OnceLock::new(),
        }))
    }

    /// A number that grows with the order of making: that of an input is smaller.
    pub fn id(&self) -> u64 {
        self.0.id
    }
    /// How the value is made.
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }
    /// The values it is made of.
    pub fn inputs(&self) -> &[Node] {
        &self.0.inputs
    }
    /// The shape.
    pub fn shape(&self) -> Shape {
        self.meta().shape
    }
    /// The element type.
    pub fn dtype(&self) -> DType {
        self.meta().dtype
    }
    /// Shape and element type.
    pub fn meta(&self) -> Meta {
        if let Kind::Poisoned(mistake) = &self.0.kind {
            crate::mistake::noticed(mistake);
        }
        self.0.meta
    }
    /// The longest way down through nodes that were not computed when this one was made.
    pub(crate) fn depth(&self) -> u32 {
        self.0.depth
    }
    /// Where in the user's program it was made.
    pub fn place(&self) -> &Place {
        &self.0.at
    }
    /// The layer it was made in.
    pub fn scope(&self) -> Option<&Arc<str>> {
        self.0.scope.as_ref()
    }
    /// The computed elements, dense and row-major, if somebody read them already.
    pub fn value(&self) -> Option<&Arc<Buffer>> {
        self.0.value.get()
    }
    /// The computed elements, for writing. `None` if anybody else holds this node or its elements,
    /// for whom no value may change.
    pub fn value_mut(&mut self) -> Option<&mut Buffer> {
        Arc::get_mut(Arc::get_mut(&mut self.0)?.value.get_mut()?)
    }
    /// Keeps the computed elements. The first to do so wins.
    pub(crate) fn set_value(&self, buffer: Arc<Buffer>) {
        debug_assert!(buffer.bytes() >= self.shape().len() * self.dtype().size());
        let _ = self.0.value.set(buffer);
    }
    /// The op's name, as users write it.
    pub fn name(&self) -> &str {
        match self.kind() {
            Kind::Data => "data",
            Kind::Input(_) => "input",
            Kind::Variable(_) => "variable",
            Kind::Pointwise(p) => &p.name,
            Kind::View(ViewOp::Reshape) => "reshape",
            Kind::View(ViewOp::Permute(_)) => "permute",
            Kind::View(ViewOp::Expand) => "expand",
            Kind::View(ViewOp::Slice { .. }) => "slice",
            Kind::Assemble { pieces, .. } if pieces.len() > 1 => "concat",
            Kind::Assemble { .. } => "embed",
            Kind::Reduce(op, _) => op.name(),
            Kind::Call(rule, _) => rule.name(),
            Kind::Part(_) => self.inputs()[0].name(),
            Kind::Detach => "stop_gradient",
            Kind::Poisoned(mistake) => &mistake.op,
        }
    }
}

impl Drop for Inner {
    /// A long chain is taken apart in a loop, not by recursion.
    fn drop(&mut self) {
        let mut stack = std::mem::take(&mut self.inputs);
        while let Some(node) = stack.pop() {
            if let Some(mut inner) = Arc::into_inner(node.0) {
                stack.append(&mut inner.inputs);
            }
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name(), self.dtype(), self.shape())
    }
}
