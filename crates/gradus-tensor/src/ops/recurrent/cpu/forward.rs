//! The forward pass: for each step the products of a tile, then what its units make of them.
#![allow(unsafe_code)]

use super::forward_units::Stage;
use super::panels::{Panels, UNITS};
use super::room::{Room, Run, Samples, padded};
use super::{Products, Weights, projection_weights, recurrent_weights};
use crate::ops::lanes::{Isa, on_longest};
use crate::ops::recurrent::bad_length;
use crate::ops::recurrent::net::{self, Net};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Element};
use gradus_cpu::lanes::Scalar;
use gradus_cpu::{Mat, with_scratch};
use gradus_graph::Spec;
use std::ops::Range;
use std::ptr::{null, null_mut};

/// What is multiplied, stage by stage.
pub(super) fn weights(net: &Net, spec: &Spec) -> Vec<Weights> {
    let x = net::Forward::of(net, 0..spec.inputs.len());
    let recurrent = recurrent_weights(net, x.wh, &spec.inputs[x.wh].view, false);
    let projection = x.projection.map(|p| projection_weights(p, &spec.inputs[p].view, false));
    std::iter::once(recurrent).chain(projection).collect()
}

/// T steps, N samples, H hidden units, P numbers of state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub steps: usize,
    pub batch: usize,
    pub hidden: usize,
    pub state: usize,
}

/// The workspace.
struct Runs {
    samples: Run,
    /// The state before and after a step.
    states: [Run; 2],
    cells: Run,
    /// What the second stage multiplies, and the update gate that waits for it.
    within: Run,
    updates: Run,
}

struct Forward {
    net: Net,
    dtype: DType,
    sizes: Sizes,
    inputs: net::Forward<usize>,
    /// The numbers of the outputs for the gates and what is kept, if they are read.
    seen: [Option<usize>; 2],
    products: Products,
    runs: Runs,
    room: Room,
    touches: Touches,
}

pub(super) fn kernel(net: Net, spec: &Spec) -> Box<dyn Kernel> {
    let inputs = net::Forward::of(&net, 0..spec.inputs.len());
    let (zx, h0) = (&spec.inputs[0], &spec.inputs[inputs.h0]);
    let [steps, batch] = [0, 1].map(|axis| zx.view.shape[axis]);
    let hidden = zx.view.shape[2] / net.parts();
    let sizes = Sizes { steps, batch, hidden, state: h0.view.shape[1] };
    let dtype = zx.dtype;
    let first = if net.is_lstm() { 3 } else { 2 };
    let read = |i: usize| spec.outputs[i].view.shape.rank() == 3;
    let seen = [(net.has_gates(), first), (net.has_kept(), first + 1)];
    let seen = seen.map(|(there, i)| (there && read(i)).then_some(i));
    let mut room = Room::default();
    let size = dtype.size();
    let row = |len: usize| batch * if size == 8 { padded::<f64>(len) } else { padded::<f32>(len) };
    let runs = Runs {
        samples: room.take(Samples::room(steps, batch), size_of::<usize>()),
        states: [(); 2].map(|()| room.take(row(sizes.state), size)),
        cells: room.take(batch * hidden, size),
        within: room.take(row(hidden), size),
        updates: room.take(batch * hidden, size),
    };
    let products = Products::new(weights(&net, spec), spec, &mut room);
    let touches = spec.touches();
    Box::new(Forward { net, dtype, sizes, inputs, seen, products, runs, room, touches })
}

// SAFETY: all inputs but the matrices are dense, and so are all outputs, of the sizes that the rule infers; the matrices are read
// by their strides or as they were packed; the workspace is dealt out once.
unsafe impl Kernel for Forward {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    fn workspace(&self) -> usize {
        self.room.bytes()
    }

    fn algorithm(&self) -> &str {
        if self.seen.iter().any(Option::is_some) { "keeping gates" } else { "" }
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.run::<f64>(args),
                DType::F32 => self.run::<f32>(args),
                dtype => unreachable!("states of {dtype} are cast"),
            }
        }
    }
}

impl Forward {
    /// # Safety
    /// As `launch`; the floats are `T`.
    unsafe fn run<T: Scalar + Element>(&self, args: &Args<'_>) {
        let Sizes { steps, batch, .. } = self.sizes;
        // SAFETY: the caller's promise.
        let lengths = self
            .inputs
            .lengths
            .map(|i| unsafe { std::slice::from_raw_parts(args.input::<i64>(i), batch) });
        if let Some(what) = lengths.and_then(|lengths| bad_length(lengths, steps)) {
            return args.fail(|| what);
        }
        let reverse = self.net.reverse;
        let at = self.runs.samples.of::<usize>(args);
        // SAFETY: the run has room for them, and the lengths are right.
        let samples = unsafe { Samples::sort(steps, batch, reverse, lengths, at) };
        // SAFETY: the caller's promise.
        let pass = unsafe { self.pass::<T>(args, samples) };
        // SAFETY: as above.
        unsafe { pass.begin() };
        let stages = self.products.stages();
        // SAFETY: tiles of a stage write distinct parts of what no other tile of it reads, and what a tile reads of the stages
        // before is its own samples'.
        let tile = |stage: usize, block: usize, rows: Range<usize>| unsafe {
            pass.tile(stage / stages, stage % stages, block, rows);
        };
        self.products.run(self.dtype, &samples, steps * stages, &tile);
    }

