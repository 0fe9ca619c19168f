//! Pointwise loops: an [`Expr`] run over tiles of elements that stay in the first-level cache.
//!
//! Making a loop resolves everything that shapes, strides and types decide: axes are put into memory order and
//! merged, cut into tiles that may span short rows, and the lines become instructions, each a kernel over one tile.
//! Running it allocates nothing. Results have the same bits for any number of threads: each element is computed by
//! the same instructions wherever its tile runs.
//!
//! Integer division by zero gives 0, also as a remainder; other integer arithmetic wraps.

mod compile;
mod convert;
mod engine;
mod fuse;
mod geometry;
mod kernels;
mod row;

pub(crate) use convert::{Block, Store, storer};
pub(crate) use engine::{Dims, Engine, Spec};
pub(crate) use geometry::count;
pub(crate) use kernels::{Accumulate, Fold, accumulate};
pub use row::{RowEpilogue, RowLoop};

use crate::lanes::Isa;
use crate::parallel;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Expr, Shape, View};

/// Operations times elements below which a loop stays on the calling thread.
const SMALL: usize = 1 << 16;
/// Operations times elements of a parallel task.
const TASK: usize = 1 << 16;

/// A fused pointwise loop, resolved for shapes, strides and types.
pub struct Pointwise {
    /// None if there are no elements.
    engine: Option<Engine>,
    touches: Touches,
}

impl Pointwise {
    /// The loop that computes `expr` of the inputs for every element of `shape`. All views have that shape, a stride
    /// of 0 repeats. `compute` is F32, F64 or I64: half types are computed in f32, integers and booleans in i64.
    /// Booleans load as 0 and 1 and store as "not 0"; integers store truncated and saturated, NaN as 0.
    ///
    /// # Panics
    /// If `compute` is another type, or the views' number or shapes do not fit.
    pub fn new(
        expr: &Expr,
        compute: DType,
        shape: Shape,
        inputs: &[(DType, View)],
        outputs: &[(DType, View)],
    ) -> Pointwise {
        Pointwise::with_isa(Isa::current(), expr, compute, shape, inputs, outputs)
    }

    /// As [`Pointwise::new`], on a path chosen by name.
    ///
    /// # Panics
    /// As [`Pointwise::new`].
    pub fn with_isa(
        isa: Isa,
        expr: &Expr,
        compute: DType,
        shape: Shape,
        inputs: &[(DType, View)],
        outputs: &[(DType, View)],
    ) -> Pointwise {
        check(expr, shape, inputs, outputs);
        let spec = Spec { expr, isa, compute, shape, inputs, outputs, reduced: &[] };
        let engine = (!shape.is_empty()).then(|| Engine::new(&spec));
        Pointwise { engine, touches: touches(inputs, outputs) }
    }

    /// Runs over the buffers that begin at the given pointers; the views' offsets are added.
    ///
    /// # Safety
    /// The buffers are valid for the views. An output overlaps no input and no other output, except that it may have
    /// the place of an input with the same view and type.
    pub unsafe fn apply(&self, inputs: &[*const u8], outputs: &[*mut u8]) {
        // SAFETY: the caller's promise.
        unsafe { self.apply_at(inputs, outputs, true) }
    }

    unsafe fn apply_at(&self, inputs: &[*const u8], outputs: &[*mut u8], in_buffer: bool) {
        let Some(e) = &self.engine else { return };
        let tiles = e.tiles();
        let cost = e.tile_len() * e.work();
        if tiles * cost <= SMALL {
            // SAFETY: the caller's promise.
            return unsafe { e.run_tiles(0, tiles, inputs, Some(outputs), in_buffer, |_, _| {}) };
        }
        let each = TASK.div_ceil(cost);
        let memory = Pointers(inputs, outputs);
        parallel(tiles.div_ceil(each), &|task| {
            let Pointers(inputs, outputs) = memory.get();
            let start = task * each;
            // SAFETY: the caller's promise; tasks have distinct tiles, so distinct elements of the outputs.
            unsafe {
                e.run_tiles(
                    start,
                    each.min(tiles - start),
                    inputs,
                    Some(outputs),
                    in_buffer,
                    |_, _| {},
                )
            }
        });
    }
}

// SAFETY: touches only elements of the views it was made for.
unsafe impl Kernel for Pointwise {
    fn idioms(&self) -> &[&'static str] {
        self.engine.as_ref().map_or(&[], Engine::idioms)
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the pointers are the views' first elements; the rest is the caller's promise.
        unsafe { self.apply_at(args.inputs(), args.outputs(), false) }
    }
}

impl Engine {
    /// The formulas that it does in one piece.
    pub(crate) fn idioms(&self) -> &[&'static str] {
        &self.program.idioms
    }
}

/// Pointers that the tasks of one loop share.
#[derive(Clone, Copy)]
pub(crate) struct Pointers<'a>(pub(crate) &'a [*const u8], pub(crate) &'a [*mut u8]);
// SAFETY: tasks write distinct elements.
unsafe impl Send for Pointers<'_> {}
// SAFETY: as above.
unsafe impl Sync for Pointers<'_> {}
impl<'a> Pointers<'a> {
    pub(crate) fn get(&self) -> Pointers<'a> {
        *self
    }
}

/// What a loop over these views touches.
pub(crate) fn touches(inputs: &[(DType, View)], outputs: &[(DType, View)]) -> Touches {
    Touches::new(inputs.iter().copied(), outputs.iter().copied())
}

/// # Panics
/// If the numbers or shapes do not fit.
pub(crate) fn check(
    expr: &Expr,
    shape: Shape,
    inputs: &[(DType, View)],
    outputs: &[(DType, View)],
) {
    assert_eq!(inputs.len(), expr.inputs(), "inputs of the expression");
    assert_eq!(outputs.len(), expr.outputs().len(), "outputs of the expression");
    for (_, view) in inputs.iter().chain(outputs) {
        assert_eq!(view.shape, shape, "a view's shape differs from the loop's");
    }
}
