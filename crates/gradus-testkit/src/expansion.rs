//! Expansions: what a rule is expanded to gives what its plain kernel gives, both on the reference
//! device and in f64. Of every rule that the case calls, in its value and in its gradients of both
//! orders, at the case's sample and at its empty inputs.

use crate::gradient::Probe;
use crate::session::{Session, calls, reached, rule_of};
use crate::tolerance::{Species, compare, tolerance};
use crate::{Array, Device};
use gradus_base::DType;
use gradus_graph::{Kind, Node, try_build};

pub(crate) fn verify(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    if session.device.name != Device::REFERENCE.name {
        return Ok(());
    }
    let sample = case.sample(0);
    let nodes = |inputs: &[Array]| (case.op)(&case.nodes(inputs, DType::F64));
    all_of(session, &nodes(&sample))?;
    for shapes in &case.empty {
        let named = |e| format!("inputs of shapes {shapes:?}: {e}");
        let inputs = case.drawn(shapes);
        all_of(session, &nodes(&inputs)).map_err(named)?;
    }
    if case.differentiable {
        let probe = Probe::new(session, 0);
        let slopes = [1, 2].map(|order| probe.slopes(order, DType::F64));
        for slopes in slopes {
            all_of(session, &slopes?)?;
        }
    }
    Ok(())
}

/// Compares every call that some nodes are made of with its expansion, if there is one.
fn all_of(session: &Session<'_>, nodes: &[Node]) -> Result<(), String> {
    let reached = reached(nodes);
    for call in calls(nodes) {
        let rule = rule_of(&call);
        let expanded = try_build(|| rule.expand(call.inputs())).map_err(|e| e.to_string())?;
        let Some(expanded) = expanded else { continue };
        let named = |e: String| format!("{} and what it is expanded to: {e}", rule.name());
        for (part, i) in parts(&call, &reached) {
            let other = expanded.get(i).ok_or_else(|| named(format!("no output {i}")))?;
            if other.meta() != part.meta() {
                return Err(named(format!("{} and {}", part.meta(), other.meta())));
            }
            let both = session.read(&[part, other.clone()])?;
            let most = match other.dtype().is_float() {
                true => tolerance(DType::F64, Species::Kernel),
                false => 0.0,
            };
            compare(&both[1], &both[0], most).map_err(named)?;
        }
        session.met.borrow_mut().expanded.insert(rule.name().to_owned());
    }
    Ok(())
}

/// The outputs of a call, as far as there are nodes for them, with their numbers.
fn parts(call: &Node, reached: &[Node]) -> Vec<(Node, usize)> {
    if let Kind::Call(_, metas) = call.kind()
        && metas.len() == 1
    {
        return vec![(call.clone(), 0)];
    }
    let part = |node: &Node| match node.kind() {
        Kind::Part(i) if node.inputs()[0].id() == call.id() => Some((node.clone(), *i)),
        _ => None,
    };
    reached.iter().filter_map(part).collect()
}
