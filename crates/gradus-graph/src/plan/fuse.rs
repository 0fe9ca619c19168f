//! Fusing: which pointwise items run in one loop, and which loops ride on a reduction or a kernel
//! call.
//!
//! Walking from the last item to the first, a pointwise item joins the earliest-finishing group
//! among those that read it, provided everything else that reads it comes after that group. So
//! groups never form a cycle: a group runs where its last member stood.

use super::collect::{Collected, What};
use super::facts::{compute_of, distinct_elements, fixed_items, is_constant, readers};
use crate::rule::Meta;
use gradus_base::DType;

/// Items computed together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The item at whose place the group runs: the last pointwise member, or the reduction.
    pub root: usize,
    /// The pointwise members, in order. The root is among them unless it is a reduction.
    pub members: Vec<usize>,
    /// The members whose values others read, the root last. Empty for a reduction.
    pub outputs: Vec<usize>,
    /// The kernel call that applies this group to its output.
    pub call: Option<usize>,
    /// The call whose result nobody else reads, which is computed in pieces that this group
    /// follows.
    pub follows: Option<usize>,
}

/// How every item is computed.
pub(crate) struct Groups {
    /// The groups, by root.
    pub list: Vec<Group>,
    /// For each item, its group.
    pub of: Vec<Option<usize>>,
    /// For each item, how often it is read: by items, as a wanted value, as an update.
    pub uses: Vec<usize>,
    /// For each item, whether it stays from run to run.
    fixed: Vec<bool>,
    /// For each item, the elements it has if nothing repeated counts.
    distinct: Vec<usize>,
}

pub(crate) fn fuse(c: &Collected) -> Groups {
    let readers = readers(c);
    let mut wanted = vec![0; c.items.len()];
    for &o in c.outputs.iter().chain(c.updates.iter().map(|(_, i)| i)) {
        wanted[o] += 1;
    }
    let uses = (0..c.items.len()).map(|i| readers[i].len() + wanted[i]).collect();
    let mut g = Groups {
        list: vec![],
        of: vec![None; c.items.len()],
        uses,
        fixed: fixed_items(c, c.leaves_stay),
        distinct: distinct_elements(c),
    };
    for i in (0..c.items.len()).rev() {
        if is_constant(c, i) && wanted[i] == 0 {
            // A constant is written into every loop that reads it; others read it as a value.
            if readers[i].iter().any(|&r| g.of[r].is_none() || !same_loop(c, r, i)) {
                g.start(i, vec![i], vec![i]);
            }
            continue;
        }
        match &c.items[i].what {
            What::Pointwise(_) => match host(c, &g, &readers[i], i, wanted[i] > 0) {
                Some(host) => g.join(i, host, &readers[i], wanted[i] > 0),
                None => g.start(i, vec![i], vec![i]),
            },
            What::Reduce(..) => g.start(i, vec![], vec![]),
            _ => {}
        }
    }
    for group in &mut g.list {
        group.members.sort_unstable();
        group.outputs.sort_unstable();
    }
    attach_calls(c, &mut g, &readers);
    g
}

impl Groups {
    fn start(&mut self, root: usize, members: Vec<usize>, outputs: Vec<usize>) {
        self.of[root] = Some(self.list.len());
        self.list.push(Group { root, members, outputs, call: None, follows: None });
    }
    fn join(&mut self, i: usize, host: usize, readers: &[usize], wanted: bool) {
        self.of[i] = Some(host);
        self.list[host].members.push(i);
        if wanted || readers.iter().any(|&r| self.of[r] != Some(host)) {
            self.list[host].outputs.push(i);
        }
    }
    /// Whether item `i` may be computed where `root` is: what stays is not computed again at each run, unless it is smaller
    /// before it is repeated over the loop.
    fn as_often(&self, c: &Collected, i: usize, root: usize) -> bool {
        let repeated = || self.distinct[i] < c.items[i].meta.shape.len();
        !self.fixed[i] || self.fixed[root] || repeated()
    }
    /// When an item's value is needed: where its group runs, or its own place.
    fn position(&self, item: usize) -> usize {
        self.of[item].map_or(item, |g| self.list[g].root)
    }
}

/// The shape a reader loops over.
fn loop_shape(c: &Collected, i: usize) -> gradus_base::Shape {
    match c.items[i].what {
        What::Reduce(..) => c.items[c.items[i].inputs[0]].meta.shape,
        _ => c.items[i].meta.shape,
    }
}

/// Whether `reader` loops over the same elements in the same arithmetic as `i`.
fn same_loop(c: &Collected, reader: usize, i: usize) -> bool {
    if loop_shape(c, reader) != c.items[i].meta.shape {
        return false;
    }
    match c.items[reader].what {
        What::Pointwise(_) => fits(c, reader, i),
        What::Reduce(..) => fits(c, reader, i),
        _ => false,
    }
}

