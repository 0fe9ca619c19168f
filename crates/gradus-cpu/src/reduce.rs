//! Reductions of an expression over some axes.
//!
//! Tiles of the expression's values are added (multiplied, …) element by element into an accumulator of a tile's
//! size, which is folded in halves at the end: so rows, columns and anything between run at vector speed, and a sum
//! is the sum of hundreds of partial sums, whose errors grow slowly. Long reductions are cut on a grid that depends
//! on the shape alone and their parts combined in order: same bits for any number of threads.

use crate::lanes::Isa;
use crate::tile::{
    Accumulate, Block, Dims, Engine, Fold, Spec, Store, accumulate, check, count, storer, touches,
};
use crate::{Shared, parallel, with_scratch};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Expr, ReduceOp, Shape, View};

/// Tiles of a part of a long reduction, at least.
const PART: usize = 64;
/// Parts of a long reduction, at most.
const PARTS: usize = 512;
/// Elements of a parallel task, about.
const TASK: usize = 1 << 14;
/// Outputs' tiles from which on they alone give enough tasks.
const ENOUGH: usize = 16;
/// Bytes of an accumulator: a tile.
const ACC: usize = 1024;

/// The value of an empty reduction, in the type it is computed in.
fn identity(op: ReduceOp, compute: DType) -> [u8; 8] {
    let real = op.identity();
    let mut bytes = [0; 8];
    match compute {
        DType::F32 => bytes[..4].copy_from_slice(&(real as f32).to_ne_bytes()),
        DType::F64 => bytes = real.to_ne_bytes(),
        _ => bytes = (real as i64).to_ne_bytes(),
    }
    bytes
}

/// A reduction over some axes of an expression of the inputs, resolved for shapes, strides and types.
pub struct Reduce {
    what: What,
    identity: [u8; 8],
    compute: DType,
    store: Store,
    /// Where the output's view begins in its buffer, in bytes.
    offset: isize,
    touches: Touches,
}

enum What {
    /// No output.
    Nothing,
    /// Outputs of nothing.
    Empty(Dims),
    Some(Box<ReducePlan>),
}

struct ReducePlan {
    engine: Engine,
    accumulate: Accumulate,
    /// Tiles of the output.
    outputs: usize,
    /// Tiles reduced for each.
    tiles: usize,
    /// Tiles of a part.
    part: usize,
    parts: usize,
    folds: Vec<Axis>,
    /// The kept elements of a tile in the output.
    kept: Dims,
    /// Whether the axis that tiles cut is kept, so that the last tile keeps fewer elements.
    cut: bool,
}

/// An axis of an accumulator that is folded.
#[derive(Clone, Copy)]
struct Axis {
    inside: usize,
    size: usize,
    /// Blocks of `size · inside`, to be multiplied by the chunk's length if the cut axis is kept.
    outside: usize,
}

impl Reduce {
    /// The reduction by `op` of `expr` of the inputs over the axes that `reduced` sets. All views have the iteration
    /// `shape`; the output's strides along reduced axes are 0. `compute` as for [`crate::Pointwise::new`].
    ///
    /// # Panics
    /// If `compute` is no type one computes in, or the views' number or shapes do not fit.
    pub fn new(
        expr: &Expr,
        compute: DType,
        op: ReduceOp,
        shape: Shape,
        reduced: &[bool],
        inputs: &[(DType, View)],
        output: (DType, View),
    ) -> Reduce {
        Reduce::with_isa(Isa::current(), expr, compute, op, shape, reduced, inputs, output)
    }

