//! What ONNX's checker asks of a model, asked here of all that is exported in tests: operators that the set has, with the inputs,
//! outputs and attributes they need and no others; every value made once and before it is read.

use gradus_io::onnx::{Model, Node};
use std::collections::HashSet;

/// Made by `make_operators.py`, for the set that is exported.
const OPERATORS: &str = include_str!("../fixtures/operators.txt");

/// Panics where a model breaks a rule.
pub(crate) fn obeys(model: &Model) {
    assert_eq!(model.opsets, [(String::new(), 17)]);
    let graph = &model.graph;
    let mut made: HashSet<&str> = graph.inputs.iter().map(|v| &*v.name).collect();
    made.extend(graph.initializers.iter().map(|a| &*a.name));
    assert_eq!(made.len(), graph.inputs.len() + graph.initializers.len(), "names that are taken");
    for node in &graph.nodes {
        if let Err(what) = accepted(node) {
            panic!("{} \"{}\": {what}", node.op, node.name);
        }
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            assert!(made.contains(&**name), "{} reads {name:?} before it is made", node.op);
        }
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            assert!(made.insert(name), "{} makes {name:?} anew", node.op);
        }
    }
    assert!(graph.outputs.iter().all(|v| made.contains(&*v.name)), "an output is made by nobody");
    let named = graph.nodes.iter().map(|n| &*n.name).collect::<HashSet<_>>();
    assert_eq!(named.len(), graph.nodes.len(), "two nodes of one name");
}

/// Whether the operator may be used so.
fn accepted(node: &Node) -> Result<(), String> {
    let mut lines = OPERATORS.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let rule = lines.find(|rule| rule[0] == node.op).ok_or("is no operator of set 17")?;
    values(rule[1], &node.inputs).map_err(|what| format!("inputs {:?}: {what}", node.inputs))?;
    values(rule[2], &node.outputs).map_err(|what| format!("outputs {:?}: {what}", node.outputs))?;
    let known: Vec<&str> = rule[3].split(',').collect();
    for attribute in &node.attributes {
        let name = &*attribute.name;
        if !known.iter().any(|k| k.trim_end_matches('!') == name) {
            return Err(format!("has no attribute {name}"));
        }
    }
    let has = |name: &str| node.attributes.iter().any(|a| a.name == name);
    let missing = known.iter().filter_map(|k| k.strip_suffix('!')).find(|name| !has(name));
    missing.map_or(Ok(()), |name| Err(format!("lacks the attribute {name}")))
}

/// Values by their signs: `!` must be there, `?` may be empty or missing, `*` is any number of values.
fn values(signs: &str, names: &[String]) -> Result<(), String> {
    let any = signs.ends_with('*');
    let signs: Vec<char> = signs.chars().filter(|&c| c != '-').collect();
    if names.len() > signs.len() && !any {
        return Err(format!("{} at most", signs.len()));
    }
    for (i, sign) in signs.iter().enumerate() {
        let there = names.get(i).is_some_and(|name| !name.is_empty());
        if *sign != '?' && !there {
            return Err(format!("number {i} is needed"));
        }
    }
    Ok(())
}

#[test]
fn broken_rules_are_seen() {
    let node = |op: &str, inputs: &[&str], outputs: &[&str]| Node {
        op: op.into(),
        inputs: inputs.iter().map(|&n| n.into()).collect(),
        outputs: outputs.iter().map(|&n| n.into()).collect(),
        ..Node::default()
    };
    let refused = |node: Node| accepted(&node).unwrap_err();
    assert!(refused(node("TopK", &["x", "k"], &["", "places"])).ends_with("number 0 is needed"));
    assert!(refused(node("TopK", &["x"], &["a", "b"])).ends_with("number 1 is needed"));
    assert!(refused(node("Relu", &["x", "y"], &["z"])).ends_with("1 at most"));
    assert_eq!(refused(node("Gelu", &["x"], &["y"])), "is no operator of set 17");
    assert_eq!(refused(node("Cast", &["x"], &["y"])), "lacks the attribute to");
    accepted(&node("Clip", &["x", "", "high"], &["y"])).unwrap();
    accepted(&node("Concat", &["x", "y", "z"], &["w"])).unwrap_err();
    accepted(&node("Max", &["x", "y", "z"], &["w"])).unwrap();
}
