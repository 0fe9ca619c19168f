//! Memory: where each buffer lies. Values whose lives do not overlap share bytes of one arena; a
//! loop whose input dies with it writes over that input.

use super::lowered::{BufferView, Home, Lowered, LoweredPlan};
use crate::device::Device;
use gradus_base::exec::{Executable, Kernel, Place, Step};
use std::collections::{BTreeMap, HashMap};

/// Where a buffer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begin {
    storage: usize,
    byte: usize,
}

/// A program and what its storages are; the bytes that outlast a run.
pub(crate) struct LaidOut {
    pub program: Executable,
    /// From storage 1 on; 0 is the arena.
    pub storages: Vec<Storage>,
    pub kept_bytes: usize,
    /// The most bytes of the arena's values at one time.
    pub live_bytes: usize,
}

/// What a storage of the program is bound to at each run, from storage 1 on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// What the prologue computed.
    Kept,
    /// The i-th argument.
    Input(usize),
    /// The i-th leaf with given elements.
    Leaf(usize),
    /// The i-th variable.
    Variable(usize),
    /// The i-th wanted value.
    Output(usize),
    /// The i-th variable's new value, where the old one is kept.
    Next(usize),
}

/// Fixes every buffer's place and makes the program that launches the kernels.
pub(crate) fn lay_out(
    device: Device,
    plan: &LoweredPlan,
    kernels: Vec<Box<dyn Kernel>>,
) -> LaidOut {
    let backend = device.backend();
    let align = backend.limits().align;
    let (mut begins, storages, kept_bytes) = outside(plan, align);
    let workspaces: Vec<usize> = kernels.iter().map(|k| k.workspace()).collect();
    let arena = Arena::of(plan, &workspaces, align);
    arena.place(&mut begins);
    let place = |v: &BufferView| {
        let b = begins[v.buf].expect("every buffer a step touches has a place");
        Place::new(b.storage, b.byte, v.dtype, &v.view)
    };
    let steps = plan
        .steps
        .iter()
        .zip(kernels)
        .zip(&arena.workspaces)
        .map(|((s, kernel), &workspace)| {
            let inputs = s.reads().map(place).collect();
            let outputs = s.outputs.iter().map(place).collect();
            Step::new(kernel, inputs, outputs, workspace)
        })
        .collect();
    let program = backend.executor(steps, plan.prologue, arena.bytes, storages.len() + 1);
    LaidOut { program, storages, kept_bytes, live_bytes: arena.live_bytes }
}

/// Numbers the storages outside the arena, and lays what is kept one after the other.
fn outside(plan: &LoweredPlan, align: usize) -> (Vec<Option<Begin>>, Vec<Storage>, usize) {
    let mut storages: Vec<Storage> = vec![];
    let mut numbers: HashMap<Storage, usize> = HashMap::new();
    let mut kept = 0;
    let begins = plan
        .bufs
        .iter()
        .map(|buf| {
            let storage = match buf.home {
                Home::Arena => return None,
                Home::Kept => Storage::Kept,
                Home::Input(i) => Storage::Input(i),
                Home::Leaf(i) => Storage::Leaf(i),
                Home::Variable(i) => Storage::Variable(i),
                Home::Output(i) => Storage::Output(i),
                Home::Next(i) => Storage::Next(i),
            };
            let byte = if storage == Storage::Kept { kept } else { 0 };
            if storage == Storage::Kept {
                kept = past(kept, buf.bytes.next_multiple_of(align));
            }
            let number = *numbers.entry(storage.clone()).or_insert_with(|| {
                storages.push(storage);
                storages.len()
            });
            Some(Begin { storage: number, byte })
        })
        .collect();
    (begins, storages, kept)
}

/// Bytes that are needed from one step to another.
struct Block {
    first: usize,
    last: usize,
    bytes: usize,
    at: usize,
}

/// Where the arena's values lie.
struct Arena {
    /// The first byte of each buffer that lies in the arena.
    begins: Vec<Option<usize>>,
    /// The first byte of each step's workspace.
    workspaces: Vec<usize>,
    bytes: usize,
    live_bytes: usize,
}

