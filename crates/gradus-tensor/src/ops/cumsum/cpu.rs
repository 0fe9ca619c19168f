//! The CPU kernel: each row is the one before plus the input's.
#![allow(unsafe_code)]

use crate::ops::kernel::{around, chunks, grain, input, output};
use gradus_base::DType;
use gradus_cpu::exec::{Args, Kernel};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 15;

struct CumSum {
    dtype: DType,
    backwards: bool,
    len: usize,
    n: usize,
    inner: usize,
}

pub(super) fn kernel(axis: usize, backwards: bool, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let [_, n, inner] = around(&x.view.shape, axis);
    Box::new(CumSum { dtype: x.dtype, backwards, len: x.view.shape.len(), n, inner })
}

// SAFETY: x and y are dense, of `len` elements.
unsafe impl Kernel for CumSum {
    unsafe fn run(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.sum(args, |a: f64, b| a + b),
                DType::F32 => self.sum(args, |a: f32, b| a + b),
                DType::I64 => self.sum(args, i64::wrapping_add),
                dtype => unreachable!("{dtype} is cast"),
            }
        }
    }
}

impl CumSum {
    /// # Safety
    /// As `run`; x and y hold `T`.
    unsafe fn sum<T: Copy + Send + Sync>(&self, args: &Args<'_>, add: impl Fn(T, T) -> T + Sync) {
        let (n, inner) = (self.n, self.inner);
        // SAFETY: the caller's promise.
        let (x, y) = unsafe { (input::<T>(args, 0, self.len), output::<T>(args, 0, self.len)) };
        let slab = n * inner;
        let slabs = grain(TILE, slab);
        chunks(y, slabs * slab, |tile, y| {
            for (o, y) in (tile * slabs..).zip(y.chunks_exact_mut(slab)) {
                y.copy_from_slice(&x[o * slab..][..slab]);
                for j in 1..n {
                    let (from, to) = if self.backwards { (n - j, n - j - 1) } else { (j - 1, j) };
                    let at = from.min(to) * inner;
                    let (low, high) = y[at..][..2 * inner].split_at_mut(inner);
                    let (from, to) = if self.backwards { (high, low) } else { (low, high) };
                    to.iter_mut().zip(&*from).for_each(|(to, &from)| *to = add(*to, from));
                }
            }
        });
    }
}
