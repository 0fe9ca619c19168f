//! Mean and variance of each channel in one pass: every block's sums are of the distances from the
//! mean so far, and blocks are merged as Chan, Golub & LeVeque 1983 do, so a mean far from 0 costs
//! no digits.
#![allow(unsafe_code)]

use super::walk::{Columns, Cut, Pair, Sums, Walk, is_f64, stretches};
use crate::ops::kernel::{input, output};
use crate::ops::lanes::{Isa, Shared, Task, on};
use crate::ops::norm::moments::Moments;
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Lanes, Numbers, Scalar};
use gradus_cpu::{parallel, with_scratch};
use gradus_graph::{Layouts, Meta, Spec, Strategy};

/// Rows whose sums are taken in the elements' type.
const ROWS: usize = 128;
/// Elements of a channel whose sums are.
const BLOCK: usize = 4096;

/// How the CPU does it.
pub(super) struct OnCpu;

impl Strategy for OnCpu {
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        super::walk::layouts(inputs, outputs)
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        kernel(spec)
    }
}

struct Statistics {
    walk: Walk,
    cut: Cut,
    f64: bool,
    touches: Touches,
}

fn kernel(spec: &Spec) -> Box<dyn Kernel> {
    let walk = Walk::of(spec);
    Box::new(Statistics {
        walk,
        cut: walk.cut(),
        f64: is_f64(spec.inputs[0].dtype),
        touches: spec.touches(),
    })
}

// SAFETY: x is dense in the walk's order; mean and variance are dense f64, one per channel.
unsafe impl Kernel for Statistics {
    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match self.f64 {
                true => self.of::<f64>(args),
                false => self.of::<f32>(args),
            }
        }
    }

    fn workspace(&self) -> usize {
        self.cut.parts * self.walk.channels() * size_of::<[f64; 2]>()
    }
}

impl Statistics {
    /// # Safety
    /// As `launch`; x holds `T`.
    unsafe fn of<T: Scalar>(&self, args: &Args<'_>) {
        let (walk, cut) = (self.walk, self.cut);
        let channels = walk.channels();
        // SAFETY: the caller's promise.
        let (x, mean, variance) = unsafe {
            let x = input::<T>(args, 0, walk.elements());
            (x, output::<f64>(args, 0, channels), output::<f64>(args, 1, channels))
        };
        let partial = Shared::new(args.workspace::<[f64; 2]>());
        let isa = Isa::current();
        parallel(cut.parts * cut.blocks, &|task| {
            let (part, first) = (task / cut.blocks, task % cut.blocks * cut.block);
            let block = cut.block.min(channels - first);
            let from = part * cut.each;
            let to = (from + cut.each).min(walk.count());
            // SAFETY: each task has its own part of the workspace.
            let out = unsafe {
                std::slice::from_raw_parts_mut(partial.at(part * channels + first), block)
            };
            match walk {
                Walk::Rows { .. } => {
                    let x = &x[from * channels..to * channels];
                    with_scratch(walk.columns() * SCRATCH, |scratch| {
                        on(isa, Rows { walk, x, scratch, out });
                    });
                }
                Walk::Planes { .. } => on(isa, Planes { walk, x, first, from, to, out }),
            }
        });
        // SAFETY: every task is done.
        let partial = unsafe { std::slice::from_raw_parts(partial.get(), cut.parts * channels) };
        for c in 0..channels {
            let mut all = Moments::default();
            for (part, parts) in partial.chunks_exact(channels).enumerate() {
                let count = cut.each.min(walk.count() - part * cut.each) as f64;
                let [mean, squares] = parts[c];
                all.merge(Moments { count, mean, squares });
            }
            mean[c] = all.mean;
            variance[c] = all.squares / all.count;
        }
    }
}

/// The distance from the middle, and its square.
struct Distance;

impl Pair<1> for Distance {
    #[inline(always)]
    fn of<V: Lanes>(x: V, _: V, [middle]: [V; 1]) -> [V; 2] {
        let gap = x.sub(middle);
        [gap, gap.mul(gap)]
    }
}

/// Mean and squares of all channels over some rows.
pub(in crate::ops::norm) struct Rows<'a, T> {
    pub(in crate::ops::norm) walk: Walk,
    pub(in crate::ops::norm) x: &'a [T],
    /// [`SCRATCH`] bytes per column.
    pub(in crate::ops::norm) scratch: *mut u8,
    pub(in crate::ops::norm) out: &'a mut [[f64; 2]],
}

/// Bytes per column: two f64 and three numbers of the elements' type.
pub(in crate::ops::norm) const SCRATCH: usize = 5 * size_of::<f64>();

