//! Collecting: the nodes a goal needs, in order of making, equal ones merged; and the key plans are
//! cached by.

use super::expand::in_order;
use super::goal::Goal;
use crate::body::SYMBOLS;
use crate::device::{Device, Limits};
use crate::node::{Kind, Node, Pointwise};
use crate::rule::{Effect, Meta, Rule};
use crate::strategy::Strategy;
use crate::variable::Variable;
use gradus_base::ReduceOp;
use gradus_base::{Error, Expr, Result};
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A planned value: a node without its identity.
#[derive(Clone)]
pub(crate) struct Item {
    pub what: What,
    pub inputs: Vec<usize>,
    pub meta: Meta,
    pub node: Node,
}

impl Item {
    fn effect(&self) -> Effect {
        match &self.what {
            What::Call(rule, _) => rule.effect(),
            _ => Effect::None,
        }
    }
    /// Whether it does more than compute: it runs once a run, neither more nor less often.
    pub(crate) fn has_effect(&self) -> bool {
        self.effect() != Effect::None
    }
    /// Whether it waits for what an earlier one has started.
    pub(crate) fn waits(&self) -> bool {
        self.effect() == Effect::Wait
    }
}

/// [`Kind`] as the planner sees it: leaves are numbered, transparent nodes are gone.
#[derive(Clone)]
pub(crate) enum What {
    Input(usize),
    Leaf(usize),
    Variable(usize),
    Pointwise(Pointwise),
    View(crate::node::ViewOp),
    Assemble { axis: usize, pieces: Vec<(usize, isize)> },
    Reduce(ReduceOp, Vec<bool>),
    Call(Arc<dyn Rule>, Vec<Meta>),
    Part(usize),
}

/// A goal's nodes, ready to be planned.
pub(crate) struct Collected {
    pub items: Vec<Item>,
    /// The items whose values are wanted.
    pub outputs: Vec<usize>,
    /// (variable, item) pairs to write.
    pub updates: Vec<(usize, usize)>,
    pub variables: Vec<Variable>,
    pub leaves: Vec<Node>,
    /// Whether the leaves are the same at every run.
    pub leaves_stay: bool,
    /// How many of the arguments, the first, differ from run to run.
    pub changing: usize,
    /// Where it will run.
    pub device: Device,
    /// Two goals with the same key have the same plan.
    pub key: (u64, u64),
}

/// Hashes twice, with different beginnings, so that a false match has odds of 2⁻¹²⁸.
struct Key(DefaultHasher, DefaultHasher);

impl Key {
    fn new() -> Key {
        let (a, mut b) = (DefaultHasher::new(), DefaultHasher::new());
        b.write_u64(0x9e37_79b9_7f4a_7c15);
        Key(a, b)
    }
    fn done(&self) -> (u64, u64) {
        (self.0.finish(), self.1.finish())
    }
}
impl Hasher for Key {
    fn finish(&self) -> u64 {
        self.0.finish()
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
}
impl Write for Key {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.write(s.as_bytes());
        Ok(())
    }
}

impl Collected {
    /// The goal's items for a device.
    ///
    /// # Errors
    /// If the device has no way to do an op.
    pub(crate) fn new(goal: &Goal<'_>, device: Device) -> Result<Collected> {
        let mut c = Collector::default();
        let order = in_order(goal, device)?;
        c.expansions = order.expansions;
        for node in order.nodes {
            c.add(&node);
        }
        let place = |n: &Node| c.place[&n.id()];
        let outputs: Vec<usize> = goal.outputs.iter().map(place).collect();
        let mut updates = Vec::with_capacity(goal.updates.len());
        for (v, n) in goal.updates {
            let item = c.place[&n.id()];
            updates.push((c.variable(v), item));
        }
        let mut key = Key::new();
        device.hash(&mut key);
        for k in &c.keys {
            k.hash(&mut key);
        }
        (&outputs, &updates).hash(&mut key);
        let key = key.done();
        let Collector { items, variables, leaves, .. } = c;
        let symbol = |i: &&Item| matches!(i.what, What::Input(n) if n >= SYMBOLS);
        if let Some(item) = items.iter().find(symbol) {
            let what = "a value from inside of a body is used outside of it, where it is none";
            return Err(Error::value("body", what).at(item.node.place().clone()));
        }
        let (leaves_stay, changing) = (goal.leaves_stay, goal.changing);
        Ok(Collected {
            items,
            outputs,
            updates,
            variables,
            leaves,
            leaves_stay,
            changing,
            device,
            key,
        })
    }
}

/// What tells a function of arguments from others that compute something else. `nodes` are all that its outputs are made of, in
/// order.
pub(crate) fn digest(nodes: &[Node], outputs: &[Node]) -> (u64, u64) {
    let mut c = Collector::default();
    nodes.iter().for_each(|n| c.add(n));
    let mut key = Key::new();
    c.keys.hash(&mut key);
    outputs.iter().for_each(|n| c.place[&n.id()].hash(&mut key));
    key.done()
}

#[derive(Default)]
struct Collector {
    items: Vec<Item>,
    keys: Vec<(u64, u64)>,
    by_key: HashMap<(u64, u64), usize>,
    place: HashMap<u64, usize>,
    variables: Vec<Variable>,
    variable_numbers: HashMap<u64, usize>,
    leaves: Vec<Node>,
    /// What stands for each output of an op that is not done as such.
    expansions: HashMap<u64, Vec<Node>>,
    /// Calls with an effect so far: no two of them are the same.
    effects: usize,
}

