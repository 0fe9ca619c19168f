//! Plans: a graph turned into a flat list of steps over one arena.
//!
//! The stages, in order: `expand` (ops that the device has no way to do), `collect` (reachable nodes, equal ones merged), `simplify`,
//! `recompute` (if asked for) or `slices` (of large batches), `schedule` (updates as early as may be), `fuse` (which pointwise nodes run
//! together), `berths` (what is computed inside a larger value), `lower` (memory orders and steps), `hoist` (what runs once, packed
//! inputs), `link` (kernels), `memory` (where each value lies), `show`. Up to `berths` a plan is a list of items ([`collect::Item`]),
//! of which `facts` tells what several stages ask; from `lower` on it is in the form of `lowered`.

mod berths;
mod collect;
mod expand;
mod facts;
#[cfg(feature = "faults")]
pub(crate) mod fault;
mod fuse;
mod hoist;
mod link;
mod loops;
mod lower;
mod lowered;
mod memory;
mod recompute;
mod schedule;
mod show;
mod simplify;
mod slices;

pub(crate) use collect::Collected;
pub(crate) use lowered::{Lowered, Work};
pub(crate) use memory::Storage;
pub use show::PlanStep;

use crate::check::Twin;
use crate::device::Device;
use crate::node::Node;
use crate::rule::Meta;
use crate::variable::Variable;
use gradus_base::{Result, exec};

/// A graph, planned: ordered, fused, laid out in memory, with every kernel resolved.
pub struct Plan {
    device: Device,
    pub(crate) program: exec::Executable,
    pub(crate) storages: Vec<Storage>,
    /// For each variable, whether the plan writes it.
    pub(crate) updates: Vec<bool>,
    /// Whether new values lie beside their variables until a run has ended well.
    pub(crate) undo: bool,
    pub(crate) outputs: Vec<Meta>,
    /// The storages of the variables that the prologue reads: while they stay as they are, so does what is kept.
    pub(crate) watched: Vec<usize>,
    /// How many of the steps, the first, run once.
    pub(crate) prologue: usize,
    pub(crate) kept_bytes: usize,
    /// The step that makes the first wanted value, and as which of its outputs, if a run ends there unless it is finite.
    pub(crate) stop: Option<(usize, usize)>,
    live_bytes: usize,
    steps: Vec<PlanStep>,
    /// What each step should compute, if that is checked.
    pub(crate) twins: Vec<Twin>,
}

/// What can be chosen about a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Whether values that are computed on the way to the first wanted one, the loss, are computed again where later values (its
    /// gradients) read them, instead of being kept until then: less memory for more time, the same bits.
    pub recompute: bool,
    /// Whether a run ends at the first wanted value, the loss, if it is not finite: then no variable is updated, but one whose
    /// new value is computed in one loop with it, and the other wanted values are not of this run.
    pub stop_unless_finite: bool,
    /// Whether the updates of a run can be undone: new values are written beside the variables and change places with the old ones
    /// when the run has ended well. So an update whose computing fails changes nothing, either.
    pub undo: bool,
    /// Whether every step's values are compared, in every run, with what the reference device makes of the same inputs. A run ends with
    /// an error at the first that differ by more than rounding. It takes the memory of packed inputs' originals and much time.
    pub check: bool,
}

/// What is to be planned.
pub(crate) struct Goal<'a> {
    /// The nodes whose values are wanted.
    pub outputs: &'a [Node],
    /// The variables to be written and their new values.
    pub updates: &'a [(Variable, Node)],
    /// Whether the leaves are the same at every run.
    pub leaves_stay: bool,
}

/// The step that makes the first wanted value, and as which of its outputs.
fn first_wanted(program: &exec::Executable, storages: &[Storage]) -> Option<(usize, usize)> {
    let storage = 1 + storages.iter().position(|s| *s == Storage::Output(0))?;
    let output = |step: &exec::Step| step.outputs().iter().position(|p| p.storage() == storage);
    let mut steps = program.steps().iter().enumerate().rev();
    steps.find_map(|(i, step)| Some((i, output(step)?)))
}

