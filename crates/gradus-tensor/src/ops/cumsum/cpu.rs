//! The CPU kernel: columns side by side, each with a running sum of its own, f32 in f64.
#![allow(unsafe_code)]

use crate::ops::kernel::{around, chunks, grain, input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 15;
/// Columns that are summed side by side.
const COLUMNS: usize = 64;

struct CumSum {
    dtype: DType,
    backwards: bool,
    len: usize,
    n: usize,
    inner: usize,
    touches: Touches,
}

pub(super) fn kernel(axis: usize, backwards: bool, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let [_, n, inner] = around(&x.view.shape, axis);
    Box::new(CumSum {
        dtype: x.dtype,
        backwards,
        len: x.view.shape.len(),
        n,
        inner,
        touches: spec.touches(),
    })
}

// SAFETY: x and y are dense, of `len` elements.
unsafe impl Kernel for CumSum {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.sum::<f64, f64>(args, |sum, x| sum + x, |sum| sum),
                // A running sum of f32 would stand still where it is 2²⁴ times as large as what is added.
                DType::F32 => {
                    self.sum::<f32, f64>(args, |sum, x| sum + f64::from(x), |sum| sum as f32)
                }
                DType::I64 => self.sum::<i64, i64>(args, i64::wrapping_add, |sum| sum),
                dtype => unreachable!("{dtype} is cast"),
            }
        }
    }
}

impl CumSum {
    /// # Safety
    /// As `launch`; x and y hold `T`.
    unsafe fn sum<T: Copy + Send + Sync, S: Copy + Default>(
        &self,
        args: &Args<'_>,
        add: impl Fn(S, T) -> S + Sync,
        store: impl Fn(S) -> T + Sync,
    ) {
        let (n, inner) = (self.n, self.inner);
        // SAFETY: the caller's promise.
        let (x, y) = unsafe { (input::<T>(args, 0, self.len), output::<T>(args, 0, self.len)) };
        let slab = n * inner;
        let slabs = grain(TILE, slab);
        chunks(y, slabs * slab, |tile, y| {
            let x = &x[tile * slabs * slab..][..y.len()];
            let mut sums = [S::default(); COLUMNS];
            for (x, y) in x.chunks_exact(slab).zip(y.chunks_exact_mut(slab)) {
                for first in (0..inner).step_by(COLUMNS) {
                    let columns = COLUMNS.min(inner - first);
                    sums[..columns].fill(S::default());
                    for row in 0..n {
                        let row = if self.backwards { n - 1 - row } else { row };
                        let at = row * inner + first;
                        let (x, y) = (&x[at..][..columns], &mut y[at..][..columns]);
                        for ((sum, &x), y) in sums.iter_mut().zip(x).zip(y) {
                            *sum = add(*sum, x);
                            *y = store(*sum);
                        }
                    }
                }
            }
        });
    }
}
