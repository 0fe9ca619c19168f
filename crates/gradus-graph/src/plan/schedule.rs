//! Scheduling: an update runs as soon as its gradient is there and nothing else reads the variable,
//! so that gradients do not all stay in memory until the last one is computed.

use super::collect::{Collected, What};
use super::facts::readers;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Brings the items into the order in which they run. Calls stay in order of making, but for those that wait for what was started:
/// they run when somebody reads them. Loops that lead to updates only move to where their last input is made.
pub(crate) fn schedule(c: &mut Collected) {
    let readers = readers(c);
    let eager = eager(c, &readers);
    let waits = waits(c, &readers, &eager);
    let mut order = Order {
        missing: c.items.iter().map(|i| distinct(&i.inputs)).collect(),
        emitted: vec![false; c.items.len()],
        order: Vec::with_capacity(c.items.len()),
        ready: BinaryHeap::new(),
    };
    for w in &waits {
        w.iter().for_each(|&later| order.missing[later] += 1);
    }
    let ready = (0..c.items.len()).filter(|&i| eager[i] && order.missing[i] == 0);
    order.ready = ready.map(Reverse).collect();
    for i in 0..c.items.len() {
        if !eager[i] && !c.items[i].waits() {
            order.force(c, i, &readers, &waits, &eager);
        }
    }
    for i in 0..c.items.len() {
        order.force(c, i, &readers, &waits, &eager);
    }
    c.reorder(&order.order);
}

struct Order {
    /// How many inputs, and items to wait for, are not in the order yet.
    missing: Vec<usize>,
    emitted: Vec<bool>,
    order: Vec<usize>,
    /// Eager items that miss nothing, the first made first.
    ready: BinaryHeap<Reverse<usize>>,
}

impl Order {
    /// Puts an item into the order, before it what it reads, after it what only waited for it.
    fn force(
        &mut self,
        c: &Collected,
        item: usize,
        readers: &[Vec<usize>],
        waits: &[Vec<usize>],
        eager: &[bool],
    ) {
        let mut stack = vec![item];
        while let Some(&i) = stack.last() {
            if self.emitted[i] {
                stack.pop();
                continue;
            }
            let before = stack.len();
            stack.extend(c.items[i].inputs.iter().filter(|&&n| !self.emitted[n]));
            if stack.len() > before {
                continue;
            }
            stack.pop();
            self.emit(i, readers, waits, eager);
            while let Some(Reverse(next)) = self.ready.pop() {
                if !self.emitted[next] {
                    self.emit(next, readers, waits, eager);
                }
            }
        }
    }

    fn emit(&mut self, i: usize, readers: &[Vec<usize>], waits: &[Vec<usize>], eager: &[bool]) {
        self.emitted[i] = true;
        self.order.push(i);
        for &r in readers[i].iter().chain(&waits[i]) {
            self.missing[r] = self.missing[r].saturating_sub(1);
            if self.missing[r] == 0 && eager[r] && !self.emitted[r] {
                self.ready.push(Reverse(r));
            }
        }
    }
}

fn distinct(inputs: &[usize]) -> usize {
    (0..inputs.len()).filter(|&i| !inputs[..i].contains(&inputs[i])).count()
}

/// Loops, views and what they read that lead to nothing but updates.
fn eager(c: &Collected, readers: &[Vec<usize>]) -> Vec<bool> {
    let mut tail = vec![false; c.items.len()];
    let mut wanted = vec![false; c.items.len()];
    let mut updates = vec![false; c.items.len()];
    c.outputs.iter().for_each(|&o| wanted[o] = true);
    c.updates.iter().for_each(|&(_, i)| updates[i] = true);
    for i in (0..c.items.len()).rev() {
        let leads_on = updates[i] || !readers[i].is_empty();
        tail[i] = leads_on && !wanted[i] && readers[i].iter().all(|&r| tail[r]);
    }
    // A call may take long and need much memory: it stays where it was made.
    let light =
        |what: &What| !matches!(what, What::Call(..) | What::Part(_) | What::Assemble { .. });
    tail.iter().zip(&c.items).map(|(&tail, item)| tail && light(&item.what)).collect()
}

/// For each item, the eager ones that must not run before it. It reads a variable of which they are the new value; or it is the
/// first output, in the order asked for: what was made after the loss stays after it, and a step that fails on the way to its loss
/// has updated nothing.
fn waits(c: &Collected, readers: &[Vec<usize>], eager: &[bool]) -> Vec<Vec<usize>> {
    let mut waits = vec![vec![]; c.items.len()];
    let mut new_values = vec![vec![]; c.variables.len()];
    for &(v, item) in c.updates.iter().filter(|(_, i)| eager[*i]) {
        new_values[v].push(item);
    }
    if let Some(first) = c.outputs.first().copied() {
        waits[first] = (first + 1..c.items.len()).filter(|&i| eager[i]).collect();
        let earlier = new_values.iter().flatten().filter(|&&i| i < first);
        waits[first].extend(earlier);
    }
    for (i, item) in c.items.iter().enumerate() {
        let What::Variable(v) = item.what else { continue };
        if new_values[v].is_empty() {
            continue;
        }
        // What reads the variable, perhaps through views.
        let mut stack = vec![i];
        while let Some(n) = stack.pop() {
            for &r in &readers[n] {
                match c.items[r].what {
                    What::View(_) => stack.push(r),
                    _ if !eager[r] => waits[r].extend(&new_values[v]),
                    _ => {}
                }
            }
        }
    }
    waits
}
