//! The loops of a depthwise convolution: runs of columns side by side, a vector of channels after the other.
#![allow(unsafe_code)]

use crate::ops::lanes::{Isa, LANES};
use gradus_cpu::Clip;
use gradus_cpu::form;
use gradus_cpu::lanes::{Choice, Clipping, F32s, InstructionSet, prefetch};

/// Some neighbouring target pixels, all channels.
pub(super) struct Run {
    /// The source at the first row tap, the leftmost column tap, the first pixel and channel.
    pub(super) x: *const f32,
    /// From one row tap, column tap and target pixel to the next.
    pub(super) x_row: isize,
    pub(super) x_col: usize,
    pub(super) x_next: usize,
    /// Taps.
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// The weights of the first tap; those of the next column tap lie `channels` further on.
    pub(super) w: *const f32,
    pub(super) w_row: usize,
    pub(super) y: *mut f32,
    pub(super) y_next: usize,
    pub(super) pixels: usize,
    pub(super) channels: usize,
    /// Whether to fetch what the next pixels read and write: from memory, where the machine does not guess so many strides.
    pub(super) ahead: bool,
    /// What follows.
    pub(super) clip: Option<Clip<f32>>,
}

/// Some neighbouring pixels of dy with what they saw of x through some taps: adds their products to the sums.
pub(super) struct Slope {
    /// x at the first row tap, the leftmost column tap, the first pixel and channel; from one row tap, column tap and
    /// pixel to the next.
    pub(super) x: *const f32,
    pub(super) x_row: isize,
    pub(super) x_col: usize,
    pub(super) x_next: usize,
    /// Taps.
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// dy at the first pixel; the next lies `channels` further on.
    pub(super) dy: *const f32,
    pub(super) pixels: usize,
    pub(super) channels: usize,
    /// A row of channels for each column tap; from one row tap to the next.
    pub(super) sums: *mut f32,
    pub(super) sums_row: usize,
    /// Whether to fetch what the next pixels read, as for [`Run`].
    pub(super) ahead: bool,
}

/// One pixel after the other, any taps.
#[inline(always)]
unsafe fn any_run<L: F32s>(t: &Run) {
    for pixel in 0..t.pixels {
        let mut c = 0;
        while c < t.channels {
            let lanes = t.channels - c;
            // SAFETY: the caller's promise.
            unsafe {
                let mut sum = L::zero();
                for a in 0..t.rows {
                    let x = t.x.offset(a as isize * t.x_row).add(pixel * t.x_next + c);
                    let w = t.w.add(a * t.w_row + c);
                    for b in 0..t.cols {
                        let weight = L::load_left(w.add(b * t.channels), lanes);
                        sum = weight.mul_add(L::load_left(x.add(b * t.x_col), lanes), sum);
                    }
                }
                if let Some(clip) = t.clip {
                    sum = clipped([sum], clip, c, lanes)[0];
                }
                sum.store_left(t.y.add(pixel * t.y_next + c), lanes);
            }
            c += LANES;
        }
    }
}

/// The sums of channels from `c` on with what follows them.
#[inline(always)]
unsafe fn clipped<L: F32s, const J: usize>(
    mut sums: [L; J],
    clip: Clip<f32>,
    c: usize,
    lanes: usize,
) -> [L; J] {
    // SAFETY: as many lanes of the bias are there as of the sums; the machine has the instruction set that made those.
    unsafe {
        let bias = L::load_left(clip.bias.add(c), lanes);
        let bounds = Clipping::<L>::new(clip.low, clip.high);
        for j in 0..J {
            sums[j] = bounds.of(sums[j].add(bias));
        }
    }
    sums
}

/// Pixels side by side where fewer than a full run are left.
const REST: usize = 3;

/// S adjacent column taps, pixels D apart, J of them side by side: each source pixel is read once for all that see it.
#[inline(always)]
unsafe fn dense_run<L: F32s, const S: usize, const D: usize, const J: usize>(t: &Run) {
    let mut pixel = 0;
    while pixel + J <= t.pixels {
        // SAFETY: the caller's promise.
        unsafe { side_by_side::<L, S, D, J>(t, pixel) }
        pixel += J;
    }
    while pixel + REST <= t.pixels {
        // SAFETY: the caller's promise.
        unsafe { side_by_side::<L, S, D, REST>(t, pixel) }
        pixel += REST;
    }
    while pixel < t.pixels {
        // SAFETY: the caller's promise.
        unsafe { side_by_side::<L, S, D, 1>(t, pixel) }
        pixel += 1;
    }
}

