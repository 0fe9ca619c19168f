//! The CPU kernels where a group's elements lie in a row: a row at a time, which stays in cache.
#![allow(unsafe_code)]

use crate::ops::kernel::{chunks, grain, input, output};
use crate::ops::lanes::{Isa, Task, on};
use crate::ops::norm::batch::{Descent, Normal, Slopes, Sums, Tile, Walk, moments};
use crate::ops::norm::moments::{Moments, STRETCH};
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Numbers, Scalar};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 14;

struct Rows {
    dtype: DType,
    eps: f64,
    back: bool,
    len: usize,
    n: usize,
    touches: Touches,
}

pub(super) fn kernel(eps: f64, groups: usize, back: bool, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let len = x.view.shape.len();
    let n = len / (x.view.shape[0] * groups).max(1);
    Box::new(Rows { dtype: x.dtype, eps, back, len, n, touches: spec.touches() })
}

// SAFETY: x and y, or x, dy and dx, are dense, of `len` elements.
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
    /// As `launch`; all hold `T`.
    unsafe fn rows<T: Scalar>(&self, args: &Args<'_>) {
        let Rows { len, n, eps, back, .. } = *self;
        // SAFETY: the caller's promise.
        let (x, dy, out) = unsafe {
            let dy = input::<T>(args, usize::from(back), len);
            (input::<T>(args, 0, len), dy, output::<T>(args, 0, len))
        };
        let rows = grain(TILE, n);
        let isa = Isa::current();
        chunks(out, rows * n, |tile, out| {
            let at = tile * rows * n;
            let [x, dy] = [x, dy].map(|t| &t[at..][..out.len()]);
            let some = Some { eps, n, x, dy, out };
            match back {
                true => on(isa, Gradients(some)),
                false => on(isa, NormalizedRows(some)),
            }
        });
    }
}

/// Some rows.
struct Some<'a, T> {
    eps: f64,
    n: usize,
    x: &'a [T],
    dy: &'a [T],
    out: &'a mut [T],
}

struct NormalizedRows<'a, T>(Some<'a, T>);
struct Gradients<'a, T>(Some<'a, T>);

impl<T: Scalar> Task for NormalizedRows<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Some { eps, n, x, out, .. } = self.0;
        let walk = Walk::Planes { n: 1, channels: 1, len: n };
        for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
            let [middle, scale, shift] = normal(&moments::<V>(x), eps);
            let each = [&[middle][..], &[scale], &[shift]];
            let tile = Tile { walk, from: 0, a: x, b: x, out, each };
            tile.write::<V, Normal<false, false>>();
        }
    }
}

impl<T: Scalar> Task for Gradients<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Some { eps, n, x, dy, out } = self.0;
        let walk = Walk::Planes { n: 1, channels: 1, len: n };
        let rows = x.chunks_exact(n).zip(dy.chunks_exact(n));
        for ((x, dy), out) in rows.zip(out.chunks_exact_mut(n)) {
            let of = moments::<V>(x);
            let affine = normal::<T>(&of, eps);
            let (mut sum, mut along) = (0.0, 0.0);
            for (x, dy) in x.chunks(STRETCH).zip(dy.chunks(STRETCH)) {
                // SAFETY: the path was chosen for the machine.
                let mut sums = unsafe { Sums::<V>::zero() };
                sums.add::<Slopes<false>, 3>([x, dy], affine);
                let [s, a] = sums.total();
                (sum, along) = (sum + s, along + a);
            }
            let [steep, slope, level] = descent(&of, eps, affine[0], [sum, along]);
            let [middle, scale, shift] = affine;
            let each = [&[middle][..], &[scale], &[shift], &[steep], &[slope], &[level]];
            let tile = Tile { walk, from: 0, a: x, b: dy, out, each };
            tile.write::<V, Descent<false>>();
        }
    }
}

/// The numbers of (x − middle)·scale + shift: the mean as T has it, 1/√(var + ε), and what the rounding left.
#[inline(always)]
pub(super) fn normal<T: Scalar>(of: &Moments, eps: f64) -> [T; 3] {
    let middle = T::of(of.mean);
    let scale = 1.0 / (of.squares / of.count + eps).sqrt();
    [middle, T::of(scale), T::of((middle.wide() - of.mean) * scale)]
}

/// The numbers of dx = dy·steep − (x − middle)·slope − level, from Σ dy and Σ dy·(x − middle).
#[inline(always)]
pub(super) fn descent<T: Scalar>(
    of: &Moments,
    eps: f64,
    middle: T,
    [sum, along]: [f64; 2],
) -> [T; 3] {
    let scale = 1.0 / (of.squares / of.count + eps).sqrt();
    let left = of.mean - middle.wide();
    let slope = (along - left * sum) * scale * scale * scale / of.count;
    [scale, slope, scale * sum / of.count - left * slope].map(T::of)
}
