//! `Plan`: what a graph was made into.

use super::memory::Storage;
use super::step::PlanStep;
use crate::check::Twin;
use crate::device::Device;
use crate::rule::Meta;
use gradus_base::exec;

/// A graph, planned: ordered, fused, laid out in memory, with every kernel resolved.
pub struct Plan {
    pub(super) device: Device,
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
    pub(super) live_bytes: usize,
    pub(super) steps: Vec<PlanStep>,
    /// What each step should compute, if that is checked.
    pub(crate) twins: Vec<Twin>,
}

impl Plan {
    /// A step, or the step in what it runs, and so on.
    pub(crate) fn step(&self, path: &[usize]) -> &PlanStep {
        path[1..].iter().fold(&self.steps[path[0]], |step, &i| &step.body[i])
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.device
    }

    /// What each step does.
    pub fn steps(&self) -> &[PlanStep] {
        &self.steps
    }

    /// The steps as they are launched, for a kernel that runs a plan.
    pub fn program(&self) -> &exec::Executable {
        &self.program
    }

    /// What the program's storages are bound to, from number 1 on; 0 is the arena.
    pub fn storages(&self) -> &[Storage] {
        &self.storages
    }

    /// Bytes of the arena: the peak of all intermediate values together.
    pub fn arena_bytes(&self) -> usize {
        self.program.arena_bytes()
    }

    /// The most bytes of intermediate values that exist at one time: no arena could be smaller.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// Bytes that are kept from run to run: what does not change, computed once.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Floating-point operations of a run, without what only the first run computes.
    pub fn flops(&self) -> u64 {
        self.steps[self.prologue..].iter().map(|s| s.flops).sum()
    }

    /// Bytes that the steps of a run read and write, without what only the first run computes.
    pub fn bytes(&self) -> u64 {
        self.steps[self.prologue..].iter().map(|s| s.bytes).sum()
    }
}

/// The step that makes the first wanted value, and as which of its outputs.
pub(super) fn first_wanted(
    program: &exec::Executable,
    storages: &[Storage],
) -> Option<(usize, usize)> {
    let storage = 1 + storages.iter().position(|s| *s == Storage::Output(0))?;
    let output = |step: &exec::Step| step.outputs().iter().position(|p| p.storage() == storage);
    let mut steps = program.steps().iter().enumerate().rev();
    steps.find_map(|(i, step)| Some((i, output(step)?)))
}

/// The storages of the variables that the prologue reads.
pub(super) fn watched(
    program: &exec::Executable,
    prologue: usize,
    storages: &[Storage],
) -> Vec<usize> {
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
