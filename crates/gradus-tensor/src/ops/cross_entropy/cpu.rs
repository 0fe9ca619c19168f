//! The CPU kernels, a row at a time.
#![allow(unsafe_code)]

use crate::ops::kernel::{chunks, chunks_of, grain, input, output};
use crate::ops::lanes::{Isa, Task, on};
use crate::ops::softmax::{LogSumExp, log_sum_exp};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Numbers, Scalar};
use gradus_graph::Spec;

/// Elements a tile reads.
const TILE: usize = 1 << 13;

struct Rows {
    dtype: DType,
    n: usize,
    classes: usize,
    touches: Touches,
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
    Rows { dtype: x.dtype, n: x.view.shape[0], classes: x.view.shape[1], touches: spec.touches() }
}

// SAFETY: all are dense: x [n, classes], labels, loss, top and rest [n].
unsafe impl Kernel for Forward {
    fn touches(&self) -> &Touches {
        &self.0.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.rows::<f64>(args),
                DType::F32 => self.rows::<f32>(args),
                dtype => unreachable!("scores of {dtype} are cast"),
            }
        }
    }
}

impl Forward {
    /// # Safety
    /// As `launch`; the floats are `T`.
    unsafe fn rows<T: Scalar>(&self, args: &Args<'_>) {
        let Rows { n, classes, .. } = self.0;
        // SAFETY: the caller's promise.
        let (x, labels, outputs) = unsafe {
            let (x, labels) = (input::<T>(args, 0, n * classes), input::<i64>(args, 1, n));
            let outputs = [output::<T>(args, 0, n), output(args, 1, n), output(args, 2, n)];
            (x, labels, outputs)
        };
        if let Some(i) = labels.iter().position(|&l| l as u64 >= classes as u64) {
            args.fail(|| format!("label {} at sample {i} is outside 0..{classes}", labels[i]));
            return;
        }
        let rows = grain(TILE, classes);
        let isa = Isa::current();
        chunks_of(outputs, [rows; 3], |tile, [loss, top, rest]| {
            let first = tile * rows;
            let x = &x[first * classes..][..loss.len() * classes];
            on(isa, Sums { x, classes, top: &mut *top, rest: &mut *rest });
            for (i, (loss, (top, rest))) in loss.iter_mut().zip(top.iter().zip(rest)).enumerate() {
                let row = first + i;
                *loss = *rest - (x[i * classes + labels[row] as usize] - *top);
            }
        });
    }
}

// SAFETY: all are dense: x and dx [n, classes], labels, top, rest and dy [n].
unsafe impl Kernel for Backward {
    fn touches(&self) -> &Touches {
        &self.0.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.rows::<f64>(args),
                DType::F32 => self.rows::<f32>(args),
                dtype => unreachable!("scores of {dtype} are cast"),
            }
        }
    }
}

impl Backward {
    /// # Safety
    /// As `launch`; the floats are `T`.
    unsafe fn rows<T: Scalar>(&self, args: &Args<'_>) {
        let Rows { n, classes, .. } = self.0;
        // SAFETY: the caller's promise.
        let (x, labels, [top, rest, dy], dx) = unsafe {
            let (x, labels) = (input::<T>(args, 0, n * classes), input::<i64>(args, 1, n));
            let each = [input::<T>(args, 2, n), input(args, 3, n), input(args, 4, n)];
            (x, labels, each, output::<T>(args, 0, n * classes))
        };
        let rows = grain(TILE, classes);
        let isa = Isa::current();
        chunks(dx, rows * classes, |tile, dx| {
            let first = tile * rows;
            let x = &x[first * classes..][..dx.len()];
            let [top, rest, own] = [&top[first..], &rest[first..], &dy[first..]];
            on(isa, Shares { x, classes, top, rest, dy: own, dx: &mut *dx });
            for (row, dx) in (first..).zip(dx.chunks_exact_mut(classes)) {
                // The forward kernel checked the label.
                let at = &mut dx[labels[row] as usize];
                *at = *at - dy[row];
            }
        });
    }
}

/// ln Σ e^x of some rows.
struct Sums<'a, T> {
    x: &'a [T],
    classes: usize,
    top: &'a mut [T],
    rest: &'a mut [T],
}

impl<T: Scalar> Task for Sums<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let rows = self.x.chunks_exact(self.classes);
        for (x, (top, rest)) in rows.zip(self.top.iter_mut().zip(self.rest)) {
            // SAFETY: the path was chosen for the machine.
            LogSumExp { top: *top, rest: *rest } = unsafe { log_sum_exp::<V>(x) };
        }
    }
}

/// softmax(x)·dy of some rows.
struct Shares<'a, T> {
    x: &'a [T],
    classes: usize,
    top: &'a [T],
    rest: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Task for Shares<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let n = self.classes;
        for (row, dx) in self.dx.chunks_exact_mut(n).enumerate() {
            let x = &self.x[row * n..][..n];
            // SAFETY: x and dx are rows of n; the path was chosen for the machine.
            unsafe {
                let (top, rest) = (V::splat(self.top[row]), V::splat(self.rest[row]));
                let dy = V::splat(self.dy[row]);
                for at in (0..n).step_by(V::LEN) {
                    let few = V::LEN.min(n - at);
                    let x = V::load_left(x.as_ptr().add(at), few);
                    x.sub(top)
                        .sub(rest)
                        .exp_negative()
                        .mul(dy)
                        .store_left(dx.as_mut_ptr().add(at), few);
                }
            }
        }
    }
}
