//! The CPU kernels: all steps in one job of the threads.
//!
//! A tile is some samples and a block of hidden units, all parts of them. A step multiplies the state of the step before with the
//! block's weights and makes the units' new state of the sums while those are in the first-level cache. A thread keeps its blocks
//! at all steps, and so their weights in its own cache; or, where all weights find room there and samples are enough, its samples,
//! and waits for nobody. A GRU whose reset gate comes first, and an LSTM with a projection, have two
//! products that wait for each other, and so two stages a step.
#![allow(unsafe_code)]

mod backward;
mod forward;
mod forward_units;
mod panels;
mod room;
mod slopes;

use super::net::{Backward, Forward, Given, Net};
use gradus_base::exec::{Args, Kernel};
use gradus_base::{DType, Element, View};
use gradus_cpu::lanes::prefetch;
use gradus_cpu::{parallel, parallel_steps, threads};
use gradus_graph::{Layouts, Meta, Order, Packing, Spec, Strategy};
use panels::{Pack, Panels, UNITS};
use room::{Room, Run, Samples};
use std::ops::Range;

/// Samples of a tile: some register tiles, and sums that fit a first-level cache.
const ROWS: usize = 42;
/// Multiply-adds of a stage from which on threads share it.
const SHARED: usize = 1 << 16;
/// Bytes of weights that a core reads at each step from a cache of its own.
const OWN_WEIGHTS: usize = 1 << 20;
/// Samples that a thread has for itself at least: enough chains of additions.
const OWN_ROWS: usize = 6;

/// How the CPU does the forward pass.
pub(super) struct ForwardOnCpu(pub Net);

/// How the CPU does the backward pass.
pub(super) struct BackwardOnCpu(pub Net, pub Given);

impl Strategy for ForwardOnCpu {
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        let x = Forward::of(&self.0, 0..inputs.len());
        layouts(inputs.len(), outputs, [Some(x.wh), x.projection])
    }

    /// Gates and what is kept beside are for the backward pass.
    fn may_skip(&self, output: usize) -> bool {
        output >= if self.0.is_lstm() { 3 } else { 2 }
    }

    fn packing(&self, input: usize, spec: &Spec) -> Option<Packing> {
        packing(input, spec, &forward::weights(&self.0, spec))
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        forward::kernel(self.0, spec)
    }
}

impl Strategy for BackwardOnCpu {
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        let x = Backward::of(&self.0, self.1, 0..inputs.len());
        layouts(inputs.len(), outputs, [Some(x.wh), x.projection])
    }

    fn packing(&self, input: usize, spec: &Spec) -> Option<Packing> {
        packing(input, spec, &backward::weights(&self.0, self.1, spec))
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        backward::kernel(self.0, self.1, spec)
    }
}

/// Matrices lie as they like, all else is dense.
fn layouts(inputs: usize, outputs: &[Meta], matrices: [Option<usize>; 2]) -> Layouts {
    let mut layouts = Layouts::dense(inputs, outputs);
    for matrix in matrices.into_iter().flatten() {
        layouts.inputs[matrix] = Order::Any;
    }
    layouts
}

/// One input's matrices, which are packed together.
struct Weights {
    input: usize,
    /// Whether they are transposed.
    back: bool,
    panels: Vec<Panels>,
}

impl Weights {
    fn bytes(&self, dtype: DType) -> usize {
        self.panels.iter().map(|p| p.bytes(dtype)).sum()
    }
}

/// wh, as two matrices if the last part waits for the others, each transposed on the way back.
fn recurrent_weights(net: &Net, input: usize, view: &View, back: bool) -> Weights {
    let parts = net.parts();
    let [state, width] = [view.shape[0], view.shape[1]];
    let [row, column] = [view.strides[0], view.strides[1]];
    let hidden = width / parts;
    let cut = |first: usize, parts: usize| {
        let from = (first * hidden) as isize * column;
        match back {
            false => Panels { k: state, parts, width: hidden, from, strides: [row, column] },
            true => {
                let strides = [column, row];
                Panels { k: parts * hidden, parts: 1, width: state, from, strides }
            }
        }
    };
    let panels = match net.resets_before() {
        true => vec![cut(0, 2), cut(2, 1)],
        false => vec![cut(0, parts)],
    };
    Weights { input, back, panels }
}

/// A projection, transposed on the way back.
fn projection_weights(input: usize, view: &View, back: bool) -> Weights {
    let [hidden, state] = [view.shape[0], view.shape[1]];
    let [row, column] = [view.strides[0], view.strides[1]];
    let (k, width, strides) = match back {
        false => (hidden, state, [row, column]),
        true => (state, hidden, [column, row]),
    };
    Weights { input, back, panels: vec![Panels { k, parts: 1, width, from: 0, strides }] }
}

fn packing(input: usize, spec: &Spec, weights: &[Weights]) -> Option<Packing> {
    let of = weights.iter().find(|w| w.input == input)?;
    let dtype = spec.inputs[input].dtype;
    let bytes = of.bytes(dtype);
    let touches = spec.touches_of_packing(input, bytes);
    let sizes: Vec<[usize; 2]> = of.panels.iter().map(|p| [p.k, p.parts]).collect();
    let form = format!("units {sizes:?} {dtype}{}", if of.back { " back" } else { "" });
    (bytes > 0).then(|| {
        let all = of.panels.clone();
        Packing::new(form, bytes, Pack { dtype, all, touches })
    })
}

