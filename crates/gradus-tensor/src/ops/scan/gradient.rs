//! The gradient of a scan: a scan from the other end. It carries dc, the gradient of what was carried into a step, and adds up those of
//! what was captured; at each step it computes the cell again, from what was carried into it, and walks back through that:
//! dc_t, dx_t, dk_t = J(c_t, x_t, k)ᵀ (dc_{t+1}, dy_t),   dk = Σ dk_t

use super::Scanned;
use gradus_base::Result;
use gradus_graph::{Backward, Body, Meta, Node, call_all, constant, gradients_of};
use std::sync::Arc;

/// A value of the backward scan's body.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    /// The gradient of the i-th that is carried: carried back.
    DCarry(usize),
    /// What is added up of the gradient of input i: carried back.
    Total(usize),
    /// What was carried into the step, or the step of a sequence: input i of the body.
    Walked(usize),
    /// The gradient of output i: of what a step gives, and of what was carried into it.
    DOutput(usize),
    /// What is captured: input i of the body.
    Captured(usize),
}

/// The gradients of the inputs.
pub(super) fn gradient(rule: &Scanned, b: &Backward<'_>) -> Result<Vec<Option<Node>>> {
    let step = Step::of(rule, b)?;
    let (carried, walked, captured) = step.values();
    let metas = |values: &[Value]| values.iter().map(|v| step.meta(*v)).collect::<Vec<_>>();
    let all = [carried.clone(), walked.clone(), captured.clone()].concat();
    let (body, outside) = Body::trace(&metas(&all), |symbols| Ok(step.at(&all, symbols)))?;
    debug_assert!(outside.is_empty(), "a step back reads its arguments only");
    let inputs = all.iter().map(|v| step.outside(*v, b)).collect();
    let back = Scanned {
        body,
        carried: carried.len(),
        sequences: walked.len(),
        steps: rule.steps,
        reverse: !rule.reverse,
    };
    let outputs = call_all(Arc::new(back), inputs)?;
    let mut found: Vec<Option<Node>> = vec![None; b.inputs.len()];
    for (value, d) in carried.iter().zip(&outputs) {
        if let Value::DCarry(i) | Value::Total(i) = value {
            found[*i] = Some(d.clone());
        }
    }
    for (i, d) in step.sequences().into_iter().zip(&outputs[carried.len()..]) {
        found[i] = Some(d.clone());
    }
    Ok(found)
}

/// One step back, traced: what it reads and what it gives.
struct Step<'a> {
    rule: &'a Scanned,
    /// Its arguments, and the subgraph over them: it gives the gradients of `of`.
    arguments: Vec<Value>,
    body: Body,
    /// The inputs of the cell that it gives gradients of, in order.
    of: Vec<usize>,
}