#[inline(always)]
unsafe fn side_by_side<L: F32s, const S: usize, const D: usize, const J: usize>(
    t: &Run,
    pixel: usize,
) {
    let mut c = 0;
    while c < t.channels {
        let lanes = t.channels - c;
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [L::zero(); J];
            let mut x = t.x.add(pixel * t.x_next + c);
            let mut w = t.w.add(c);
            // Once for each cache line.
            let ahead = t.ahead && c.is_multiple_of(2 * LANES);
            if ahead {
                for j in 0..J {
                    prefetch(t.y.wrapping_add((pixel + J + j) * t.y_next + c));
                }
            }
            for _ in 0..t.rows {
                let mut weights = [L::zero(); S];
                for s in 0..S {
                    weights[s] = L::load_left(w.add(s * t.channels), lanes);
                }
                if ahead {
                    for i in 0..J * D {
                        prefetch(x.wrapping_add(((J - 1) * D + S + i) * t.x_col));
                    }
                }
                for i in 0..(J - 1) * D + S {
                    let source = L::load_left(x.add(i * t.x_col), lanes);
                    for s in 0..S {
                        if i >= s && (i - s) % D == 0 && (i - s) / D < J {
                            sums[(i - s) / D] = weights[s].mul_add(source, sums[(i - s) / D]);
                        }
                    }
                }
                x = x.wrapping_offset(t.x_row);
                w = w.wrapping_add(t.w_row);
            }
            if let Some(clip) = t.clip {
                sums = clipped(sums, clip, c, lanes);
            }
            for j in 0..J {
                sums[j].store_left(t.y.add((pixel + j) * t.y_next + c), lanes);
            }
        }
        c += LANES;
    }
}

/// Any taps.
#[inline(always)]
unsafe fn any_slope<L: F32s>(t: &Slope) {
    for tap in 0..t.rows * t.cols {
        let (a, b) = (tap / t.cols, tap % t.cols);
        let mut c = 0;
        while c < t.channels {
            let lanes = t.channels - c;
            // SAFETY: the caller's promise.
            unsafe {
                let x = t.x.offset(a as isize * t.x_row).add(b * t.x_col + c);
                let p = t.sums.add(a * t.sums_row + b * t.channels + c);
                let mut sum = L::load_left(p, lanes);
                for pixel in 0..t.pixels {
                    let dy = L::load_left(t.dy.add(pixel * t.channels + c), lanes);
                    sum = L::load_left(x.add(pixel * t.x_next), lanes).mul_add(dy, sum);
                }
                sum.store_left(p, lanes);
            }
            c += LANES;
        }
    }
}

/// S adjacent column taps, pixels D apart, J of them side by side: dy is read once for all rows of taps.
#[inline(always)]
unsafe fn slope<L: F32s, const S: usize, const D: usize, const J: usize>(t: &Slope) {
    let mut pixel = 0;
    while pixel + J <= t.pixels {
        // SAFETY: the caller's promise.
        unsafe { slope_side_by_side::<L, S, D, J>(t, pixel) }
        pixel += J;
    }
    while pixel + REST <= t.pixels {
        // SAFETY: the caller's promise.
        unsafe { slope_side_by_side::<L, S, D, REST>(t, pixel) }
        pixel += REST;
    }
    if pixel < t.pixels {
        let rest = Slope {
            x: t.x.wrapping_add(pixel * t.x_next),
            dy: t.dy.wrapping_add(pixel * t.channels),
            pixels: t.pixels - pixel,
            ..*t
        };
        // SAFETY: passed on.
        unsafe { any_slope::<L>(&rest) }
    }
}