/// The two products of a kernel, the second perhaps none, and where they are packed.
struct Products {
    panels: Vec<Panels>,
    places: Vec<Place>,
}

/// Where packed weights are.
enum Place {
    /// In an input, so many elements on.
    Input(usize, usize),
    /// In the workspace, which they are packed into first.
    Own(Run, Weights),
    /// Behind what was packed there with the last.
    Behind(Run, usize),
}

impl Products {
    fn new(weights: Vec<Weights>, spec: &Spec, room: &mut Room) -> Products {
        let (mut panels, mut places) = (vec![], vec![]);
        for weights in weights {
            let slot = &spec.inputs[weights.input];
            let own = slot.packed.is_none();
            let run = own.then(|| room.take(weights.bytes(slot.dtype), 1));
            let (all, input) = (weights.panels.clone(), weights.input);
            let mut weights = Some(weights);
            let mut at = 0;
            for one in all {
                places.push(match (run, weights.take()) {
                    (Some(run), Some(weights)) => Place::Own(run, weights),
                    (Some(run), None) => Place::Behind(run, at),
                    (None, _) => Place::Input(input, at),
                });
                at += one.bytes(slot.dtype) / slot.dtype.size();
                panels.push(one);
            }
        }
        Products { panels, places }
    }

    /// How many stages a step has.
    fn stages(&self) -> usize {
        self.panels.len()
    }

    /// The blocks of the product with the most.
    fn blocks(&self) -> usize {
        self.panels.iter().map(Panels::blocks).max().unwrap_or(0)
    }

    /// The widest row of sums.
    fn sums(&self) -> usize {
        self.panels.iter().map(|p| p.parts * UNITS).max().unwrap_or(0)
    }

    /// Multiply-adds of the larger stage for each sample.
    fn work(&self) -> usize {
        self.panels.iter().map(|p| p.k * p.parts * p.width).max().unwrap_or(0)
    }

    /// Runs the tiles of all stages of a launch, each block of units of some samples, the stages of the same samples one after
    /// another.
    fn run(
        &self,
        dtype: DType,
        samples: &Samples,
        stages: usize,
        tile: &(dyn Fn(usize, usize, Range<usize>) + Sync),
    ) {
        let (batch, blocks) = (samples.count, self.blocks());
        let cut = |group: usize, rows: usize| group * rows..((group + 1) * rows).min(batch);
        let groups = batch.div_ceil(ROWS);
        let one = |stage: usize, i: usize| tile(stage, i / groups, cut(i % groups, ROWS));
        if batch * self.work() < SHARED {
            return (0..stages).for_each(|s| (0..groups * blocks).for_each(|i| one(s, i)));
        }
        let Some(rows) = self.own_rows(dtype, samples) else {
            return parallel_steps(stages, groups * blocks, &one);
        };
        parallel(batch.div_ceil(rows), &|group| {
            for stage in 0..stages {
                (0..blocks).for_each(|block| tile(stage, block, cut(group, rows)));
            }
        });
    }

    /// How many samples a thread takes through all steps, if each is to have its own: then no state goes from core to core, and
    /// nobody waits. What a sample gets does not depend on who is beside it.
    fn own_rows(&self, dtype: DType, samples: &Samples) -> Option<usize> {
        let (batch, threads) = (samples.count, threads());
        let bytes: usize = self.panels.iter().map(|p| p.bytes(dtype)).sum();
        let rows = batch.div_ceil(batch.div_ceil(ROWS).next_multiple_of(threads));
        let groups = batch.div_ceil(rows.max(1));
        if threads == 1 || bytes > OWN_WEIGHTS || rows < OWN_ROWS || groups < threads {
            return None;
        }
        // Samples are sorted by length: the first thread's are the longest.
        let steps = |from: usize, to: usize| -> usize {
            (0..samples.steps).map(|t| samples.running(t).clamp(from, to) - from).sum()
        };
        let (most, all) = (steps(0, rows), steps(0, batch));
        (most * groups * 4 <= all * 5).then_some(rows)
    }

    /// The packed weights, those of the workspace packed now.
    ///
    /// # Safety
    /// As a kernel's launch; the weights are of `T`.
    unsafe fn packed<T: Element>(&self, args: &Args<'_>) -> [*const T; 2] {
        let mut all = [std::ptr::null(); 2];
        for (to, place) in all.iter_mut().zip(&self.places) {
            *to = match place {
                Place::Input(input, at) => args.input::<T>(*input).wrapping_add(*at),
                Place::Behind(run, at) => run.of::<T>(args).wrapping_add(*at).cast_const(),
                Place::Own(run, weights) => {
                    let packed = run.of::<T>(args);
                    // SAFETY: the caller's promise; the run has room for them.
                    unsafe { panels::pack_all(&weights.panels, args.input(weights.input), packed) };
                    packed.cast_const()
                }
            };
        }
        all
    }
}

/// The address `n` elements on, of what is there.
#[inline(always)]
fn on_from<T>(p: *mut T, n: usize) -> *mut T {
    if p.is_null() { p } else { p.wrapping_add(n) }
}

/// Fetches the line of the element `n` elements on and then `further`, of what is there.
#[inline(always)]
fn fetch<T>(p: *const T, n: usize, further: isize) {
    if !p.is_null() {
        prefetch(p.wrapping_add(n).wrapping_offset(further));
    }
}