    /// As [`Reduce::new`], on a path chosen by name.
    ///
    /// # Panics
    /// As [`Reduce::new`].
    pub fn with_isa(
        isa: Isa,
        expr: &Expr,
        compute: DType,
        op: ReduceOp,
        shape: Shape,
        reduced: &[bool],
        inputs: &[(DType, View)],
        output: (DType, View),
    ) -> Reduce {
        check(expr, shape, inputs, &[output]);
        assert_eq!(reduced.len(), shape.rank(), "one flag per axis");
        // Strides of reduced axes are never followed: set them, should the axis have size 1.
        let (dtype, mut view) = output;
        let size = dtype.size();
        (0..shape.rank()).filter(|&a| reduced[a]).for_each(|a| view.strides[a] = 0);
        let kept = || (0..shape.rank()).rev().filter(|&a| !reduced[a]);
        let what = if kept().any(|a| shape[a] == 0) {
            What::Nothing
        } else if shape.is_empty() {
            let all = kept().map(|a| (shape[a], view.strides[a] * size as isize));
            What::Empty(Dims::whole(all))
        } else {
            let outputs = &[(dtype, view)];
            let spec = Spec { expr, isa, compute, shape, inputs, outputs, reduced };
            What::Some(Box::new(ReducePlan::new(&spec, accumulate(isa, compute, op.op()))))
        };
        Reduce {
            what,
            identity: identity(op, compute),
            compute,
            store: storer(isa, dtype, compute),
            offset: (view.offset * size) as isize,
            touches: touches(inputs, &[(dtype, view)]),
        }
    }

    /// Runs over the buffers that begin at the given pointers; the views' offsets are added.
    ///
    /// # Safety
    /// The buffers are valid for the views; the output overlaps no input.
    pub unsafe fn apply(&self, inputs: &[*const u8], output: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.apply_at(inputs, output.wrapping_offset(self.offset), true) }
    }

    unsafe fn apply_at(&self, inputs: &[*const u8], output: *mut u8, in_buffer: bool) {
        let run = Run { r: self, inputs, output, in_buffer };
        // SAFETY: the caller's promise.
        unsafe {
            match &self.what {
                What::Nothing => {}
                What::Empty(dims) => run.fill(dims),
                What::Some(plan) => run.reduce(plan),
            }
        }
    }
}

// SAFETY: touches only elements of the views it was made for.
unsafe impl Kernel for Reduce {
    fn idioms(&self) -> &[&'static str] {
        match &self.what {
            What::Some(plan) => plan.engine.idioms(),
            _ => &[],
        }
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the pointers are the views' first elements; the rest is the caller's promise.
        unsafe { self.apply_at(args.inputs(), args.output(0), false) }
    }
}

impl ReducePlan {
    fn new(spec: &Spec<'_>, accumulate: Accumulate) -> ReducePlan {
        let engine = Engine::new(spec);
        let (inner, outer): (Vec<_>, Vec<_>) = engine.loops().iter().partition(|l| l.reduced);
        let (tiles, outputs) = (count(inner), count(outer));
        let part = PART.max(tiles.div_ceil(PARTS));
        let output = spec.inputs.len();
        let mut folds = vec![];
        let (mut inside, mut kept) = (1, vec![]);
        let tile: Vec<_> = engine.tiling().tile().collect();
        for (i, &(size, axis)) in tile.iter().enumerate() {
            if axis.reduced {
                // The cut axis, the last, counts at run time.
                let whole = tile[i + 1..].iter().rev().skip(1).filter(|(_, a)| !a.reduced);
                let outside = whole.map(|(n, _)| n).product();
                folds.push(Axis { inside, size, outside });
            } else {
                kept.push((size, axis.strides[output]));
            }
            inside *= size;
        }
        folds.reverse();
        let cut = !tile[tile.len() - 1].1.reduced;
        let kept = if cut { Dims::cut(kept.into_iter()) } else { Dims::whole(kept.into_iter()) };
        let parts = tiles.div_ceil(part);
        ReducePlan { engine, accumulate, outputs, tiles, part, parts, folds, kept, cut }
    }
}

/// One run's memory.
#[derive(Clone, Copy)]
struct Run<'a> {
    r: &'a Reduce,
    inputs: &'a [*const u8],
    output: *mut u8,
    in_buffer: bool,
}
// SAFETY: tasks write distinct elements.
unsafe impl Sync for Run<'_> {}

