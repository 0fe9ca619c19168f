//! The CPU kernels. A task takes a head, or some of its queries or keys where there are few heads, and goes through it in blocks of
//! queries and of keys: what it holds of the scores is one block. Products are `gemm`'s, what lies between them is in `rows.rs`.
#![allow(unsafe_code)]

mod backward;
mod blocks;
mod forward;
mod rows;

use super::outside;
use super::rule::Attend;
use crate::ops::lanes::Shared;
use blocks::{Float, Head, Lie, Mask};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_base::{DType, Shape, View};
use gradus_cpu::{Mat, MatMut};
use gradus_graph::{Layouts, Meta, Order, Spec, Strategy};
use std::ptr::{null, null_mut};

/// How the CPU does both passes.
pub(super) struct OnCpu {
    pub(super) op: Attend,
    pub(super) back: bool,
}

impl Strategy for OnCpu {
    /// Inputs of any strides, but for the logarithms, which the forward pass wrote.
    fn layouts(&self, inputs: &[Meta], outputs: &[Meta]) -> Layouts {
        let mut layouts = Layouts::any(inputs.len(), outputs);
        if self.back {
            layouts.inputs[self.op.inputs() + 1] = Order::Dense;
        }
        let rank = inputs[0].shape.rank();
        if rank >= 4 {
            // Heads are cut from rows, so they lie between places and elements, and are rows again without being copied.
            let matrices = layouts.outputs.iter_mut().filter(|axes| axes.len() == rank);
            matrices.for_each(|axes| axes.swap(rank - 3, rank - 2));
        }
        layouts
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        Box::new(OfHeads::new(self.op, self.back, spec))
    }
}

/// The kernel of either pass.
struct OfHeads {
    op: Attend,
    back: bool,
    dtype: DType,
    mask: DType,
    /// The leading axes, and the sizes of matrices.
    lead: Shape,
    sizes: Sizes,
    inputs: Vec<Lie>,
    outputs: Vec<Lie>,
    touches: Touches,
}

/// q [l, d], k [s, d], v [s, e]
#[derive(Clone, Copy)]
struct Sizes {
    l: usize,
    s: usize,
    d: usize,
    e: usize,
}

/// Tasks that a kernel is cut into at least, if it can be.
const TASKS: usize = 16;

impl OfHeads {
    fn new(op: Attend, back: bool, spec: &Spec) -> OfHeads {
        let (q, k, v) = (&spec.inputs[0].view, &spec.inputs[1].view, &spec.inputs[2].view);
        let rank = q.shape.rank();
        let sizes = Sizes {
            l: q.shape[rank - 2],
            s: k.shape[rank - 2],
            d: q.shape[rank - 1],
            e: v.shape[rank - 1],
        };
        let lie = |view: &View| Lie::new(view, rank - 2);
        OfHeads {
            op,
            back,
            dtype: spec.inputs[0].dtype,
            mask: spec.inputs.get(3).map_or(DType::Bool, |mask| mask.dtype),
            lead: Shape::new(&q.shape[..rank - 2]),
            sizes,
            inputs: spec.inputs.iter().map(|slot| lie(&slot.view)).collect(),
            outputs: spec.outputs.iter().map(|slot| lie(&slot.view)).collect(),
            touches: spec.touches(),
        }
    }
}

// SAFETY: reads and writes only what the spec's views reach: `inputs` and `outputs` come from them.
unsafe impl Kernel for OfHeads {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: the caller's pointers are valid for the views; each task writes its own rows.
        unsafe {
            match self.dtype {
                DType::F64 => self.pass::<f64>(args),
                DType::F32 => self.pass::<f32>(args),
                dtype => unreachable!("queries of {dtype} are cast"),
            }
        }
    }
}

impl OfHeads {
    /// # Safety
    /// As `launch`; floats are `T`.
    unsafe fn pass<T: Float>(&self, args: &Args<'_>) {
        let of = |i: usize| if i < self.inputs.len() { args.input::<T>(i) } else { null() };
        let to = |i: usize| if i < self.outputs.len() { args.output::<T>(i) } else { null_mut() };
        let inputs = std::array::from_fn(|i| Shared::new(of(i)));
        let outputs = std::array::from_fn(|i| Shared::new(to(i).cast_const()));
        let bound = Bound { kernel: self, inputs, outputs };
        // SAFETY: the caller's promise.
        unsafe {
            match self.back {
                false => match bound.length_outside() {
                    Some(what) => args.fail(|| what),
                    None => forward::run(&bound),
                },
                // The forward kernel checked the lengths.
                true => backward::run(&bound),
            }
        }
    }
}

/// A kernel with the pointers of a launch.
struct Bound<'a, T> {
    kernel: &'a OfHeads,
    inputs: [Shared<T>; 8],
    outputs: [Shared<T>; 3],
}

impl<T: Float> Bound<'_, T> {
    fn input(&self, i: usize, head: usize) -> Mat<T> {
        self.kernel.inputs[i].matrix(self.inputs[i].get().cast_const(), head)
    }

    fn output(&self, i: usize, head: usize) -> MatMut<T> {
        let Mat { ptr, row_stride, col_stride } =
            self.kernel.outputs[i].matrix(self.outputs[i].get().cast_const(), head);
        MatMut { ptr: ptr.cast_mut(), row_stride, col_stride }
    }

    /// How many keys of a head are there, as the lengths say.
    ///
    /// # Safety
    /// The inputs are readable.
    unsafe fn length(&self, head: usize) -> Option<i64> {
        let op = self.kernel.op;
        let i = 3 + usize::from(op.mask);
        let at =
            || self.kernel.inputs[i].matrix(self.inputs[i].get().cast::<i64>().cast_const(), head);
        // SAFETY: the caller's promise.
        op.lengths.then(|| unsafe { *at().ptr })
    }

    /// # Safety
    /// As [`Bound::length`].
    unsafe fn length_outside(&self) -> Option<String> {
        let (lead, s) = (&self.kernel.lead, self.kernel.sizes.s);
        (0..lead.len()).find_map(|head| {
            // SAFETY: the caller's promise.
            let length = unsafe { self.length(head) }?;
            let inside = (0..=s as i64).contains(&length);
            (!inside).then(|| outside(length, head, lead, s))
        })
    }

    /// # Safety
    /// As [`Bound::length`].
    unsafe fn head(&self, head: usize) -> Head<T> {
        let OfHeads { op, sizes, mask, .. } = *self.kernel;
        // SAFETY: the caller's promise.
        let length = unsafe { self.length(head) };
        let flags =
            || self.kernel.inputs[3].matrix(self.inputs[3].get().cast::<u8>().cast_const(), head);
        Head {
            sizes,
            causal: op.causal,
            scale: T::of(op.scale),
            there: length.map_or(sizes.s, |length| sizes.s.min(length.max(0) as usize)),
            q: self.input(0, head),
            k: self.input(1, head),
            v: self.input(2, head),
            mask: op.mask.then(|| match mask {
                DType::Bool => Mask::Flags(flags()),
                _ => Mask::Floats(self.input(3, head)),
            }),
        }
    }
}
