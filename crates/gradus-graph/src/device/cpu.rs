//! The processor: the one place of this crate that knows its vocabulary.

use super::{Backend, Limits, Reduction};
use gradus_base::exec::Kernel;
use gradus_base::{ALIGN, DType, Expr, Shape, View};
use gradus_cpu::{Pointwise, Reduce};

pub(super) struct Cpu;

static LIMITS: Limits = Limits {
    together: true,
    // With more lines a loop's registers spill out of the first-level cache.
    loop_lines: 48,
    // More streams defeat the hardware's prefetchers.
    loop_inputs: 20,
    piece: 1 << 22,
    pieces: 32,
    far: 8 << 20,
    near: 6 << 20,
    slices: 64,
    align: ALIGN,
};

impl Backend for Cpu {
    fn limits(&self) -> &Limits {
        &LIMITS
    }

    fn pointwise(
        &self,
        expr: &Expr,
        compute: DType,
        shape: Shape,
        inputs: &[(DType, View)],
        outputs: &[(DType, View)],
    ) -> Box<dyn Kernel> {
        Box::new(Pointwise::new(expr, compute, shape, inputs, outputs))
    }

    fn reduce(&self, of: &Reduction<'_>) -> Box<dyn Kernel> {
        let Reduction { expr, compute, op, shape, reduced, inputs, output } = of;
        Box::new(Reduce::new(expr, *compute, *op, *shape, reduced, inputs, *output))
    }
}
