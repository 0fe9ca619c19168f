//! The register tile of the weight gradient with the batch innermost: along a run of output columns, the products of
//! some channels of dy with the source as some column taps see it, a vector of partial sums for each pair.
#![allow(unsafe_code)]

use crate::ops::lanes::{Isa, LANES};
use gradus_cpu::lanes::{F32s, Portable};

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

#[inline(always)]
unsafe fn reduce<L: F32s>(sums: *const f32, count: usize, out: *mut f32) {
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
    /// The sums of the lanes of so many vectors, a multiple of 8.
    pub(super) reduce: unsafe fn(*const f32, usize, *mut f32),
}

impl Lines {
    pub(super) fn get(&self, taps: usize, channels: usize) -> LineFn {
        self.table[taps - 1][channels - 1]
    }
}

macro_rules! instruction_set {
    ($module:ident, $lanes:ty, $(#[$attr:meta])*) => {
        mod $module {
            use super::*;
            $(#[$attr])*
            unsafe fn run_line<const K: usize, const B: usize>(t: &Line) {
                // SAFETY: passed on.
                unsafe { line::<$lanes, K, B>(t) }
            }
            $(#[$attr])*
            unsafe fn run_reduce(sums: *const f32, count: usize, out: *mut f32) {
                // SAFETY: passed on.
                unsafe { reduce::<$lanes>(sums, count, out) }
            }
            pub(super) static LINES: Lines = Lines {
                table: [
                    &[run_line::<1, 1>, run_line::<2, 1>, run_line::<3, 1>, run_line::<4, 1>, run_line::<5, 1>, run_line::<6, 1>],
                    &[run_line::<1, 2>, run_line::<2, 2>, run_line::<3, 2>, run_line::<4, 2>, run_line::<5, 2>, run_line::<6, 2>],
                    &[run_line::<1, 3>, run_line::<2, 3>, run_line::<3, 3>, run_line::<4, 3>],
                    &[run_line::<1, 4>, run_line::<2, 4>, run_line::<3, 4>],
                    &[run_line::<1, 5>, run_line::<2, 5>],
                ],
                reduce: run_reduce,
            };
        }
    };
}
instruction_set!(any, Portable<f32, LANES>,);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, gradus_cpu::lanes::F32x8, #[target_feature(enable = "avx2,fma")]);

/// The kernels of an instruction set.
pub(super) fn lines(isa: Isa) -> &'static Lines {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 | Isa::Avx512 => &avx2::LINES,
        _ => &any::LINES,
    }
}