#[inline(always)]
unsafe fn slope_side_by_side<L: F32s, const S: usize, const D: usize, const J: usize>(
    t: &Slope,
    pixel: usize,
) {
    let mut c = 0;
    while c < t.channels {
        let lanes = t.channels - c;
        // Once for each cache line.
        let ahead = t.ahead && c.is_multiple_of(2 * LANES);
        // SAFETY: the caller's promise.
        unsafe {
            let mut dy = [L::zero(); J];
            for j in 0..J {
                dy[j] = L::load_left(t.dy.add((pixel + j) * t.channels + c), lanes);
                if ahead {
                    prefetch(t.dy.wrapping_add((pixel + J + j) * t.channels + c));
                }
            }
            let (mut x, mut row) = (t.x.add(pixel * t.x_next + c), t.sums.add(c));
            for _ in 0..t.rows {
                // Two sums for each tap, taken in turns: an addition waits for the one before.
                let mut sums = [[L::zero(); 2]; S];
                for i in 0..(J - 1) * D + S {
                    let source = L::load_left(x.add(i * t.x_col), lanes);
                    if ahead && i < J * D {
                        prefetch(x.wrapping_add(((J - 1) * D + S + i) * t.x_col));
                    }
                    for s in 0..S {
                        if i >= s && (i - s) % D == 0 && (i - s) / D < J {
                            let j = (i - s) / D;
                            sums[s][j % 2] = source.mul_add(dy[j], sums[s][j % 2]);
                        }
                    }
                }
                for s in 0..S {
                    let p = row.add(s * t.channels);
                    let sum = L::load_left(p, lanes).add(sums[s][0].add(sums[s][1]));
                    sum.store_left(p, lanes);
                }
                x = x.wrapping_offset(t.x_row);
                row = row.wrapping_add(t.sums_row);
            }
        }
        c += LANES;
    }
}

/// The loops of one instruction set. Pixels two apart share little, so few of them go side by side: memory likes long runs.
/// Those of adjacent taps are for [taps - 1] up to 5 and [distance of pixels - 1] up to 2.
pub(super) struct Kernels {
    any_run: unsafe fn(&Run),
    any_slope: unsafe fn(&Slope),
    runs: [[unsafe fn(&Run); 2]; 5],
    slopes: [[unsafe fn(&Slope); 2]; 5],
}

impl Kernels {
    pub(super) fn for_run(&self, t: &Run) -> unsafe fn(&Run) {
        match (t.x_col == t.channels, t.cols, t.x_next / t.x_col) {
            (true, taps @ 1..=5, distance @ 1..=2) => self.runs[taps - 1][distance - 1],
            _ => self.any_run,
        }
    }
    pub(super) fn for_slope(&self, t: &Slope) -> unsafe fn(&Slope) {
        match (t.x_col == t.channels, t.cols, t.x_next / t.x_col) {
            (true, taps @ 1..=5, distance @ 1..=2) => self.slopes[taps - 1][distance - 1],
            _ => self.any_slope,
        }
    }
}

form! {
    DenseRun[S: usize, D: usize, J: usize](Run), P => dense_run::<P::F32, S, D, J>;
    DenseSlope[S: usize, D: usize, J: usize](Slope), P => slope::<P::F32, S, D, J>;
    AnyRun(Run), P => any_run::<P::F32>;
    AnySlope(Slope), P => any_slope::<P::F32>;
}

impl Kernels {
    const fn of<P: InstructionSet>() -> Kernels {
        macro_rules! runs {
            ($($taps:literal)*) => {
                [$([P::call::<DenseRun<$taps, 1, 8>>, P::call::<DenseRun<$taps, 2, 2>>]),*]
            };
        }
        macro_rules! slopes {
            ($($taps:literal)*) => {
                [$([P::call::<DenseSlope<$taps, 1, 8>>, P::call::<DenseSlope<$taps, 2, 4>>]),*]
            };
        }
        Kernels {
            any_run: P::call::<AnyRun>,
            any_slope: P::call::<AnySlope>,
            runs: runs!(1 2 3 4 5),
            slopes: slopes!(1 2 3 4 5),
        }
    }
}

/// The choice of [`Kernels`].
struct Table;

impl Choice for Table {
    type Output = &'static Kernels;
    fn of<P: InstructionSet>(self) -> &'static Kernels {
        const { &Kernels::of::<P>() }
    }
}

/// The loops of an instruction set.
pub(super) fn kernels(isa: Isa) -> &'static Kernels {
    isa.choose(Table)
}
