//! What is checked of a model before it runs, and of inputs before they go in.

use crate::error::name_of;
use crate::{Error, Result, arrays, ops};
use gradus_io::onnx::{Graph, Model, Node, Size, ValueInfo, element_name};
use gradus_tensor::{DType, Tensor};
use std::collections::{BTreeMap, HashSet};

/// Operator sets that are known, oldest and newest. What operators meant before 7 differs in broadcasting.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// Unknown operators that a message lists.
const LISTED: usize = 10;
const FUNCTION: &str = ", a function of the model's own, which ONNX's inliner can write out";

/// The tensor's type and shape against what the model says; sizes of one name must be one size.
pub(crate) fn input<'a>(
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

pub(crate) fn opset(model: &Model) -> Result<i64> {
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

/// Every node's operator, those of branches and loops too.
fn each_node<'a>(graph: &'a Graph, see: &mut impl FnMut(&'a Node)) {
    for node in &graph.nodes {
        see(node);
        node.graphs().for_each(|inner| each_node(inner, see));
    }
}

/// Every operator must be known; the message lists those that are not, with how often and where first.
pub(crate) fn operators(model: &Model, opset: i64) -> Result<()> {
    let mut unknown: BTreeMap<String, (usize, String)> = BTreeMap::new();
    each_node(&model.graph, &mut |node| {
        let own = node.domain.is_empty() || node.domain == "ai.onnx";
        if own && ops::lookup(&node.op).is_some() {
            return;
        }
        let op = if own { node.op.clone() } else { format!("{}.{}", node.domain, node.op) };
        unknown.entry(op).or_insert((0, name_of(node))).0 += 1;
    });
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

/// Every value must be there before it is read, and be made once in its graph; `outer` are those of the graphs around it, which a
/// branch or a loop's body may hide.
pub(crate) fn order(g: &Graph, outer: &HashSet<&str>) -> Result<()> {
    let mut made: HashSet<&str> = g.inputs.iter().map(|v| &*v.name).collect();
    made.extend(g.initializers.iter().map(|a| &*a.name));
    for node in &g.nodes {
        for name in node.inputs.iter().filter(|n| !n.is_empty()) {
            if !made.contains(&**name) && !outer.contains(&**name) {
                let later = g.nodes.iter().any(|n| n.outputs.contains(name));
                let why = if later {
                    "is made later: nodes are out of order or in a cycle"
                } else {
                    "is made by nobody"
                };
                return Err(Error::new(format!("reads `{name}`, which {why}")).in_node(node));
            }
        }
        let around: HashSet<&str> = match node.graphs().next() {
            Some(_) => made.union(outer).copied().collect(),
            None => HashSet::new(),
        };
        for inner in node.graphs() {
            order(inner, &around).map_err(|error| error.in_node(node))?;
        }
        for name in node.outputs.iter().filter(|n| !n.is_empty()) {
            if !made.insert(name) {
                return Err(
                    Error::new(format!("makes `{name}`, which is there already")).in_node(node)
                );
            }
        }
    }
    match g.outputs.iter().find(|v| !made.contains(&*v.name) && !outer.contains(&*v.name)) {
        Some(v) => {
            let kind = element_name(v.element);
            Err(Error::new(format!("output `{}` ({kind}) is made by nobody", v.name)))
        }
        None => Ok(()),
    }
}

/// For each node, the values that nobody reads after it.
pub(crate) fn last_uses(graph: &Graph) -> Vec<Vec<String>> {
    let mut wanted: HashSet<&str> = graph.outputs.iter().map(|v| &*v.name).collect();
    let mut last = vec![vec![]; graph.nodes.len()];
    for (node, last) in graph.nodes.iter().zip(&mut last).rev() {
        let mut names: Vec<&str> = node.inputs.iter().chain(&node.outputs).map(|n| &**n).collect();
        node.graphs().for_each(|inner| reads(inner, &mut names));
        for name in names.into_iter().filter(|n| !n.is_empty()) {
            if wanted.insert(name) {
                last.push(name.to_owned());
            }
        }
    }
    last
}

/// What a graph within a node may read of the graphs around it: every name that it reads.
fn reads<'a>(graph: &'a Graph, names: &mut Vec<&'a str>) {
    names.extend(graph.outputs.iter().map(|v| &*v.name));
    each_node(graph, &mut |node| {
        names.extend(node.inputs.iter().map(|n| &**n));
        node.graphs().for_each(|g| names.extend(g.outputs.iter().map(|v| &*v.name)));
    });
}
