//! Writing nodes down as operators, from the outputs backwards: what a rule asks for is written after it, what nobody asks for is
//! left out. Names come last, when it is known what there is.

use super::trace::{Extent, Trace, made_by, seen};
use super::{formula, views};
use crate::{Error, Result, arrays, ops};
use gradus_base::Shape;
use gradus_graph::{Kind, Node, Rule, Setting, read};
use gradus_io::NamedArray;
use gradus_io::onnx::{self, Attribute};
use gradus_tensor::{DType, Tensor};
use std::collections::{HashMap, HashSet};

/// What stands for a value in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ValueRef {
    /// What a node of the graph is written as.
    Of(u64),
    /// An operator's output.
    Made(usize),
    /// An array in the file.
    Array(usize),
    /// An input of the network.
    Input(usize),
    /// The batch's size, `[1]`.
    BatchSize,
    /// An input that is left out.
    None,
}

/// One use of an operator.
struct Use {
    op: &'static str,
    inputs: Vec<ValueRef>,
    /// Of its outputs, the one that is wanted.
    output: usize,
    made: usize,
    attributes: Vec<Attribute>,
    path: String,
}

/// A file being written.
pub(crate) struct Writer<'a> {
    pub trace: &'a Trace,
    /// Paths of variables, by their numbers.
    names: &'a HashMap<u64, String>,
    wanted: HashSet<u64>,
    /// What nodes are written as.
    written: HashMap<u64, ValueRef>,
    /// The uses that each node became, the last node first.
    groups: Vec<Vec<Use>>,
    uses: Vec<Use>,
    made: usize,
    path: String,
    arrays: Vec<(String, Node)>,
    by_name: HashMap<String, ValueRef>,
}

/// A use of a rule with its settings.
pub(crate) struct RuleUse<'a> {
    pub node: &'a Node,
    rule: &'a dyn Rule,
    settings: Vec<(&'a str, Setting)>,
}

impl RuleUse<'_> {
    /// Input `i`.
    pub(crate) fn input(&self, i: usize) -> Node {
        seen(&self.node.inputs()[i])
    }

    /// The shape of output `i`.
    pub(crate) fn output(&self, i: usize) -> Shape {
        match self.node.kind() {
            Kind::Call(_, metas) => metas[i].shape,
            _ => self.node.shape(),
        }
    }

    fn setting<'s, T>(
        &'s self,
        name: &str,
        read: impl FnOnce(&'s Setting) -> Option<T>,
    ) -> Result<T> {
        let found = self.settings.iter().find(|(n, _)| *n == name);
        found
            .and_then(|(_, s)| read(s))
            .ok_or_else(|| Error::new(format!("`{}` does not say its {name}", self.rule.name())))
    }

    pub(crate) fn sizes(&self, name: &str) -> Result<&[usize]> {
        self.setting(name, |s| if let Setting::Sizes(v) = s { Some(&v[..]) } else { None })
    }

    /// A setting of one size.
    pub(crate) fn size(&self, name: &str) -> Result<usize> {
        self.setting(name, |s| if let Setting::Sizes(v) = s { v.first().copied() } else { None })
    }

    pub(crate) fn number(&self, name: &str) -> Result<f64> {
        self.setting(name, |s| if let Setting::Number(x) = s { Some(*x) } else { None })
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        self.setting(name, |s| if let Setting::Flag(x) = s { Some(*x) } else { None })
    }
}

