//! The CPU kernels, a row at a time.
#![allow(unsafe_code)]

use crate::ops::kernel::{chunks, chunks_of, grain, input, output};
use crate::ops::series::Series;
use crate::ops::softmax::log_sum_exp;
use gradus_base::DType;
use gradus_cpu::exec::{Args, Kernel};
use gradus_graph::Spec;

/// Elements a tile reads.
const TILE: usize = 1 << 13;

struct Rows {
    dtype: DType,
    n: usize,
    classes: usize,
}

struct Forward(Rows);
struct Backward(Rows);

pub(super) fn forward(spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Forward(rows(spec)))
}

pub(super) fn backward(spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Backward(rows(spec)))
}

fn rows(spec: &Spec) -> Rows {
    let x = &spec.inputs[0];
    Rows { dtype: x.dtype, n: x.view.shape[0], classes: x.view.shape[1] }
}

// SAFETY: all are dense: x [n, classes], labels, loss and sum [n].
unsafe impl Kernel for Forward {
    unsafe fn run(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.rows::<f64>(args),
                _ => self.rows::<f32>(args),
            }
        }
    }
}

impl Forward {
    /// # Safety
    /// As `run`; the floats are `T`.
    unsafe fn rows<T: Series>(&self, args: &Args<'_>) {
        let Rows { n, classes, .. } = self.0;
        // SAFETY: the caller's promise.
        let (x, labels, loss, lse) = unsafe {
            let (x, labels) = (input::<T>(args, 0, n * classes), input::<i64>(args, 1, n));
            (x, labels, output::<T>(args, 0, n), output::<T>(args, 1, n))
        };
        if let Some(i) = labels.iter().position(|&l| l as u64 >= classes as u64) {
            args.fail(|| format!("label {} at sample {i} is outside 0..{classes}", labels[i]));
            return;
        }
        let rows = grain(TILE, classes);
        chunks_of([loss, lse], [rows, rows], |tile, [loss, lse]| {
            for (i, (loss, lse)) in loss.iter_mut().zip(lse).enumerate() {
                let row = tile * rows + i;
                let x = &x[row * classes..][..classes];
                *lse = log_sum_exp(x);
                *loss = *lse - x[labels[row] as usize];
            }
        });
    }
}

// SAFETY: all are dense: x and dx [n, classes], labels, sum and dy [n].
unsafe impl Kernel for Backward {
    unsafe fn run(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.rows::<f64>(args),
                _ => self.rows::<f32>(args),
            }
        }
    }
}

impl Backward {
    /// # Safety
    /// As `run`; the floats are `T`.
    unsafe fn rows<T: Series>(&self, args: &Args<'_>) {
        let Rows { n, classes, .. } = self.0;
        // SAFETY: the caller's promise.
        let (x, labels, lse, dy, dx) = unsafe {
            let (x, labels) = (input::<T>(args, 0, n * classes), input::<i64>(args, 1, n));
            let (lse, dy) = (input::<T>(args, 2, n), input::<T>(args, 3, n));
            (x, labels, lse, dy, output::<T>(args, 0, n * classes))
        };
        let rows = grain(TILE, classes);
        chunks(dx, rows * classes, |tile, dx| {
            for (row, dx) in (tile * rows..).zip(dx.chunks_exact_mut(classes)) {
                let (x, lse, dy) = (&x[row * classes..][..classes], lse[row], dy[row]);
                dx.iter_mut().zip(x).for_each(|(d, &x)| *d = (x - lse).exp_series() * dy);
                // The forward kernel checked the label.
                let at = &mut dx[labels[row] as usize];
                *at = *at - dy;
            }
        });
    }
}