impl Step<'_> {
    fn of<'a>(rule: &'a Scanned, b: &Backward<'_>) -> Result<Step<'a>> {
        let (cell, carried) = (&rule.body, rule.carried);
        let walked = carried + rule.sequences;
        let (inputs, outputs) = (cell.inputs(), cell.outputs());
        let carries: Vec<usize> = (0..carried).filter(|&i| inputs[i].dtype.is_float()).collect();
        let has = |i: &usize| b.dys[*i].is_some();
        let mut arguments: Vec<Value> = carries.iter().map(|&i| Value::DCarry(i)).collect();
        arguments.extend((0..walked).map(Value::Walked));
        arguments.extend((carried..b.dys.len()).filter(has).map(Value::DOutput));
        arguments.extend((walked..inputs.len()).map(Value::Captured));
        let wanted = |&i: &usize| i >= carried && b.wanted[i] && inputs[i].dtype.is_float();
        let targets: Vec<usize> =
            carries.iter().copied().chain((0..inputs.len()).filter(wanted)).collect();
        let meta = |v: &Value| meta(rule, *v);
        let metas: Vec<Meta> = arguments.iter().map(meta).collect();
        let mut of = vec![];
        let (body, _) = Body::trace(&metas, |symbols| {
            let find =
                |v: Value| arguments.iter().position(|a| *a == v).map(|at| symbols[at].clone());
            let argument =
                |i: usize| find(if i < walked { Value::Walked(i) } else { Value::Captured(i) });
            let x: Vec<Node> = (0..inputs.len()).filter_map(argument).collect();
            let seed = |(i, y): (usize, Node)| {
                let dy = if i < carried { Value::DCarry(i) } else { Value::DOutput(i) };
                Some((y, find(dy)?))
            };
            let ys: Vec<(Node, Node)> =
                cell.at(&x).into_iter().enumerate().filter_map(seed).collect();
            let xs: Vec<Node> = targets.iter().map(|&i| x[i].clone()).collect();
            let mut found = vec![];
            for (&i, d) in targets.iter().zip(gradients_of(&ys, &xs)?) {
                let d = match find(Value::DOutput(outputs.len() + i)).filter(|_| i < carried) {
                    Some(kept) => Some(d.map_or(kept.clone(), |d| add(&d, &kept))),
                    // What is carried is carried back, whether a step reads it or not.
                    None if i < carried => d.or_else(|| Some(constant(0.0, inputs[i]))),
                    None => d,
                };
                if let Some(d) = d {
                    of.push(i);
                    found.push(d);
                }
            }
            Ok(found)
        })?;
        Ok(Step { rule, arguments, body, of })
    }

    fn meta(&self, value: Value) -> Meta {
        meta(self.rule, value)
    }

    /// The sequences among the inputs whose gradients there are.
    fn sequences(&self) -> Vec<usize> {
        let walked = self.rule.carried..self.rule.carried + self.rule.sequences;
        self.of.iter().copied().filter(|i| walked.contains(i)).collect()
    }

    /// What the backward scan carries, what it walks along and what it captures: no more than the step reads.
    fn values(&self) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
        let walked = self.rule.carried + self.rule.sequences;
        let carries = self.of.iter().filter(|&&i| i < self.rule.carried).map(|&i| Value::DCarry(i));
        let totals = self.of.iter().filter(|&&i| i >= walked).map(|&i| Value::Total(i));
        let read = || {
            let read = self.arguments.iter().enumerate().filter(|(at, _)| self.body.reads(*at));
            read.map(|(_, v)| *v)
        };
        let walks = |v: &Value| matches!(v, Value::Walked(_) | Value::DOutput(_));
        (
            carries.chain(totals).collect(),
            read().filter(walks).collect(),
            read().filter(|v| matches!(v, Value::Captured(_))).collect(),
        )
    }

    /// The step for arguments of which `values` says what they are: what is carried back, and the gradients of the sequences.
    fn at(&self, values: &[Value], given: &[Node]) -> Vec<Node> {
        let find = |v: Value| values.iter().position(|a| *a == v).map(|at| given[at].clone());
        // What is not read may be anything.
        let argument = |v: &Value| find(*v).unwrap_or_else(|| constant(0.0, self.meta(*v)));
        let arguments: Vec<Node> = self.arguments.iter().map(argument).collect();
        let found = self.body.at(&arguments);
        let walked = self.rule.carried..self.rule.carried + self.rule.sequences;
        let (mut carried, mut rows) = (vec![], vec![]);
        for (&i, d) in self.of.iter().zip(found) {
            match find(Value::Total(i)) {
                Some(total) => carried.push(add(&total, &d)),
                None if walked.contains(&i) => rows.push(d),
                None => carried.push(d),
            }
        }
        carried.extend(rows);
        carried
    }

    /// What the backward scan is given for a value.
    fn outside(&self, value: Value, b: &Backward<'_>) -> Node {
        let zeros = || constant(0.0, self.meta(value));
        match value {
            Value::DCarry(i) => b.dys[i].clone().unwrap_or_else(zeros),
            Value::Total(_) => zeros(),
            Value::Walked(i) if i < self.rule.carried => {
                b.outputs[self.rule.body.outputs().len() + i].clone()
            }
            Value::Walked(i) | Value::Captured(i) => b.inputs[i].clone(),
            Value::DOutput(i) => b.dys[i].clone().expect("those that there are"),
        }
    }
}

/// What a value is at one step.
fn meta(rule: &Scanned, value: Value) -> Meta {
    let cell = &rule.body;
    match value {
        Value::DCarry(i) | Value::Total(i) | Value::Walked(i) | Value::Captured(i) => {
            cell.inputs()[i]
        }
        Value::DOutput(i) => {
            let outputs = cell.outputs();
            outputs.get(i).copied().unwrap_or_else(|| cell.inputs()[i - outputs.len()])
        }
    }
}

fn add(a: &Node, b: &Node) -> Node {
    (crate::Tensor(a.clone()) + crate::Tensor(b.clone())).0
}
