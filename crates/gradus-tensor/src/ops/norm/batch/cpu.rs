//! The CPU kernels: statistics channel by channel, then every element once.
//!
//! Where channels lie innermost (L = 1), blocks of channels are walked side by side instead of one after the other.
#![allow(unsafe_code)]

use crate::ops::kernel::{chunks, chunks_of, grain, input, output, workspace};
use crate::ops::series::{Moments, STRETCH, Series, sum_of};
use gradus_base::DType;
use gradus_cpu::exec::{Args, Kernel};
use gradus_graph::Spec;

/// Elements a tile writes.
const TILE: usize = 1 << 15;
/// Channels walked side by side where they lie innermost.
const SIDE: usize = 32;
/// Rows whose sums are taken in the elements' type; longer sums go on in f64.
const ROWS: usize = 64;

/// x is [n, channels, len].
#[derive(Clone, Copy)]
struct Batch {
    dtype: DType,
    eps: f64,
    n: usize,
    channels: usize,
    len: usize,
}

struct Forward(Batch);
struct Backward(Batch);

pub(super) fn forward(eps: f64, spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Forward(batch(eps, spec)))
}

pub(super) fn backward(eps: f64, spec: &Spec) -> Box<dyn Kernel> {
    Box::new(Backward(batch(eps, spec)))
}

fn batch(eps: f64, spec: &Spec) -> Batch {
    let x = &spec.inputs[0];
    let shape = x.view.shape;
    Batch { dtype: x.dtype, eps, n: shape[0], channels: shape[1], len: shape[2] }
}

impl Batch {
    fn elements(&self) -> usize {
        self.n * self.channels * self.len
    }

    /// Channels per tile of the first phase.
    fn block(&self) -> usize {
        if self.len == 1 { SIDE } else { grain(TILE, self.n * self.len) }
    }

    /// The elements of channel `c` in sample `i`.
    fn stretch<'a, T>(&self, x: &'a [T], i: usize, c: usize) -> &'a [T] {
        &x[(i * self.channels + c) * self.len..][..self.len]
    }

    fn inverse_deviation<T: Series>(&self, variance: T) -> T {
        T::of(1.0 / (variance.wide() + self.eps).sqrt())
    }

    /// Writes `f(channel, elements' range)` … over all elements of `y`, in tiles: `f` gets a channel's number and a
    /// stretch of it, or with L = 1 channel 0 and all channels of a sample.
    fn each_stretch<T: Series>(&self, y: &mut [T], f: impl Fn(usize, usize, &mut [T]) + Sync) {
        let size = if self.len == 1 { self.channels } else { self.len };
        let stretches = grain(TILE, size);
        chunks(y, stretches * size, |tile, y| {
            for (s, y) in (tile * stretches..).zip(y.chunks_exact_mut(size)) {
                let channel = if self.len == 1 { 0 } else { s % self.channels };
                f(channel, s * size, y);
            }
        });
    }
}

// SAFETY: all are dense: x and y [n, channels, len], the others [channels].
unsafe impl Kernel for Forward {
    unsafe fn run(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.normalize::<f64>(args),
                _ => self.normalize::<f32>(args),
            }
        }
    }

    fn workspace(&self) -> usize {
        self.0.channels * self.0.dtype.size()
    }
}

impl Forward {
    /// # Safety
    /// As `run`; all hold `T`.
    unsafe fn normalize<T: Series>(&self, args: &Args<'_>) {
        let g = self.0;
        let (all, channels) = (g.elements(), g.channels);
        // SAFETY: the caller's promise.
        let (x, w, b, y, mean, variance, scale) = unsafe {
            let (x, w, b) = (
                input::<T>(args, 0, all),
                input::<T>(args, 1, channels),
                input::<T>(args, 2, channels),
            );
            let (mean, variance) = (output::<T>(args, 1, channels), output::<T>(args, 2, channels));
            (x, w, b, output::<T>(args, 0, all), mean, variance, workspace::<T>(args, channels))
        };
        let block = g.block();
        chunks_of([mean, variance], [block; 2], |tile, [mean, variance]| {
            let first = tile * block;
            if g.len == 1 {
                g.side_by_side(x, first, mean, variance);
            } else {
                g.one_by_one(x, first, mean, variance);
            }
        });
        for c in 0..channels {
            scale[c] = w[c] * g.inverse_deviation(variance[c]);
        }
        let (mean, scale) = (&*mean, &*scale);
        g.each_stretch(y, |c, at, y| {
            let x = &x[at..][..y.len()];
            if g.len == 1 {
                for i in 0..y.len() {
                    y[i] = (x[i] - mean[i]) * scale[i] + b[i];
                }
            } else {
                let (mean, scale, b) = (mean[c], scale[c], b[c]);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - mean) * scale + b);
            }
        });
    }
}

impl Batch {
    fn one_by_one<T: Series>(&self, x: &[T], first: usize, mean: &mut [T], variance: &mut [T]) {
        for (i, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
            let mut all = Moments::default();
            for sample in 0..self.n {
                let x = self.stretch(x, sample, first + i);
                x.chunks(STRETCH).for_each(|x| all.merge(Moments::of(x)));
            }
            *mean = T::of(all.mean);
            *variance = T::of(all.squares / all.count);
        }
    }

