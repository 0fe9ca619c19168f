//! dw, db and dx: one pass that sums, one that writes dx = dy·steep − (x − mean)·slope − level.
//! Where a ReLU followed, dy is that of its value, and counts only where the normalised x, computed
//! again as the forward pass did, is positive.
#![allow(unsafe_code)]

use super::BatchNormGrad;
use super::walk::{Columns, Cut, Pair, Sums, Walk, affine, is_f64, stretches};
use super::write::{Formula, Tile};
use crate::ops::kernel::{chunks_backwards, input, output, workspace};
use crate::ops::lanes::{Isa, Shared, Task, on};
use gradus_base::exec::{Args, Kernel, Touches};
use gradus_cpu::lanes::{Lanes, Numbers, Scalar};
use gradus_cpu::{parallel, with_scratch};
use gradus_graph::{Layouts, Meta, Spec, Strategy};

/// Elements a task writes, about.
const TILE: usize = 1 << 14;
/// Rows whose sums are taken in the elements' type.
const ROWS: usize = 128;
/// Elements of a channel whose sums are.
const BLOCK: usize = 4096;

/// How the CPU does it.
pub(super) struct OnCpu<'a>(pub &'a BatchNormGrad);

impl Strategy for OnCpu<'_> {
    fn layout_choices(&self, inputs: &[Meta], outputs: &[Meta]) -> Vec<Layouts> {
        super::walk::layouts(inputs, outputs)
    }

    fn kernel(&self, spec: &Spec) -> Box<dyn Kernel> {
        kernel(self.0.eps, self.0.relu, spec)
    }
}

struct Backward {
    walk: Walk,
    cut: Cut,
    eps: f64,
    relu: bool,
    f64: bool,
    touches: Touches,
}

fn kernel(eps: f64, relu: bool, spec: &Spec) -> Box<dyn Kernel> {
    let walk = Walk::of(spec);
    let f64 = is_f64(spec.inputs[0].dtype);
    Box::new(Backward { walk, cut: walk.cut(), eps, relu, f64, touches: spec.touches() })
}

// SAFETY: x, dy and dx are dense in the walk's order; the others are dense, one number per channel.
unsafe impl Kernel for Backward {
    fn idioms(&self) -> &[&'static str] {
        if self.relu { &["ReLU's gradient"] } else { &[] }
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    unsafe fn launch(&self, args: &Args<'_>) {
        // SAFETY: see above.
        unsafe {
            match (self.f64, self.relu) {
                (false, false) => self.gradients::<f32, false>(args),
                (false, true) => self.gradients::<f32, true>(args),
                (true, false) => self.gradients::<f64, false>(args),
                (true, true) => self.gradients::<f64, true>(args),
            }
        }
    }

    /// Whether a ReLU's mask is part of it.
    fn algorithm(&self) -> &str {
        if self.relu { "relu" } else { "" }
    }

    /// The parts' sums, then six numbers per column.
    fn workspace(&self) -> usize {
        let partial = self.cut.parts * self.walk.channels() * size_of::<[f64; 2]>();
        partial + 6 * self.walk.columns() * size_of::<f64>()
    }
}

impl Backward {
    /// # Safety
    /// As `launch`; x, w, dy and the outputs hold `T`.
    unsafe fn gradients<T: Scalar, const RELU: bool>(&self, args: &Args<'_>) {
        let (walk, cut) = (self.walk, self.cut);
        let (all, channels, columns) = (walk.elements(), walk.channels(), walk.columns());
        // SAFETY: the caller's promise; the workspace is split in two.
        let (x, w, b, mean, variance, dy, dx, dw, db, numbers) = unsafe {
            let [x, dy] = [0, 5].map(|i| input::<T>(args, i, all));
            let [w, b] = [1, 2].map(|i| input::<T>(args, i, channels));
            let [mean, variance] = [3, 4].map(|i| input::<f64>(args, i, channels));
            let [dw, db] = [1, 2].map(|i| output::<T>(args, i, channels));
            let dx = output::<T>(args, 0, all);
            let all = workspace::<f64>(args, 2 * cut.parts * channels + 6 * columns);
            let numbers = all[2 * cut.parts * channels..].as_mut_ptr().cast::<T>();
            let numbers = std::slice::from_raw_parts_mut(numbers, 6 * columns);
            (x, w, b, mean, variance, dy, dx, dw, db, numbers)
        };
        let partial = Shared::new(args.workspace::<[f64; 2]>());
        let (numbers, rest) = numbers.split_at_mut(3 * columns);
        let affine = affine(walk, self.eps, [w, b], [mean, variance], numbers);
        let middle = affine[0];
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
            let range = from * channels..to * channels;
            match walk {
                Walk::Rows { .. } => {
                    let (x, dy) = (&x[range.clone()], &dy[range]);
                    with_scratch(2 * columns * size_of::<T>(), |scratch| {
                        // SAFETY: it is as long and aligned; every bit pattern is a number.
                        let sums = unsafe {
                            std::slice::from_raw_parts_mut(scratch.cast::<T>(), 2 * columns)
                        };
                        on(isa, Given::<_, RELU>(Rows { x, dy, affine, sums, out }));
                    });
                }
                Walk::Planes { .. } => {
                    let planes = Planes { walk, x, dy, affine, first, from, to, out };
                    on(isa, Given::<_, RELU>(planes));
                }
            }
        });
        // SAFETY: every task is done.
        let partial = unsafe { std::slice::from_raw_parts(partial.get(), cut.parts * channels) };
        let (steep, rest) = rest.split_at_mut(columns);
        let (slope, level) = rest.split_at_mut(columns);
        let share = 1.0 / walk.count() as f64;
        for c in 0..channels {
            let parts = || partial[c..].iter().step_by(channels);
            let sum: f64 = parts().map(|p| p[0]).sum();
            let along: f64 = parts().map(|p| p[1]).sum();
            let scale = 1.0 / (variance[c] + self.eps).sqrt();
            // The rounded mean leaves some of the distance.
            let left = mean[c] - middle[c].wide();
            let along = (along - left * sum) * scale;
            (dw[c], db[c]) = (T::of(along), T::of(sum));
            let steepness = w[c].wide() * scale;
            let fall = steepness * scale * along * share;
            for column in (c..columns).step_by(channels) {
                steep[column] = T::of(steepness);
                slope[column] = T::of(fall);
                level[column] = T::of(steepness * sum * share - left * fall);
            }
        }
        let [middle, scale, shift] = affine;
        let each = [middle, scale, shift, &*steep, &*slope, &*level];
        let tile = TILE.next_multiple_of(columns);
        chunks_backwards(dx, tile, |i, dx| {
            let from = i * tile;
            let [x, dy] = [x, dy].map(|t| &t[from..][..dx.len()]);
            on(isa, Given::<_, RELU>(Tile { walk, from, a: x, b: dy, out: dx, each }));
        });
    }
}