/// The use of a rule that a node is, if it is one and says its settings.
pub(crate) fn rule_use(node: &Node) -> Option<RuleUse<'_>> {
    match node.kind() {
        Kind::Call(rule, _) if node.value().is_none() => {
            Some(RuleUse { node, rule: &**rule, settings: rule.settings()? })
        }
        _ => None,
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn new(trace: &'a Trace, names: &'a HashMap<u64, String>) -> Writer<'a> {
        Writer {
            trace,
            names,
            wanted: HashSet::new(),
            written: HashMap::new(),
            groups: vec![],
            uses: vec![],
            made: 0,
            path: String::new(),
            arrays: vec![],
            by_name: HashMap::new(),
        }
    }

    /// Writes everything; `outputs` and `inputs` are their names.
    pub(crate) fn graph(mut self, inputs: &[&str], outputs: &[&str]) -> Result<onnx::Graph> {
        let trace = self.trace;
        let ends: Vec<ValueRef> =
            trace.outputs.iter().map(|n| self.value(n)).collect::<Result<_>>()?;
        for node in trace.nodes.iter().rev() {
            if !self.wanted.contains(&node.id()) {
                continue;
            }
            self.path = path(node);
            let value = self.node(node).map_err(|error| made_by(node, error))?;
            self.written.insert(node.id(), value);
            let uses = std::mem::take(&mut self.uses);
            self.groups.push(uses);
        }
        self.named(&ends, inputs, outputs)
    }

    fn node(&mut self, node: &Node) -> Result<ValueRef> {
        match node.kind() {
            Kind::Input(i) => Ok(ValueRef::Input(*i)),
            Kind::Pointwise(p) => {
                for pattern in ops::patterns() {
                    if let Some(value) = pattern(self, node)? {
                        return Ok(value);
                    }
                }
                formula::write(self, node, p)
            }
            Kind::View(view) => views::view(self, node, view),
            Kind::Assemble { axis, pieces } => views::assemble(self, node, *axis, pieces),
            Kind::Reduce(op, reduced) => ops::write_reduce(self, node, *op, reduced),
            Kind::Call(rule, _) => {
                let export = ops::export(rule.name());
                match export.zip(rule_use(node)) {
                    Some((export, call)) => export(self, &call),
                    None => Err(Error::new("has no counterpart among ONNX's operators")),
                }
            }
            Kind::Part(0) => {
                let call = seen(&node.inputs()[0]);
                self.wanted.insert(call.id());
                Ok(ValueRef::Of(call.id()))
            }
            Kind::Part(i) => Err(Error::new(format!("its output {i} has no counterpart in ONNX"))),
            Kind::Data | Kind::Variable(_) | Kind::Detach => {
                Err(Error::new("holds elements whose number grows with the batch"))
            }
            Kind::Poisoned(mistake) => Err(Error::new(mistake.to_string())),
        }
    }

    /// A node's value: an array where it is the same for all inputs, else what will be written for it.
    pub(crate) fn value(&mut self, node: &Node) -> Result<ValueRef> {
        let node = seen(node);
        let fixed = self.sizes(&node)?.iter().all(|e| matches!(e, Extent::Fixed(_)));
        if fixed && !self.trace.varies(&node) {
            return Ok(self.array(self.array_name(&node), &node));
        }
        self.wanted.insert(node.id());
        Ok(ValueRef::Of(node.id()))
    }

    pub(crate) fn sizes(&self, node: &Node) -> Result<Vec<Extent>> {
        self.trace.sizes(&seen(node))
    }

    /// A variable has its path; what is made of one variable alone is named after it, the rest after its layer.
    fn array_name(&self, node: &Node) -> String {
        let mut made_of = node.clone();
        let mut views = String::new();
        loop {
            match made_of.kind() {
                Kind::Variable(v) => {
                    let own = || v.name().to_owned();
                    return self.names.get(&v.id()).cloned().unwrap_or_else(own) + &views;
                }
                Kind::View(_) if made_of.value().is_none() => {
                    views = format!(".{}{views}", made_of.name());
                    made_of = seen(&made_of.inputs()[0]);
                }
                _ => break,
            }
        }
        let path = path(node).replace('/', ".");
        let dot = if path.is_empty() { "" } else { "." };
        format!("{path}{dot}{}", node.name())
    }

    fn array(&mut self, name: String, node: &Node) -> ValueRef {
        if let Some(&value) = self.written.get(&node.id()) {
            return value;
        }
        let value = ValueRef::Array(self.arrays.len());
        self.arrays.push((name, node.clone()));
        self.written.insert(node.id(), value);
        value
    }

    /// An array that is known by its name.
    pub(crate) fn literal(&mut self, name: String, make: impl FnOnce() -> Tensor) -> ValueRef {
        if let Some(&value) = self.by_name.get(&name) {
            return value;
        }
        let value = ValueRef::Array(self.arrays.len());
        self.arrays.push((name.clone(), make().node().clone()));
        self.by_name.insert(name, value);
        value
    }

    /// A list of integers, such as axes.
    pub(crate) fn ints(&mut self, values: &[i64]) -> ValueRef {
        self.literal(format!("{values:?}"), || Tensor::from_slice(values, [values.len()]))
    }

    /// One number, of no axes.
    pub(crate) fn number(&mut self, value: f64, dtype: DType) -> ValueRef {
        let name = match dtype {
            DType::F32 => format!("{value:?}"),
            _ => format!("{value:?} {dtype}"),
        };
        self.literal(name, || Tensor::full_of((), value, dtype))
    }

    /// So many times the same number.
    pub(crate) fn numbers(&mut self, value: f64, len: usize, dtype: DType) -> ValueRef {
        self.literal(format!("{len} × {value:?} {dtype}"), || Tensor::full_of([len], value, dtype))
    }

    /// Writes one use of an operator; gives its output.
    pub(crate) fn add(
        &mut self,
        op: &'static str,
        inputs: &[ValueRef],
        attributes: Vec<Attribute>,
    ) -> ValueRef {
        self.add_output(op, inputs, attributes, 0)
    }

    /// As [`Writer::add`], of several outputs one.
    pub(crate) fn add_output(
        &mut self,
        op: &'static str,
        inputs: &[ValueRef],
        attributes: Vec<Attribute>,
        output: usize,
    ) -> ValueRef {
        let (inputs, path) = (inputs.to_vec(), self.path.clone());
        self.made += 1;
        self.uses.push(Use { op, inputs, output, made: self.made, attributes, path });
        ValueRef::Made(self.made)
    }

    fn resolve(&self, mut value: ValueRef) -> ValueRef {
        while let ValueRef::Of(id) = value {
            value = self.written[&id];
        }
        value
    }

    fn named(
        mut self,
        ends: &[ValueRef],
        inputs: &[&str],
        outputs: &[&str],
    ) -> Result<onnx::Graph> {
        self.path.clear();
        let mut uses: Vec<Use> =
            std::mem::take(&mut self.groups).into_iter().rev().flatten().collect();
        for each in &mut uses {
            each.inputs = each.inputs.iter().map(|&v| self.resolve(v)).collect();
        }
        let mut names = Names::new(inputs.iter().chain(outputs));
        // An output's name goes to the use that makes it; what is no use's own is passed on by one.
        let mut made: HashMap<usize, String> = HashMap::new();
        for (&end, &name) in ends.iter().zip(outputs) {
            let end = self.resolve(end);
            match end {
                ValueRef::Made(i) if !made.contains_key(&i) => {
                    drop(made.insert(i, name.to_owned()))
                }
                _ => {
                    let ValueRef::Made(i) = self.add("Identity", &[end], vec![]) else { continue };
                    made.insert(i, name.to_owned());
                }
            }
        }
        uses.append(&mut self.uses);
        if uses.iter().any(|u| u.inputs.contains(&ValueRef::BatchSize)) {
            let (inputs, path) = (vec![ValueRef::Input(0)], String::new());
            let attributes = vec![Attribute::int("start", 0), Attribute::int("end", 1)];
            self.made += 1;
            let size = ValueRef::Made(self.made);
            uses.iter_mut().flat_map(|u| &mut u.inputs).for_each(|v| {
                if *v == ValueRef::BatchSize {
                    *v = size;
                }
            });
            let first = Use { op: "Shape", inputs, output: 0, made: self.made, attributes, path };
            uses.insert(0, first);
        }
        let arrays: Vec<String> = self.arrays.iter().map(|(name, _)| names.unique(name)).collect();
        let mut nodes = Vec::with_capacity(uses.len());
        for each in &uses {
            let slash = if each.path.is_empty() { "" } else { "/" };
            let name = names.unique(&format!("{}{slash}{}", each.path, each.op));
            let output = made.entry(each.made).or_insert_with(|| name.clone()).clone();
            let input = |v: &ValueRef| match *v {
                ValueRef::Made(i) => made[&i].clone(),
                ValueRef::Array(i) => arrays[i].clone(),
                ValueRef::Input(i) => inputs[i].to_owned(),
                ValueRef::None | ValueRef::Of(_) | ValueRef::BatchSize => String::new(),
            };
            // Outputs before the wanted one that nobody reads have names, too: the checker asks for them.
            let unread = (0..each.output).map(|i| names.unique(&format!("{output}.{i}")));
            let outputs = unread.chain([output.clone()]).collect();
            nodes.push(onnx::Node {
                name,
                op: each.op.into(),
                domain: String::new(),
                inputs: each.inputs.iter().map(input).collect(),
                outputs,
                attributes: each.attributes.clone(),
            });
        }
        let initializers = self.contents(arrays)?;
        Ok(onnx::Graph { nodes, initializers, ..onnx::Graph::default() })
    }

    /// The arrays' elements, all computed together.
    fn contents(&self, names: Vec<String>) -> Result<Vec<NamedArray>> {
        let nodes: Vec<Node> = self.arrays.iter().map(|(_, node)| node.clone()).collect();
        let buffers = read(&nodes, &[])?;
        let each = names.into_iter().zip(&nodes).zip(&buffers);
        each.map(|((name, node), buffer)| arrays::array_in(name, node.meta(), buffer)).collect()
    }
}

/// Names that are taken.
struct Names(HashSet<String>);

impl Names {
    fn new<'n>(taken: impl IntoIterator<Item = &'n &'n str>) -> Names {
        Names(taken.into_iter().map(|&name| name.to_owned()).collect())
    }

    /// The name, with a number behind it if it is taken.
    fn unique(&mut self, name: &str) -> String {
        let numbered = (1..).map(|i| format!("{name}_{i}"));
        let mut all = std::iter::once(name.to_owned()).chain(numbered);
        all.find(|n| self.0.insert(n.clone())).expect("numbers do not end")
    }
}

/// The layers a node was made in: `stage1/conv2`. Scopes also say what each layer is, in parentheses.
fn path(node: &Node) -> String {
    let (mut path, mut depth) = (String::new(), 0usize);
    for c in node.scope().map_or("", |s| &**s).chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && c != ' ' => path.push(c),
            _ => {}
        }
    }
    path
}