/// Same arithmetic; and what passes from `i` to `reader` in a register must be what would pass through memory: no
/// rounding to a half type, no truncation to an integer, a boolean that is 0 or 1.
fn fits(c: &Collected, reader: usize, i: usize) -> bool {
    let What::Pointwise(p) = &c.items[i].what else { return false };
    let exact = match c.items[i].meta.dtype {
        DType::Bool => p.expr.is_mask(0),
        dtype => dtype == compute_of(c, i),
    };
    exact && compute_of(c, reader) == compute_of(c, i)
}

/// The group `i` may join.
fn host(c: &Collected, g: &Groups, readers: &[usize], i: usize, wanted: bool) -> Option<usize> {
    let first = readers
        .iter()
        .filter(|&&r| g.of[r].is_some() && same_loop(c, r, i))
        .min_by_key(|&&r| g.position(r))?;
    let host = g.of[*first]?;
    let root = g.list[host].root;
    let others_later = readers.iter().all(|&r| {
        let inside = g.of[r] == Some(host) && same_loop(c, r, i);
        inside || (g.of[r] != Some(host) && g.position(r) > root)
    });
    let group = &g.list[host];
    let all_inside = readers.iter().all(|&r| g.of[r] == Some(host));
    let reduction = matches!(c.items[root].what, What::Reduce(..));
    let alone = all_inside && !wanted;
    let often = g.as_often(c, i, root);
    let limits = c.limits();
    let roomy =
        group.members.len() < limits.loop_lines && inputs(c, group).len() < limits.loop_inputs;
    (others_later && often && roomy && (alone || !reduction)).then_some(host)
}

/// The items a group reads from outside, in order of first reading; constants are written inside.
pub(crate) fn inputs(c: &Collected, group: &Group) -> Vec<usize> {
    let mut seen = vec![];
    let root = std::iter::once(&group.root).filter(|r| !group.members.contains(r));
    for &m in group.members.iter().chain(root) {
        for &n in &c.items[m].inputs {
            let inside = group.members.contains(&n) || is_constant(c, n);
            if !inside && !seen.contains(&n) {
                seen.push(n);
            }
        }
    }
    seen
}

/// Whether a group's value is to replace a variable that the group reads: an optimiser's step. On its own it is written
/// over the variable, element by element. On a call it could not be, since the call writes its output before the group
/// reads; it would go elsewhere and be copied.
fn writes_over_its_input(c: &Collected, group: &Group) -> bool {
    let reads = inputs(c, group);
    c.updates.iter().any(|&(v, item)| {
        item == group.root
            && reads.iter().any(|&n| matches!(c.items[n].what, What::Variable(w) if w == v))
    })
}

/// Gives a group to the call whose only output it alone reads, if there is one: to ride on it, or, where it writes over what it
/// reads, to follow it piece by piece.
fn attach_calls(c: &Collected, g: &mut Groups, readers: &[Vec<usize>]) {
    for index in 0..g.list.len() {
        let group = &g.list[index];
        let over = writes_over_its_input(c, group);
        if !group.members.contains(&group.root) || group.outputs.len() != 1 && !over {
            continue;
        }
        let root = &c.items[group.root];
        let alone = |n: usize| {
            matches!(&c.items[n].what, What::Call(_, metas) if metas.len() == 1)
                && !c.items[n].has_effect()
                && c.items[n].meta == root.meta
                && root.meta.dtype == compute_of(c, group.root)
                && g.fixed[n] == g.fixed[group.root]
                && g.uses[n] == readers[n].len()
                && readers[n].iter().all(|&r| g.of[r] == Some(index))
        };
        let found = inputs(c, group).into_iter().rev().find(|&n| alone(n));
        if over {
            let unread = group.outputs.iter().all(|o| !c.outputs.contains(o));
            g.list[index].follows = found.filter(|&n| unread && worth_it(c, n));
        } else {
            g.list[index].call = found;
        }
    }
}

/// How many pieces a call's result is computed in where a loop consumes it at once.
pub(crate) fn pieces(c: &Collected, meta: Meta) -> usize {
    let limits = c.limits();
    (meta.shape.len() * meta.dtype.size() / limits.piece).min(limits.pieces)
}

/// Whether a call's result is large enough to be cut along its first axis, and its rule can.
fn worth_it(c: &Collected, call: usize) -> bool {
    let What::Call(rule, metas) = &c.items[call].what else { return false };
    let [meta] = metas[..] else { return false };
    let pieces = pieces(c, meta);
    pieces > 1 && meta.shape[0] >= pieces && rule.slices(0).is_some()
}