impl Arena {
    fn of(plan: &LoweredPlan, workspaces: &[usize], align: usize) -> Arena {
        let (mut blocks, of_buf, of_step) = blocks(plan, workspaces, align);
        let live_bytes = live_bytes(&blocks, plan.steps.len());
        let mut bytes = fit_in_order(&mut blocks, plan.steps.len());
        // In the order of the steps is good; largest first is sometimes better, and takes longer to plan.
        if bytes > live_bytes && blocks.len() <= MOST_BLOCKS {
            let in_order: Vec<usize> = blocks.iter().map(|b| b.at).collect();
            let by_size = fit_by_size(&mut blocks);
            if by_size >= bytes {
                blocks.iter_mut().zip(in_order).for_each(|(b, at)| b.at = at);
            } else {
                bytes = by_size;
            }
        }
        let begins = of_buf.iter().map(|b| b.map(|b| blocks[b].at)).collect();
        let workspaces = of_step.iter().map(|&b| blocks[b].at).collect();
        Arena { begins, workspaces, bytes, live_bytes }
    }

    fn place(&self, begins: &mut [Option<Begin>]) {
        for (begin, at) in begins.iter_mut().zip(&self.begins) {
            if let (None, Some(byte)) = (&begin, at) {
                *begin = Some(Begin { storage: 0, byte: *byte });
            }
        }
    }
}

/// More blocks than this are not sorted by size.
const MOST_BLOCKS: usize = 6000;

/// The blocks of the arena, the block of each buffer in it, and of each step's workspace. A buffer that is written over a dying
/// one shares its block.
fn blocks(
    plan: &LoweredPlan,
    workspaces: &[usize],
    align: usize,
) -> (Vec<Block>, Vec<Option<usize>>, Vec<usize>) {
    let last = last_uses(plan);
    let mut blocks: Vec<Block> = vec![];
    let mut of_buf: Vec<Option<usize>> = vec![None; plan.bufs.len()];
    let mut of_step = Vec::with_capacity(plan.steps.len());
    let mut taken = vec![false; plan.bufs.len()];
    for (t, step) in plan.steps.iter().enumerate() {
        for out in &step.outputs {
            if plan.bufs[out.buf].home != Home::Arena || of_buf[out.buf].is_some() {
                continue;
            }
            let end = last[out.buf];
            if let Some(dying) = reusable(plan, step, t, out, &last, &of_buf, &taken) {
                taken[dying] = true;
                of_buf[out.buf] = of_buf[dying];
                if let Some(b) = of_buf[dying] {
                    blocks[b].last = end;
                }
            } else {
                of_buf[out.buf] = Some(blocks.len());
                let bytes = plan.bufs[out.buf].bytes.next_multiple_of(align);
                blocks.push(Block { first: t, last: end, bytes, at: 0 });
            }
        }
        of_step.push(blocks.len());
        let bytes = workspaces[t].next_multiple_of(align);
        blocks.push(Block { first: t, last: t, bytes, at: 0 });
    }
    (blocks, of_buf, of_step)
}

/// Where `bytes` end that begin at `at`.
///
/// # Panics
/// If that is further than addresses go: a sum that wrapped would be an arena too small for its values.
fn past(at: usize, bytes: usize) -> usize {
    at.checked_add(bytes).expect("the values take more bytes than there are addresses")
}

/// The most bytes that are needed at one time.
fn live_bytes(blocks: &[Block], steps: usize) -> usize {
    let mut change = vec![0i128; steps + 1];
    for b in blocks {
        change[b.first] += b.bytes as i128;
        change[b.last + 1] -= b.bytes as i128;
    }
    let mut live = 0;
    let peak = change.iter().map(|d| {
        live += d;
        live
    });
    usize::try_from(peak.max().unwrap_or(0)).unwrap_or(usize::MAX)
}

/// Gives every block its bytes when it is first needed, in the smallest hole that fits; returns where the last one ends.
fn fit_in_order(blocks: &mut [Block], steps: usize) -> usize {
    let mut ending: Vec<Vec<usize>> = vec![vec![]; steps];
    blocks.iter().enumerate().for_each(|(i, b)| ending[b.last].push(i));
    let mut free = Free::default();
    let mut next = 0;
    for (t, ending) in ending.iter().enumerate() {
        while next < blocks.len() && blocks[next].first == t {
            blocks[next].at = free.take(blocks[next].bytes);
            next += 1;
        }
        ending.iter().for_each(|&i| free.give(blocks[i].at, blocks[i].bytes));
    }
    free.end
}

