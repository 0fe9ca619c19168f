//! Depthwise convolution with the channels innermost: a lane is a channel, and no channel meets another.
#![allow(unsafe_code)]

use super::Tasks;
use super::line::{self, Line, lines};
use crate::ops::conv2d::geometry::Gather;
use crate::ops::lanes::{Isa, LANES, Lanes, Portable, Shared};
use gradus_cpu::{Epilogue, parallel, with_scratch};
use std::ops::Range;

/// Target columns computed side by side: as many chains of multiply-adds.
const COLUMNS: usize = 4;

/// Target = Σ over taps of weight · source, channel by channel.
///
/// # Safety
/// As the gathering passes of the parent module: one source and one target channel a group.
pub(super) unsafe fn gather(
    isa: Isa,
    g: &Gather,
    src: *const f32,
    w: *const f32,
    dst: *mut f32,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    with_scratch(g.taps() * g.groups * size_of::<f32>(), |packed| {
        let packed = packed.cast::<f32>();
        for i in 0..g.taps() * g.groups {
            let (tap, c) = (i / g.groups, i % g.groups);
            let at = g.weight(c, 0, 0, [tap / g.cols.taps, tap % g.cols.taps]);
            // SAFETY: w holds every weight, the scratch as many.
            unsafe { *packed.add(i) = *w.add(at) }
        }
        let (src, packed, dst) = (Shared::new(src), Shared::new(packed), Shared::new(dst));
        let tasks = Tasks::of(g);
        parallel(g.batch * tasks.len(), &|task| {
            let job =
                Job { isa, g, src: src.get(), packed: packed.get(), dst: dst.get(), epilogue };
            let [rows, cols] = tasks.get(task % tasks.len());
            for u in rows {
                // SAFETY: the caller's promise; each task writes its own pixels.
                unsafe { job.row(task / tasks.len(), u, cols.clone()) }
            }
        });
    });
}

struct Job<'a> {
    isa: Isa,
    g: &'a Gather,
    src: *const f32,
    /// [row tap][column tap][channel].
    packed: *const f32,
    dst: *mut f32,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

impl Job<'_> {
    unsafe fn row(&self, image: usize, u: usize, cols: Range<usize>) {
        let (g, c) = (self.g, self.g.groups);
        let interior = g.cols.interior(0..g.cols.taps);
        let rows = g.rows.seen(u);
        let pixel =
            |v: usize| (image * g.target[0] + g.rows.target(u)) * g.target[1] + g.cols.target(v);
        let mut v = cols.start;
        while v < cols.end {
            let four = interior.contains(&v) && v + COLUMNS <= interior.end.min(cols.end);
            let taps = g.cols.seen(v);
            let row = (image * g.rows.source) as isize + g.rows.at(u, rows.start);
            let source = row * g.cols.source as isize + g.cols.at(v, taps.start);
            let stretch = Stretch {
                x: self.src.wrapping_offset(source * c as isize),
                x_row: g.rows.offset_step * (g.cols.source * c) as isize,
                x_col: g.cols.offset_step * c as isize,
                x_next: (g.cols.scale * c) as isize,
                rows: rows.len(),
                cols: taps.len(),
                w: self.packed.wrapping_add((rows.start * g.cols.taps + taps.start) * c),
                w_row: g.cols.taps * c,
                y: self.dst.wrapping_add(pixel(v) * c),
                y_next: (g.cols.step * c) as isize,
                channels: c,
            };
            let columns = if four { COLUMNS } else { 1 };
            // SAFETY: the caller's promise; only seen taps are visited.
            unsafe {
                stretches(self.isa)[usize::from(four)](&stretch);
                if let Some(epilogue) = self.epilogue {
                    for v in v..v + columns {
                        epilogue.apply(pixel(v), 0, self.dst.wrapping_add(pixel(v) * c), c);
                    }
                }
            }
            v += columns;
        }
    }
}

/// Some neighbouring target pixels, all channels.
struct Stretch {
    /// The source at the first row tap, column tap, pixel and channel.
    x: *const f32,
    /// From one row tap, column tap and target pixel to the next.
    x_row: isize,
    x_col: isize,
    x_next: isize,
    rows: usize,
    cols: usize,
    /// The weights of the first tap; a column tap further on are the next channels' worth.
    w: *const f32,
    w_row: usize,
    y: *mut f32,
    y_next: isize,
    channels: usize,
}

type StretchFn = unsafe fn(&Stretch);

#[inline(always)]
unsafe fn stretch<L: Lanes, const J: usize>(t: &Stretch) {
    // SAFETY: the caller's promise.
    unsafe {
        let whole = t.channels / LANES * LANES;
        for c in (0..whole).step_by(LANES) {
            block::<L, J, false>(t, c);
        }
        if whole < t.channels {
            block::<L, J, true>(t, whole);
        }
    }
}

