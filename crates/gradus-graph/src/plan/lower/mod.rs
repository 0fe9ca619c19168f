//! Lowering: groups and calls become steps; values get buffers, views and memory orders.
//!
//! A memory order is a property of a buffer of the plan, never of a node. A call says which orders
//! it wants, a loop takes over the order of what it reads, and a value in the wrong order is copied
//! once.

mod assemble;
mod builder;
mod calls;
mod commit;
mod groups;
mod pieces;
mod touches;

use super::berths::berths;
use super::collect::{Collected, Item, What};
use super::fuse::Groups;
use super::lowered::{Home, LoweredPlan};
use builder::Lowerer;
use std::collections::{HashMap, HashSet};

pub(crate) fn lower(c: &Collected, groups: &Groups, undo: bool) -> LoweredPlan {
    let mut l = Lowerer {
        c,
        groups,
        values: vec![None; c.items.len()],
        ordered: HashMap::new(),
        parts_read: parts_read(c, groups),
        berths: berths(c, groups),
        wholes: HashMap::new(),
        delayed: groups.list.iter().filter_map(|g| g.call.or(g.follows)).collect::<HashSet<_>>(),
        plan: LoweredPlan {
            steps: vec![],
            prologue: 0,
            bufs: vec![],
            updated: vec![false; c.variables.len()],
            outputs: vec![],
        },
    };
    for i in 0..c.items.len() {
        l.item(i);
    }
    l.put_outputs();
    if undo {
        l.put_beside_variables()
    } else {
        l.put_into_variables()
    }
    l.plan
}

/// The outputs that are read of calls with several: (call, number).
fn parts_read(c: &Collected, groups: &Groups) -> HashSet<(usize, usize)> {
    let used = c.items.iter().zip(&groups.uses).filter(|(_, uses)| **uses > 0);
    let part = |(item, _): (&Item, _)| match item.what {
        What::Part(n) => Some((item.inputs[0], n)),
        _ => None,
    };
    used.filter_map(part).collect()
}

impl Lowerer<'_> {
    fn item(&mut self, i: usize) {
        let c = self.c;
        let item = &c.items[i];
        let value = match &item.what {
            What::Input(n) => self.outside(Home::Input(*n), item.meta),
            What::Leaf(n) => self.outside(Home::Leaf(*n), item.meta),
            What::Variable(n) => self.outside(Home::Variable(*n), item.meta),
            What::View(op) => self.view(i, op),
            What::Assemble { .. } => self.assemble(i),
            What::Part(n) => self.values[item.inputs[0]].as_ref().expect("calls come first")[*n],
            What::Call(..) if self.delayed.contains(&i) => return,
            What::Call(..) => {
                self.call(i, None);
                return;
            }
            What::Pointwise(_) | What::Reduce(..) => {
                if let Some(g) = self.groups.of[i].map(|g| &self.groups.list[g])
                    && g.root == i
                {
                    self.group(g);
                }
                return;
            }
        };
        self.values[i] = Some(vec![value]);
    }
}
