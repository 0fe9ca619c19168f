//! The CPU's way: the plan of the cell, run once for each step on memory of the call. Steps of sequences are read and rows of results
//! written where they lie; what is carried goes from one buffer to the other, or along its row of results where all steps' are wanted.
//! What depends on what is captured alone is the plan's prologue and runs at the first step only.
#![allow(unsafe_code)]

use super::Scanned;
use gradus_base::exec::{Args, Kernel, Part, Touches};
use gradus_graph::{Device, Plan, Spec, Storage, Strategy};
use std::sync::Arc;

/// The strategy of a scan.
pub(super) struct InRounds<'a>(pub(super) &'a Scanned);

impl InRounds<'_> {
    /// The plan of all that somebody reads.
    fn plan(&self, spec: &Spec) -> Arc<Plan> {
        let Scanned { body, carried, sequences, .. } = self.0;
        let outputs = body.outputs().len();
        let wanted: Vec<bool> =
            (0..outputs).map(|i| i < *carried || !is_left_out(spec, i)).collect();
        let plan = body.plan(Device::Cpu, carried + sequences, &wanted);
        plan.expect("a body without a plan has no strategy")
    }
}

/// Whether nobody reads an output of the op.
fn is_left_out(spec: &Spec, output: usize) -> bool {
    let shape = spec.outputs[output].view.shape;
    shape.rank() == 1 && shape[0] == 0
}

impl Strategy for InRounds<'_> {
    fn may_skip(&self, _output: usize) -> bool {
        true
    }

    fn body(&self, spec: &Spec) -> Option<(Arc<Plan>, usize)> {
        Some((self.plan(spec), self.0.steps))
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let (rule, plan) = (self.0, self.plan(spec));
        let bytes = |i: usize| {
            let one = rule.body.inputs()[i];
            one.shape.len() * one.dtype.size()
        };
        let given = rule.given();
        let mut end = 0;
        let mut room = |bytes: usize| {
            let at = end;
            end += bytes.next_multiple_of(ALIGN);
            at
        };
        let (arena, kept) = (room(plan.arena_bytes()), room(plan.kept_bytes()));
        let carry = |i: usize| Carry {
            bytes: bytes(i),
            last: (!is_left_out(spec, i)).then_some(i),
            row: Some(rule.carried + given + i).filter(|&i| !is_left_out(spec, i)),
            between: [0; 2],
        };
        let mut carries: Vec<Carry> = (0..rule.carried).map(carry).collect();
        for c in &mut carries {
            c.between = [room(c.bytes), room(c.bytes)];
        }
        let outputs = rule.body.outputs();
        let read = (0..outputs.len()).filter(|&i| i < rule.carried || !is_left_out(spec, i));
        let wanted: Vec<usize> = read.collect();
        let place = |storage: &Storage| match *storage {
            Storage::Kept => Place::Workspace(kept),
            Storage::Input(i) if i < rule.carried => Place::CarriedIn(i),
            Storage::Input(i) if i < rule.carried + rule.sequences => Place::Row(i, bytes(i)),
            Storage::Input(i) => Place::Input(i),
            Storage::Output(n) if wanted[n] < rule.carried => Place::CarriedOn(wanted[n]),
            Storage::Output(n) => {
                let (i, one) = (wanted[n], outputs[wanted[n]]);
                Place::Given(i, one.shape.len() * one.dtype.size())
            }
            _ => unreachable!("a body reads its inputs and writes its outputs"),
        };
        let mut places = vec![Place::Workspace(arena)];
        places.extend(plan.storages().iter().map(place));
        let table = room((places.len() + plan.program().pointers()) * size_of::<*mut u8>());
        let touches = spec.touches();
        Box::new(Rounds {
            rule: rule.clone(),
            plan,
            places,
            carries,
            table,
            workspace: end,
            touches,
        })
    }
}

const ALIGN: usize = 64;

/// Where a storage of the body's plan lies in a round.
#[derive(Clone, Copy)]
enum Place {
    /// So many bytes into the workspace.
    Workspace(usize),
    /// An input of the op.
    Input(usize),
    /// A row of an input, of so many bytes.
    Row(usize, usize),
    /// A row of an output.
    Given(usize, usize),
    /// What is carried into the round, and on to the next.
    CarriedIn(usize),
    CarriedOn(usize),
}

