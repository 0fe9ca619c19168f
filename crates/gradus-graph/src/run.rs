//! Running: binds a plan's storages and runs its steps. `read` plans through a cache, so that a
//! bare loop that builds the same graph again and again plans it once.

use crate::cache;
use crate::device::Device;
use crate::mistake::sound;
use crate::node::Node;
use crate::plan::{Collected, Goal, Options, Plan, Storage};
use crate::variable::{ReadGuard, Variable, WriteGuard};
use gradus_base::Buffer;
use gradus_base::exec::{Args, Bound, Memory, Part};
use gradus_base::{Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A variable and its new value.
pub type Update = (Variable, Node);

/// The memory and bindings of one plan's runs, kept between runs.
pub(crate) struct Session {
    memory: Memory,
    slots: Vec<Slot>,
    /// The slots of variables, in the order they are locked: by variable, so that two runs never wait for each other. As they are
    /// bound.
    lock_order: Vec<usize>,
    /// Whether the last run's updates can be undone.
    undoable: bool,
    /// Whether the prologue ran, and what the watched variables were then: (variable, version).
    kept: bool,
    seen: Vec<(u64, u64)>,
}

/// What a storage is bound to.
enum Slot {
    Kept(Buffer),
    Input(usize),
    Leaf(Option<Arc<Buffer>>),
    Variable {
        variable: Option<Variable>,
        write: bool,
        lock: Lock,
    },
    /// Made when the plan runs.
    Output {
        number: usize,
        buffer: Option<Arc<Buffer>>,
    },
    /// The new value of the variable in that slot; after a run the old one. Made when the plan runs.
    Next {
        variable: usize,
        bytes: usize,
        buffer: Option<Arc<Buffer>>,
    },
}

impl Slot {
    /// Which variable is bound and how often it was written; it is locked.
    fn version(&self) -> (u64, u64) {
        match self {
            Slot::Variable { variable, lock, .. } => {
                let version = match lock {
                    Lock::Read(g) => g.version(),
                    Lock::Write(g) => g.version(),
                    Lock::Open => unreachable!("locked while a plan runs"),
                };
                (bound(variable).id(), version)
            }
            _ => unreachable!("only variables are watched"),
        }
    }
}

/// Makes a buffer if there is none, or somebody else holds it.
fn own(buffer: &mut Option<Arc<Buffer>>, bytes: impl FnOnce() -> usize) {
    if buffer.as_mut().and_then(Arc::get_mut).is_none() {
        *buffer = Some(Arc::new(Buffer::zeroed(bytes())));
    }
}

fn bound(variable: &Option<Variable>) -> &Variable {
    variable.as_ref().expect("variables are bound before a run")
}

enum Lock {
    Open,
    Read(ReadGuard),
    Write(WriteGuard),
}

impl Session {
    /// With no leaves and no variables yet.
    pub(crate) fn new(plan: &Plan) -> Session {
        let slot = |s: &Storage| match *s {
            Storage::Kept => Slot::Kept(Buffer::zeroed(plan.kept_bytes)),
            Storage::Input(i) => Slot::Input(i),
            Storage::Leaf(_) => Slot::Leaf(None),
            Storage::Variable(i) => {
                Slot::Variable { variable: None, write: plan.updates[i], lock: Lock::Open }
            }
            Storage::Output(number) => Slot::Output { number, buffer: None },
            Storage::Next(i) => {
                let own = plan.storages.iter().position(|s| *s == Storage::Variable(i));
                let variable = own.expect("a variable with a new value is bound");
                Slot::Next { variable, bytes: 0, buffer: None }
            }
        };
        let slots: Vec<Slot> = plan.storages.iter().map(slot).collect();
        let is_variable = |i: &usize| matches!(slots[*i], Slot::Variable { .. });
        let lock_order = (0..slots.len()).filter(is_variable).collect();
        let seen = Vec::with_capacity(plan.watched.len());
        let memory = plan.program.memory();
        Session { memory, slots, lock_order, undoable: false, kept: false, seen }
    }

    /// Binds the leaves, by number.
    pub(crate) fn bind_leaves(&mut self, plan: &Plan, leaves: &[Node]) {
        for (slot, storage) in self.slots.iter_mut().zip(&plan.storages) {
            if let (Slot::Leaf(b), Storage::Leaf(i)) = (slot, storage) {
                *b = leaves[*i].value().cloned();
            }
        }
    }

    /// Binds the variables, by number.
    pub(crate) fn bind_variables(&mut self, plan: &Plan, variables: &[Variable]) {
        for (slot, storage) in self.slots.iter_mut().zip(&plan.storages) {
            if let (Slot::Variable { variable, .. }, Storage::Variable(i)) = (slot, storage) {
                *variable = Some(variables[*i].clone());
            }
        }
        let id = |i: &usize| match &self.slots[*i] {
            Slot::Variable { variable, .. } => bound(variable).id(),
            _ => 0,
        };
        self.lock_order.sort_unstable_by_key(id);
        for at in 0..self.slots.len() {
            let Slot::Next { variable, .. } = self.slots[at] else { continue };
            let Slot::Variable { variable: own, .. } = &self.slots[variable] else { continue };
            let meta = bound(own).meta();
            let needed = meta.shape.len() * meta.dtype.size();
            self.slots[at] = Slot::Next { variable, bytes: needed, buffer: None };
        }
    }

    /// Lets go of leaves, variables and outputs, so that their memory is not held by a cached plan.
    pub(crate) fn release(&mut self) {
        for slot in &mut self.slots {
            match slot {
                Slot::Leaf(b) => *b = None,
                Slot::Variable { variable, .. } => *variable = None,
                Slot::Output { buffer, .. } | Slot::Next { buffer, .. } => *buffer = None,
                _ => {}
            }
        }
    }

    /// Runs the plan on the given arguments; what the variables hold is locked meanwhile.
    pub(crate) fn run_plan(&mut self, plan: &Plan, inputs: &[&Buffer]) -> Result<()> {
        let Some((step, output)) = plan.stop else {
            if !plan.twins.is_empty() {
                return self.run_plan_watched(plan, inputs, |_, _| {}, |_, _| {});
            }
            return self.run_locked(plan, inputs, |program, memory, storages, part| {
                program.execute(memory, storages, part)
            });
        };
        let stopped = Cell::new(false);
        let stop = |i: usize, args: &Args<'_>| {
            if i == step && !plan.steps()[i].output_is_finite(output, args) {
                stopped.set(true);
                args.fail(|| "it is not finite".to_owned());
            }
        };
        let result = self.run_plan_watched(plan, inputs, |_, _| {}, stop);
        if stopped.get() { Ok(()) } else { result }
    }

    /// As [`Session::run_plan`], with a look at each step before and after.
    pub(crate) fn run_plan_watched(
        &mut self,
        plan: &Plan,
        inputs: &[&Buffer],
        mut before: impl FnMut(usize, &Args<'_>),
        mut after: impl FnMut(usize, &Args<'_>),
    ) -> Result<()> {
        let read = RefCell::new(vec![]);
        let look = |i: usize, args: &Args<'_>| {
            if let Some(twin) = plan.twins.get(i) {
                *read.borrow_mut() = twin.look(args);
            }
            before(i, args);
        };
        let compare = |i: usize, args: &Args<'_>| {
            after(i, args);
            if let Some(twin) = plan.twins.get(i)
                && let Err(what) = twin.compare(&plan.steps()[i], &read.borrow(), args)
            {
                args.fail(|| what);
            }
        };
        self.run_locked(plan, inputs, |program, memory, storages, part| {
            program.execute_watched(memory, storages, part, look, compare)
        })
    }

    fn run_locked(
        &mut self,
        plan: &Plan,
        inputs: &[&Buffer],
        go: impl FnOnce(
            &gradus_base::exec::Executable,
            &mut Memory,
            &mut dyn Iterator<Item = Bound<'_>>,
            Part,
        ) -> std::result::Result<(), gradus_base::exec::Fault>,
    ) -> Result<()> {
        for &i in &self.lock_order {
            if let Slot::Variable { variable, write, lock } = &mut self.slots[i] {
                let variable = bound(variable);
                *lock = if *write {
                    Lock::Write(variable.write())
                } else {
                    Lock::Read(variable.read())
                };
            }
        }
        self.undoable = false;
        for slot in &mut self.slots {
            // What somebody still holds is theirs; this run writes a new one.
            match slot {
                Slot::Output { number, buffer } => own(buffer, || plan.output_bytes(*number)),
                Slot::Next { bytes, buffer, .. } => own(buffer, || *bytes),
                _ => {}
            }
        }
        let part = match self.is_fresh(plan) {
            true => Part::AfterPrologue,
            false => Part::All,
        };
        let mut storages = self.slots.iter_mut().map(|slot| match slot {
            Slot::Kept(b) => match part {
                Part::AfterPrologue => Bound::Read(b),
                Part::All => Bound::Write(b),
            },
            Slot::Input(i) => Bound::Read(inputs[*i]),
            Slot::Leaf(b) => Bound::Read(b.as_deref().expect("leaves are bound before a run")),
            Slot::Variable { lock: Lock::Read(g), .. } => Bound::Read(g.buffer()),
            Slot::Variable { lock: Lock::Write(g), .. } => match plan.undo {
                true => Bound::Read(g.buffer()),
                false => Bound::Write(g.buffer_mut()),
            },
            Slot::Variable { .. } => unreachable!("locked above"),
            Slot::Output { buffer, .. } | Slot::Next { buffer, .. } => {
                let own = buffer.as_mut().and_then(Arc::get_mut);
                Bound::Write(own.expect("made, or made unique, above"))
            }
        });
        let result = go(&plan.program, &mut self.memory, &mut storages, part);
        if part == Part::All {
            self.kept = result.is_ok();
            self.seen.clear();
            self.seen.extend(plan.watched.iter().map(|&i| self.slots[i].version()));
        }
        if plan.undo && result.is_ok() {
            self.exchange();
            self.undoable = true;
        }
        for &i in &self.lock_order {
            if let Slot::Variable { lock, .. } = &mut self.slots[i] {
                *lock = Lock::Open;
            }
        }
        result.map_err(|fault| {
            let step = plan.step(&fault.steps);
            let e = Error::value(step.name.clone(), fault.what).at(step.at.clone());
            e.in_scope(step.scope.as_deref())
        })
    }

    /// Variables, which are locked, and what lies beside them change places.
    fn exchange(&mut self) {
        for at in 0..self.slots.len() {
            let Slot::Next { variable, buffer, .. } = &mut self.slots[at] else { continue };
            let (variable, mut other) = (*variable, buffer.take());
            if let (Slot::Variable { lock: Lock::Write(guard), .. }, Some(other)) =
                (&mut self.slots[variable], &mut other)
            {
                guard.exchange(other);
            }
            if let Slot::Next { buffer, .. } = &mut self.slots[at] {
                *buffer = other;
            }
        }
    }

    /// Undoes the updates of the last run. False if there is nothing to undo.
    pub(crate) fn undo(&mut self) -> bool {
        if !std::mem::take(&mut self.undoable) {
            return false;
        }
        for &i in &self.lock_order {
            if let Slot::Variable { variable, write: true, lock } = &mut self.slots[i] {
                *lock = Lock::Write(bound(variable).write());
            }
        }
        self.exchange();
        for &i in &self.lock_order {
            if let Slot::Variable { lock, .. } = &mut self.slots[i] {
                *lock = Lock::Open;
            }
        }
        true
    }

    /// Whether what the prologue computed is of the variables as they are; they are locked.
    fn is_fresh(&self, plan: &Plan) -> bool {
        let now = plan.watched.iter().map(|&i| self.slots[i].version());
        self.kept && self.seen.iter().copied().eq(now)
    }

    /// Runs in another session's arena from now on, if it is large enough, and writes new values to what lay beside its variables. Its
    /// last run can no longer be undone.
    pub(crate) fn take_over(&mut self, plan: &Plan, other: &mut Session) {
        plan.program.give_arena(&mut self.memory, other.memory.take_arena());
        other.undoable = false;
        let mut left = HashMap::new();
        for at in 0..other.slots.len() {
            let id = other.id_beside(at);
            if let (Some(id), Slot::Next { buffer, .. }) = (id, &mut other.slots[at]) {
                left.insert(id, buffer.take());
            }
        }
        for at in 0..self.slots.len() {
            let found = self.id_beside(at).and_then(|id| left.remove(&id)).flatten();
            if let (Some(found), Slot::Next { buffer, .. }) = (found, &mut self.slots[at]) {
                *buffer = Some(found);
            }
        }
    }

    /// The variable beside which a slot lies, if it does.
    fn id_beside(&self, at: usize) -> Option<u64> {
        let Slot::Next { variable, .. } = self.slots[at] else { return None };
        let Slot::Variable { variable, .. } = &self.slots[variable] else { return None };
        Some(bound(variable).id())
    }

    /// The next run computes everything, also what was kept.
    pub(crate) fn forget(&mut self) {
        self.kept = false;
    }

    /// The i-th wanted value of the last run.
    pub(crate) fn output(&self, i: usize) -> &Arc<Buffer> {
        let found = self.slots.iter().find_map(|s| match s {
            Slot::Output { number, buffer: Some(buffer) } if *number == i => Some(buffer),
            _ => None,
        });
        found.expect("an output of a run")
    }

    /// Bytes held between runs: the arena, what is kept, and what lies beside variables.
    pub(crate) fn bytes(&self) -> usize {
        let kept = self.slots.iter().map(|s| match s {
            Slot::Kept(b) => b.bytes(),
            Slot::Next { buffer: Some(b), .. } => b.bytes(),
            _ => 0,
        });
        self.memory.bytes() + kept.sum::<usize>()
    }
}

