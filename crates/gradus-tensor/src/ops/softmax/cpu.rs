//! The CPU kernel: three passes over a row that stays in cache: the largest, the exponentials and their sum, the quotient.
#![allow(unsafe_code)]

use super::Softmax;
use crate::ops::kernel::{chunks, grain, input, output};
use crate::ops::series::{LANES, Series, sum_of};
use gradus_base::DType;
use gradus_cpu::exec::{Args, Kernel};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 13;

struct Rows {
    op: Softmax,
    dtype: DType,
    len: usize,
    n: usize,
}

pub(super) fn kernel(op: Softmax, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let n = x.view.shape[x.view.shape.rank() - 1];
    Box::new(Rows { op, dtype: x.dtype, len: x.view.shape.len(), n })
}

// SAFETY: x and y are dense, of `len` elements.
unsafe impl Kernel for Rows {
    unsafe fn run(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.rows::<f64>(args),
                _ => self.rows::<f32>(args),
            }
        }
    }
}

impl Rows {
    /// # Safety
    /// As `run`; x and y hold `T`.
    unsafe fn rows<T: Series>(&self, args: &Args<'_>) {
        let n = self.n;
        // SAFETY: the caller's promise.
        let (x, y) = unsafe { (input::<T>(args, 0, self.len), output::<T>(args, 0, self.len)) };
        let rows = grain(TILE, n);
        chunks(y, rows * n, |tile, y| {
            for (row, y) in (tile * rows..).zip(y.chunks_exact_mut(n)) {
                let x = &x[row * n..][..n];
                match self.op {
                    Softmax::Plain => softmax(x, y),
                    Softmax::Log => {
                        let lse = log_sum_exp(x);
                        y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - lse);
                    }
                }
            }
        });
    }
}

fn softmax<T: Series>(x: &[T], y: &mut [T]) {
    let top = largest(x);
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - top).exp_series());
    let scale = T::ONE / sum_of([&*y, &*y], |e, _| e);
    y.iter_mut().for_each(|y| *y = *y * scale);
}

/// ln Σ e^x. At least one term is 1, so the logarithm's argument is.
#[inline(always)]
pub(crate) fn log_sum_exp<T: Series>(x: &[T]) -> T {
    let top = largest(x);
    top + sum_of([x, x], |x, _| (x - top).exp_series()).ln_series()
}

/// The largest element; NaN is left to the sums, which it
/// spoils.
#[inline(always)]
fn largest<T: Series>(x: &[T]) -> T {
    let mut lanes = [T::LOWEST; LANES];
    let mut rows = x.chunks_exact(LANES);
    for row in &mut rows {
        for i in 0..LANES {
            lanes[i] = if row[i] > lanes[i] { row[i] } else { lanes[i] };
        }
    }
    let all = lanes.iter().chain(rows.remainder());
    all.fold(T::LOWEST, |top, &x| if x > top { x } else { top })
}
