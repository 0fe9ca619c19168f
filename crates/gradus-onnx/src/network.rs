//! A model, checked and ready to run.

use crate::call::{Call, fits};
use crate::error::name_of;
use crate::{Error, Result, arrays, ops};
use gradus_io::onnx::{Model, Node, Size, ValueInfo, element_name, read_model};
use gradus_tensor::{DType, Tensor, try_build, update};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Operator sets that are known, oldest and newest. What operators meant before 7 differs in broadcasting.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// Unknown operators that a message lists.
const LISTED: usize = 10;
const FUNCTION: &str = ", a function of the model's own, which ONNX's inliner can write out";

/// Elements that a value may have unless [`Network::limited_to`] says otherwise: four gigabytes of f32. Two such values
/// multiplied in every way there is still have a countable number of elements.
const LIMIT: usize = (1 << 30) - 1;

/// An ONNX model that can run.
#[derive(Debug)]
pub struct Network {
    model: Model,
    weights: HashMap<String, Tensor>,
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
        let opset = opset(&model)?;
        known_operators(&model, opset)?;
        sound_order(&model)?;
        let mut weights = HashMap::new();
        for array in &model.graph.initializers {
            weights.insert(array.name.clone(), arrays::tensor_of(array)?);
        }
        let last = last_uses(&model);
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
        self.weights.values().map(Tensor::len).sum()
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
        let mut values: HashMap<&str, Tensor> = HashMap::new();
        self.weights.iter().for_each(|(name, w)| drop(values.insert(name, w.clone())));
        inputs.iter().for_each(|(name, x)| drop(values.insert(name, x.clone())));
        for (node, last) in self.model.graph.nodes.iter().zip(&self.last) {
            self.node(node, &mut values).map_err(|error| error.in_node(node))?;
            last.iter().for_each(|name| drop(values.remove(&**name)));
        }
        let outputs = &self.model.graph.outputs;
        Ok(outputs.iter().map(|v| (v.name.clone(), values[&*v.name].clone())).collect())
    }

    fn node<'a>(&'a self, node: &'a Node, values: &mut HashMap<&'a str, Tensor>) -> Result<()> {
        let op = ops::lookup(&node.op).ok_or_else(|| Error::new("is not known"))?;
        let given = |name: &String| values.get(&**name).cloned();
        let inputs = node.inputs.iter().map(given).collect();
        let call = Call { node, inputs, opset: self.opset, limit: self.limit };
        let made = try_build(|| op(&call))??;
        if made.len() < node.outputs.iter().filter(|name| !name.is_empty()).count() {
            let what = format!("gives {} values, {} are asked for", made.len(), node.outputs.len());
            return Err(Error::new(what));
        }
        for (name, tensor) in node.outputs.iter().zip(made).filter(|(name, _)| !name.is_empty()) {
            fits(&tensor.shape(), self.limit)?;
            values.insert(name, tensor);
        }
        Ok(())
    }

    fn check_inputs(&self, inputs: &[(&str, Tensor)]) -> Result<()> {
        let wanted = self.inputs();
        let names = || wanted.iter().map(|v| v.name.as_str()).collect::<Vec<_>>().join(", ");
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
            let Some(v) = self.model.graph.inputs.iter().find(|v| v.name == *name) else {
                return Err(Error::new(format!(
                    "there is no input `{name}`; the inputs are {}",
                    names()
                )));
            };
            check_input(v, x, &mut open)?;
        }
        Ok(())
    }
}

