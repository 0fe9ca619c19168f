//! Expanding: an op that a device has no strategy for becomes the nodes of simpler ops that it
//! stands for.

use super::goal::Goal;
use crate::device::Device;
use crate::mistake::try_build;
use crate::node::{Kind, Node};
use crate::scope::scope_at;
use gradus_base::{Error, Result};
use std::collections::{HashMap, HashSet};

/// The nodes below a goal, every one after its inputs.
pub(crate) struct InOrder {
    pub nodes: Vec<Node>,
    /// By the number of a call that the device expands, what stands for each of its outputs; that
    /// comes before the call itself.
    pub expansions: HashMap<u64, Vec<Node>>,
}

/// The nodes below the goal, in order of making. A node already computed is a leaf, unless it is an argument.
///
/// # Errors
/// If the device has neither a strategy for an op nor an expansion of it.
pub(crate) fn in_order(goal: &Goal<'_>, device: Device) -> Result<InOrder> {
    let mut seen: HashMap<u64, Node> = HashMap::new();
    let mut stack: Vec<Node> = goal.outputs.to_vec();
    stack.extend(goal.updates.iter().map(|(_, n)| n.clone()));
    while let Some(node) = stack.pop() {
        if seen.contains_key(&node.id()) {
            continue;
        }
        if node.value().is_none() {
            stack.extend(node.inputs().iter().cloned());
        }
        seen.insert(node.id(), node);
    }
    let mut nodes: Vec<Node> = seen.into_values().collect();
    nodes.sort_unstable_by_key(Node::id);
    if nodes.iter().all(|n| has_strategy(n, device)) {
        return Ok(InOrder { nodes, expansions: HashMap::new() });
    }
    let mut e =
        Expander { device, done: HashSet::new(), nodes: vec![], expansions: HashMap::new() };
    for node in nodes {
        e.add(node)?;
    }
    Ok(InOrder { nodes: e.nodes, expansions: e.expansions })
}

fn has_strategy(node: &Node, device: Device) -> bool {
    match node.kind() {
        Kind::Call(rule, _) => node.value().is_some() || rule.strategy(device).is_some(),
        _ => true,
    }
}

struct Expander {
    device: Device,
    done: HashSet<u64>,
    nodes: Vec<Node>,
    expansions: HashMap<u64, Vec<Node>>,
}

impl Expander {
    /// Adds a node all of whose inputs are added, behind what it is expanded to.
    fn add(&mut self, node: Node) -> Result<()> {
        if !self.done.insert(node.id()) {
            return Ok(());
        }
        if !has_strategy(&node, self.device) {
            let outputs = self.expand(&node)?;
            let mut below = vec![];
            let mut stack = outputs.clone();
            while let Some(n) = stack.pop() {
                if !self.done.contains(&n.id()) && !below.iter().any(|b: &Node| b.id() == n.id()) {
                    stack.extend(n.inputs().iter().cloned());
                    below.push(n);
                }
            }
            below.sort_unstable_by_key(Node::id);
            for n in below {
                self.add(n)?;
            }
            self.expansions.insert(node.id(), outputs);
        }
        self.nodes.push(node);
        Ok(())
    }

    /// What stands for the outputs of a call.
    fn expand(&self, node: &Node) -> Result<Vec<Node>> {
        let Kind::Call(rule, metas) = node.kind() else {
            unreachable!("only calls have strategies")
        };
        let at = |e: Error| e.at(node.place().clone()).in_scope(node.scope().map(|s| &**s));
        let found = try_build(|| scope_at(node, || rule.expand(node.inputs()))).map_err(at)?;
        let Some(outputs) = found else {
            let what = format!("the device {} has no way to compute it", self.device);
            return Err(at(Error::value(rule.name(), what)));
        };
        let found: Vec<_> = outputs.iter().map(Node::meta).collect();
        if found != *metas {
            let what = format!("it is expanded to {found:?}, but it has {metas:?}");
            return Err(at(Error::shape(rule.name(), what)));
        }
        Ok(outputs)
    }
}
