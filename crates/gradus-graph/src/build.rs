//! Making nodes: every function checks shapes and types at the caller's line, and computes nothing.

use crate::mistake::{refuse, sound};
use crate::node::{Kind, Node, Pointwise, ViewOp};
use crate::rule::{Meta, Rule};
use gradus_base::expr::Sym;
use gradus_base::{Buffer, ReduceOp};
use gradus_base::{DType, Error, Expr, Real, Result, Shape};
use std::sync::Arc;

/// Nodes in a row, none computed, past which [`Node::detach`] computes: far more than a model is deep, and few enough to
/// cost no memory worth mentioning.
const LONGEST_WAIT: u32 = 100_000;

/// A node that holds the given elements, dense and row-major.
///
/// # Panics
/// If the buffer is too small for the shape.
#[track_caller]
pub fn data(meta: Meta, buffer: Arc<Buffer>) -> Node {
    assert!(buffer.bytes() >= meta.shape.len() * meta.dtype.size(), "buffer too small");
    let node = Node::new(Kind::Data, vec![], meta.shape, meta.dtype);
    node.set_value(buffer);
    node
}

/// `value` at every element, rounded to the element type: a loop that writes it down and a buffer
/// that holds it agree.
///
/// # Panics
/// If the type does not hold the value ([`DType::number`]).
#[track_caller]
pub fn constant(value: f64, meta: Meta) -> Node {
    let held = match meta.dtype.number(value) {
        Ok(held) => held,
        Err(e) => return refuse(Error { op: "constant".into(), ..e }),
    };
    let expr = Expr::trace(0, |_| vec![Real::constant(held)]);
    let p = Pointwise { name: "constant".into(), expr: Arc::new(expr), vjp: None, constant: None };
    Node::new(Kind::Pointwise(p), vec![], meta.shape, meta.dtype)
}

/// The i-th argument of a program being traced.
#[track_caller]
pub fn input(index: usize, meta: Meta) -> Node {
    Node::new(Kind::Input(index), vec![], meta.shape, meta.dtype)
}

/// The same expression at every element of inputs of one shape.
///
/// # Panics
/// If the shapes differ, or the types have none in common ([`DType::join`]).
#[track_caller]
pub fn pointwise(p: Pointwise, inputs: Vec<Node>, dtype: DType) -> Node {
    let shape = inputs.first().map_or(Shape::SCALAR, Node::shape);
    if let Some(odd) = inputs.iter().find(|n| n.shape() != shape) {
        let what = format!("the shapes differ: {shape} and {}", odd.shape());
        return refuse(Error::shape(p.name, what));
    }
    if compute_type(&inputs, dtype).is_none() {
        let types: Vec<String> = inputs.iter().map(|n| n.dtype().to_string()).collect();
        let what = format!("the element types differ: {}; cast one of them", types.join(", "));
        return refuse(Error::dtype(p.name, what));
    }
    Node::new(Kind::Pointwise(p), inputs, shape, dtype)
}

/// The type a pointwise node is computed in: that of its float or integer inputs and output, which must agree;
/// a cast between integers and floats computes in the float type.
pub(crate) fn compute_type(inputs: &[Node], output: DType) -> Option<DType> {
    let mut compute = None;
    let types = inputs.iter().map(Node::dtype).chain([output]);
    for dtype in types.filter(|&d| d != DType::Bool) {
        compute = match (compute, dtype.compute()) {
            (None, c) => Some(c),
            (Some(a), b) if a == b => Some(a),
            (Some(_), _) if inputs.len() > 1 => return None,
            (Some(a), b) => Some(wider(a, b)),
        };
    }
    Some(compute.unwrap_or(DType::I64))
}

fn wider(a: DType, b: DType) -> DType {
    match (a, b) {
        (DType::F64, _) | (_, DType::F64) => DType::F64,
        (DType::F32, _) | (_, DType::F32) => DType::F32,
        _ => DType::I64,
    }
}

/// The outputs of a kernel op, of which there are `N`.
///
/// # Panics
/// If [`Rule::infer`] refuses the inputs.
#[track_caller]
pub fn call<const N: usize>(rule: Arc<dyn Rule>, inputs: Vec<Node>) -> [Node; N] {
    match call_all(rule, inputs) {
        Ok(outputs) => outputs.try_into().unwrap_or_else(|outputs: Vec<Node>| {
            panic!("the op has {} outputs, expected {N}: {outputs:?}", outputs.len())
        }),
        Err(e) => {
            let node = refuse(e);
            std::array::from_fn(|_| node.clone())
        }
    }
}

