//! `Session`: a case on a device, and which rules and algorithms it met on the way.

use crate::tolerance::compare;
use crate::{Array, Case, Device};
use gradus_base::DType;
use gradus_graph::{Kind, Node, Program};
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
    pub(crate) algorithms: BTreeSet<String>,
}

impl Session<'_> {
    /// Computes nodes together.
    pub(crate) fn read(&self, nodes: &[Node]) -> Result<Vec<Array>, String> {
        Array::read(self.device, nodes)
    }

    /// Computes nodes together and writes down which rules they call and which algorithms a plan of them takes.
    pub(crate) fn watch(&self, nodes: &[Node]) -> Result<Vec<Array>, String> {
        let rules = rules(nodes);
        if !rules.is_empty() {
            let program = Program::new(&[], nodes, &[]).map_err(|e| e.to_string())?;
            // What packs weights beforehand bears the name of their form.
            let steps = program.plan().steps().iter().filter(|step| step.name != "pack");
            let all = steps.map(|step| step.algorithm.clone());
            let mut met = self.met.borrow_mut();
            met.algorithms.extend(all.filter(|name| !name.is_empty()));
            met.rules.extend(rules);
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

    /// Says which output is further from what was expected than its type and the case's species allow.
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

/// The names of the rules that nodes call.
fn rules(nodes: &[Node]) -> BTreeSet<String> {
    let (mut found, mut seen, mut open) = (BTreeSet::new(), HashSet::new(), nodes.to_vec());
    while let Some(node) = open.pop() {
        if !seen.insert(node.id()) {
            continue;
        }
        if let Kind::Call(rule, _) = node.kind() {
            found.insert(rule.name().to_owned());
        }
        open.extend(node.inputs().iter().cloned());
    }
    found
}
