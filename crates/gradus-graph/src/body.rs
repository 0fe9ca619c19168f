//! `Body`: a subgraph that a rule holds. It is traced once, on symbols; what it reads from outside becomes inputs of its own, so it is
//! closed: it can be built again of other nodes, told from others by a digest, and planned by itself.

use crate::build::input;
use crate::check::plainly;
use crate::device::Device;
use crate::mistake::{sound, try_build};
use crate::node::{Kind, Node};
use crate::plan::{Collected, Goal, Options, Plan, digest};
use crate::rule::{Effect, Meta};
use gradus_base::{DType, Error, Result};
use gradus_reference::Array;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

/// The numbers of symbols lie beyond those of a program's arguments.
pub(crate) const SYMBOLS: usize = usize::MAX / 2;

/// A traced function of nodes. Cloning copies a pointer; two that print the same under `Debug` compute the same.
///
/// ```
/// use gradus_base::DType;
/// use gradus_graph::{Body, Meta, concat, constant, data, read};
/// let meta = Meta::new([2], DType::F32);
/// let outside = read(&[constant(1.0, meta)], &[])?.remove(0);
/// let outside = data(meta, outside);
/// let (body, captured) = Body::trace(&[meta], |x| Ok(vec![concat(&[x[0].clone(), outside.clone()], 0)]))?;
/// assert_eq!((body.inputs().len(), captured.len()), (2, 1));
/// let y = body.at(&[constant(3.0, meta), captured[0].clone()]);
/// assert_eq!(read(&y, &[])?[0].as_slice::<f32>()[..4], [3.0, 3.0, 1.0, 1.0]);
/// # Ok::<(), gradus_base::Error>(())
/// ```
#[derive(Clone)]
pub struct Body(Arc<Traced>);

struct Traced {
    inputs: Vec<Meta>,
    /// All that the outputs are made of, the inputs that they read too, each after what it reads.
    nodes: Vec<Node>,
    outputs: Vec<Node>,
    digest: (u64, u64),
}

impl Body {
    /// Calls `build` on symbols of these shapes and types. Gives the subgraph that it made, and the nodes that this reads from outside,
    /// whose shapes and types are its further inputs. What is made without the symbols is outside, too, but constants.
    ///
    /// # Errors
    /// Those of `build`; and if it makes a call with an effect.
    #[track_caller]
    pub fn trace(
        symbols: &[Meta],
        build: impl FnOnce(&[Node]) -> Result<Vec<Node>>,
    ) -> Result<(Body, Vec<Node>)> {
        let mut arguments = Vec::with_capacity(symbols.len());
        for (i, &meta) in symbols.iter().enumerate() {
            arguments.push(input(SYMBOLS + i, meta));
        }
        let outputs = build(&arguments)?;
        sound(&outputs)?;
        let inside = inside(&arguments, &outputs)?;
        let mut closing = Closing { inputs: symbols.to_vec(), ..Closing::default() };
        for (i, symbol) in arguments.iter().enumerate() {
            closing.closed.insert(symbol.id(), input(i, symbol.meta()));
        }
        for node in &inside {
            let inputs = node.inputs().iter().map(|n| closing.closed(n)).collect();
            closing.closed.insert(node.id(), node.with_inputs(inputs));
        }
        let outputs: Vec<Node> = outputs.iter().map(|n| closing.closed(n)).collect();
        let nodes = below(&outputs, |_| true);
        let digest = digest(&nodes, &outputs);
        let Closing { inputs, captured, .. } = closing;
        Ok((Body(Arc::new(Traced { inputs, nodes, outputs, digest })), captured))
    }

    /// What goes in: the symbols, then what was captured.
    pub fn inputs(&self) -> &[Meta] {
        &self.0.inputs
    }

    /// What comes out.
    pub fn outputs(&self) -> Vec<Meta> {
        self.0.outputs.iter().map(Node::meta).collect()
    }

    /// Whether the outputs depend on an input.
    pub fn reads(&self, i: usize) -> bool {
        self.0.nodes.iter().any(|n| matches!(n.kind(), Kind::Input(at) if *at == i))
    }

    /// The outputs for other inputs: the same nodes once more, of the same lines and layers.
    ///
    /// # Panics
    /// If there are fewer inputs.
    pub fn at(&self, inputs: &[Node]) -> Vec<Node> {
        let mut made: HashMap<u64, Node> = HashMap::with_capacity(self.0.nodes.len());
        for node in &self.0.nodes {
            let new = match node.kind() {
                Kind::Input(i) => inputs[*i].clone(),
                _ => {
                    node.with_inputs(node.inputs().iter().map(|n| made[&n.id()].clone()).collect())
                }
            };
            made.insert(node.id(), new);
        }
        self.0.outputs.iter().map(|n| made[&n.id()].clone()).collect()
    }

    /// What the reference device makes of arrays.
    ///
    /// # Errors
    /// A bad value that is found on the way.
    pub fn plain(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let types: Vec<DType> = self.0.inputs.iter().map(|m| m.dtype).collect();
        plainly(inputs, &types, |nodes| Ok(self.at(&nodes)))
    }

    /// Floating-point operations.
    pub fn flops(&self) -> u64 {
        let metas = |nodes: &[Node]| nodes.iter().map(Node::meta).collect::<Vec<_>>();
        let of = |node: &Node| match node.kind() {
            Kind::Pointwise(p) => (p.expr.flops() * node.shape().len()) as u64,
            Kind::Reduce(..) => node.inputs()[0].shape().len() as u64,
            Kind::Call(rule, outputs) => rule.flops(&metas(node.inputs()), outputs),
            _ => 0,
        };
        self.0.nodes.iter().map(of).sum()
    }