/// The outputs of a kernel op.
///
/// # Errors
/// Where the rule's `infer` does, or an input is poisoned.
#[track_caller]
pub fn call_all(rule: Arc<dyn Rule>, inputs: Vec<Node>) -> Result<Vec<Node>> {
    sound(&inputs)?;
    let metas: Vec<Meta> = inputs.iter().map(Node::meta).collect();
    let outputs = rule.infer(&metas)?;
    let (first, count) = (outputs[0], outputs.len());
    let kind = Kind::Call(rule, outputs.clone());
    let node = Node::new(kind, inputs, first.shape, first.dtype);
    if count == 1 {
        return Ok(vec![node]);
    }
    let mut parts = Vec::with_capacity(count);
    for (i, m) in outputs.into_iter().enumerate() {
        parts.push(Node::new(Kind::Part(i), vec![node.clone()], m.shape, m.dtype));
    }
    Ok(parts)
}

/// The only output of a kernel op.
///
/// # Panics
/// As [`call`].
#[track_caller]
pub fn call_one(rule: impl Rule + 'static, inputs: &[&Node]) -> Node {
    let [output] = call(Arc::new(rule), inputs.iter().map(|&n| n.clone()).collect());
    output
}

/// The nodes joined along `axis`.
///
/// # Panics
/// If there are none, the axis is not there, or shapes differ elsewhere or types differ.
#[track_caller]
pub fn concat(nodes: &[Node], axis: usize) -> Node {
    let Some(first) = nodes.first() else {
        return refuse(Error::value("concat", "there is nothing to join"));
    };
    let mut pieces = Vec::with_capacity(nodes.len());
    let mut size = 0usize;
    for n in nodes {
        let fits = n.shape().rank() == first.shape().rank()
            && axis < n.shape().rank()
            && n.shape().with(axis, 0) == first.shape().with(axis, 0);
        if !fits {
            let what =
                format!("{} and {} differ elsewhere than on axis {axis}", first.shape(), n.shape());
            return refuse(Error::shape("concat", what));
        }
        if n.dtype() != first.dtype() {
            let what = format!("the element types differ: {} and {}", first.dtype(), n.dtype());
            return refuse(Error::dtype("concat", what));
        }
        pieces.push((size, 1));
        // Past all there is the shape is refused below.
        size = size.saturating_add(n.shape()[axis]);
    }
    let shape = match resized("concat", first.shape(), axis, size) {
        Ok(shape) => shape,
        Err(e) => return refuse(e),
    };
    Node::new(Kind::Assemble { axis, pieces }, nodes.to_vec(), shape, first.dtype())
}

/// `shape` with `axis` set to `size`.
fn resized(op: &str, shape: Shape, axis: usize, size: usize) -> Result<Shape> {
    shape.try_with(axis, size).map_err(|e| Error::shape(op, e.what))
}

/// Whether `len` places from `start`, every `step`-th, lie on an axis of `size`.
fn lie_inside(size: usize, start: usize, step: isize, len: usize) -> bool {
    let last = || {
        let (start, reach) = (isize::try_from(start).ok()?, isize::try_from(len).ok()? - 1);
        start.checked_add(step.checked_mul(reach)?)
    };
    let inside = |at: isize| usize::try_from(at).is_ok_and(|at| at < size);
    step != 0 && (len == 0 || (start < size && last().is_some_and(inside)))
}

impl Node {
    /// The elements in row-major order under another shape.
    ///
    /// # Panics
    /// If the two shapes have different numbers of elements.
    #[track_caller]
    pub fn reshape(&self, shape: Shape) -> Node {
        if shape == self.shape() {
            return self.clone();
        }
        if shape.len() != self.shape().len() {
            let (a, b) = (self.shape(), shape);
            let what = format!("{a} has {} elements, {b} has {}", a.len(), b.len());
            return refuse(Error::shape("reshape", what));
        }
        Node::new(Kind::View(ViewOp::Reshape), vec![self.clone()], shape, self.dtype())
    }

    /// The axes reordered: axis i of the result is axis `order[i]` of this.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    #[track_caller]
    pub fn permute(&self, order: &[usize]) -> Node {
        let mut seen = order.to_vec();
        seen.sort_unstable();
        if !seen.iter().copied().eq(0..self.shape().rank()) {
            let what = format!("{order:?} does not name every axis of {} once", self.shape());
            return refuse(Error::shape("permute", what));
        }
        if order.iter().copied().eq(0..order.len()) {
            return self.clone();
        }
        let sizes: Vec<usize> = order.iter().map(|&a| self.shape()[a]).collect();
        let kind = Kind::View(ViewOp::Permute(order.to_vec()));
        Node::new(kind, vec![self.clone()], Shape::new(&sizes), self.dtype())
    }