impl Plan {
    fn output_bytes(&self, number: usize) -> usize {
        let meta = self.outputs[number];
        meta.shape.len() * meta.dtype.size()
    }
}

/// Refuses poisoned nodes, new values that do not fit their variables, and two for one variable: all are computed of the old
/// values, so one of the two would be lost.
pub(crate) fn check_wanted(wanted: &[Node], updates: &[Update]) -> Result<()> {
    sound(wanted.iter().chain(updates.iter().map(|(_, node)| node)))?;
    let mut seen = HashSet::with_capacity(updates.len());
    for (v, n) in updates {
        if v.meta() != n.meta() {
            let what = format!("{} is {}, its new value {}", v.name(), v.meta(), n.meta());
            return Err(Error::shape("update", what).at(n.place().clone()));
        }
        if !seen.insert(v.id()) {
            let what = format!("{} gets two new values in one step, expected one", v.name());
            return Err(Error::value("update", what).at(n.place().clone()));
        }
    }
    Ok(())
}

/// Computes the wanted nodes together, on the [current](Device::current) device, and writes the new
/// values of variables, all after everything was read. Values already computed are not computed
/// again. Gives the wanted elements, dense and row-major.
///
/// # Errors
/// A bad value found while running (an index out of range), an argument of a program outside of
/// that program, an update whose shape or type is not that of its variable, or two updates of one
/// variable.
pub fn read(wanted: &[Node], updates: &[Update]) -> Result<Vec<Arc<Buffer>>> {
    check_wanted(wanted, updates)?;
    let missing: Vec<Node> = wanted.iter().filter(|n| n.value().is_none()).cloned().collect();
    if !missing.is_empty() || !updates.is_empty() {
        let goal = Goal { outputs: &missing, updates, leaves_stay: false, changing: usize::MAX };
        let mut collected = Collected::new(&goal, Device::current())?;
        if let Some(input) = collected.argument() {
            let what = "an argument of a program has no value outside of it";
            return Err(Error::value("read", what).at(input.place().clone()));
        }
        let check = crate::check::is_on() && !crate::check::is_inside();
        let key = (collected.key.0, collected.key.1 ^ u64::from(check));
        let cached = cache::take(key);
        let (plan, session) = match cached {
            Some((plan, session)) => (plan, session),
            None => {
                let options = Options { check, ..Options::default() };
                (Arc::new(Plan::new(&mut collected, options)?), None)
            }
        };
        let mut session = session.unwrap_or_else(|| Session::new(&plan));
        session.bind_variables(&plan, &collected.variables);
        session.bind_leaves(&plan, &collected.leaves);
        session.run_plan(&plan, &[])?;
        for (i, node) in missing.iter().enumerate() {
            node.set_value(session.output(i).clone());
        }
        session.release();
        cache::give(key, plan, session);
    }
    Ok(wanted.iter().map(|n| n.value().expect("computed above").clone()).collect())
}
