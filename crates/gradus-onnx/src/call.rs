//! One use of an operator, as the operator sees it: inputs, settings, and errors that say what was found.

use crate::scope::{Scope, Value};
use crate::{Error, Result, arrays};
use gradus_io::onnx::{AttributeValue, Graph, Node};
use gradus_tensor::Tensor;
use std::cell::Cell;

/// What an operator works with.
pub(crate) struct Call<'a> {
    pub node: &'a Node,
    /// `None` where an input is left out.
    pub inputs: Vec<Option<Value>>,
    /// The version of the operator set.
    pub opset: i64,
    /// Elements that a value may have.
    pub limit: usize,
    scope: &'a Scope<'a>,
    element: Cell<Option<i64>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        node: &'a Node,
        inputs: Vec<Option<Value>>,
        scope: &'a Scope<'a>,
    ) -> Call<'a> {
        let (opset, limit) = (scope.opset, scope.limit);
        Call { node, inputs, opset, limit, scope, element: Cell::new(None) }
    }

    /// Input `i`, which must be there.
    pub(crate) fn input(&self, i: usize) -> Result<&Tensor> {
        match self.inputs.get(i) {
            Some(Some(value)) => {
                value.tensor().map_err(|e| Error::new(format!("input {i} is {}", e.what)))
            }
            _ => Err(Error::new(format!("input {i} is missing"))),
        }
    }

    /// Input `i`, if it is there and a tensor.
    pub(crate) fn optional(&self, i: usize) -> Option<&Tensor> {
        self.inputs.get(i)?.as_ref()?.tensor().ok()
    }

    /// Input `i`, whatever it is.
    pub(crate) fn value(&self, i: usize) -> Result<&Value> {
        let value = self.inputs.get(i).and_then(Option::as_ref);
        value.ok_or_else(|| Error::new(format!("input {i} is missing")))
    }

    /// The number of the element type that input `i` has in files, if it is there and a tensor.
    pub(crate) fn element_of(&self, i: usize) -> Option<i64> {
        match self.inputs.get(i) {
            Some(Some(Value::Tensor(_, element))) => Some(*element),
            _ => None,
        }
    }

    /// Says which element type the outputs have, where it is neither Gradus's own nor that of the first input.
    pub(crate) fn gives(&self, element: i64) {
        self.element.set(Some(element));
    }

    /// What [`Call::gives`] was told.
    pub(crate) fn element(&self) -> Option<i64> {
        self.element.get()
    }

    /// The graph in an attribute.
    pub(crate) fn graph(&self, name: &str) -> Result<&'a Graph> {
        match self.node.attributes.iter().find(|a| a.name == name).map(|a| &a.value) {
            Some(AttributeValue::Graph(graph)) => Ok(graph),
            _ => Err(Error::new(format!("attribute `{name}` is no graph"))),
        }
    }

    /// The outputs of a graph in an attribute.
    pub(crate) fn within(&self, graph: &Graph, inputs: Vec<Value>) -> Result<Vec<Value>> {
        self.scope.within(graph, inputs)
    }

    /// Every input; none may be left out.
    pub(crate) fn all(&self) -> Result<Vec<&Tensor>> {
        (0..self.inputs.len()).map(|i| self.input(i)).collect()
    }

    /// The integers in input `i`, which must not depend on anything that is not there yet. Other numbers than whole ones are refused.
    pub(crate) fn numbers(&self, i: usize) -> Result<Option<Vec<i64>>> {
        let Some(x) = self.optional(i) else { return Ok(None) };
        Ok(Some(x.try_to_vec::<i64>()?))
    }

    /// The one integer in input `i`.
    pub(crate) fn number(&self, i: usize) -> Result<i64> {
        match self.numbers(i)?.as_deref() {
            Some(&[n]) => Ok(n),
            found => Err(Error::new(format!("input {i} is {found:?}; expected one integer"))),
        }
    }

    /// The floats in input `i`.
    pub(crate) fn floats_in(&self, i: usize) -> Result<Option<Vec<f64>>> {
        let Some(x) = self.optional(i) else { return Ok(None) };
        Ok(Some(x.try_to_vec::<f64>()?))
    }

    /// A setting that was an attribute before operator set `since` and is input `i` from there on.
    pub(crate) fn numbers_or(&self, i: usize, since: i64, name: &str) -> Result<Option<Vec<i64>>> {
        if self.opset >= since { self.numbers(i) } else { self.ints(name) }
    }

    /// Whether a value of these sizes may be made; asked before anything is allocated for it.
    pub(crate) fn fits(&self, sizes: &[usize]) -> Result<()> {
        fits(sizes, self.limit)
    }

    fn attribute(&self, name: &str) -> Option<&AttributeValue> {
        self.node.attributes.iter().find(|a| a.name == name).map(|a| &a.value)
    }

    fn wrong(&self, name: &str, expected: &str) -> Error {
        Error::new(format!("attribute `{name}` is not {expected}"))
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64> {
        match self.attribute(name) {
            None => Ok(default),
            Some(AttributeValue::Int(x)) => Ok(*x),
            Some(_) => Err(self.wrong(name, "an integer")),
        }
    }

    /// An integer that may be left out.
    pub(crate) fn int_or_none(&self, name: &str) -> Result<Option<i64>> {
        self.attribute(name).map(|_| self.int(name, 0)).transpose()
    }

    pub(crate) fn float(&self, name: &str, default: f64) -> Result<f64> {
        match self.attribute(name) {
            None => Ok(default),
            Some(AttributeValue::Float(x)) => Ok(f64::from(*x)),
            Some(_) => Err(self.wrong(name, "a float")),
        }
    }

    pub(crate) fn text(&self, name: &str, default: &str) -> Result<String> {
        match self.attribute(name) {
            None => Ok(default.to_owned()),
            Some(AttributeValue::Text(x)) => Ok(x.clone()),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(AttributeValue::Texts(x)) => Ok(Some(x.clone())),
            Some(_) => Err(self.wrong(name, "a list of texts")),
        }
    }

    pub(crate) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(AttributeValue::Ints(x)) => Ok(Some(x.clone())),
            Some(_) => Err(self.wrong(name, "a list of integers")),
        }
    }

    pub(crate) fn floats(&self, name: &str) -> Result<Option<Vec<f32>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(AttributeValue::Floats(x)) => Ok(Some(x.clone())),
            Some(_) => Err(self.wrong(name, "a list of floats")),
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(AttributeValue::Tensor(x)) => Ok(Some(arrays::tensor_of(x)?)),
            Some(AttributeValue::Narrow(x, element)) => {
                self.gives(*element);
                Ok(Some(arrays::tensor_of(x)?))
            }
            Some(_) => Err(self.wrong(name, "a tensor")),
        }
    }

    /// A list of sizes of the axes behind the channels, `default` each if it is not given.
    pub(crate) fn sizes(&self, name: &str, axes: usize, default: usize) -> Result<Vec<usize>> {
        let Some(found) = self.ints(name)? else { return Ok(vec![default; axes]) };
        let sizes: Result<Vec<usize>> = found.iter().map(|&n| size_of(n)).collect();
        match sizes {
            Ok(sizes) if sizes.len() == axes => Ok(sizes),
            _ => Err(Error::new(format!("{name} {found:?}; expected {axes} sizes"))),
        }
    }
}