/// The storages of the variables that the prologue reads.
fn watched(program: &exec::Executable, prologue: usize, storages: &[Storage]) -> Vec<usize> {
    let mut watched: Vec<usize> = program.steps()[..prologue]
        .iter()
        .flat_map(|s| s.inputs().iter().map(exec::Place::storage))
        .filter_map(|s| s.checked_sub(1))
        .filter(|&s| matches!(storages[s], Storage::Variable(_)))
        .collect();
    watched.sort_unstable();
    watched.dedup();
    watched
}

impl Plan {
    /// # Errors
    /// If a kernel touches more than it was made for.
    pub(crate) fn new(collected: &mut Collected, options: Options) -> Result<Plan> {
        let device = collected.device;
        let together = collected.limits().together;
        if together {
            simplify::simplify(collected);
        }
        match options.recompute {
            true => recompute::recompute(collected),
            false => slices::slice_batch(collected),
        }
        if together {
            schedule::schedule(collected);
        }
        let collected = &*collected;
        let undo = options.undo || collected.has_effects();
        let groups = fuse::fuse(collected);
        let mut lowered = lower::lower(collected, &groups, undo);
        if together {
            let hoisting = hoist::Hoisting {
                device,
                leaves_stay: collected.leaves_stay,
                share: !options.recompute,
                keep_originals: options.check,
            };
            hoist::hoist(&mut lowered, hoisting);
        }
        #[allow(unused_mut)] // planted faults change them
        let mut twins: Vec<Twin> = match options.check {
            true => lowered.steps.iter().map(Twin::of).collect(),
            false => vec![],
        };
        #[cfg(feature = "faults")]
        let planted = fault::Planted::into(&mut lowered, &mut twins);
        let kernels = link::link(device, &mut lowered.steps)?;
        #[cfg(feature = "faults")]
        let (kernels, stale) = planted.in_place_of(kernels);
        let shown = lowered.steps.iter().zip(&kernels).map(|(s, k)| PlanStep::new(s, &**k));
        let steps = shown.collect();
        let memory::LaidOut { program, storages, kept_bytes, live_bytes } =
            memory::lay_out(device, &lowered, kernels);
        #[allow(unused_mut)] // as above
        let mut plan = Plan {
            device,
            stop: options.stop_unless_finite.then(|| first_wanted(&program, &storages)).flatten(),
            watched: watched(&program, lowered.prologue, &storages),
            program,
            storages,
            prologue: lowered.prologue,
            kept_bytes,
            live_bytes,
            updates: lowered.updated,
            undo,
            outputs: lowered.outputs,
            steps,
            twins,
        };
        #[cfg(feature = "faults")]
        if stale {
            plan.watched.clear();
        }
        if std::env::var("GRADUS_SHOW").is_ok_and(|v| v.split(',').any(|v| v == "plan")) {
            eprintln!("{plan}");
        }
        Ok(plan)
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What each step does.
    pub fn steps(&self) -> &[PlanStep] {
        &self.steps
    }

    /// Bytes of the arena: the peak of all intermediate values together.
    pub fn arena_bytes(&self) -> usize {
        self.program.arena_bytes()
    }

    /// Bytes of intermediate values that exist at one time, at the most: no arena could be smaller.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// Bytes that are kept from run to run: what does not change, computed once.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Floating-point operations of a run, the first one's extra left out.
    pub fn flops(&self) -> u64 {
        self.steps[self.prologue..].iter().map(|s| s.flops).sum()
    }

    /// Bytes the steps of a run read and write, the first one's extra left out.
    pub fn bytes(&self) -> u64 {
        self.steps[self.prologue..].iter().map(|s| s.bytes).sum()
    }
}