/// What reaches the normalisation of dy: all, or with a ReLU what it lets pass.
#[inline(always)]
fn passed<V: Lanes, const RELU: bool>(x: V, dy: V, [middle, scale, shift]: [V; 3]) -> V {
    if RELU { dy.where_positive(x.sub(middle).mul(scale).add(shift)) } else { dy }
}

/// dy, and dy times the distance from the mean.
pub(in crate::ops::norm) struct Slopes<const RELU: bool>;

impl<const RELU: bool> Pair<3> for Slopes<RELU> {
    #[inline(always)]
    fn of<V: Lanes>(x: V, dy: V, channel: [V; 3]) -> [V; 2] {
        let dy = passed::<V, RELU>(x, dy, channel);
        [dy, dy.mul(x.sub(channel[0]))]
    }
}

/// A task, with or without a ReLU.
pub(in crate::ops::norm) struct Given<W, const RELU: bool>(pub(in crate::ops::norm) W);

/// The sums of all channels over some rows.
pub(in crate::ops::norm) struct Rows<'a, T> {
    pub(in crate::ops::norm) x: &'a [T],
    pub(in crate::ops::norm) dy: &'a [T],
    pub(in crate::ops::norm) affine: [&'a [T]; 3],
    /// Two per column.
    pub(in crate::ops::norm) sums: &'a mut [T],
    pub(in crate::ops::norm) out: &'a mut [[f64; 2]],
}

impl<T: Scalar, const RELU: bool> Task for Given<Rows<'_, T>, RELU> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Rows { x, dy, affine, sums, out } = self.0;
        let (columns, channels) = (affine[0].len(), out.len());
        let (first, second) = sums.split_at_mut(columns);
        out.fill([0.0; 2]);
        for (x, dy) in x.chunks(ROWS * columns).zip(dy.chunks(ROWS * columns)) {
            first.fill(T::ZERO);
            second.fill(T::ZERO);
            let rows = Columns {
                x: x.as_ptr(),
                dy: dy.as_ptr(),
                len: x.len(),
                columns,
                each: affine.map(<[T]>::as_ptr),
                sums: [first.as_mut_ptr(), second.as_mut_ptr()],
            };
            // SAFETY: all are as long as the columns; the path was chosen for the machine.
            unsafe { rows.add::<V, Slopes<RELU>>() }
            let copies = first.chunks_exact(channels).zip(second.chunks_exact(channels));
            for (first, second) in copies {
                for c in 0..channels {
                    out[c][0] += first[c].wide();
                    out[c][1] += second[c].wide();
                }
            }
        }
    }
}

/// The sums of some channels from `first` on, over their elements `from..to`.
struct Planes<'a, T> {
    walk: Walk,
    x: &'a [T],
    dy: &'a [T],
    affine: [&'a [T]; 3],
    first: usize,
    from: usize,
    to: usize,
    out: &'a mut [[f64; 2]],
}

impl<T: Scalar, const RELU: bool> Task for Given<Planes<'_, T>, RELU> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        let Planes { walk, x, dy, affine, first, from, to, out } = self.0;
        for (i, out) in out.iter_mut().enumerate() {
            let channel = affine.map(|e| e[first + i]);
            *out = [0.0; 2];
            for at in (from..to).step_by(BLOCK) {
                // SAFETY: the path was chosen for the machine.
                let mut sums = unsafe { Sums::<V>::zero() };
                stretches(walk, first + i, at, (at + BLOCK).min(to), |range| {
                    sums.add::<Slopes<RELU>, 3>([&x[range.clone()], &dy[range]], channel);
                });
                let [sum, along] = sums.total();
                *out = [out[0] + sum, out[1] + along];
            }
        }
    }
}

/// dx.
pub(in crate::ops::norm) struct Descent<const RELU: bool>;

impl<const RELU: bool> Formula<6> for Descent<RELU> {
    #[inline(always)]
    fn of<V: Lanes>(x: V, dy: V, channel: [V; 6]) -> V {
        let [middle, scale, shift, steep, slope, level] = channel;
        let dy = passed::<V, RELU>(x, dy, [middle, scale, shift]);
        dy.mul(steep).sub(x.sub(middle).mul(slope)).sub(level)
    }
}

impl<T: Scalar, const RELU: bool> Task for Given<Tile<'_, T, 6>, RELU> {
    type Element = T;
    #[inline(always)]
    fn compute<V: Numbers<Scalar = T>>(self) {
        self.0.write::<V, Descent<RELU>>();
    }
}
