//! Hoisting and packing: what depends on nothing that changes from run to run is computed once and
//! kept, and inputs go in the packed form that their kernel asks for where that pays.
//!
//! An item is fixed if it is made of variables that the plan does not write, of leaves that stay,
//! and of fixed items. `fuse` keeps fixed loops apart from the others; here the steps that follow
//! from them are moved to a prologue.

use super::collect::{Collected, What};
use super::lower::{Buf, BufferView, Home, Lowered, LoweredPlan};
use super::show::PlanStep;
use crate::node::ViewOp;
use crate::rule::Packing;
use gradus_base::{DType, View};
use std::collections::HashMap;

/// Which items do not change from run to run.
pub(crate) fn fixed_items(c: &Collected, leaves_stay: bool) -> Vec<bool> {
    let mut updated = vec![false; c.variables.len()];
    for &(v, _) in &c.updates {
        updated[v] = true;
    }
    let mut fixed = Vec::with_capacity(c.items.len());
    for item in &c.items {
        fixed.push(match item.what {
            What::Input(_) => false,
            What::Leaf(_) => leaves_stay,
            What::Variable(v) => !updated[v],
            _ => item.inputs.iter().all(|&n: &usize| fixed[n]),
        });
    }
    fixed
}

/// How many elements of memory each item's value takes if nothing repeated is written out: fewer than its shape's where it
/// was broadcast.
pub(crate) fn distinct_elements(c: &Collected) -> Vec<usize> {
    let mut distinct: Vec<usize> = Vec::with_capacity(c.items.len());
    for item in &c.items {
        let below = item.inputs.iter().fold(0usize, |sum, &n| sum.saturating_add(distinct[n]));
        let len = item.meta.shape.len();
        distinct.push(match &item.what {
            What::View(ViewOp::Expand | ViewOp::Reshape | ViewOp::Permute(_)) => below.min(len),
            What::Pointwise(_) => below.min(len),
            _ => len,
        });
    }
    distinct
}

