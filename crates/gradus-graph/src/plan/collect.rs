//! Collecting: the nodes a goal needs, in order of making, equal ones merged; and the key plans are
//! cached by.

use super::Goal;
use crate::node::{Kind, Node, Pointwise};
use crate::rule::{Meta, Rule};
use crate::variable::Variable;
use gradus_base::Expr;
use gradus_base::ReduceOp;
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

/// The nodes below the goal, in order of making. A node already computed is a leaf, unless it is an argument.
fn reachable(goal: &Goal<'_>) -> Vec<Node> {
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
    nodes
}

impl Collected {
    pub(crate) fn new(goal: &Goal<'_>) -> Collected {
        let mut c = Collector::default();
        for node in reachable(goal) {
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
        for k in &c.keys {
            k.hash(&mut key);
        }
        (&outputs, &updates).hash(&mut key);
        let key = key.done();
        let Collector { items, variables, leaves, .. } = c;
        let leaves_stay = goal.leaves_stay;
        Collected { items, outputs, updates, variables, leaves, leaves_stay, key }
    }
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
        let what = self.what(node);
        let key = key_of(&what, &inputs, node.meta());
        let place = *self.by_key.entry(key).or_insert(self.items.len());
        if place == self.items.len() {
            self.items.push(Item { what, inputs, meta: node.meta(), node: node.clone() });
            self.keys.push(key);
        }
        self.place.insert(node.id(), place);
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
                return Err(gradus_base::Error::shape("program", what).at(item.node.location()));
            }
        }
        Ok(())
    }
}