/// Gives every block the lowest bytes that no larger one needs at the same time; returns where the last one ends.
fn fit_by_size(blocks: &mut [Block]) -> usize {
    let mut order: Vec<usize> = (0..blocks.len()).filter(|&i| blocks[i].bytes > 0).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(blocks[i].bytes), i));
    let (mut end, mut placed): (usize, Vec<usize>) = (0, vec![]);
    for i in order {
        // `placed` is in the order of addresses.
        let mut at = 0;
        for &p in &placed {
            let (a, b) = (&blocks[i], &blocks[p]);
            if a.first <= b.last && b.first <= a.last {
                if b.at >= past(at, a.bytes) {
                    break;
                }
                at = at.max(past(b.at, b.bytes));
            }
        }
        blocks[i].at = at;
        end = end.max(past(at, blocks[i].bytes));
        let slot = placed.partition_point(|&p| blocks[p].at <= at);
        placed.insert(slot, i);
    }
    end
}

/// The last step that touches each buffer.
fn last_uses(plan: &LoweredPlan) -> Vec<usize> {
    let mut last = vec![0; plan.bufs.len()];
    for (t, step) in plan.steps.iter().enumerate() {
        for v in step.reads().chain(&step.outputs) {
            last[v.buf] = t;
        }
    }
    last
}

/// An input of an aligned step that dies here, with the output's very view and type over a buffer of its size.
fn reusable(
    plan: &LoweredPlan,
    step: &Lowered,
    t: usize,
    out: &BufferView,
    last: &[usize],
    of_buf: &[Option<usize>],
    taken: &[bool],
) -> Option<usize> {
    if !step.aligned() {
        return None;
    }
    let candidate = step.inputs.iter().find(|i| {
        let alone = step.reads().filter(|o| o.buf == i.buf).all(|o| o.view == i.view);
        alone
            && last[i.buf] == t
            && !taken[i.buf]
            && of_buf[i.buf].is_some()
            && i.view == out.view
            && i.dtype == out.dtype
            && plan.bufs[i.buf].bytes == plan.bufs[out.buf].bytes
    })?;
    Some(candidate.buf)
}

/// The free stretches of an arena that grows at its end.
#[derive(Default)]
struct Free {
    /// First byte → length, never adjacent.
    holes: BTreeMap<usize, usize>,
    end: usize,
}

impl Free {
    /// The smallest hole that fits, or fresh bytes at the end.
    fn take(&mut self, bytes: usize) -> usize {
        if bytes == 0 {
            return 0;
        }
        let fit = self.holes.iter().filter(|h| *h.1 >= bytes).min_by_key(|h| (*h.1, *h.0));
        if let Some((&at, &len)) = fit {
            self.holes.remove(&at);
            if len > bytes {
                self.holes.insert(at + bytes, len - bytes);
            }
            return at;
        }
        // A hole at the very end grows by what is missing.
        let at = match self.holes.last_key_value() {
            Some((&at, &len)) if at + len == self.end => {
                self.holes.remove(&at);
                at
            }
            _ => self.end,
        };
        self.end = past(at, bytes);
        at
    }

    fn give(&mut self, at: usize, bytes: usize) {
        let (mut at, mut len) = (at, bytes);
        if len == 0 {
            return;
        }
        if let Some((&before, &l)) = self.holes.range(..at).next_back()
            && before + l == at
        {
            self.holes.remove(&before);
            at = before;
            len += l;
        }
        if let Some(l) = self.holes.remove(&(at + len)) {
            len += l;
        }
        self.holes.insert(at, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_reused_and_merged() {
        let mut f = Free::default();
        let (a, b, c) = (f.take(128), f.take(64), f.take(64));
        assert_eq!((a, b, c, f.end), (0, 128, 192, 256));
        f.give(a, 128);
        f.give(b, 64);
        assert_eq!(f.take(192), 0);
        f.give(c, 64);
        assert_eq!((f.take(128), f.end), (192, 320));
    }

    #[test]
    #[should_panic(expected = "more bytes than there are addresses")]
    fn an_arena_never_wraps_around() {
        let mut f = Free::default();
        let largest = (isize::MAX as usize / 8) * 8;
        f.take(largest);
        f.take(largest);
        f.take(largest);
    }
}
