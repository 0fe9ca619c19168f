//! The backward pass: from the last step to the first the products of a tile, then what its units' slopes make of them.
#![allow(unsafe_code)]

use super::forward::Sizes;
use super::panels::{Panels, UNITS};
use super::room::{Room, Run, Samples, padded};
use super::slopes::Stage;
use super::{Products, Weights, projection_weights, recurrent_weights};
use crate::ops::lanes::{Isa, on_longest};
use crate::ops::recurrent::net::{self, Given, Net};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Element};
use gradus_cpu::lanes::Scalar;
use gradus_cpu::{Mat, with_scratch};
use gradus_graph::Spec;
use std::ops::Range;
use std::ptr::{null, null_mut};

/// What is multiplied, stage by stage: the slopes of the parts by wh, and by the projection what came of it; of a GRU whose reset
/// gate comes before the product those of two parts, then those of the third.
pub(super) fn weights(net: &Net, given: Given, spec: &Spec) -> Vec<Weights> {
    let x = net::Backward::of(net, given, 0..spec.inputs.len());
    let recurrent = recurrent_weights(net, x.wh, &spec.inputs[x.wh].view, true);
    let projection = x.projection.map(|p| projection_weights(p, &spec.inputs[p].view, true));
    std::iter::once(recurrent).chain(projection).collect()
}

/// The workspace.
struct Runs {
    samples: Run,
    /// The slopes of the parts at the step before and at this one.
    slopes: [Run; 2],
    /// What the second stage multiplies.
    within: Run,
    /// What goes on to the step before past all products: of a cell, or of a GRU's state.
    carried: Run,
}

struct Backward {
    net: Net,
    dtype: DType,
    sizes: Sizes,
    inputs: net::Backward<usize>,
    products: Products,
    runs: Runs,
    room: Room,
    touches: Touches,
}

pub(super) fn kernel(net: Net, given: Given, spec: &Spec) -> Box<dyn Kernel> {
    let inputs = net::Backward::of(&net, given, 0..spec.inputs.len());
    let (y, wh) = (&spec.inputs[inputs.y], &spec.inputs[inputs.wh]);
    let [steps, batch, state] = [0, 1, 2].map(|axis| y.view.shape[axis]);
    let hidden = wh.view.shape[1] / net.parts();
    let sizes = Sizes { steps, batch, hidden, state };
    let dtype = y.dtype;
    let mut room = Room::default();
    let size = dtype.size();
    let row = |len: usize| batch * if size == 8 { padded::<f64>(len) } else { padded::<f32>(len) };
    let runs = Runs {
        samples: room.take(Samples::room(steps, batch), size_of::<usize>()),
        slopes: [(); 2].map(|()| room.take(row(net.parts() * hidden), size)),
        within: room.take(row(hidden.max(state)), size),
        carried: room.take(batch * hidden, size),
    };
    let products = Products::new(weights(&net, given, spec), spec, &mut room);
    Box::new(Backward { net, dtype, sizes, inputs, products, runs, room, touches: spec.touches() })
}

// SAFETY: all inputs but the matrices are dense, and so are all outputs, of the sizes that the rule infers; the matrices are read
// by their strides or as they were packed; the workspace is dealt out once.
unsafe impl Kernel for Backward {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    fn workspace(&self) -> usize {
        self.room.bytes()
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

impl Backward {
    /// # Safety
    /// As `launch`; the floats are `T`.
    unsafe fn run<T: Scalar + Element>(&self, args: &Args<'_>) {
        let Sizes { steps, batch, .. } = self.sizes;
        // SAFETY: the caller's promise.
        let lengths = self
            .inputs
            .lengths
            .map(|i| unsafe { std::slice::from_raw_parts(args.input::<i64>(i), batch) });
        let at = self.runs.samples.of::<usize>(args);
        // SAFETY: the run has room for them; the forward kernel checked the lengths.
        let samples = unsafe { Samples::sort(steps, batch, self.net.reverse, lengths, at) };
        // SAFETY: the caller's promise.
        let pass = unsafe { self.pass::<T>(args, samples) };
        // SAFETY: as above.
        unsafe { pass.begin() };
        let stages = self.products.stages();
        // SAFETY: as in the forward pass.
        let tile = |stage: usize, block: usize, rows: Range<usize>| unsafe {
            pass.tile(stage / stages, stage % stages, block, rows);
        };
        // One step more: what reaches the first states.
        self.products.run(self.dtype, &samples, (steps + 1) * stages, &tile);
    }

