//! Hoisting and packing: what depends on nothing that changes from run to run is computed once and
//! kept, and inputs go in the packed form that their kernel asks for where that pays.
//!
//! An item is fixed if it is made of variables that the plan does not write, of leaves that stay,
//! and of fixed items. `fuse` keeps fixed loops apart from the others; here the steps that follow
//! from them are moved to a prologue.

use super::lowered::{Buf, BufferView, Home, Label, Lowered, LoweredPlan, Work};
use crate::device::Device;
use crate::rule::Effect;
use crate::strategy::Packing;
use gradus_base::{DType, View};
use std::collections::HashMap;

/// What may be done.
#[derive(Clone, Copy)]
pub(crate) struct Hoisting {
    /// Whose strategies say what is packed.
    pub device: Device,
    /// Whether leaves are the same at every run.
    pub leaves_stay: bool,
    /// How many of the arguments, the first, are not.
    pub changing: usize,
    /// Whether what is packed only because several read it may take memory between them.
    pub share: bool,
    /// Whether what was packed stays beside its packed form as long as that is read, to compare
    /// with.
    pub keep_originals: bool,
}

/// Moves the steps that do not change from run to run to the front, where they run once, and gives kernels their packed inputs.
/// What a later step reads of the prologue is kept from run to run.
pub(crate) fn hoist(plan: &mut LoweredPlan, may: Hoisting) {
    let mut fixed = Fixed::of(plan, may);
    pack(plan, &mut fixed, may);
    let mut late = vec![];
    for (mut step, once) in std::mem::take(&mut plan.steps).into_iter().zip(fixed.steps) {
        step.once = once;
        if once { plan.steps.push(step) } else { late.push(step) }
    }
    plan.prologue = plan.steps.len();
    let mut of_prologue = vec![false; plan.bufs.len()];
    plan.steps.iter().flat_map(|s| &s.outputs).for_each(|v| of_prologue[v.buf] = true);
    for v in late.iter().flat_map(Lowered::reads).filter(|v| of_prologue[v.buf]) {
        plan.bufs[v.buf].home = Home::Kept;
    }
    plan.steps.append(&mut late);
}

/// What does not change from run to run.
struct Fixed {
    bufs: Vec<bool>,
    /// Steps that run once: what they compute is fixed, and a step that is not reads of it.
    steps: Vec<bool>,
    /// Steps whose results change.
    live: Vec<bool>,
}

impl Fixed {
    fn of(plan: &LoweredPlan, may: Hoisting) -> Fixed {
        let given = |b: &Buf| match b.home {
            Home::Arena | Home::Kept => true,
            Home::Leaf(_) => may.leaves_stay,
            Home::Variable(v) => !plan.updated[v],
            Home::Input(i) => i >= may.changing,
            Home::Output(_) | Home::Next(_) => false,
        };
        let mut bufs: Vec<bool> = plan.bufs.iter().map(given).collect();
        let mut steps: Vec<bool> = plan.steps.iter().map(|s| !has_effect(s)).collect();
        for s in plan.steps.iter().filter(|s| has_effect(s)) {
            s.outputs.iter().for_each(|v| bufs[v.buf] = false);
        }
        // A buffer with several writers may lose its state after a reader was seen.
        let mut changed = true;
        while changed {
            changed = false;
            for (s, fixed) in plan.steps.iter().zip(&mut steps).filter(|(_, f)| **f) {
                if !s.inputs.iter().chain(&s.outputs).all(|v| bufs[v.buf]) {
                    *fixed = false;
                    changed = true;
                    s.outputs.iter().for_each(|v| bufs[v.buf] = false);
                }
            }
        }
        let live = live_steps(plan, may);
        // Of what nothing live reads there is no second use: it stays where it is.
        let mut needed = vec![false; plan.bufs.len()];
        for (t, s) in plan.steps.iter().enumerate().rev() {
            steps[t] &= s.outputs.iter().any(|v| needed[v.buf]);
            if live[t] || steps[t] {
                s.inputs.iter().for_each(|v| needed[v.buf] = true);
            }
        }
        Fixed { bufs, steps, live }
    }
}

/// Whether a step does more than compute.
fn has_effect(step: &Lowered) -> bool {
    matches!(&step.work, Work::Call { rule, .. } if rule.effect() != Effect::None)
}

