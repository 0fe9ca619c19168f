//! A model, checked and ready to run.

use crate::scope::{Scope, Value};
use crate::{Error, Result, arrays, check};
use gradus_io::onnx::{Model, ValueInfo, read_model};
use gradus_tensor::{Tensor, update};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Elements that a value may have unless [`Network::limited_to`] says otherwise: four gigabytes of f32. Two such values
/// multiplied in every way there is still have a countable number of elements.
const LIMIT: usize = (1 << 30) - 1;

/// An ONNX model that can run.
#[derive(Debug)]
pub struct Network {
    model: Model,
    weights: HashMap<String, Value>,
    opset: i64,
    limit: usize,
    /// For each node, the values that nobody reads after it.
    last: Vec<Vec<String>>,
}

impl Network {
    /// Reads a model file.
    ///
    /// # Errors
    /// When the file cannot be read or breaks the format, and where [`Network::new`] errs.
    pub fn read(path: &Path) -> Result<Network> {
        let in_file = |error: Error| Error { file: Some(path.to_owned()), ..error };
        Network::new(read_model(path)?).map_err(in_file)
    }

    /// Checks a model.
    ///
    /// # Errors
    /// When it is written for an operator set that is not known, uses operators that are not (all are named), reads a value
    /// before it is made, as in a cycle, or makes one twice.
    pub fn new(model: Model) -> Result<Network> {
        let opset = check::opset(&model)?;
        check::operators(&model, opset)?;
        check::order(&model.graph, &HashSet::new())?;
        let mut weights = HashMap::new();
        for array in &model.graph.initializers {
            let element = model.graph.narrow.get(&array.name).copied();
            let value = Value::new(arrays::tensor_of(array)?, element);
            weights.insert(array.name.clone(), value);
        }
        let last = check::last_uses(&model.graph);
        Ok(Network { model, weights, opset, limit: LIMIT, last })
    }

    /// The same network, in which no value has more than `elements` elements (at most 2³⁰ − 1, which is what holds
    /// otherwise): a node that asks for more is refused before anything is allocated for it. For models one does not trust.
    #[must_use]
    pub fn limited_to(self, elements: usize) -> Network {
        Network { limit: elements.min(LIMIT), ..self }
    }

    /// The version of ONNX's operator set it is written for.
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// The model as it stands in the file.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What goes in: weights, which old files list too, left out.
    pub fn inputs(&self) -> Vec<&ValueInfo> {
        self.model.graph.inputs.iter().filter(|v| !self.weights.contains_key(&v.name)).collect()
    }

    /// What comes out.
    pub fn outputs(&self) -> &[ValueInfo] {
        &self.model.graph.outputs
    }

    /// How many numbers its weights hold.
    pub fn parameters(&self) -> usize {
        self.model.graph.initializers.iter().map(|a| a.shape.iter().product::<usize>()).sum()
    }

    /// The outputs for some inputs, by name and computed. An input may also take a weight's place.
    ///
    /// # Errors
    /// When an input is missing, unknown or of another shape than the model says, or a node meets what it cannot work with.
    pub fn run(&self, inputs: &[(&str, Tensor)]) -> Result<Vec<(String, Tensor)>> {
        let outputs = self.build(inputs)?;
        let all: Vec<&Tensor> = outputs.iter().map(|(_, tensor)| tensor).collect();
        update(&all, &[])?;
        Ok(outputs)
    }

    /// The outputs for some inputs, as tensors that are not yet computed: they can be differentiated, or go into further
    /// computing.
    ///
    /// # Errors
    /// As [`Network::run`].
    pub fn build(&self, inputs: &[(&str, Tensor)]) -> Result<Vec<(String, Tensor)>> {
        self.check_inputs(inputs)?;
        let graph = &self.model.graph;
        let mut scope = Scope::new(self.opset, self.limit);
        self.weights.iter().for_each(|(name, w)| scope.insert(name, w.clone()));
        for (name, x) in inputs {
            let element = graph.inputs.iter().find(|v| v.name == *name).map(|v| v.element);
            scope.insert(name, Value::new(x.clone(), element));
        }
        for (node, last) in graph.nodes.iter().zip(&self.last) {
            scope.node(node)?;
            last.iter().for_each(|name| scope.remove(name));
        }
        let output = |v: &ValueInfo| {
            let value = scope.get(&v.name).unwrap_or(Value::Nothing);
            let tensor = value.tensor().cloned();
            tensor
                .map(|t| (v.name.clone(), t))
                .map_err(|e| Error::new(format!("output `{}`: {}", v.name, e.what)))
        };
        graph.outputs.iter().map(output).collect()
    }

    fn check_inputs(&self, inputs: &[(&str, Tensor)]) -> Result<()> {
        let wanted = self.inputs();
        let names = || wanted.iter().map(|v| v.name.as_str()).collect::<Vec<_>>().join(", ");
        let known = |name: &str| self.model.graph.inputs.iter().any(|v| v.name == name);
        if let Some((name, _)) = inputs.iter().find(|(name, _)| !known(name)) {
            let inputs = names();
            return Err(Error::new(format!("there is no input `{name}`; the inputs are {inputs}")));
        }
        for v in &wanted {
            if !inputs.iter().any(|(name, _)| *name == v.name) {
                return Err(Error::new(format!(
                    "input `{}` is missing; the inputs are {}",
                    v.name,
                    names()
                )));
            }
        }
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, x) in inputs {
            let of_name = self.model.graph.inputs.iter().find(|v| v.name == *name);
            check::input(of_name.expect("all are known"), x, &mut open)?;
        }
        Ok(())
    }
}
