//! Names and what they stand for while a model runs: graphs within graphs see the names around them.

use crate::call::{Call, fits};
use crate::{Error, Result, arrays, ops};
use gradus_io::onnx::{Graph, Node, element_number, small_range};
use gradus_tensor::{DType, Tensor, try_build};
use std::collections::HashMap;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A tensor, and the number of its element type in files: 3 for int8, whose elements are held in i32.
    Tensor(Tensor, i64),
    /// Tensors in order.
    Sequence(Vec<Value>),
    /// An optional value that is not there.
    Nothing,
}

impl Value {
    /// A tensor; `element` is what the file says of its type, if that type is held in the tensor's.
    pub(crate) fn new(tensor: Tensor, element: Option<i64>) -> Value {
        let element = element.filter(|&e| arrays::held_in(e) == Some(tensor.dtype()));
        let element = element.unwrap_or_else(|| element_number(tensor.dtype()));
        Value::Tensor(tensor, element)
    }

    pub(crate) fn tensor(&self) -> Result<&Tensor> {
        match self {
            Value::Tensor(tensor, _) => Ok(tensor),
            Value::Sequence(all) => {
                Err(Error::new(format!("a sequence of {}; expected a tensor", all.len())))
            }
            Value::Nothing => Err(Error::new("an optional value that is empty; expected a tensor")),
        }
    }
}

/// The names of a graph, and the graph around it.
pub(crate) struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    values: HashMap<&'a str, Value>,
    /// The version of the operator set.
    pub opset: i64,
    /// Elements that a value may have.
    pub limit: usize,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(opset: i64, limit: usize) -> Scope<'a> {
        Scope { outer: None, values: HashMap::new(), opset, limit }
    }

    pub(crate) fn insert(&mut self, name: &'a str, value: Value) {
        self.values.insert(name, value);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let own = self.values.get(name).cloned();
        own.or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }

    /// The outputs of a graph within this one.
    ///
    /// # Errors
    /// When it takes another number of inputs, or a node of it errs.
    pub(crate) fn within(&self, graph: &Graph, inputs: Vec<Value>) -> Result<Vec<Value>> {
        if inputs.len() != graph.inputs.len() {
            let (found, wanted) = (inputs.len(), graph.inputs.len());
            return Err(Error::new(format!("its graph takes {wanted} inputs, {found} are given")));
        }
        let mut inner = Scope {
            outer: Some(self),
            values: HashMap::new(),
            opset: self.opset,
            limit: self.limit,
        };
        for array in &graph.initializers {
            let element = graph.narrow.get(&array.name).copied();
            inner.insert(&array.name, Value::new(arrays::tensor_of(array)?, element));
        }
        graph.inputs.iter().zip(inputs).for_each(|(v, value)| inner.insert(&v.name, value));
        for node in &graph.nodes {
            inner.node(node)?;
        }
        let output = |name: &str| {
            inner.get(name).ok_or_else(|| Error::new(format!("`{name}` is made by nobody")))
        };
        graph.outputs.iter().map(|v| output(&v.name)).collect()
    }

    /// Computes a node's outputs.
    pub(crate) fn node(&mut self, node: &'a Node) -> Result<()> {
        let made = self.outputs(node).map_err(|error| error.in_node(node))?;
        for (name, value) in node.outputs.iter().zip(made).filter(|(name, _)| !name.is_empty()) {
            self.insert(name, value);
        }
        Ok(())
    }

    fn outputs(&self, node: &Node) -> Result<Vec<Value>> {
        let op = ops::lookup(&node.op).ok_or_else(|| Error::new("is not known"))?;
        let inputs = node.inputs.iter().map(|name| self.get(name)).collect();
        let call = Call::new(node, inputs, self);
        let made = match op {
            ops::Known::Tensors(op) => typed(&call, try_build(|| op(&call))??),
            ops::Known::Values(op) => op(&call)?,
        };
        if made.len() < node.outputs.iter().filter(|name| !name.is_empty()).count() {
            let what = format!("gives {} values, {} are asked for", made.len(), node.outputs.len());
            return Err(Error::new(what));
        }
        for value in &made {
            if let Value::Tensor(tensor, _) = value {
                fits(&tensor.shape(), self.limit)?;
            }
        }
        Ok(made)
    }
}

/// Operators whose results, other than their first input, are of Gradus's own types.
const OWN_TYPES: [&str; 12] = [
    "ArgMax",
    "ArgMin",
    "ConvInteger",
    "DequantizeLinear",
    "MatMulInteger",
    "NonZero",
    "Shape",
    "Size",
    "Cast",
    "BitCast",
    "OneHot",
    "Constant",
];

/// Operators that may leave the range of their type.
const ARITHMETIC: [&str; 16] = [
    "Abs",
    "Add",
    "BitShift",
    "BitwiseNot",
    "CumProd",
    "CumSum",
    "Gemm",
    "MatMul",
    "Mul",
    "Neg",
    "Pow",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Sub",
    "Sum",
];

/// The outputs with their element types: what the operator says, else its first input's if that fits. Integers of few bits wrap
/// around, as in files' own types, so that no number is held that the type does not have.
fn typed(call: &Call<'_>, made: Vec<Tensor>) -> Vec<Value> {
    let op = &*call.node.op;
    let said = call.element();
    let first = match op {
        "Where" => call.element_of(1),
        _ if OWN_TYPES.contains(&op) => None,
        _ => call.element_of(0),
    };
    let element = said.or(first);
    let own = |i: usize| match op {
        // The first output alone has the input's type.
        "TopK" | "Unique" | "MaxPool" if i > 0 => None,
        _ => element,
    };
    let wraps = said.is_none() && ARITHMETIC.contains(&op);
    let value = |(i, tensor): (usize, Tensor)| {
        let value = Value::new(tensor, own(i));
        match value {
            Value::Tensor(tensor, element) if wraps => {
                Value::Tensor(wrapped(tensor, element), element)
            }
            other => other,
        }
    };
    made.into_iter().enumerate().map(value).collect()
}

/// Integers brought into the range of a type of fewer bits than they are held in, as its own arithmetic leaves them there.
pub(crate) fn wrapped(x: Tensor, element: i64) -> Tensor {
    let Some((low, high)) = small_range(element).filter(|_| !x.dtype().is_float()) else {
        return x;
    };
    let count = Tensor::scalar(high - low + 1);
    let low = Tensor::scalar(low);
    let dtype = x.dtype();
    ((x.cast(DType::I64) - &low).remainder(&count) + low).cast(dtype)
}
