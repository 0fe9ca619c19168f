//! `Session`: a case on a device, and which rules and algorithms it met on the way.

use crate::tolerance::compare;
use crate::{Array, Case, Device, expansion, far, forced, gradient, layout, narrow, value};
use gradus_base::DType;
use gradus_graph::{Kind, Node, Program, Rule};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

/// A case on a device.
pub(crate) struct Session<'a> {
    pub(crate) case: &'a Case,
    pub(crate) device: Device,
    pub(crate) met: RefCell<Met>,
}

/// What was called.
#[derive(Default)]
pub(crate) struct Met {
    pub(crate) rules: BTreeSet<String>,
    /// The rules for which the device has a way of its own.
    pub(crate) kernels: BTreeSet<String>,
    /// The rules whose expansion was computed too.
    pub(crate) expanded: BTreeSet<String>,
    pub(crate) algorithms: BTreeSet<String>,
}

impl Session<'_> {
    /// Runs every check: the orders of derivatives that were checked.
    pub(crate) fn verify(&self) -> Result<Vec<usize>, String> {
        value::verify(self)?;
        layout::verify(self)?;
        let orders = gradient::verify(self)?;
        narrow::verify(self)?;
        far::verify(self)?;
        forced::verify(self)?;
        expansion::verify(self)?;
        Ok(orders)
    }

    /// Computes nodes together.
    pub(crate) fn read(&self, nodes: &[Node]) -> Result<Vec<Array>, String> {
        Array::read(self.device, nodes)
    }

    /// Computes nodes together and writes down which rules they call and which algorithms a plan of
    /// them takes.
    pub(crate) fn watch(&self, nodes: &[Node]) -> Result<Vec<Array>, String> {
        let calls = calls(nodes);
        if !calls.is_empty() {
            let program = self.device.on.scope(|| Program::new(&[], nodes, &[]));
            let program = program.map_err(|e| e.to_string())?;
            // What packs weights beforehand bears the name of their form.
            let steps = program.plan().steps().iter().filter(|step| step.name != "pack");
            let all = steps.map(|step| step.algorithm.clone());
            let mut met = self.met.borrow_mut();
            met.algorithms.extend(all.filter(|name| !name.is_empty()));
            for rule in calls.iter().map(rule_of) {
                met.rules.insert(rule.name().to_owned());
                if rule.strategy(self.device.on).is_some() {
                    met.kernels.insert(rule.name().to_owned());
                }
            }
        }
        self.read(nodes)
    }

    /// The op's values for dense inputs, with the element types they came in.
    pub(crate) fn evaluate(
        &self,
        inputs: &[Array],
        dtype: DType,
    ) -> Result<Vec<(Array, DType)>, String> {
        self.values(&self.case.nodes(inputs, dtype))
    }

    /// The op's values, with the element types they came in.
    pub(crate) fn values(&self, inputs: &[Node]) -> Result<Vec<(Array, DType)>, String> {
        let y = (self.case.op)(inputs);
        Ok(self.watch(&y)?.into_iter().zip(y.iter().map(Node::dtype)).collect())
    }

    /// Says which output is further from what was expected than its type and the case's species
    /// allow.
    pub(crate) fn compare(&self, got: &[(Array, DType)], want: &[Array]) -> Result<(), String> {
        if got.len() != want.len() {
            return Err(format!("{} outputs where {} were expected", got.len(), want.len()));
        }
        for (i, ((got, dtype), want)) in got.iter().zip(want).enumerate() {
            let which = if i == 0 { String::new() } else { format!("output {i}: ") };
            compare(got, want, self.case.accepts(*dtype)).map_err(|e| which + &e)?;
        }
        Ok(())
    }
}

/// The calls among nodes and what they are made of.
pub(crate) fn calls(nodes: &[Node]) -> Vec<Node> {
    reached(nodes).into_iter().filter(|n| matches!(n.kind(), Kind::Call(..))).collect()
}

/// Nodes and all they are made of.
pub(crate) fn reached(nodes: &[Node]) -> Vec<Node> {
    let (mut found, mut seen, mut open) = (vec![], HashSet::new(), nodes.to_vec());
    while let Some(node) = open.pop() {
        if seen.insert(node.id()) {
            open.extend(node.inputs().iter().cloned());
            found.push(node);
        }
    }
    found
}

/// The rule of a call.
pub(crate) fn rule_of(call: &Node) -> &dyn Rule {
    match call.kind() {
        Kind::Call(rule, _) => &**rule,
        _ => unreachable!("only calls are asked"),
    }
}
