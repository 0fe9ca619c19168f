//! Recomputation: what the backward pass reads of the forward pass is not kept for it, but computed
//! again, segment after segment, from the values that cross from one segment to the next. Time for
//! memory: one more forward pass, and of n equal layers about 2√n are in memory instead of n.
//! Chen et al. 2016, arXiv:1604.06174

use super::collect::{Collected, Item, What};
use super::facts::{fixed_items, is_constant, readers};
use super::fuse::fuse;
use std::collections::{BTreeSet, HashMap};

/// More segments than this are not tried.
const MOST_SEGMENTS: usize = 64;
/// Values this much smaller than the largest are kept: they cost nothing, and statistics take a pass to compute again.
const SMALL: usize = 64;

/// Makes the items after the first wanted one, the loss, read clones of what was computed before it. Clones are the same ops of
/// the same inputs, so their bits are the same.
pub(crate) fn recompute(c: &mut Collected) {
    let Some(&loss) = c.outputs.first() else { return };
    let forward = Forward::of(c, loss);
    let cuts = forward.cuts();
    if cuts.is_empty() {
        return;
    }
    let kept = forward.kept(&cuts);
    let fixed = fixed_items(c, c.leaves_stay);
    // What the backward pass may read as it is: what is given, what is kept, and the last segment.
    let last = *cuts.last().expect("there is a cut");
    let stays: Vec<bool> = (0..=loss)
        .map(|i| {
            let given =
                matches!(c.items[i].what, What::Input(_) | What::Leaf(_) | What::Variable(_));
            i >= last || given || fixed[i] || is_constant(c, i) || kept[i] || c.after_effect(i)
        })
        .collect();
    clone_for_backward(c, loss, &stays);
}

/// The forward pass: the items up to the loss.
struct Forward {
    loss: usize,
    /// Bytes of each value that memory is needed for.
    bytes: Vec<usize>,
    /// The last item of the forward pass that reads it, perhaps through views.
    last_read: Vec<usize>,
    /// Whether the backward pass reads it, perhaps through views.
    saved: Vec<bool>,
    /// Whether the pass may be cut before an item: no loop stands on both sides.
    may_cut: Vec<bool>,
}

impl Forward {
    fn of(c: &Collected, loss: usize) -> Forward {
        let fixed = fixed_items(c, c.leaves_stay);
        let readers = readers(c);
        let mut f = Forward {
            loss,
            bytes: vec![0; loss + 1],
            last_read: (0..=loss).collect(),
            saved: vec![false; loss + 1],
            may_cut: vec![true; loss + 1],
        };
        for i in (0..=loss).rev() {
            let item = &c.items[i];
            f.bytes[i] = match &item.what {
                _ if fixed[i] || is_constant(c, i) => 0,
                What::Input(_) | What::Leaf(_) | What::Variable(_) | What::View(_) => 0,
                What::Call(_, metas) if metas.len() > 1 => 0,
                _ => item.meta.shape.len() * item.meta.dtype.size(),
            };
            for &r in &readers[i] {
                f.saved[i] |= r > loss;
                // A view is read where its readers are, and a call of several results where its parts are.
                let through = matches!(c.items[r].what, What::View(_));
                match r <= loss {
                    true if through => {
                        f.last_read[i] = f.last_read[i].max(f.last_read[r]);
                        f.saved[i] |= f.saved[r];
                    }
                    true => f.last_read[i] = f.last_read[i].max(r),
                    false => {}
                }
            }
        }
        let groups = fuse(c);
        let mut begins = vec![0i32; loss + 2];
        for g in groups.list.iter().filter(|g| g.root <= loss) {
            let members = || g.members.iter().copied().chain(g.call).chain([g.root]);
            let (first, last) = (members().min().unwrap_or(0), members().max().unwrap_or(0));
            begins[first + 1] += 1;
            begins[last + 1] -= 1;
        }
        let mut open = 0;
        for (may, begin) in f.may_cut.iter_mut().zip(&begins) {
            open += begin;
            *may = open == 0;
        }
        f
    }

