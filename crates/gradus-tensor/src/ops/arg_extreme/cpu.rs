//! The CPU kernel: the best so far of every column, row by row.
#![allow(unsafe_code)]

use super::Extreme;
use crate::ops::kernel::{around, chunks, grain, input, output};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_graph::Spec;

/// Elements a tile reads.
const TILE: usize = 1 << 15;

struct ArgExtreme {
    op: Extreme,
    dtype: DType,
    outer: usize,
    n: usize,
    inner: usize,
    touches: Touches,
}

pub(super) fn kernel(op: Extreme, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let [outer, n, inner] = around(&x.view.shape, op.axis());
    Box::new(ArgExtreme { op, dtype: x.dtype, outer, n, inner, touches: spec.touches() })
}

// SAFETY: x is dense [outer, n, inner], y dense [outer, inner] of i64.
unsafe impl Kernel for ArgExtreme {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match (self.dtype, self.op) {
                (DType::F64, Extreme::Max { .. }) => {
                    self.seek(args, |a: f64, b| above(a > b, a, b))
                }
                (DType::F64, Extreme::Min { .. }) => {
                    self.seek(args, |a: f64, b| above(a < b, a, b))
                }
                (DType::F32, Extreme::Max { .. }) => {
                    self.seek(args, |a: f32, b| above(a > b, a, b))
                }
                (DType::F32, Extreme::Min { .. }) => {
                    self.seek(args, |a: f32, b| above(a < b, a, b))
                }
                (DType::I64, Extreme::Max { .. }) => self.seek(args, |a: i64, b| a > b),
                (DType::I64, Extreme::Min { .. }) => self.seek(args, |a: i64, b| a < b),
                (dtype, _) => unreachable!("{dtype} is cast"),
            }
        }
    }
}

/// NaN beats any number, but not an earlier NaN.
#[inline(always)]
#[allow(clippy::eq_op)]
fn above<T: PartialOrd>(beyond: bool, a: T, b: T) -> bool {
    beyond || (a != a && b == b)
}

impl ArgExtreme {
    /// # Safety
    /// As `launch`; x holds `T`.
    unsafe fn seek<T: Copy + Sync>(&self, args: &Args<'_>, beats: impl Fn(T, T) -> bool + Sync) {
        let (n, inner) = (self.n, self.inner);
        // SAFETY: the caller's promise.
        let (x, y) = unsafe {
            let x: &[T] = input(args, 0, self.outer * n * inner);
            (x, output::<i64>(args, 0, self.outer * inner))
        };
        let slabs = grain(TILE, n * inner);
        chunks(y, slabs * inner, |tile, y| {
            for (o, y) in (tile * slabs..).zip(y.chunks_exact_mut(inner)) {
                let x = &x[o * n * inner..][..n * inner];
                y.fill(0);
                for (j, row) in x.chunks_exact(inner).enumerate().skip(1) {
                    for i in 0..inner {
                        if beats(row[i], x[y[i] as usize * inner + i]) {
                            y[i] = j as i64;
                        }
                    }
                }
            }
        });
    }
}