/// The steps that have to run again at each run: they read what changes, or write what was asked for, where a run may follow.
fn live_steps(plan: &LoweredPlan, may: Hoisting) -> Vec<bool> {
    let changes = |b: &Buf| match b.home {
        Home::Arena | Home::Kept | Home::Output(_) | Home::Next(_) => false,
        Home::Leaf(_) => !may.leaves_stay,
        Home::Variable(v) => plan.updated[v],
        Home::Input(i) => i < may.changing,
    };
    let mut bufs: Vec<bool> = plan.bufs.iter().map(changes).collect();
    let asked_for = |v: &BufferView| !matches!(plan.bufs[v.buf].home, Home::Arena);
    let mut live = Vec::with_capacity(plan.steps.len());
    for s in &plan.steps {
        let is = has_effect(s)
            || s.inputs.iter().any(|v| bufs[v.buf])
            || may.leaves_stay && s.outputs.iter().any(asked_for);
        if is {
            s.outputs.iter().for_each(|v| bufs[v.buf] = true);
        }
        live.push(is);
    }
    live
}

/// Consumers of one value in one form.
struct Packed {
    packing: Packing,
    /// (step, input)
    readers: Vec<(usize, usize)>,
}

/// Adds a step before the first reader of each value that is worth packing: because it stays from run to run, or because
/// several read it.
fn pack(plan: &mut LoweredPlan, fixed: &mut Fixed, may: Hoisting) {
    let mut found: Vec<Packed> = vec![];
    let mut by_form: HashMap<(usize, View, String), usize> = HashMap::new();
    for (t, step) in plan.steps.iter().enumerate() {
        let Work::Call { rule, spec } = &step.work else { continue };
        let Some(strategy) = rule.strategy(may.device) else { continue };
        let own = spec.inputs.len() - spec.epilogue.as_ref().map_or(0, |e| e.inputs);
        for i in 0..own {
            let Some(packing) = strategy.packing(i, spec) else { continue };
            let value = step.inputs[i];
            let key = (value.buf, value.view, packing.form.clone());
            let at = *by_form.entry(key).or_insert(found.len());
            if at == found.len() {
                found.push(Packed { packing, readers: vec![] });
            }
            found[at].readers.push((t, i));
        }
    }
    let mut before: HashMap<usize, Vec<(Lowered, bool)>> = HashMap::new();
    for Packed { packing, readers } in found {
        let (first, input) = readers[0];
        let value = plan.steps[first].inputs[input];
        let read_by = |some: &[bool]| readers.iter().any(|&(t, _)| some[t]);
        let stays = fixed.bufs[value.buf] && read_by(&fixed.live);
        let shared = may.share && readers.len() > 1;
        if !stays && !shared {
            continue;
        }
        // What the prologue reads is packed there, before it.
        let once = stays || read_by(&fixed.steps);
        let bytes = packing.bytes;
        let shape = [bytes].as_slice().into();
        let packed =
            BufferView { buf: plan.bufs.len(), dtype: DType::U8, view: View::dense(shape) };
        plan.bufs.push(Buf { home: Home::Arena, bytes });
        fixed.bufs.push(once);
        for &(t, i) in &readers {
            let step = &mut plan.steps[t];
            step.inputs[i] = packed;
            if may.keep_originals {
                step.originals.push((i, value));
            }
            let Work::Call { spec, .. } = &mut step.work else {
                unreachable!("a reader is a call")
            };
            spec.inputs[i].packed = Some(bytes);
        }
        let node = plan.steps[first].label.node.clone();
        let label = Label { name: "pack".to_owned(), node, flops: 0 };
        let step = Lowered::new(Work::Pack(packing), vec![value], vec![packed], label);
        before.entry(first).or_default().push((step, once));
    }
    if before.is_empty() {
        return;
    }
    let steps = std::mem::take(&mut plan.steps);
    let flags = std::mem::take(&mut fixed.steps);
    for (t, (step, flag)) in steps.into_iter().zip(flags).enumerate() {
        for (step, once) in before.remove(&t).unwrap_or_default() {
            plan.steps.push(step);
            fixed.steps.push(once);
        }
        plan.steps.push(step);
        fixed.steps.push(flag);
    }
}
