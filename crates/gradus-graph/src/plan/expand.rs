//! Expanding: an op that a device has no strategy for becomes the nodes of simpler ops that it
//! stands for; one whose inputs allow less work becomes the nodes of that.

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
    /// By the number of a call that is not done as such, what stands for each of its outputs; that
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
    let mut e =
        Expander { device, done: HashSet::new(), nodes: vec![], expansions: HashMap::new() };
    for node in nodes {
        e.add(node)?;
    }
    Ok(InOrder { nodes: e.nodes, expansions: e.expansions })
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
        if let Some(outputs) = self.instead(&node)? {
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

    /// What stands for the outputs of a call, if it is not done as such.
    fn instead(&self, node: &Node) -> Result<Option<Vec<Node>>> {
        let Kind::Call(rule, metas) = node.kind() else { return Ok(None) };
        if node.value().is_some() {
            return Ok(None);
        }
        let at = |e: Error| e.at(node.place().clone()).in_scope(node.scope().map(|s| &**s));
        let built = |f: &dyn Fn(&[Node]) -> Option<Vec<Node>>| {
            try_build(|| scope_at(node, || f(node.inputs()))).map_err(at)
        };
        let outputs = if rule.strategy(self.device).is_none() {
            let Some(outputs) = built(&|inputs| rule.expand(inputs))? else {
                let what = format!("the device {} has no way to compute it", self.device);
                return Err(at(Error::value(rule.name(), what)));
            };
            outputs
        } else if self.device.backend().limits().together {
            let Some(outputs) = built(&|inputs| rule.simpler(inputs))? else { return Ok(None) };
            outputs
        } else {
            return Ok(None);
        };
        let found: Vec<_> = outputs.iter().map(Node::meta).collect();
        if found != *metas {
            let what = format!("it is expanded to {found:?}, but it has {metas:?}");
            return Err(at(Error::shape(rule.name(), what)));
        }
        Ok(Some(outputs))
    }
}