/// Moves the steps that do not change from run to run to the front, where they run once, and gives kernels their packed inputs.
/// What a later step reads of the prologue is kept from run to run.
/// What is packed only because several read it takes memory between them, if `share` allows it.
pub(crate) fn hoist(plan: &mut LoweredPlan, leaves_stay: bool, share: bool) {
    let mut fixed = Fixed::of(plan, leaves_stay);
    pack(plan, &mut fixed, share);
    let steps = std::mem::take(&mut plan.steps);
    let shown = std::mem::take(&mut plan.shown);
    let (mut late, mut late_shown) = (vec![], vec![]);
    for ((step, mut show), once) in steps.into_iter().zip(shown).zip(fixed.steps) {
        show.once = once;
        if once {
            plan.steps.push(step);
            plan.shown.push(show);
        } else {
            late.push(step);
            late_shown.push(show);
        }
    }
    plan.prologue = plan.steps.len();
    let mut of_prologue = vec![false; plan.bufs.len()];
    plan.steps.iter().flat_map(|s| &s.outputs).for_each(|v| of_prologue[v.buf] = true);
    for v in late.iter().flat_map(|s| &s.inputs).filter(|v| of_prologue[v.buf]) {
        plan.bufs[v.buf].home = Home::Kept;
    }
    plan.steps.append(&mut late);
    plan.shown.append(&mut late_shown);
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
    fn of(plan: &LoweredPlan, leaves_stay: bool) -> Fixed {
        let given = |b: &Buf| match b.home {
            Home::Arena | Home::Kept => true,
            Home::Leaf(_) => leaves_stay,
            Home::Variable(v) => !plan.updated[v],
            Home::Input(_) | Home::Output(_) | Home::Next(_) => false,
        };
        let mut bufs: Vec<bool> = plan.bufs.iter().map(given).collect();
        let mut steps = vec![true; plan.steps.len()];
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
        let live = live_steps(plan, leaves_stay);
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

/// The steps that have to run again at each run: they read what changes, or write what was asked for, where a run may follow.
fn live_steps(plan: &LoweredPlan, leaves_stay: bool) -> Vec<bool> {
    let changes = |b: &Buf| match b.home {
        Home::Arena | Home::Kept | Home::Output(_) | Home::Next(_) => false,
        Home::Leaf(_) => !leaves_stay,
        Home::Variable(v) => plan.updated[v],
        Home::Input(_) => true,
    };
    let mut bufs: Vec<bool> = plan.bufs.iter().map(changes).collect();
    let asked_for = |v: &BufferView| !matches!(plan.bufs[v.buf].home, Home::Arena);
    let mut live = Vec::with_capacity(plan.steps.len());
    for s in &plan.steps {
        let is =
            s.inputs.iter().any(|v| bufs[v.buf]) || leaves_stay && s.outputs.iter().any(asked_for);
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
fn pack(plan: &mut LoweredPlan, fixed: &mut Fixed, share: bool) {
    let mut found: Vec<Packed> = vec![];
    let mut by_form: HashMap<(usize, View, String), usize> = HashMap::new();
    for (t, step) in plan.steps.iter().enumerate() {
        let Some((rule, spec)) = &step.call else { continue };
        let own = spec.inputs.len() - spec.epilogue.as_ref().map_or(0, |e| e.inputs);
        for i in 0..own {
            let Some(packing) = rule.packing(i, spec) else { continue };
            let value = step.inputs[i];
            let key = (value.buf, value.view, packing.form.clone());
            let at = *by_form.entry(key).or_insert(found.len());
            if at == found.len() {
                found.push(Packed { packing, readers: vec![] });
            }
            found[at].readers.push((t, i));
        }
    }
    let mut before: HashMap<usize, Vec<(Lowered, PlanStep, bool)>> = HashMap::new();
    for Packed { packing, readers } in found {
        let (first, input) = readers[0];
        let value = plan.steps[first].inputs[input];
        let read_by = |some: &[bool]| readers.iter().any(|&(t, _)| some[t]);
        let stays = fixed.bufs[value.buf] && read_by(&fixed.live);
        let shared = share && readers.len() > 1;
        if !stays && !shared {
            continue;
        }
        // What the prologue reads is packed there, before it.
        let once = stays || read_by(&fixed.steps);
        let shape = [packing.bytes].as_slice().into();
        let packed =
            BufferView { buf: plan.bufs.len(), dtype: DType::U8, view: View::dense(shape) };
        plan.bufs.push(Buf { home: Home::Arena, bytes: packing.bytes });
        fixed.bufs.push(once);
        for &(t, i) in &readers {
            plan.steps[t].inputs[i] = packed;
            let (_, spec) = plan.steps[t].call.as_mut().expect("a reader is a call");
            spec.inputs[i].packed = true;
        }
        let show = plan.shown[first].packing(&packing, &value);
        let step = Lowered {
            kernel: packing.kernel,
            inputs: vec![value],
            outputs: vec![packed],
            aligned: false,
            call: None,
        };
        before.entry(first).or_default().push((step, show, once));
    }
    if before.is_empty() {
        return;
    }
    let steps = std::mem::take(&mut plan.steps);
    let shown = std::mem::take(&mut plan.shown);
    let flags = std::mem::take(&mut fixed.steps);
    for (t, ((mut step, mut show), flag)) in steps.into_iter().zip(shown).zip(flags).enumerate() {
        for (step, show, once) in before.remove(&t).unwrap_or_default() {
            plan.steps.push(step);
            plan.shown.push(show);
            fixed.steps.push(once);
        }
        if let Some((rule, spec)) = step.call.as_ref()
            && spec.inputs.iter().any(|s| s.packed)
        {
            step.kernel = rule.cpu(spec);
            show.algorithm = step.kernel.algorithm().to_owned();
        }
        plan.steps.push(step);
        plan.shown.push(show);
        fixed.steps.push(flag);
    }
}