    /// This broadcast to `shape`.
    ///
    /// # Panics
    /// If this shape does not broadcast to it.
    #[track_caller]
    pub fn expand(&self, shape: Shape) -> Node {
        if shape == self.shape() {
            return self.clone();
        }
        if Shape::broadcast(&self.shape(), &shape) != Some(shape) {
            let what = format!("{} does not broadcast to {shape}", self.shape());
            return refuse(Error::shape("expand", what));
        }
        Node::new(Kind::View(ViewOp::Expand), vec![self.clone()], shape, self.dtype())
    }

    /// `len` elements along `axis` from `start`, every `step`-th; a negative step walks backwards.
    ///
    /// # Panics
    /// If that leaves the axis.
    #[track_caller]
    pub fn slice(&self, axis: usize, start: usize, step: isize, len: usize) -> Node {
        let shape = self.shape();
        let inside = |&size: &usize| lie_inside(size, start, step, len);
        if !shape.get(axis).is_some_and(inside) {
            let what = format!(
                "{len} elements from {start} by {step} do not lie on axis {axis} of {shape}"
            );
            return refuse(Error::shape("slice", what));
        }
        if (start, step, len) == (0, 1, shape[axis]) {
            return self.clone();
        }
        let kind = Kind::View(ViewOp::Slice { axis, start, step });
        Node::new(kind, vec![self.clone()], shape.with(axis, len), self.dtype())
    }

    /// Zeros of `size` along `axis`, with this written at every `step`-th place from `start`: it
    /// undoes [`Node::slice`].
    ///
    /// # Panics
    /// If the places leave the axis, or the axis would be longer than a tensor can be.
    #[track_caller]
    pub fn embed(&self, axis: usize, size: usize, start: usize, step: isize) -> Node {
        let old = self.shape();
        let shape = match resized("embed", old, axis, size) {
            Ok(shape) => shape,
            Err(e) => return refuse(e),
        };
        if !lie_inside(size, start, step, old[axis]) {
            let what =
                format!("{old} from {start} by {step} does not lie on axis {axis} of {shape}");
            return refuse(Error::shape("embed", what));
        }
        let kind = Kind::Assemble { axis, pieces: vec![(start, step)] };
        Node::new(kind, vec![self.clone()], shape, self.dtype())
    }

    /// This reduced over `axes`, which are removed.
    ///
    /// # Panics
    /// If an axis is not there or is named twice.
    #[track_caller]
    pub fn reduce(&self, op: ReduceOp, axes: &[usize]) -> Node {
        let mut reduced = vec![false; self.shape().rank()];
        for &a in axes {
            if a >= reduced.len() || std::mem::replace(&mut reduced[a], true) {
                let what = format!("axes {axes:?} of {}", self.shape());
                return refuse(Error::shape(op.name(), what));
            }
        }
        if axes.is_empty() {
            return self.clone();
        }
        let kept: Vec<usize> =
            self.shape().iter().zip(&reduced).filter(|(_, r)| !**r).map(|(&s, _)| s).collect();
        let kind = Kind::Reduce(op, reduced);
        Node::new(kind, vec![self.clone()], Shape::new(&kept), self.dtype())
    }

    /// The same value, through which no gradient flows. If it has been read, this lets go of what
    /// it was made from.
    ///
    /// A running sum that nobody reads must not grow for ever, so past 100,000 nodes in a row the
    /// value is computed here.
    #[track_caller]
    pub fn detach(&self) -> Node {
        if self.value().is_none() && self.depth() > LONGEST_WAIT {
            // An argument of a program has no value yet, and a bad value is for the reader to hear of.
            let _ = crate::run::read(std::slice::from_ref(self), &[]);
        }
        match self.value() {
            Some(value) => data(self.meta(), value.clone()),
            None => Node::new(Kind::Detach, vec![self.clone()], self.shape(), self.dtype()),
        }
    }

    /// A two-input expression of this and another of the same shape and type.
    #[track_caller]
    pub(crate) fn zip(
        &self,
        other: &Node,
        name: &'static str,
        f: impl FnOnce(Sym, Sym) -> Sym,
    ) -> Node {
        let expr = Arc::new(Expr::trace(2, |x| vec![f(x[0], x[1])]));
        let inputs = vec![self.clone(), other.clone()];
        pointwise(
            Pointwise { name: name.into(), expr, vjp: None, constant: None },
            inputs,
            self.dtype(),
        )
    }

    /// The sum over the axes along which `shape` was broadcast to this one: it undoes
    /// [`Node::expand`].
    #[track_caller]
    pub fn sum_to(&self, shape: Shape) -> Node {
        let lead = self.shape().rank() - shape.rank();
        let axes: Vec<usize> = (0..self.shape().rank())
            .filter(|&a| a < lead || (shape[a - lead] == 1 && self.shape()[a] != 1))
            .collect();
        self.reduce(ReduceOp::Sum, &axes).reshape(shape)
    }
}