/// A vector of channels of J pixels.
#[inline(always)]
unsafe fn block<L: Lanes, const J: usize, const MASKED: bool>(t: &Stretch, c: usize) {
    let left = t.channels - c;
    // SAFETY: the caller's promise.
    unsafe {
        let load = |p: *const f32| if MASKED { L::load_first(p, left) } else { L::load(p) };
        let mut sums = [L::zero(); J];
        let (mut x_row, mut w_row) = (t.x.wrapping_add(c), t.w.wrapping_add(c));
        for _ in 0..t.rows {
            let (mut x, mut w) = (x_row, w_row);
            for _ in 0..t.cols {
                let weight = load(w);
                for j in 0..J {
                    sums[j] = weight.mul_add(load(x.offset(j as isize * t.x_next)), sums[j]);
                }
                x = x.wrapping_offset(t.x_col);
                w = w.wrapping_add(t.channels);
            }
            x_row = x_row.wrapping_offset(t.x_row);
            w_row = w_row.wrapping_add(t.w_row);
        }
        for j in 0..J {
            let y = t.y.offset(j as isize * t.y_next).add(c);
            if MASKED { sums[j].store_first(y, left) } else { sums[j].store(y) }
        }
    }
}

macro_rules! instruction_set {
    ($module:ident, $lanes:ty, $(#[$attr:meta])*) => {
        mod $module {
            use super::*;
            $(#[$attr])*
            unsafe fn run<const J: usize>(t: &Stretch) {
                // SAFETY: passed on.
                unsafe { stretch::<$lanes, J>(t) }
            }
            pub(super) static STRETCHES: [StretchFn; 2] = [run::<1>, run::<COLUMNS>];
        }
    };
}
instruction_set!(any, Portable,);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, crate::ops::lanes::Avx2, #[target_feature(enable = "avx2,fma")]);

/// One pixel, and [`COLUMNS`] of them.
fn stretches(isa: Isa) -> &'static [StretchFn; 2] {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => &avx2::STRETCHES,
        _ => &any::STRETCHES,
    }
}

/// dw, channel by channel: tasks are vectors of channels, so nothing is left to add.
///
/// # Safety
/// As [`gather`].
pub(super) unsafe fn weight_gradient(
    isa: Isa,
    g: &Gather,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let (x, dy, dw) = (Shared::new(x), Shared::new(dy), Shared::new(dw));
    parallel(g.groups.div_ceil(LANES), &|task| {
        let first = task * LANES;
        let channels = LANES.min(g.groups - first);
        with_scratch((g.taps() + 1) * LANES * size_of::<f32>(), |scratch| {
            let sums = scratch.cast::<f32>();
            let zeros = sums.wrapping_add(g.taps() * LANES);
            // SAFETY: the scratch holds a vector for each tap and one of zeros; the caller's promise.
            unsafe {
                sums.write_bytes(0, (g.taps() + 1) * LANES);
                for i in 0..g.batch * g.rows.count {
                    let (image, u) = (i / g.rows.count, i % g.rows.count);
                    for a in g.rows.seen(u) {
                        let row = image * g.rows.source + g.rows.at(u, a) as usize;
                        let x = x.at(row * g.cols.source * g.groups + first);
                        let dy = dy.at(i * g.cols.count * g.groups + first);
                        row_of_taps(
                            isa,
                            g,
                            x,
                            dy,
                            channels,
                            sums.add(a * g.cols.taps * LANES),
                            zeros,
                        );
                    }
                }
                for i in 0..g.taps() * channels {
                    let (tap, c) = (i / channels, i % channels);
                    let at = g.weight(first + c, 0, 0, [tap / g.cols.taps, tap % g.cols.taps]);
                    *dw.at(at) = *sums.add(tap * LANES + c);
                }
            }
        });
    });
}

/// One row of dy with one row of x through all column taps.
unsafe fn row_of_taps(
    isa: Isa,
    g: &Gather,
    x: *const f32,
    dy: *const f32,
    channels: usize,
    sums: *mut f32,
    zeros: *const f32,
) {
    for first in (0..g.cols.taps).step_by(line::TAPS) {
        let taps = first..(first + line::TAPS).min(g.cols.taps);
        let interior = g.cols.interior(taps.clone());
        let mut v = 0;
        while v < g.cols.count {
            let span = if interior.contains(&v) { interior.end - v } else { 1 };
            let mut xs = [zeros; line::TAPS];
            for (p, tap) in xs.iter_mut().zip(taps.clone()) {
                let w = g.cols.at(v, tap);
                if (0..g.cols.source as isize).contains(&w) {
                    *p = x.wrapping_add(w as usize * g.groups);
                }
            }
            let line = Line {
                dy: dy.wrapping_add(v * g.groups),
                dy_channel: 0,
                dy_next: g.groups as isize,
                x: xs,
                x_next: (g.cols.scale * g.groups) as isize,
                columns: span,
                images: channels,
                sums: sums.wrapping_add(first * LANES),
            };
            // SAFETY: the caller's promise; outside the source the zeros are read.
            unsafe { lines(isa).get(taps.len(), 1)(&line) };
            v += span;
        }
    }
}