    fn side_by_side<T: Series>(&self, x: &[T], first: usize, mean: &mut [T], variance: &mut [T]) {
        let width = mean.len();
        let mut all = [Moments::default(); SIDE];
        for rows in x.chunks(ROWS * self.channels) {
            let rows = || rows.chunks_exact(self.channels).map(|row| &row[first..][..width]);
            let count = rows().len() as f64;
            let (mut sum, mut squares) = ([T::ZERO; SIDE], [T::ZERO; SIDE]);
            for row in rows() {
                sum.iter_mut().zip(row).for_each(|(s, &x)| *s += x);
            }
            let middle = sum.map(|s| T::of(s.wide() / count));
            for row in rows() {
                for i in 0..width {
                    let gap = row[i] - middle[i];
                    squares[i] += gap * gap;
                }
            }
            for i in 0..width {
                let (mean, squares) = (middle[i].wide(), squares[i].wide());
                all[i].merge(Moments { count, mean, squares });
            }
        }
        for i in 0..width {
            mean[i] = T::of(all[i].mean);
            variance[i] = T::of(all[i].squares / all[i].count);
        }
    }
}

// SAFETY: all are dense: x, dy and dx [n, channels, len], the others [channels].
unsafe impl Kernel for Backward {
    unsafe fn run(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.0.dtype {
                DType::F64 => self.gradients::<f64>(args),
                _ => self.gradients::<f32>(args),
            }
        }
    }

    fn workspace(&self) -> usize {
        3 * self.0.channels * self.0.dtype.size()
    }
}

impl Backward {
    /// # Safety
    /// As `run`; all hold `T`.
    unsafe fn gradients<T: Series>(&self, args: &Args<'_>) {
        let g = self.0;
        let (all, channels) = (g.elements(), g.channels);
        // SAFETY: the caller's promise.
        let (x, w, mean, variance, dy, dx, dw, db, coefficients) = unsafe {
            let [w, mean, variance] = [1, 2, 3].map(|i| input::<T>(args, i, channels));
            let (x, dy, dx) =
                (input::<T>(args, 0, all), input::<T>(args, 4, all), output::<T>(args, 0, all));
            let (dw, db) = (output::<T>(args, 1, channels), output::<T>(args, 2, channels));
            (x, w, mean, variance, dy, dx, dw, db, workspace::<T>(args, 3 * channels))
        };
        let block = g.block();
        chunks_of([&mut *dw, &mut *db], [block; 2], |tile, [dw, db]| {
            let first = tile * block;
            let mean = &mean[first..][..dw.len()];
            if g.len == 1 {
                g.sums_side_by_side(x, dy, first, mean, dw, db);
            } else {
                g.sums_one_by_one(x, dy, first, mean, dw, db);
            }
            for (i, dw) in dw.iter_mut().enumerate() {
                *dw = *dw * g.inverse_deviation(variance[first + i]);
            }
        });
        // dx = dy·steep − (x − mean)·slope − level
        let (steep, rest) = coefficients.split_at_mut(channels);
        let (slope, level) = rest.split_at_mut(channels);
        let share = T::of(1.0 / (g.n * g.len) as f64);
        for c in 0..channels {
            let scale = g.inverse_deviation(variance[c]);
            steep[c] = w[c] * scale;
            slope[c] = steep[c] * scale * dw[c] * share;
            level[c] = steep[c] * db[c] * share;
        }
        let (steep, slope, level) = (&*steep, &*slope, &*level);
        g.each_stretch(dx, |c, at, dx| {
            let (x, dy) = (&x[at..][..dx.len()], &dy[at..][..dx.len()]);
            if g.len == 1 {
                for i in 0..dx.len() {
                    dx[i] = dy[i] * steep[i] - (x[i] - mean[i]) * slope[i] - level[i];
                }
            } else {
                let (steep, slope, level, mean) = (steep[c], slope[c], level[c], mean[c]);
                for i in 0..dx.len() {
                    dx[i] = dy[i] * steep - (x[i] - mean) * slope - level;
                }
            }
        });
    }
}

impl Batch {
    /// Σ dy·(x − mean) and Σ dy per channel.
    fn sums_one_by_one<T: Series>(
        &self,
        x: &[T],
        dy: &[T],
        first: usize,
        mean: &[T],
        along: &mut [T],
        level: &mut [T],
    ) {
        for (i, &mean) in mean.iter().enumerate() {
            let (mut products, mut sum) = (0.0, 0.0);
            for sample in 0..self.n {
                let stretch = |t| self.stretch::<T>(t, sample, first + i).chunks(STRETCH);
                for (x, dy) in stretch(x).zip(stretch(dy)) {
                    products += sum_of([dy, x], |d, x| d * (x - mean)).wide();
                    sum += sum_of([dy, dy], |d, _| d).wide();
                }
            }
            (along[i], level[i]) = (T::of(products), T::of(sum));
        }
    }

    fn sums_side_by_side<T: Series>(
        &self,
        x: &[T],
        dy: &[T],
        first: usize,
        mean: &[T],
        along: &mut [T],
        level: &mut [T],
    ) {
        let width = mean.len();
        let mut all = [[0.0; SIDE]; 2];
        for (x, dy) in x.chunks(ROWS * self.channels).zip(dy.chunks(ROWS * self.channels)) {
            let mut sums = [[T::ZERO; SIDE]; 2];
            for (x, dy) in x.chunks_exact(self.channels).zip(dy.chunks_exact(self.channels)) {
                let (x, dy) = (&x[first..][..width], &dy[first..][..width]);
                for i in 0..width {
                    sums[0][i] += dy[i] * (x[i] - mean[i]);
                    sums[1][i] += dy[i];
                }
            }
            for (all, sums) in all.iter_mut().zip(sums) {
                all.iter_mut().zip(sums).for_each(|(a, s)| *a += s.wide());
            }
        }
        for i in 0..width {
            (along[i], level[i]) = (T::of(all[0][i]), T::of(all[1][i]));
        }
    }
}
