//! Memory: where each buffer lies. Values whose lives do not overlap share bytes of one arena; a loop whose input
//! dies with it writes over that input.

use super::Storage;
use super::lower::{Home, Lowered, LoweredPlan, Value};
use gradus_cpu::ALIGN;
use gradus_cpu::exec::{Place, Program, Step};
use std::collections::{BTreeMap, HashMap};

/// Where a buffer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begin {
    storage: usize,
    byte: usize,
}

/// A program and what its storages are; the bytes that outlast a run.
pub(crate) struct LaidOut {
    pub program: Program,
    /// From storage 1 on; 0 is the arena.
    pub storages: Vec<Storage>,
    pub kept_bytes: usize,
}

/// Fixes every buffer's place and makes the program.
pub(crate) fn lay_out(plan: &mut LoweredPlan) -> LaidOut {
    let (mut begins, storages, kept_bytes) = outside(plan);
    let (workspaces, arena_bytes) = place_arena(plan, &mut begins);
    let steps = std::mem::take(&mut plan.steps);
    let place = |v: &Value| {
        let b = begins[v.buf].expect("every buffer a step touches has a place");
        Place::new(b.storage, b.byte, v.dtype, &v.view)
    };
    let steps = steps
        .into_iter()
        .zip(workspaces)
        .map(|(s, workspace)| {
            let inputs = s.inputs.iter().map(place).collect();
            let outputs = s.outputs.iter().map(place).collect();
            Step::new(s.kernel, inputs, outputs, workspace)
        })
        .collect();
    let program = Program::new(steps, plan.prologue, arena_bytes, storages.len() + 1);
    LaidOut { program, storages, kept_bytes }
}

/// Numbers the storages outside the arena, and lays what is kept one after the other.
fn outside(plan: &LoweredPlan) -> (Vec<Option<Begin>>, Vec<Storage>, usize) {
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
            };
            let byte = if storage == Storage::Kept { kept } else { 0 };
            if storage == Storage::Kept {
                kept += Free::round(buf.bytes);
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

/// Gives every arena buffer and workspace its bytes, first fit by address over lives; returns the workspaces'
/// beginnings and the arena's size.
fn place_arena(plan: &LoweredPlan, begins: &mut [Option<Begin>]) -> (Vec<usize>, usize) {
    let last = last_uses(plan);
    let mut free = Free::default();
    // A buffer that took over another's bytes frees them in its stead.
    let mut size: Vec<usize> = plan.bufs.iter().map(|b| b.bytes).collect();
    let mut taken = vec![false; plan.bufs.len()];
    let mut workspaces = Vec::with_capacity(plan.steps.len());
    for (t, step) in plan.steps.iter().enumerate() {
        for out in &step.outputs {
            if begins[out.buf].is_some() {
                continue;
            }
            if let Some(dying) = reusable(plan, step, t, out, &last, begins, &taken) {
                begins[out.buf] = begins[dying];
                taken[dying] = true;
                size[out.buf] = size[dying];
            } else {
                let byte = free.take(size[out.buf]);
                begins[out.buf] = Some(Begin { storage: 0, byte });
            }
        }
        let workspace = free.take(step.kernel.workspace());
        workspaces.push(workspace);
        free.give(workspace, step.kernel.workspace());
        let mut dead: Vec<usize> = step
            .inputs
            .iter()
            .chain(&step.outputs)
            .map(|v| v.buf)
            .filter(|&b| last[b] == t)
            .collect();
        dead.sort_unstable();
        dead.dedup();
        for b in dead {
            if let (Some(Begin { storage: 0, byte }), false) = (begins[b], taken[b]) {
                free.give(byte, size[b]);
            }
        }
    }
    (workspaces, free.end)
}

/// The last step that touches each buffer.
fn last_uses(plan: &LoweredPlan) -> Vec<usize> {
    let mut last = vec![0; plan.bufs.len()];
    for (t, step) in plan.steps.iter().enumerate() {
        for v in step.inputs.iter().chain(&step.outputs) {
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
    out: &Value,
    last: &[usize],
    begins: &[Option<Begin>],
    taken: &[bool],
) -> Option<usize> {
    if !step.aligned {
        return None;
    }
    let candidate = step.inputs.iter().find(|i| {
        let alone = step.inputs.iter().filter(|o| o.buf == i.buf).all(|o| o.view == i.view);
        alone
            && last[i.buf] == t
            && !taken[i.buf]
            && matches!(begins[i.buf], Some(Begin { storage: 0, .. }))
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
    fn round(bytes: usize) -> usize {
        bytes.next_multiple_of(ALIGN)
    }

    /// The smallest hole that fits, or fresh bytes at the end.
    fn take(&mut self, bytes: usize) -> usize {
        let bytes = Free::round(bytes);
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
        self.end = at + bytes;
        at
    }

    fn give(&mut self, at: usize, bytes: usize) {
        let (mut at, mut len) = (at, Free::round(bytes));
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
        let (a, b, c) = (f.take(100), f.take(64), f.take(64));
        assert_eq!((a, b, c, f.end), (0, 128, 192, 256));
        f.give(a, 100);
        f.give(b, 64);
        assert_eq!(f.take(192), 0);
        f.give(c, 64);
        assert_eq!((f.take(128), f.end), (192, 320));
    }
}