    /// For each place, the bytes computed before it that the forward pass reads from it on.
    fn crossing(&self) -> Vec<usize> {
        let mut change = vec![0isize; self.loss + 2];
        for i in 0..=self.loss {
            if self.last_read[i] > i {
                change[i + 1] += self.bytes[i] as isize;
                change[self.last_read[i] + 1] -= self.bytes[i] as isize;
            }
        }
        let mut sum = 0;
        change[..=self.loss]
            .iter()
            .map(|d| {
                sum += d;
                sum.unsigned_abs()
            })
            .collect()
    }

    /// Where to cut so that what crosses and the largest segment together are smallest; no cuts if that saves nothing.
    fn cuts(&self) -> Vec<usize> {
        let crossing = self.crossing();
        let saved = |i: usize| if self.saved[i] { self.bytes[i] } else { 0 };
        let total: usize = (0..=self.loss).map(saved).sum();
        let mut best = (total, vec![]);
        for segments in 2..=MOST_SEGMENTS {
            let mut cuts: Vec<usize> = vec![];
            let (mut since, mut candidate, mut largest) = (0, None, 0);
            for i in 0..=self.loss {
                // From half a share on a cut is good, from a whole one on the best so far is taken.
                if since * segments * 2 >= total && self.may_cut[i] {
                    let better = |c: &(usize, usize)| crossing[i] <= crossing[c.0];
                    if candidate.as_ref().is_none_or(better) {
                        candidate = Some((i, since));
                    }
                }
                if let (Some((at, bytes)), true) = (candidate, since * segments >= total) {
                    cuts.push(at);
                    largest = largest.max(bytes);
                    (since, candidate) = (since - bytes, None);
                }
                since += saved(i);
            }
            let peak = largest.max(since) + cuts.iter().map(|&p| crossing[p]).sum::<usize>();
            if peak < best.0 {
                best = (peak, cuts);
            }
        }
        best.1
    }

    /// What stays in memory until the backward pass: what crosses a cut, and what is small.
    fn kept(&self, cuts: &[usize]) -> Vec<bool> {
        let saved = (0..=self.loss).filter(|&i| self.saved[i]);
        let most = saved.map(|i| self.bytes[i]).max().unwrap_or(0);
        let mut ends = cuts.iter().copied().peekable();
        (0..=self.loss)
            .map(|i| {
                while ends.next_if(|&end| end <= i).is_some() {}
                let crosses = ends.peek().is_some_and(|&end| self.last_read[i] >= end);
                let small = self.saved[i] && self.bytes[i] * SMALL < most;
                self.bytes[i] > 0 && (crosses || small)
            })
            .collect()
    }
}

/// Writes the items anew: before each item after the loss the clones that it is the first to need.
fn clone_for_backward(c: &mut Collected, loss: usize, stays: &[bool]) {
    let old = std::mem::take(&mut c.items);
    let mut items: Vec<Item> = Vec::with_capacity(old.len() + loss);
    let mut place: Vec<usize> = (0..old.len()).collect();
    let mut clones: HashMap<usize, usize> = HashMap::new();
    for (i, item) in old.iter().enumerate() {
        if i <= loss {
            items.push(item.clone());
            continue;
        }
        let mut needed = BTreeSet::new();
        let mut stack: Vec<usize> = item.inputs.clone();
        while let Some(n) = stack.pop() {
            if n <= loss && !stays[n] && !clones.contains_key(&n) && needed.insert(n) {
                stack.extend(&old[n].inputs);
            }
        }
        let now =
            |n: &usize, clones: &HashMap<usize, usize>| clones.get(n).copied().unwrap_or(place[*n]);
        for n in needed {
            let inputs = old[n].inputs.iter().map(|n| now(n, &clones)).collect();
            clones.insert(n, items.len());
            items.push(Item { inputs, ..old[n].clone() });
        }
        let inputs = item.inputs.iter().map(|n| now(n, &clones)).collect();
        let at = items.len();
        items.push(Item { inputs, ..item.clone() });
        place[i] = at;
    }
    c.items = items;
    c.outputs.iter_mut().for_each(|o| *o = place[*o]);
    c.updates.iter_mut().for_each(|(_, i)| *i = place[*i]);
}
