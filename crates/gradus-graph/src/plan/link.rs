//! Linking: every step of a plan gets its kernel.

use super::lowered::{BufferView, Lowered, Work};
use crate::device::{Device, Reduction};
use gradus_base::exec::{Kernel, Touches};
use gradus_base::{DType, Error, Expr, Result, View};

/// The kernels of the steps, in their order. What is packed is packed by the kernel that came with the packing.
///
/// # Errors
/// If a kernel touches more than it was made for.
pub(crate) fn link(device: Device, steps: &mut [Lowered]) -> Result<Vec<Box<dyn Kernel>>> {
    steps.iter_mut().map(|step| kernel(device, step)).collect()
}

fn kernel(device: Device, step: &mut Lowered) -> Result<Box<dyn Kernel>> {
    let kernel = match &mut step.work {
        Work::Pack(packing) => packing.take_kernel(),
        work => kernel_of(device, work, &step.inputs, &step.outputs),
    };
    let touches = |of: &[BufferView]| of.iter().map(BufferView::typed).collect::<Vec<_>>();
    let given = Touches::new(touches(&step.inputs), touches(&step.outputs));
    if !given.cover(kernel.touches()) {
        let what = format!(
            "its kernel for {device} touches {:?}, but it is given {given:?}: bytes from the first elements of inputs and outputs",
            kernel.touches()
        );
        let node = &step.label.node;
        let e = Error::value(step.label.name.clone(), what).at(node.place().clone());
        return Err(e.in_scope(node.scope().map(|s| &**s)));
    }
    Ok(kernel)
}

/// The kernel that a device has for some work on values that lie so.
pub(crate) fn kernel_of(
    device: Device,
    work: &Work,
    inputs: &[BufferView],
    outputs: &[BufferView],
) -> Box<dyn Kernel> {
    let backend = device.backend();
    let typed = |of: &[BufferView]| of.iter().map(BufferView::typed).collect::<Vec<_>>();
    match work {
        Work::Loop { expr, compute } => {
            let (ins, outs) = (typed(inputs), typed(outputs));
            match (&ins[..], &outs[..]) {
                (&[from], &[to]) if is_copy(expr, from.0, to.0) => {
                    backend.copy(from.0, from.1, to.1)
                }
                _ => backend.pointwise(expr, *compute, outs[0].1.shape, &ins, &outs),
            }
        }
        Work::Reduce { expr, compute, op, shape, reduced } => {
            let (dtype, out) = outputs[0].typed();
            // Seen over the whole loop, the output stands still along the reduced axes.
            let mut full = View { shape: *shape, strides: Default::default(), offset: 0 };
            let mut kept = out.strides().iter();
            for a in 0..shape.rank() {
                full.strides[a] = if reduced[a] { 0 } else { *kept.next().expect("a kept axis") };
            }
            backend.reduce(&Reduction {
                expr,
                compute: *compute,
                op: *op,
                shape: *shape,
                reduced,
                inputs: &typed(inputs),
                output: (dtype, full),
            })
        }
        Work::Call { rule, spec } => {
            let strategy = rule.strategy(device).expect("what has none is expanded or refused");
            strategy.kernel(spec)
        }
        Work::Pack(_) => unreachable!("its kernel came with it"),
    }
}

fn is_copy(expr: &Expr, from: DType, to: DType) -> bool {
    from == to && expr.as_input() == Some(0)
}