    /// # Safety
    /// As [`Backward::run`].
    unsafe fn pass<T: Scalar + Element>(&self, args: &Args<'_>, samples: Samples) -> Pass<'_, T> {
        let (x, runs) = (&self.inputs, &self.runs);
        let read = |i: Option<usize>| i.map_or(null(), |i| args.input::<T>(i));
        let Sizes { hidden, state, .. } = self.sizes;
        let within = if self.net.projects() { state } else { hidden };
        let lstm = self.net.is_lstm();
        let inner = 2 + usize::from(lstm);
        Pass {
            net: self.net,
            sizes: self.sizes,
            samples,
            panels: &self.products.panels,
            // SAFETY: the caller's promise.
            packed: unsafe { self.products.packed(args) },
            sums: self.products.sums(),
            h0: args.input(x.h0),
            c0: read(x.c0),
            peepholes: read(x.peepholes),
            y: args.input(x.y),
            gates: read(x.gates),
            kept: read(x.kept),
            dy: read(x.dy),
            dh: read(x.dh),
            dc: read(x.dc),
            strides: [self.net.parts() * hidden, within].map(padded::<T>),
            slopes: runs.slopes.map(|run| run.of(args)),
            within: runs.within.of(args),
            carried: runs.carried.of(args),
            dzx: args.output(0),
            dh0: args.output(1),
            dc0: if lstm { args.output(2) } else { null_mut() },
            inner: if self.net.has_inner() { args.output(inner) } else { null_mut() },
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
    pub h0: *const T,
    pub c0: *const T,
    pub peepholes: *const T,
    pub y: *const T,
    pub gates: *const T,
    pub kept: *const T,
    pub dy: *const T,
    pub dh: *const T,
    pub dc: *const T,
    /// From one row to the next of the slopes, and of what is within a step.
    pub strides: [usize; 2],
    pub slopes: [*mut T; 2],
    pub within: *mut T,
    pub carried: *mut T,
    pub dzx: *mut T,
    pub dh0: *mut T,
    pub dc0: *mut T,
    pub inner: *mut T,
}

// SAFETY: addresses; following them is unsafe where it happens.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

impl<T: Scalar + Element> Pass<'_, T> {
    /// What reaches the first state of a sample without steps is what reached its last.
    ///
    /// # Safety
    /// All pointers are good for the sizes.
    unsafe fn begin(&self) {
        let Sizes { batch, hidden, state, .. } = self.sizes;
        for row in self.samples.running(0)..batch {
            let sample = self.samples.sample(row);
            let copy = |from: *const T, to: *mut T, width: usize| {
                // SAFETY: the caller's promise.
                unsafe {
                    let to = to.add(sample * width);
                    match from.is_null() {
                        true => (0..width).for_each(|i| *to.add(i) = T::ZERO),
                        false => from.add(sample * width).copy_to_nonoverlapping(to, width),
                    }
                }
            };
            copy(self.dh, self.dh0, state);
            if !self.dc0.is_null() {
                copy(self.dc, self.dc0, hidden);
            }
        }
    }

    /// A block of units of some samples, at a stage of the i-th step from the end; of one more than there are, what goes
    /// beyond the first.
    ///
    /// # Safety
    /// As [`Pass::begin`]; the stages before are done.
    unsafe fn tile(&self, i: usize, stage: usize, block: usize, rows: Range<usize>) {
        let (panels, steps) = (&self.panels[stage], self.sizes.steps);
        if block >= panels.blocks() {
            return;
        }
        let running = |i: Option<usize>| match i {
            Some(i) if i < steps => self.samples.running(self.samples.step(steps - 1 - i)),
            _ => 0,
        };
        let within = |count: usize| count.clamp(rows.start, rows.end);
        // Rows that ran at the step after this one have slopes to multiply; those of this step go on.
        let (came, running) = (within(running(i.checked_sub(1))), within(running(Some(i))));
        let (from, multiplied) = match stage {
            0 => (self.slopes[i % 2], came),
            _ => (self.within, running),
        };
        with_scratch(rows.len() * self.sums * size_of::<T>(), |scratch| {
            let sums = scratch.cast::<T>();
            if multiplied > rows.start {
                let stride = self.strides[stage];
                let ptr = from.wrapping_add(rows.start * stride).cast_const();
                let a = Mat { ptr, row_stride: stride as isize, col_stride: 1 };
                // SAFETY: the scratch holds the sums of all rows; the rest is the caller's promise.
                unsafe {
                    panels.multiply(self.packed[stage], multiplied - rows.start, a, block, sums);
                }
            }
            let (first, units) = (block * UNITS, panels.units(block));
            let t = (i < steps).then(|| self.samples.step(steps - 1 - i));
            let work = Stage { pass: self, i, t, stage, rows, came, running, first, units, sums };
            on_longest(Isa::current(), work);
        });
    }
}