impl Run<'_> {
    /// # Safety
    /// As [`Reduce::apply`].
    unsafe fn reduce(&self, p: &ReducePlan) {
        let per_output = p.tiles * p.engine.tile_len();
        if p.outputs >= ENOUGH || p.parts == 1 {
            let each = TASK.div_ceil(per_output);
            let tasks = p.outputs.div_ceil(each);
            return parallel(tasks, &|task| {
                // SAFETY: the caller's promise; each output belongs to one task.
                unsafe { self.outputs(p, task * each..p.outputs.min((task + 1) * each)) }
            });
        }
        let tasks = p.outputs * p.parts;
        with_scratch(tasks * ACC, |memory| {
            let partials = Shared::new(memory);
            parallel(tasks, &|task| {
                // SAFETY: the scratch has an accumulator for each task.
                unsafe { self.part(p, task / p.parts, task % p.parts, partials.at(task * ACC)) }
            });
            for k in 0..p.outputs {
                // SAFETY: as above; the parts of output k are done.
                unsafe { self.combine(p, k, partials.at(k * p.parts * ACC)) }
            }
        });
    }

    /// Reduces for some of the output's tiles.
    unsafe fn outputs(&self, p: &ReducePlan, range: std::ops::Range<usize>) {
        with_scratch(p.parts * ACC, |parts| {
            // SAFETY: the scratch holds the parts' accumulators; the rest is the caller's promise.
            unsafe {
                for k in range {
                    (0..p.parts).for_each(|i| self.part(p, k, i, parts.add(i * ACC)));
                    self.combine(p, k, parts);
                }
            }
        });
    }

    /// Combines the parts of tile `k` of the output in pairs, pairs of pairs, …, and finishes it.
    unsafe fn combine(&self, p: &ReducePlan, k: usize, parts: *mut u8) {
        let mut step = 1;
        while step < p.parts {
            for i in (step..p.parts).step_by(2 * step) {
                // SAFETY: two of the accumulators.
                unsafe {
                    let (to, from) = (parts.add((i - step) * ACC), parts.add(i * ACC));
                    (p.accumulate.add)(to, from, p.engine.tile_len());
                }
            }
            step *= 2;
        }
        // SAFETY: the first accumulator is complete.
        unsafe { self.finish(p, k, parts) }
    }

    /// Reduces part `i` for tile `k` of the output into an accumulator.
    unsafe fn part(&self, p: &ReducePlan, k: usize, i: usize, acc: *mut u8) {
        let start = i * p.part;
        let tiles = p.part.min(p.tiles - start);
        let size = self.r.compute.size();
        // SAFETY: the caller's promise; an accumulator holds a tile.
        unsafe {
            let n = p.engine.tile_len();
            if size == 4 {
                let identity = self.r.identity.as_ptr().cast::<u32>().read_unaligned();
                std::slice::from_raw_parts_mut(acc.cast::<u32>(), n).fill(identity);
            } else {
                let identity = u64::from_ne_bytes(self.r.identity);
                std::slice::from_raw_parts_mut(acc.cast::<u64>(), n).fill(identity);
            }
            let start = k * p.tiles + start;
            p.engine.run_tiles(start, tiles, self.inputs, None, self.in_buffer, |n, values| {
                (p.accumulate.add)(acc, values, n);
            });
        }
    }

    /// Folds an accumulator and stores it.
    unsafe fn finish(&self, p: &ReducePlan, k: usize, acc: *mut u8) {
        let size = self.r.compute.size();
        let (place, chunks) = p.engine.output_place(k * p.tiles);
        let chunks = if p.cut { chunks } else { 1 };
        // SAFETY: all within the accumulator; the output's elements are those of tile `k`.
        unsafe {
            for &Axis { inside, size, outside } in &p.folds {
                (p.accumulate.fold)(&Fold { acc, outside: outside * chunks, size, inside });
            }
            p.kept.each(chunks, |offset, before, block| {
                let to = self.output.offset(place + offset);
                (self.r.store)(to, acc.add(before * size), block);
            });
        }
    }

    /// Stores the identity everywhere.
    unsafe fn fill(&self, dims: &Dims) {
        dims.each(1, |offset, _, block| {
            for i in 0..block.n0 * block.n1 {
                let (i0, i1) = (i % block.n0, i / block.n0);
                let offset = offset + i0 as isize * block.s0 + i1 as isize * block.s1;
                let one = Block { n0: 1, s0: 0, n1: 1, s1: 0 };
                // SAFETY: an element of the output.
                unsafe {
                    (self.r.store)(self.output.offset(offset), self.r.identity.as_ptr(), &one);
                }
            }
        });
    }
}