    /// Whether a device has a way to do all that is inside.
    pub fn runs_on(&self, device: Device) -> bool {
        self.0.nodes.iter().all(|node| match node.kind() {
            Kind::Call(rule, _) => {
                let expands = || try_build(|| rule.expand(node.inputs()).is_some());
                rule.strategy(device).is_some() || expands().unwrap_or(false)
            }
            _ => true,
        })
    }

    /// The plan of those outputs that are `wanted`, for a device, of whose inputs the first `changing` differ from run to run: what
    /// depends on the others alone is its prologue. Whoever has the same body planned while somebody still holds the plan gets that.
    ///
    /// # Errors
    /// If the device has no way to do what is inside.
    pub fn plan(&self, device: Device, changing: usize, wanted: &[bool]) -> Result<Arc<Plan>> {
        let key = (self.0.digest, device, changing, wanted.to_vec());
        if let Some(plan) = plans().lock().get(&key).and_then(Weak::upgrade) {
            return Ok(plan);
        }
        let outputs = self.0.outputs.iter().zip(wanted).filter(|(_, wanted)| **wanted);
        let outputs: Vec<Node> = outputs.map(|(n, _)| n.clone()).collect();
        let goal = Goal { outputs: &outputs, updates: &[], leaves_stay: true, changing };
        let mut collected = Collected::new(&goal, device)?;
        let plan = Arc::new(Plan::of(&mut collected, Options::default())?);
        let mut plans = plans().lock();
        plans.retain(|_, plan| plan.strong_count() > 0);
        plans.insert(key, Arc::downgrade(&plan));
        Ok(plan)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = self.0.digest;
        write!(f, "Body({a:016x}{b:016x})")
    }
}

/// A body's digest, a device, how many inputs change, which outputs are wanted.
type Key = ((u64, u64), Device, usize, Vec<bool>);

fn plans() -> &'static Mutex<HashMap<Key, Weak<Plan>>> {
    static PLANS: OnceLock<Mutex<HashMap<Key, Weak<Plan>>>> = OnceLock::new();
    PLANS.get_or_init(Mutex::default)
}

/// Nodes and all below them that `goes_on` passes, in order of making.
fn below(nodes: &[Node], goes_on: impl Fn(&Node) -> bool) -> Vec<Node> {
    let (mut found, mut stack) = (HashMap::new(), nodes.to_vec());
    while let Some(node) = stack.pop() {
        if goes_on(&node) && !found.contains_key(&node.id()) {
            stack.extend(node.inputs().iter().cloned());
            found.insert(node.id(), node);
        }
    }
    let mut found: Vec<Node> = found.into_values().collect();
    found.sort_unstable_by_key(Node::id);
    found
}

/// The nodes that are made of symbols, in order, without the symbols.
fn inside(symbols: &[Node], outputs: &[Node]) -> Result<Vec<Node>> {
    let first = symbols.first().map_or(u64::MAX, Node::id);
    let mut of_symbols: HashSet<u64> = symbols.iter().map(Node::id).collect();
    let mut inside = below(outputs, |n| n.id() >= first);
    for node in &inside {
        if let Kind::Call(rule, _) = node.kind()
            && rule.effect() != Effect::None
        {
            let what = "it reaches outside, once in every run; what a body does is done any number of times";
            let e = Error::value(rule.name(), what).at(node.place().clone());
            return Err(e.in_scope(node.scope().map(|s| &**s)));
        }
        if node.inputs().iter().any(|n| of_symbols.contains(&n.id())) {
            of_symbols.insert(node.id());
        }
    }
    let symbols: HashSet<u64> = symbols.iter().map(Node::id).collect();
    inside.retain(|n| of_symbols.contains(&n.id()) && !symbols.contains(&n.id()));
    Ok(inside)
}

/// A subgraph on its way to be closed.
#[derive(Default)]
struct Closing {
    inputs: Vec<Meta>,
    captured: Vec<Node>,
    /// By the number of a node what stands for it inside.
    closed: HashMap<u64, Node>,
}

impl Closing {
    /// What stands for a node: something inside, or what was captured from outside just now.
    fn closed(&mut self, node: &Node) -> Node {
        if let Some(closed) = self.closed.get(&node.id()) {
            return closed.clone();
        }
        let closed = match node.kind() {
            Kind::Pointwise(p) if p.expr.inputs() == 0 => node.with_inputs(vec![]),
            _ => {
                self.captured.push(node.clone());
                self.inputs.push(node.meta());
                input(self.inputs.len() - 1, node.meta())
            }
        };
        self.closed.insert(node.id(), closed.clone());
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::constant;

    #[test]
    fn equal_bodies_share_a_plan_while_it_is_in_use() {
        let meta = Meta::new([3], DType::F32);
        let body = |value: f64| {
            let sum = |x: &[Node]| Ok(vec![x[0].zip(&constant(value, meta), "add", |a, b| a + b)]);
            Body::trace(&[meta], sum).unwrap().0
        };
        let plan = |value: f64| body(value).plan(Device::Cpu, 1, &[true]).unwrap();
        let one = plan(1.0);
        assert!(Arc::ptr_eq(&one, &plan(1.0)) && !Arc::ptr_eq(&one, &plan(2.0)));
        assert_eq!(format!("{:?}", body(1.0)), format!("{:?}", body(1.0)));
        assert_ne!(format!("{:?}", body(1.0)), format!("{:?}", body(2.0)));
    }
}