    /// # Safety
    /// As [`Forward::run`].
    unsafe fn pass<T: Scalar + Element>(&self, args: &Args<'_>, samples: Samples) -> Pass<'_, T> {
        let (x, runs) = (&self.inputs, &self.runs);
        let read = |i: Option<usize>| i.map_or(null(), |i| args.input::<T>(i));
        let seen = self.seen.map(|i| i.map_or(null_mut(), |i| args.output::<T>(i)));
        Pass {
            net: self.net,
            sizes: self.sizes,
            samples,
            panels: &self.products.panels,
            // SAFETY: the caller's promise.
            packed: unsafe { self.products.packed(args) },
            sums: self.products.sums(),
            zx: args.input(x.zx),
            h0: args.input(x.h0),
            c0: read(x.c0),
            bias: read(x.bias),
            peepholes: read(x.peepholes),
            strides: [self.sizes.state, self.sizes.hidden].map(padded::<T>),
            states: runs.states.map(|run| run.of(args)),
            cells: runs.cells.of(args),
            within: runs.within.of(args),
            updates: runs.updates.of(args),
            y: args.output(0),
            h: args.output(1),
            c: if self.net.is_lstm() { args.output(2) } else { null_mut() },
            gates: seen[0],
            kept: seen[1],
        }
    }
}

/// A launch: where everything lies. What may be missing is null.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub net: Net,
    pub sizes: Sizes,
    pub samples: Samples,
    panels: &'a [Panels],
    packed: [*const T; 2],
    sums: usize,
    pub zx: *const T,
    h0: *const T,
    c0: *const T,
    pub bias: *const T,
    pub peepholes: *const T,
    /// From one row to the next of the states, and of what is within a step.
    pub strides: [usize; 2],
    pub states: [*mut T; 2],
    pub cells: *mut T,
    pub within: *mut T,
    pub updates: *mut T,
    pub y: *mut T,
    pub h: *mut T,
    pub c: *mut T,
    pub gates: *mut T,
    pub kept: *mut T,
}

// SAFETY: addresses; following them is unsafe where it happens.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

impl<T: Scalar + Element> Pass<'_, T> {
    /// Every row's first state; it is also the last of a sample without steps.
    ///
    /// # Safety
    /// All pointers are good for the sizes.
    unsafe fn begin(&self) {
        let Sizes { batch, hidden, state, .. } = self.sizes;
        for row in 0..batch {
            let sample = self.samples.sample(row);
            // SAFETY: the caller's promise.
            unsafe {
                let first = self.h0.add(sample * state);
                for to in self.states {
                    first.copy_to_nonoverlapping(to.add(row * self.strides[0]), state);
                }
                first.copy_to_nonoverlapping(self.h.add(sample * state), state);
                if !self.c0.is_null() {
                    let first = self.c0.add(sample * hidden);
                    first.copy_to_nonoverlapping(self.cells.add(row * hidden), hidden);
                    first.copy_to_nonoverlapping(self.c.add(sample * hidden), hidden);
                }
            }
        }
    }

    /// A block of units of some samples, at a stage of the i-th step.
    ///
    /// # Safety
    /// As [`Pass::begin`]; the stages before are done.
    unsafe fn tile(&self, i: usize, stage: usize, block: usize, rows: Range<usize>) {
        let panels = &self.panels[stage];
        if block >= panels.blocks() {
            return;
        }
        let t = self.samples.step(i);
        let running = self.samples.running(t).clamp(rows.start, rows.end);
        let from = match stage {
            0 => self.states[i % 2],
            _ => self.within,
        };
        with_scratch(rows.len() * self.sums * size_of::<T>(), |scratch| {
            let sums = scratch.cast::<T>();
            if running > rows.start {
                let stride = self.strides[stage];
                let ptr = from.wrapping_add(rows.start * stride).cast_const();
                let a = Mat { ptr, row_stride: stride as isize, col_stride: 1 };
                // SAFETY: the scratch holds the sums of all rows; the rest is the caller's promise.
                unsafe {
                    panels.multiply(self.packed[stage], running - rows.start, a, block, sums);
                }
            }
            let first = block * UNITS;
            let (units, parts) = (panels.units(block), panels.parts);
            let work = Stage { pass: self, i, t, stage, rows, running, first, units, parts, sums };
            on_longest(Isa::current(), work);
        });
    }
}