impl<T: Scalar> Task for Rows<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let columns = self.walk.columns();
        let numbers = self.scratch.cast::<f64>().wrapping_add(2 * columns).cast::<T>();
        // SAFETY: the scratch has room for two numbers of f64 and three of T per column, aligned for both, of which
        // every bit pattern is valid.
        let (sums, numbers) = unsafe {
            let sums = std::slice::from_raw_parts_mut(self.scratch.cast::<f64>(), 2 * columns);
            (sums, std::slice::from_raw_parts_mut(numbers, 3 * columns))
        };
        let (mean, squares) = sums.split_at_mut(columns);
        self.moments::<V>(mean, squares, numbers);
        self.fold(mean, squares);
    }
}

impl<T: Scalar> Rows<'_, T> {
    /// Of every column.
    #[inline(always)]
    fn moments<V: Lanes<Scalar = T>>(
        &self,
        mean: &mut [f64],
        squares: &mut [f64],
        numbers: &mut [T],
    ) {
        let columns = mean.len();
        let (middle, sums) = numbers.split_at_mut(columns);
        let (first, second) = sums.split_at_mut(columns);
        mean.fill(0.0);
        squares.fill(0.0);
        for (block, x) in self.x.chunks(ROWS * columns).enumerate() {
            if block == 0 {
                let n = columns.min(x.len());
                middle[..n].copy_from_slice(&x[..n]);
                middle[n..].fill(T::ZERO);
            } else {
                middle.iter_mut().zip(&*mean).for_each(|(middle, &m)| *middle = T::of(m));
            }
            first.fill(T::ZERO);
            second.fill(T::ZERO);
            let rows = Columns {
                x: x.as_ptr(),
                dy: x.as_ptr(),
                len: x.len(),
                columns,
                each: [middle.as_ptr()],
                sums: [first.as_mut_ptr(), second.as_mut_ptr()],
            };
            // SAFETY: all are as long as the columns; the path was chosen for the machine.
            unsafe { rows.add::<V, Distance>() }
            let (rows, tail) = (x.len() / columns, x.len() % columns);
            let before = (block * ROWS) as f64;
            for (range, n) in [(0..tail, rows + 1), (tail..columns, rows)] {
                if n == 0 {
                    continue;
                }
                let n = n as f64;
                let (each, share, both) = (1.0 / n, n / (before + n), before * n / (before + n));
                for c in range {
                    let (sum, square) = (first[c].wide(), second[c].wide());
                    let gap = middle[c].wide() + sum * each - mean[c];
                    mean[c] += gap * share;
                    squares[c] += square - sum * sum * each + gap * gap * both;
                }
            }
        }
    }

    /// Brings together the columns of each channel.
    #[inline(always)]
    fn fold(self, mean: &[f64], squares: &[f64]) {
        let (columns, channels) = (mean.len(), self.out.len());
        let (rows, tail) = (self.x.len() / columns, self.x.len() % columns);
        for c in 0..channels {
            let mut all = Moments::default();
            for column in (c..columns).step_by(channels) {
                let count = (rows + usize::from(column < tail)) as f64;
                if count > 0.0 {
                    let (mean, squares) = (mean[column], squares[column].max(0.0));
                    all.merge(Moments { count, mean, squares });
                }
            }
            self.out[c] = [all.mean, all.squares];
        }
    }
}

/// The moments of a row.
#[inline(always)]
pub(in crate::ops::norm) fn moments<V: Lanes>(x: &[V::Scalar]) -> Moments {
    let mut all = Moments::default();
    for x in x.chunks(BLOCK) {
        let middle = if all.count > 0.0 { V::Scalar::of(all.mean) } else { x[0] };
        // SAFETY: the path was chosen for the machine.
        let mut sums = unsafe { Sums::<V>::zero() };
        sums.add::<Distance, 1>([x, x], [middle]);
        let ([sum, square], count) = (sums.total(), x.len() as f64);
        let squares = (square - sum * sum / count).max(0.0);
        all.merge(Moments { count, mean: middle.wide() + sum / count, squares });
    }
    all
}

/// Mean and squares of some channels from `first` on, over their elements `from..to`.
struct Planes<'a, T> {
    walk: Walk,
    x: &'a [T],
    first: usize,
    from: usize,
    to: usize,
    out: &'a mut [[f64; 2]],
}

impl<T: Scalar> Task for Planes<'_, T> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        for (i, out) in self.out.iter_mut().enumerate() {
            let mut all = Moments::default();
            for at in (self.from..self.to).step_by(BLOCK) {
                let mut middle = (at > self.from).then(|| T::of(all.mean));
                // SAFETY: the path was chosen for the machine.
                let mut sums = unsafe { Sums::<V>::zero() };
                let end = (at + BLOCK).min(self.to);
                stretches(self.walk, self.first + i, at, end, |range| {
                    let x = &self.x[range];
                    let middle = *middle.get_or_insert(x[0]);
                    sums.add::<Distance, 1>([x, x], [middle]);
                });
                let [sum, square] = sums.total();
                let count = (end - at) as f64;
                let mean = middle.unwrap_or(T::ZERO).wide() + sum / count;
                let squares = (square - sum * sum / count).max(0.0);
                all.merge(Moments { count, mean, squares });
            }
            *out = [all.mean, all.squares];
        }
    }
}
