//! The CPU kernels, a row at a time.
#![allow(unsafe_code)]

use crate::ops::kernel::{chunks, grain, input, output};
use crate::ops::series::{Series, moments, sum_of};
use gradus_base::DType;
use gradus_cpu::exec::{Args, Kernel};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 14;

struct Rows {
    dtype: DType,
    eps: f64,
    len: usize,
    n: usize,
}

struct Forward(Rows);
struct Backward(Rows);

pub(super) fn forward(eps: f64, spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Forward(rows(eps, spec)))
}

pub(super) fn backward(eps: f64, spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Backward(rows(eps, spec)))
}

fn rows(eps: f64, spec: &Spec) -> Rows {
    let x = &spec.inputs[0];
    Rows { dtype: x.dtype, eps, len: x.view.shape.len(), n: x.view.shape[1] }
}

// SAFETY: x and y are dense, of `len` elements.
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
    /// As `run`; x and y hold `T`.
    unsafe fn rows<T: Series>(&self, args: &Args<'_>) {
        let Rows { len, n, .. } = self.0;
        // SAFETY: the caller's promise.
        let (x, y) = unsafe { (input::<T>(args, 0, len), output::<T>(args, 0, len)) };
        let rows = grain(TILE, n);
        chunks(y, rows * n, |tile, y| {
            for (row, y) in (tile * rows..).zip(y.chunks_exact_mut(n)) {
                let x = &x[row * n..][..n];
                let (mean, scale) = self.0.statistics(x);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * scale);
            }
        });
    }
}

impl Rows {
    /// The mean and 1/√(var + ε).
    fn statistics<T: Series>(&self, x: &[T]) -> (T, T) {
        let (mean, squares) = moments(x);
        let variance = squares / x.len() as f64;
        (T::of(mean), T::of(1.0 / (variance + self.eps).sqrt()))
    }
}

// SAFETY: x, dy and dx are dense, of `len` elements.
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
    /// As `run`; all hold `T`.
    unsafe fn rows<T: Series>(&self, args: &Args<'_>) {
        let Rows { len, n, .. } = self.0;
        // SAFETY: the caller's promise.
        let (x, dy, dx) = unsafe {
            (input::<T>(args, 0, len), input::<T>(args, 1, len), output::<T>(args, 0, len))
        };
        let rows = grain(TILE, n);
        let count = T::of(1.0 / n as f64);
        chunks(dx, rows * n, |tile, dx| {
            for (row, dx) in (tile * rows..).zip(dx.chunks_exact_mut(n)) {
                let (x, dy) = (&x[row * n..][..n], &dy[row * n..][..n]);
                let (mean, scale) = self.0.statistics(x);
                let level = sum_of([dy, dy], |d, _| d) * count;
                let along = sum_of([dy, x], |d, x| d * ((x - mean) * scale)) * count;
                for (d, (&dy, &x)) in dx.iter_mut().zip(dy.iter().zip(x)) {
                    *d = (dy - level - (x - mean) * scale * along) * scale;
                }
            }
        });
    }
}