/// An axis counted from 0.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    let found = usize::try_from(counted).ok().filter(|&a| a < rank);
    found.ok_or_else(|| Error::new(format!("axis {axis} of {rank} axes")))
}

/// A size that a file gives; products of two stay in range.
pub(crate) fn size_of(size: i64) -> Result<usize> {
    let found = u32::try_from(size).ok().filter(|&n| n <= i32::MAX as u32);
    let wrong = || Error::new(format!("size {size}; expected 0 to {}", i32::MAX));
    found.map(|n| n as usize).ok_or_else(wrong)
}

/// Refuses sizes whose product, sizes of 0 left out, is beyond `limit`.
pub(crate) fn fits(sizes: &[usize], limit: usize) -> Result<()> {
    let elements = sizes.iter().filter(|&&n| n > 0).try_fold(1usize, |all, &n| all.checked_mul(n));
    match elements {
        Some(n) if n <= limit => Ok(()),
        _ => {
            let gigabytes = elements.map_or(0.0, |n| n as f64 * 4e-9);
            let takes = match gigabytes {
                0.1.. => format!(", of f32 it would take {gigabytes:.1} GB"),
                _ => String::new(),
            };
            let what = format!("a value of sizes {sizes:?} has more than {limit} elements{takes}");
            Err(Error::new(what))
        }
    }
}
