//! The register tile of the weight gradient with the batch innermost: along a run of output columns, the products of
//! some channels of dy with the source as some column taps see it, a vector of partial sums for each pair.
#![allow(unsafe_code)]

use crate::ops::lanes::{Isa, LANES};
use gradus_cpu::form;
use gradus_cpu::lanes::{Choice, F32s, InstructionSet};

/// Column taps of the largest tile.
pub(super) const TAPS: usize = 5;

/// Out-channels of a tile for so many column taps: at most 12 sums.
pub(super) fn channels(taps: usize) -> usize {
    [6, 6, 4, 3, 2][taps - 1]
}

/// A run to sum along.
pub(super) struct Line {
    /// dy at the first channel, column and image.
    pub(super) dy: *const f32,
    /// From one channel of dy and one column to the next.
    pub(super) dy_channel: isize,
    pub(super) dy_next: isize,
    /// The source at the first column and image, for each column tap.
    pub(super) x: [*const f32; TAPS],
    pub(super) x_next: isize,
    pub(super) columns: usize,
    pub(super) images: usize,
    /// Vectors of sums to add to: [channel][tap][lane].
    pub(super) sums: *mut f32,
}

pub(super) type LineFn = unsafe fn(&Line);

/// K out-channels × B column taps.
#[inline(always)]
unsafe fn line<L: F32s, const K: usize, const B: usize>(t: &Line) {
    // SAFETY: the caller's promise: all columns, taps and images named are there.
    unsafe {
        let mut sums = [[L::zero(); B]; K];
        let whole = t.images / LANES * LANES;
        for column in 0..t.columns as isize {
            let dy = t.dy.wrapping_offset(column * t.dy_next);
            let mut x = [t.dy; B];
            for b in 0..B {
                x[b] = t.x[b].wrapping_offset(column * t.x_next);
            }
            for n in (0..whole).step_by(LANES) {
                let mut xs = [L::zero(); B];
                for b in 0..B {
                    xs[b] = L::load(x[b].add(n));
                }
                for k in 0..K {
                    let y = L::load(dy.offset(k as isize * t.dy_channel).add(n));
                    for b in 0..B {
                        sums[k][b] = y.mul_add(xs[b], sums[k][b]);
                    }
                }
            }
            if whole < t.images {
                let rest = t.images - whole;
                for k in 0..K {
                    let y = L::load_first(dy.offset(k as isize * t.dy_channel).add(whole), rest);
                    for b in 0..B {
                        let x = L::load_first(x[b].add(whole), rest);
                        sums[k][b] = y.mul_add(x, sums[k][b]);
                    }
                }
            }
        }
        for k in 0..K {
            for b in 0..B {
                let p = t.sums.add((k * B + b) * LANES);
                L::load(p).add(sums[k][b]).store(p);
            }
        }
    }
}

/// The sums of the lanes of `count` vectors, a multiple of 8.
pub(super) struct Reduction {
    pub(super) sums: *const f32,
    pub(super) count: usize,
    pub(super) out: *mut f32,
}

#[inline(always)]
unsafe fn reduce<L: F32s>(t: &Reduction) {
    let Reduction { sums, count, out } = *t;
    for i in (0..count).step_by(LANES) {
        let mut rows = [sums; LANES];
        for l in 0..LANES {
            rows[l] = sums.wrapping_add((i + l) * LANES);
        }
        // SAFETY: the caller's promise.
        unsafe { L::sums(L::load_each(rows)).store(out.add(i)) }
    }
}

/// The kernels of one instruction set.
pub(super) struct Lines {
    /// [taps - 1][channels - 1].
    table: [&'static [LineFn]; TAPS],
    pub(super) reduce: unsafe fn(&Reduction),
}

impl Lines {
    pub(super) fn get(&self, taps: usize, channels: usize) -> LineFn {
        self.table[taps - 1][channels - 1]
    }
}

form! {
    LineForm[K: usize, B: usize](Line), P => line::<P::F32, K, B>;
    ReduceForm(Reduction), P => reduce::<P::F32>;
}

impl Lines {
    const fn of<P: InstructionSet>() -> Lines {
        macro_rules! of {
            ($taps:literal: $($channels:literal)*) => {
                const { &[$(P::call::<LineForm<$channels, $taps>>),*] }
            };
        }
        Lines {
            table: [
                of!(1: 1 2 3 4 5 6),
                of!(2: 1 2 3 4 5 6),
                of!(3: 1 2 3 4),
                of!(4: 1 2 3),
                of!(5: 1 2),
            ],
            reduce: P::call::<ReduceForm>,
        }
    }
}

/// The choice of [`Lines`].
struct Table;

impl Choice for Table {
    type Output = &'static Lines;
    fn of<P: InstructionSet>(self) -> &'static Lines {
        const { &Lines::of::<P>() }
    }
}

/// The kernels of an instruction set.
pub(super) fn lines(isa: Isa) -> &'static Lines {
    isa.choose(Table)
}