/// The tensor's type and shape against what the model says; sizes of one name must be one size.
fn check_input<'a>(
    v: &'a ValueInfo,
    x: &Tensor,
    open: &mut BTreeMap<&'a str, usize>,
) -> Result<()> {
    // A model may leave out the type, as number 0.
    let expected = arrays::held_in(v.element);
    if v.element != 0 && expected != Some(x.dtype()) {
        let kind = expected.map_or(element_name(v.element), DType::name);
        return Err(Error::new(format!("input `{}` is {}, expected {kind}", v.name, x.dtype())));
    }
    let Some(shape) = &v.shape else { return Ok(()) };
    let fits = |i: usize, size: &'a Size, open: &mut BTreeMap<&'a str, usize>| match size {
        Size::Is(n) => x.shape()[i] as i64 == *n,
        Size::Open(name) if name.is_empty() => true,
        Size::Open(name) => *open.entry(name).or_insert(x.shape()[i]) == x.shape()[i],
    };
    let same = shape.len() == x.rank() && shape.iter().enumerate().all(|(i, s)| fits(i, s, open));
    if same {
        return Ok(());
    }
    let sizes = shape.iter().map(|s| match s {
        Size::Is(n) => n.to_string(),
        Size::Open(name) if name.is_empty() => "?".to_owned(),
        Size::Open(name) => match open.get(&**name) {
            Some(n) => format!("{name} = {n}"),
            None => name.clone(),
        },
    });
    let sizes = sizes.collect::<Vec<_>>().join(", ");
    let what = format!("input `{}` is {}, expected [{sizes}]", v.name, x.shape());
    Err(Error::new(what))
}

fn opset(model: &Model) -> Result<i64> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let found = model.opsets.iter().find(|(domain, _)| own(domain)).map_or(1, |(_, v)| *v);
    if !OPSETS.contains(&found) {
        let (old, new) = (OPSETS.start(), OPSETS.end());
        let what =
            format!("the model is written for operator set {found}; known are {old} to {new}");
        return Err(Error::new(what));
    }
    Ok(found)
}

/// Every operator must be known; the message lists those that are not, with how often and where first.
fn known_operators(model: &Model, opset: i64) -> Result<()> {
    let mut unknown: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for node in &model.graph.nodes {
        let own = node.domain.is_empty() || node.domain == "ai.onnx";
        if own && ops::lookup(&node.op).is_some() {
            continue;
        }
        let op = if own { node.op.clone() } else { format!("{}.{}", node.domain, node.op) };
        unknown.entry(op).or_insert((0, name_of(node))).0 += 1;
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let more = match unknown.len().saturating_sub(LISTED) {
        0 => String::new(),
        n => format!("\n  and {n} more"),
    };
    let lines = unknown.iter().take(LISTED).map(|(op, (times, first))| {
        let known = if model.functions.contains(op) { FUNCTION } else { "" };
        format!("\n  {op} ({times}×, first {first}){known}")
    });
    let lines: String = lines.collect();
    Err(Error::new(format!(
        "operators of set {opset} that are not known; to run, the model must do without:{lines}{more}"
    )))
}

/// Every value must be there before it is read, and be made once.
fn sound_order(model: &Model) -> Result<()> {
    let g = &model.graph;
    let mut made: HashSet<&str> = g.inputs.iter().map(|v| &*v.name).collect();
    made.extend(g.initializers.iter().map(|a| &*a.name));
    for node in &g.nodes {
        for name in node.inputs.iter().filter(|n| !n.is_empty()) {
            if !made.contains(&**name) {
                let later = g.nodes.iter().any(|n| n.outputs.contains(name));
                let why = if later {
                    "is made later: nodes are out of order or in a cycle"
                } else {
                    "is made by nobody"
                };
                return Err(Error::new(format!("reads `{name}`, which {why}")).in_node(node));
            }
        }
        for name in node.outputs.iter().filter(|n| !n.is_empty()) {
            if !made.insert(name) {
                return Err(
                    Error::new(format!("makes `{name}`, which is there already")).in_node(node)
                );
            }
        }
    }
    match g.outputs.iter().find(|v| !made.contains(&*v.name)) {
        Some(v) => {
            let kind = element_name(v.element);
            Err(Error::new(format!("output `{}` ({kind}) is made by nobody", v.name)))
        }
        None => Ok(()),
    }
}

fn last_uses(model: &Model) -> Vec<Vec<String>> {
    let mut wanted: HashSet<&str> = model.graph.outputs.iter().map(|v| &*v.name).collect();
    let nodes = &model.graph.nodes;
    let mut last = vec![vec![]; nodes.len()];
    for (node, last) in nodes.iter().zip(&mut last).rev() {
        for name in node.inputs.iter().chain(&node.outputs).filter(|n| !n.is_empty()) {
            if wanted.insert(name) {
                last.push(name.clone());
            }
        }
    }
    last
}
