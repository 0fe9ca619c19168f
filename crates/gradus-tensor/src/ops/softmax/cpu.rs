//! The CPU kernel: three passes over a row that stays in cache: the largest, the exponentials and their sum, the quotient.
#![allow(unsafe_code)]

use super::Softmax;
use crate::ops::kernel::{chunks, grain, input, output};
use crate::ops::lanes::{Isa, Task, on};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Numbers, Scalar};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 13;

struct Rows {
    op: Softmax,
    dtype: DType,
    len: usize,
    n: usize,
    touches: Touches,
}

pub(super) fn kernel(op: Softmax, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let n = x.view.shape[x.view.shape.rank() - 1];
    Box::new(Rows { op, dtype: x.dtype, len: x.view.shape.len(), n, touches: spec.touches() })
}

// SAFETY: x and y are dense, of `len` elements.
unsafe impl Kernel for Rows {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.rows::<f64>(args),
                DType::F32 => self.rows::<f32>(args),
                dtype => unreachable!("rows of {dtype} are cast"),
            }
        }
    }
}

impl Rows {
    /// # Safety
    /// As `launch`; x and y hold `T`.
    unsafe fn rows<T: Scalar>(&self, args: &Args<'_>) {
        let n = self.n;
        // SAFETY: the caller's promise.
        let (x, y) = unsafe { (input::<T>(args, 0, self.len), output::<T>(args, 0, self.len)) };
        let rows = grain(TILE, n);
        let isa = Isa::current();
        chunks(y, rows * n, |tile, y| {
            let x = &x[tile * rows * n..][..y.len()];
            on(isa, Tile { op: self.op, n, x, y });
        });
    }
}

/// Some rows.
struct Tile<'a, T> {
    op: Softmax,
    n: usize,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Task for Tile<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let n = self.n;
        for (x, y) in self.x.chunks_exact(n).zip(self.y.chunks_exact_mut(n)) {
            // SAFETY: x and y are rows of n; the path was chosen for the machine.
            unsafe {
                match self.op {
                    Softmax::Plain => softmax::<V>(x, y),
                    Softmax::Log => {
                        let LogSumExp { top, rest } = log_sum_exp::<V>(x);
                        let (top, rest) = (V::splat(top), V::splat(rest));
                        for at in (0..n).step_by(V::LEN) {
                            let few = V::LEN.min(n - at);
                            let x = V::load_left(x.as_ptr().add(at), few);
                            x.sub(top).sub(rest).store_left(y.as_mut_ptr().add(at), few);
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn softmax<V: Numbers>(x: &[V::Scalar], y: &mut [V::Scalar]) {
    let n = x.len();
    // SAFETY: the caller's promise.
    unsafe {
        let (x, y) = (x.as_ptr(), y.as_mut_ptr());
        let sum = exponentials::<V, true>(x, n, largest::<V>(x, n), y);
        let scale = V::splat(V::Scalar::ONE / sum);
        for at in (0..n).step_by(V::LEN) {
            let (few, y) = (V::LEN.min(n - at), y.add(at));
            V::load_left(y, few).mul(scale).store_left(y, few);
        }
    }
}

/// ln Σ e^x as top + rest: the largest x and ln Σ e^(x − top). Added up, a large top would swallow the digits of the rest,
/// which x − top − rest has all of.
#[derive(Clone, Copy)]
pub(crate) struct LogSumExp<T> {
    pub(crate) top: T,
    pub(crate) rest: T,
}

/// ln Σ e^x. At least one term of Σ e^(x − top) is 1, so it is at least 1, or NaN.
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
pub(crate) unsafe fn log_sum_exp<V: Numbers>(x: &[V::Scalar]) -> LogSumExp<V::Scalar> {
    // SAFETY: the caller's promise.
    unsafe {
        let (x, n) = (x.as_ptr(), x.len());
        let top = largest::<V>(x, n);
        let sum = exponentials::<V, false>(x, n, top, std::ptr::null_mut());
        LogSumExp { top, rest: V::ln_of(sum) }
    }
}

/// The largest of `n` elements, −∞ of none; NaN is left to the sums, which it spoils.
///
/// # Safety
/// So many lie at `x`; the machine has the vector's instruction set.
#[inline(always)]
pub(crate) unsafe fn largest<V: Numbers>(x: *const V::Scalar, n: usize) -> V::Scalar {
    let lowest = V::Scalar::LOWEST;
    // SAFETY: the caller's promise.
    unsafe {
        let mut top = [V::splat(lowest); 2];
        let mut at = 0;
        while at + 2 * V::LEN <= n {
            top[0] = V::load(x.add(at)).greater(top[0]);
            top[1] = V::load(x.add(at + V::LEN)).greater(top[1]);
            at += 2 * V::LEN;
        }
        while at < n {
            top[0] = V::load_filled(x.add(at), V::LEN.min(n - at), lowest).greater(top[0]);
            at += V::LEN;
        }
        top[0].greater(top[1]).fold(|a, b| if b > a { b } else { a })
    }
}

/// Σ e^(x − top) of `n` elements, and the terms themselves if they are to be written.
///
/// # Safety
/// So many lie at `x`, and find room at `y`, perhaps the same place, if they are written; the machine has the vector's
/// instruction set.
#[inline(always)]
pub(crate) unsafe fn exponentials<V: Numbers, const WRITE: bool>(
    x: *const V::Scalar,
    n: usize,
    top: V::Scalar,
    y: *mut V::Scalar,
) -> V::Scalar {
    // SAFETY: the caller's promise.
    unsafe {
        let top = V::splat(top);
        let mut sums = [V::splat(V::Scalar::ZERO); 2];
        let mut at = 0;
        while at + 2 * V::LEN <= n {
            for i in 0..2 {
                let at = at + i * V::LEN;
                let e = V::load(x.add(at)).sub(top).exp_negative();
                if WRITE {
                    e.store(y.add(at));
                }
                sums[i] = sums[i].add(e);
            }
            at += 2 * V::LEN;
        }
        while at < n {
            let few = V::LEN.min(n - at);
            let e = V::load_filled(x.add(at), few, V::Scalar::LOWEST).sub(top).exp_negative();
            if WRITE {
                e.store_left(y.add(at), few);
            }
            sums[0] = sums[0].add(e);
            at += V::LEN;
        }
        sums[0].add(sums[1]).sum()
    }
}
