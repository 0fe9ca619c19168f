//! The CPU kernels with the channels innermost: the moments of every channel over some pixels,
//! brought together by group, then one pass that writes.
#![allow(unsafe_code)]

use super::cpu::{descent, normal};
use crate::ops::kernel::{input, output};
use crate::ops::lanes::{Isa, Shared, Task, on};
use crate::ops::norm::batch::{
    ColumnMoments, ColumnSums, Cut, Descent, Given, Normal, SCRATCH, Tile, Walk,
};
use crate::ops::norm::moments::Moments;
use gradus_base::DType;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Numbers, Scalar};
use gradus_cpu::{parallel, with_scratch};
use gradus_graph::Spec;

/// Elements a task writes, about.
const TILE: usize = 1 << 14;

struct Columns {
    dtype: DType,
    eps: f64,
    back: bool,
    samples: usize,
    groups: usize,
    /// Of one sample.
    walk: Walk,
    cut: Cut,
    touches: Touches,
}

pub(super) fn kernel(eps: f64, groups: usize, back: bool, spec: &Spec) -> Box<dyn Kernel> {
    let x = &spec.inputs[0];
    let [samples, channels, rows] = [0, 1, 2].map(|a| x.view.shape[a]);
    let walk = Walk::Rows { rows, channels };
    Box::new(Columns {
        dtype: x.dtype,
        eps,
        back,
        samples,
        groups,
        walk,
        cut: walk.cut(),
        touches: spec.touches(),
    })
}

// SAFETY: x and y, or x, dy and dx, are dense in the order [N, L, C].
unsafe impl Kernel for Columns {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.dtype {
                DType::F64 => self.columns::<f64>(args),
                DType::F32 => self.columns::<f32>(args),
                dtype => unreachable!("columns of {dtype} are cast"),
            }
        }
    }

    /// The parts' moments and sums, and six numbers for every column of every sample.
    fn workspace(&self) -> usize {
        let partial = 2 * self.cut.parts * self.walk.channels() * size_of::<[f64; 2]>();
        self.samples * (partial + 6 * self.walk.columns() * size_of::<f64>())
    }

    fn algorithm(&self) -> &str {
        "channels innermost"
    }
}

impl Columns {
    /// # Safety
    /// As `launch`; all hold `T`.
    unsafe fn columns<T: Scalar>(&self, args: &Args<'_>) {
        let Columns { samples, walk, cut, back, .. } = *self;
        let (channels, columns, sample) = (walk.channels(), walk.columns(), walk.elements());
        let all = samples * sample;
        let parts = samples * cut.parts * channels;
        // SAFETY: the caller's promise; the workspace is split in three.
        let (x, dy, out, moments, sums, numbers) = unsafe {
            let dy = input::<T>(args, usize::from(back), all);
            let moments = args.workspace::<[f64; 2]>();
            let numbers = moments.add(2 * parts).cast::<T>();
            let numbers = std::slice::from_raw_parts_mut(numbers, 6 * samples * columns);
            let (moments, sums) = (Shared::new(moments), Shared::new(moments.add(parts)));
            (input::<T>(args, 0, all), dy, output::<T>(args, 0, all), moments, sums, numbers)
        };
        let isa = Isa::current();
        let each_part = |f: &(dyn Fn(usize, std::ops::Range<usize>, usize) + Sync)| {
            parallel(samples * cut.parts, &|task| {
                let (n, part) = (task / cut.parts, task % cut.parts);
                let from = part * cut.each;
                let to = (from + cut.each).min(walk.count());
                f(n, n * sample + from * channels..n * sample + to * channels, task * channels);
            });
        };
        each_part(&|_, range, at| {
            // SAFETY: each task has its own part.
            let out = unsafe { std::slice::from_raw_parts_mut(moments.at(at), channels) };
            with_scratch(columns * SCRATCH, |scratch| {
                on(isa, ColumnMoments { walk, x: &x[range], scratch, out });
            });
        });
        // SAFETY: every task is done.
        let moments = unsafe { std::slice::from_raw_parts(moments.get(), parts) };
        for n in 0..samples {
            self.normals(n, moments, numbers);
        }
        if back {
            let affine = &*numbers;
            each_part(&|n, range, at| {
                // SAFETY: each task has its own part.
                let out = unsafe { std::slice::from_raw_parts_mut(sums.at(at), channels) };
                let (x, dy) = (&x[range.clone()], &dy[range]);
                let affine = [0, 1, 2].map(|k| &affine[(6 * n + k) * columns..][..columns]);
                with_scratch(2 * columns * size_of::<T>(), |scratch| {
                    // SAFETY: it is as long and aligned; every bit pattern is a number.
                    let sums =
                        unsafe { std::slice::from_raw_parts_mut(scratch.cast::<T>(), 2 * columns) };
                    on(isa, Given::<_, false>(ColumnSums { x, dy, affine, sums, out }));
                });
            });
            // SAFETY: every task is done.
            let sums = unsafe { std::slice::from_raw_parts(sums.get(), parts) };
            for n in 0..samples {
                self.descents(n, moments, sums, numbers);
            }
        }
        self.write(x, dy, out, numbers);
    }

