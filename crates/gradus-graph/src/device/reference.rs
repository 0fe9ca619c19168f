//! The reference device: plain functions of arrays, one step per op.

use super::{Backend, Limits, Reduction};
use crate::rule::Meta;
use crate::strategy::{Layouts, Slot, Spec, Strategy};
use gradus_base::exec::Kernel;
use gradus_base::{ALIGN, DType, Expr, Shape, View};
use gradus_reference::{Array, ArrayKernel, pointwise, reduce};

pub(super) struct Reference;

static LIMITS: Limits = Limits {
    together: false,
    loop_lines: 1,
    loop_inputs: usize::MAX,
    piece: usize::MAX,
    pieces: 1,
    far: usize::MAX,
    near: usize::MAX,
    slices: 1,
    align: ALIGN,
};

impl Backend for Reference {
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
        let expr = expr.clone();
        let function = move |x: &[Array]| Ok(pointwise(&expr, compute, x, shape));
        Box::new(ArrayKernel::new(inputs.to_vec(), outputs.to_vec(), function))
    }

    fn reduce(&self, of: &Reduction<'_>) -> Box<dyn Kernel> {
        let (expr, reduced) = (of.expr.clone(), of.reduced.to_vec());
        let (compute, op, shape) = (of.compute, of.op, of.shape);
        let function = move |x: &[Array]| {
            let values = pointwise(&expr, compute, x, shape).swap_remove(0);
            Ok(vec![reduce(&values, compute, op, &reduced)])
        };
        // The result has the axes that are left.
        let (dtype, full) = of.output;
        let kept: Vec<usize> = (0..shape.rank()).filter(|&a| !of.reduced[a]).collect();
        let output = (dtype, full.permute(&kept));
        Box::new(ArrayKernel::new(of.inputs.to_vec(), vec![output], function))
    }
}

/// A rule's strategy on the reference device: a plain function from its inputs to its outputs. The
/// strides of both are seen to; it takes no epilogue and packs nothing.
///
/// What it returns in place of the outputs is a bad value in the data, such as an index out of
/// range.
#[derive(Clone)]
pub struct Plain<F>(F);

impl<F> Plain<F>
where
    F: Fn(&[Array]) -> Result<Vec<Array>, String> + Clone + Send + Sync + 'static,
{
    /// The strategy of computing with `function`.
    pub fn of<'a>(function: F) -> Box<dyn Strategy + 'a>
    where
        F: 'a,
    {
        Box::new(Plain(function))
    }
}

impl<F> Strategy for Plain<F>
where
    F: Fn(&[Array]) -> Result<Vec<Array>, String> + Clone + Send + Sync + 'static,
{
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        Layouts::any(inputs.len(), outputs)
    }

    fn accepts_room(&self, _spec: &Spec) -> bool {
        true
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        let slots = |slots: &[Slot]| slots.iter().map(|s| (s.dtype, s.view)).collect();
        let (inputs, outputs) = (slots(&spec.inputs), slots(&spec.outputs));
        Box::new(ArrayKernel::new(inputs, outputs, self.0.clone()))
    }
}