impl Collector {
    fn variable(&mut self, v: &Variable) -> usize {
        *self.variable_numbers.entry(v.id()).or_insert_with(|| {
            self.variables.push(v.clone());
            self.variables.len() - 1
        })
    }

    fn add(&mut self, node: &Node) {
        let inputs: Vec<usize> = match node.value() {
            Some(_) => vec![],
            None => node.inputs().iter().map(|n| self.place[&n.id()]).collect(),
        };
        if let (Kind::Detach, None) = (node.kind(), node.value()) {
            self.place.insert(node.id(), inputs[0]);
            return;
        }
        if let Some(stands) = self.expansion(node) {
            self.place.insert(node.id(), self.place[&stands.id()]);
            return;
        }
        let what = self.what(node);
        let mut key = key_of(&what, &inputs, node.meta());
        if let What::Call(rule, _) = &what
            && rule.effect() != Effect::None
        {
            self.effects += 1;
            key.0 ^= self.effects as u64;
        }
        let place = *self.by_key.entry(key).or_insert(self.items.len());
        if place == self.items.len() {
            self.items.push(Item { what, inputs, meta: node.meta(), node: node.clone() });
            self.keys.push(key);
        }
        self.place.insert(node.id(), place);
    }

    /// What stands for the value of a node that is not computed as such.
    fn expansion(&self, node: &Node) -> Option<&Node> {
        match node.kind() {
            _ if node.value().is_some() => None,
            Kind::Part(i) => self.expansions.get(&node.inputs()[0].id()).map(|outs| &outs[*i]),
            _ => self.expansions.get(&node.id()).map(|outs| &outs[0]),
        }
    }

    fn what(&mut self, node: &Node) -> What {
        if node.value().is_some() {
            self.leaves.push(node.clone());
            return What::Leaf(self.leaves.len() - 1);
        }
        match node.kind() {
            Kind::Data | Kind::Detach => unreachable!("data has its value; detach is transparent"),
            Kind::Input(i) => What::Input(*i),
            Kind::Variable(v) => What::Variable(self.variable(v)),
            Kind::Pointwise(p) => What::Pointwise(p.clone()),
            Kind::View(v) => What::View(v.clone()),
            Kind::Assemble { axis, pieces } => {
                What::Assemble { axis: *axis, pieces: pieces.clone() }
            }
            Kind::Reduce(op, reduced) => What::Reduce(*op, reduced.clone()),
            Kind::Call(rule, metas) => What::Call(rule.clone(), metas.clone()),
            Kind::Part(i) => What::Part(*i),
            Kind::Poisoned(mistake) => unreachable!("refused before it is planned: {mistake}"),
        }
    }
}

fn key_of(what: &What, inputs: &[usize], meta: Meta) -> (u64, u64) {
    let mut key = Key::new();
    (inputs, meta).hash(&mut key);
    match what {
        What::Input(i) => (0u8, i).hash(&mut key),
        What::Leaf(i) => (1u8, i).hash(&mut key),
        What::Variable(i) => (2u8, i).hash(&mut key),
        What::Pointwise(p) => (3u8, &*p.expr as &Expr).hash(&mut key),
        What::View(v) => (4u8, v).hash(&mut key),
        What::Assemble { axis, pieces } => (5u8, axis, pieces).hash(&mut key),
        What::Reduce(op, reduced) => (6u8, op, reduced).hash(&mut key),
        What::Call(rule, metas) => {
            (7u8, metas).hash(&mut key);
            let _ = write!(key, "{rule:?}");
        }
        What::Part(i) => (8u8, i).hash(&mut key),
    }
    key.done()
}

impl Collected {
    pub(crate) fn limits(&self) -> &'static Limits {
        self.device.backend().limits()
    }

    /// How the device does a call.
    pub(crate) fn strategy<'a>(&self, rule: &'a Arc<dyn Rule>) -> Box<dyn Strategy + 'a> {
        rule.strategy(self.device).expect("what has none is expanded or refused")
    }

    /// Whether any item has an effect.
    pub(crate) fn has_effects(&self) -> bool {
        self.items.iter().any(Item::has_effect)
    }

    /// Whether an item is a call with an effect or one of its outputs.
    pub(crate) fn after_effect(&self, i: usize) -> bool {
        match self.items[i].what {
            What::Part(_) => self.items[self.items[i].inputs[0]].has_effect(),
            _ => self.items[i].has_effect(),
        }
    }

    /// An argument of a program among the items, if there is one.
    pub(crate) fn argument(&self) -> Option<&Node> {
        self.items.iter().find(|i| matches!(i.what, What::Input(_))).map(|i| &i.node)
    }

    /// Brings the items into another order, in which every item comes after its inputs.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &i)| place[i] = at);
        let mut old: Vec<Option<Item>> =
            std::mem::take(&mut self.items).into_iter().map(Some).collect();
        let new = |i: &mut usize| *i = place[*i];
        self.items.extend(order.iter().filter_map(|&i| old[i].take()));
        self.items.iter_mut().flat_map(|item| &mut item.inputs).for_each(new);
        self.outputs.iter_mut().for_each(new);
        self.updates.iter_mut().for_each(|(_, i)| new(i));
    }

    /// Checks that every argument is one of `inputs`.
    pub(crate) fn check_arguments(&self, inputs: &[Meta]) -> gradus_base::Result<()> {
        for item in &self.items {
            if let What::Input(i) = item.what
                && inputs.get(i) != Some(&item.meta)
            {
                let what =
                    format!("argument {i} is used as {}, declared {:?}", item.meta, inputs.get(i));
                return Err(
                    gradus_base::Error::shape("program", what).at(item.node.place().clone())
                );
            }
        }
        Ok(())
    }
}