    fn write<T: Scalar>(&self, x: &[T], dy: &[T], out: &mut [T], numbers: &[T]) {
        let Columns { samples, walk, back, .. } = *self;
        let (columns, sample) = (walk.columns(), walk.elements());
        let isa = Isa::current();
        let tile = TILE.next_multiple_of(columns);
        let tiles = sample.div_ceil(tile);
        let out = Shared::new(out.as_ptr());
        parallel(samples * tiles, &|task| {
            let (n, from) = (task / tiles, task % tiles * tile);
            let (at, len) = (n * sample + from, tile.min(sample - from));
            // SAFETY: each task has its own stretch of an exclusively borrowed slice.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(at), len) };
            let (a, b) = (&x[at..][..len], &dy[at..][..len]);
            let of = |k: usize| &numbers[(6 * n + k) * columns..][..columns];
            match back {
                true => {
                    let each = [0, 1, 2, 3, 4, 5].map(of);
                    on(isa, Gradients(Tile { walk, from, a, b, out, each }));
                }
                false => {
                    let each = [0, 1, 2].map(of);
                    on(isa, NormalizedColumns(Tile { walk, from, a, b, out, each }));
                }
            }
        });
    }

    /// A group's moments in sample n.
    fn group(&self, n: usize, g: usize, moments: &[[f64; 2]]) -> Moments {
        let channels = self.walk.channels();
        let width = channels / self.groups;
        let mut all = Moments::default();
        for part in 0..self.cut.parts {
            let count = self.cut.each.min(self.walk.count() - part * self.cut.each) as f64;
            let at = (n * self.cut.parts + part) * channels + g * width;
            for &[mean, squares] in &moments[at..][..width] {
                all.merge(Moments { count, mean, squares });
            }
        }
        all
    }

    /// The first three numbers of each column of sample n.
    fn normals<T: Scalar>(&self, n: usize, moments: &[[f64; 2]], numbers: &mut [T]) {
        for g in 0..self.groups {
            let of = normal(&self.group(n, g, moments), self.eps);
            self.spread(n, g, 0, of, numbers);
        }
    }

    /// The last three.
    fn descents<T: Scalar>(
        &self,
        n: usize,
        moments: &[[f64; 2]],
        sums: &[[f64; 2]],
        numbers: &mut [T],
    ) {
        let channels = self.walk.channels();
        let width = channels / self.groups;
        for g in 0..self.groups {
            let of = self.group(n, g, moments);
            let mut total = [0.0; 2];
            for part in 0..self.cut.parts {
                let at = (n * self.cut.parts + part) * channels + g * width;
                for [sum, along] in &sums[at..][..width] {
                    total = [total[0] + sum, total[1] + along];
                }
            }
            let of = descent(&of, self.eps, T::of(of.mean), total);
            self.spread(n, g, 3, of, numbers);
        }
    }

    /// Writes three numbers into every column of a group.
    fn spread<T: Scalar>(&self, n: usize, g: usize, first: usize, of: [T; 3], numbers: &mut [T]) {
        let (channels, columns) = (self.walk.channels(), self.walk.columns());
        let width = channels / self.groups;
        for (k, number) in (first..).zip(of) {
            let all = &mut numbers[(6 * n + k) * columns..][..columns];
            for copy in all.chunks_exact_mut(channels) {
                copy[g * width..][..width].fill(number);
            }
        }
    }
}

struct NormalizedColumns<'a, T>(Tile<'a, T, 3>);
struct Gradients<'a, T>(Tile<'a, T, 6>);

impl<T: Scalar> Task for NormalizedColumns<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        self.0.write::<V, Normal<false, false>>();
    }
}

impl<T: Scalar> Task for Gradients<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        self.0.write::<V, Descent<false>>();
    }
}