/// One of the values that are carried.
struct Carry {
    bytes: usize,
    /// The output that it is in the end, and that which has all of it, if they are read.
    last: Option<usize>,
    row: Option<usize>,
    /// Two buffers in the workspace, used in turn.
    between: [usize; 2],
}

struct Rounds {
    rule: Scanned,
    plan: Arc<Plan>,
    /// Those of the arena and of the plan's storages.
    places: Vec<Place>,
    carries: Vec<Carry>,
    /// Where pointers lie in the workspace.
    table: usize,
    workspace: usize,
    touches: Touches,
}

// SAFETY: inputs and outputs are dense and of the shapes that the rule infers; every place is one of their rows, or lies in the
// workspace, where `kernel` made room for it.
unsafe impl Kernel for Rounds {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    fn workspace(&self) -> usize {
        self.workspace
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        let steps = self.rule.steps;
        for (i, carry) in self.carries.iter().enumerate() {
            let to = match (carry.row, carry.last) {
                (Some(row), _) if steps > 0 => {
                    self.row(args.output(row), self.rule.step(0), carry.bytes)
                }
                (_, Some(last)) if steps == 0 => args.output(last),
                _ => continue,
            };
            // SAFETY: both have as many bytes; outputs overlap no input.
            unsafe { std::ptr::copy_nonoverlapping(args.input(i), to, carry.bytes) };
        }
        let (storages, pointers) = (self.places.len(), self.plan.program().pointers());
        // SAFETY: there is room for as many, aligned to 64 bytes; nobody else holds it, and a null pointer is one.
        let table = unsafe {
            let table = args.workspace::<u8>().add(self.table).cast::<*mut u8>();
            table.write_bytes(0, storages + pointers);
            std::slice::from_raw_parts_mut(table, storages + pointers)
        };
        let (storages, pointers) = table.split_at_mut(storages);
        for n in 0..steps {
            for (storage, place) in storages.iter_mut().zip(&self.places) {
                *storage = self.address(*place, n, args);
            }
            let part = if n == 0 { Part::All } else { Part::AfterPrologue };
            // SAFETY: see above; what is carried on overlaps nothing that is carried in.
            let done = unsafe { self.plan.program().execute_at(storages, pointers, part) };
            if let Err(mut fault) = done {
                fault.what.push_str(&format!("; at step {} of a scan", self.rule.step(n)));
                args.fail_within(|| fault);
                return;
            }
        }
    }
}

impl Rounds {
    fn row(&self, first: *mut u8, step: usize, bytes: usize) -> *mut u8 {
        first.wrapping_add(step * bytes)
    }

    /// Where a storage begins in round `n`.
    fn address(&self, place: Place, n: usize, args: &Args<'_>) -> *mut u8 {
        let input = |i: usize| args.input::<u8>(i).cast_mut();
        let within = |at: usize| args.workspace::<u8>().wrapping_add(at);
        let last = n + 1 == self.rule.steps;
        match place {
            Place::Workspace(at) => within(at),
            Place::Input(i) => input(i),
            Place::Row(i, bytes) => self.row(input(i), self.rule.step(n), bytes),
            Place::Given(i, bytes) => self.row(args.output(i), self.rule.step(n), bytes),
            Place::CarriedIn(i) => match (&self.carries[i], n) {
                (Carry { row: Some(row), bytes, .. }, _) => {
                    self.row(args.output(*row), self.rule.step(n), *bytes)
                }
                (_, 0) => input(i),
                (carry, _) => within(carry.between[(n - 1) % 2]),
            },
            Place::CarriedOn(i) => match &self.carries[i] {
                Carry { last: Some(end), .. } if last => args.output(*end),
                Carry { row: Some(row), bytes, .. } if !last => {
                    self.row(args.output(*row), self.rule.step(n + 1), *bytes)
                }
                carry => within(carry.between[n % 2]),
            },
        }
    }
}
