//! Depthwise convolution with the channels innermost: a lane is a channel, and no channel meets another.
#![allow(unsafe_code)]

mod kernels;

use super::TASKS;
use super::implicit_gemm::add_parts;
use crate::ops::conv2d::geometry::{Axis, Gather};
use crate::ops::lanes::{Isa, Shared};
use gradus_cpu::{Clip, Epilogue, parallel, with_scratch};
use kernels::{Kernels, Run, Slope, kernels};
use std::ops::Range;

/// Elements of source and target beyond which they come from memory: a third-level cache has no more to itself.
const FAR: usize = 1 << 21;
/// Columns of a task at least.
const WIDE: usize = 8;
/// Elements that the epilogue finds in the first-level cache.
const HOT: usize = 1 << 12;

/// The weights as [row tap][column tap][channel], taps counted from the left in the source.
///
/// # Safety
/// w must hold every weight, `packed` have room for as many.
pub(super) unsafe fn pack(g: &Gather, w: *const f32, packed: *mut f32) {
    for tap in 0..g.taps() {
        for c in 0..g.groups {
            // SAFETY: the caller's promise.
            unsafe { *packed.add(tap * g.groups + c) = *w.add(weight(g, c, tap)) }
        }
    }
}

/// Target = Σ over taps of weight · source, channel by channel.
///
/// # Safety
/// As the gathering passes of the parent module: one source and one target channel a group. `packed` must be what
/// [`pack`] wrote.
pub(super) unsafe fn gather(
    isa: Isa,
    g: &Gather,
    src: *const f32,
    packed: *const f32,
    dst: *mut f32,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let (src, packed, dst) = (Shared::new(src), Shared::new(packed), Shared::new(dst));
    let (rows, cols) = (g.batch * g.rows.count, g.cols.count);
    let ahead = from_memory(g);
    let clip = epilogue.and_then(|e| e.clip());
    let epilogue = if clip.is_some() { None } else { epilogue };
    // Rows; parts of them, runs long enough, where there are few.
    let cuts = TASKS.div_ceil(rows.max(1)).min(cols / WIDE).max(1);
    let (tall, wide) = (rows.div_ceil(2 * TASKS).max(1), cols.div_ceil(cuts));
    parallel(rows.div_ceil(tall) * cuts, &|task| {
        let kernels = kernels(isa);
        let (src, packed, dst) = (src.get(), packed.get(), dst.get());
        let job = Job { kernels, g, src, packed, dst, ahead, clip, epilogue };
        let (band, cut) = (task / cuts, task % cuts);
        let cols = cut * wide..((cut + 1) * wide).min(cols);
        for row in band * tall..((band + 1) * tall).min(rows) {
            // SAFETY: the caller's promise; each task writes its own pixels.
            unsafe { job.row(row / g.rows.count, row % g.rows.count, cols.clone()) }
        }
    });
}

/// Whether source and target are too large for the caches.
fn from_memory(g: &Gather) -> bool {
    let pixels = g.rows.source * g.cols.source + g.rows.count * g.cols.count;
    g.batch * pixels * g.groups > FAR
}

/// Where the weight of a channel lies, taps counted row by row from the left in the source.
fn weight(g: &Gather, c: usize, tap: usize) -> usize {
    let (a, b) = (tap / g.cols.taps, tap % g.cols.taps);
    let b = if g.cols.offset_step < 0 { g.cols.taps - 1 - b } else { b };
    g.weight(c, 0, 0, [a, b])
}

/// Columns that see the same taps: the first, how many, and the taps, counted from the left in the source.
struct Columns {
    first: usize,
    count: usize,
    taps: Range<usize>,
    /// Where the leftmost tap lies in the source for the first column.
    at: isize,
}

/// Columns that see all taps in one piece, those on the edges one by one.
fn columns(axis: &Axis, cols: Range<usize>) -> impl Iterator<Item = Columns> + '_ {
    let interior = axis.interior(0..axis.taps);
    let mut v = cols.start;
    std::iter::from_fn(move || {
        if v >= cols.end {
            return None;
        }
        let first = v;
        let inside = interior.contains(&v);
        let taps = if inside { 0..axis.taps } else { axis.seen(v) };
        v = if inside { interior.end.min(cols.end) } else { v + 1 };
        // The taps as the kernel counts them run from right to left where the offset step is negative.
        let backwards = axis.offset_step < 0;
        let left = if backwards { taps.end.max(1) - 1 } else { taps.start };
        let at = axis.at(first, left);
        let taps = if backwards { axis.taps - taps.end..axis.taps - taps.start } else { taps };
        Some(Columns { first, count: v - first, taps, at })
    })
}

struct Job<'a> {
    kernels: &'static Kernels,
    g: &'a Gather,
    src: *const f32,
    /// [row tap][column tap][channel].
    packed: *const f32,
    dst: *mut f32,
    ahead: bool,
    /// What follows, if runs can do it; else the epilogue.
    clip: Option<Clip<f32>>,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

impl Job<'_> {
    unsafe fn row(&self, image: usize, u: usize, cols: Range<usize>) {
        let (g, c) = (self.g, self.g.groups);
        let rows = g.rows.seen(u);
        let row = (image * g.rows.source) as isize + g.rows.at(u, rows.start);
        let target = (image * g.target[0] + g.rows.target(u)) * g.target[1];
        // Whole runs, after each of which the epilogue finds them in the first-level cache.
        let each = (HOT / c).next_multiple_of(WIDE);
        let mut finished = cols.start;
        for columns in columns(&g.cols, cols.clone()) {
            let source = (row * g.cols.source as isize + columns.at) * c as isize;
            let mut done = 0;
            while done < columns.count {
                let pixels = each.min(columns.count - done);
                let pixel = target + g.cols.target(columns.first + done);
                let run = Run {
                    x: self.src.wrapping_offset(source).wrapping_add(done * g.cols.scale * c),
                    x_row: g.rows.offset_step * (g.cols.source * c) as isize,
                    x_col: g.cols.offset_step.unsigned_abs() * c,
                    x_next: g.cols.scale * c,
                    rows: rows.len(),
                    cols: columns.taps.len(),
                    w: self
                        .packed
                        .wrapping_add((rows.start * g.cols.taps + columns.taps.start) * c),
                    w_row: g.cols.taps * c,
                    y: self.dst.wrapping_add(pixel * c),
                    y_next: g.cols.step * c,
                    pixels,
                    channels: c,
                    ahead: self.ahead,
                    clip: self.clip,
                };
                done += pixels;
                let end = columns.first + done;
                // SAFETY: the caller's promise; only seen taps are visited.
                unsafe {
                    self.kernels.for_run(&run)(&run);
                    if end - finished >= each || end == cols.end {
                        self.finish(target, finished..end);
                        finished = end;
                    }
                }
            }
        }
    }

    /// The epilogue on some columns of the target's row that begins at a pixel.
    unsafe fn finish(&self, row: usize, cols: Range<usize>) {
        let (g, c) = (self.g, self.g.groups);
        let Some(epilogue) = self.epilogue else { return };
        let at = |v: usize| {
            let pixel = row + g.cols.target(v);
            (pixel, self.dst.wrapping_add(pixel * c))
        };
        // SAFETY: the caller's promise.
        unsafe {
            if g.cols.step == 1 {
                let (pixel, first) = at(cols.start);
                return epilogue.apply_rows(pixel, 0, first, c as isize, cols.len(), c);
            }
            for (pixel, at) in cols.map(at) {
                epilogue.apply(pixel, 0, at, c);
            }
        }
    }
}

/// dw, channel by channel: each task sums over its own rows of dy, then the tasks' sums are added in order.
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
    let (rows, len) = (g.batch * g.rows.count, g.taps() * g.groups);
    let each = rows.div_ceil(TASKS).max(1);
    let parts = rows.div_ceil(each).max(1);
    with_scratch(parts * len * size_of::<f32>(), |scratch| {
        let sums = Shared::new(scratch.cast::<f32>());
        let (x, dy) = (Shared::new(x), Shared::new(dy));
        parallel(parts, &|part| {
            let kernels = kernels(isa);
            let slopes = Slopes { kernels, g, x: x.get(), dy: dy.get(), ahead: from_memory(g) };
            let sums = sums.at(part * len);
            // SAFETY: the scratch holds the parts; the caller's promise.
            unsafe {
                sums.write_bytes(0, len);
                for row in part * each..((part + 1) * each).min(rows) {
                    slopes.row(row / g.rows.count, row % g.rows.count, sums);
                }
            }
        });
        // SAFETY: the parts are there; dw holds every weight.
        unsafe {
            add_parts(sums, parts, len);
            for tap in 0..g.taps() {
                for c in 0..g.groups {
                    *dw.add(weight(g, c, tap)) = *sums.at(tap * g.groups + c);
                }
            }
        }
    });
}

/// A weight gradient under way.
struct Slopes<'a> {
    kernels: &'static Kernels,
    g: &'a Gather,
    x: *const f32,
    dy: *const f32,
    ahead: bool,
}

impl Slopes<'_> {
    /// One row of dy with all rows of x that it saw.
    unsafe fn row(&self, image: usize, u: usize, sums: *mut f32) {
        let (g, c) = (self.g, self.g.groups);
        let dy = (image * g.rows.count + u) * g.cols.count;
        let rows = g.rows.seen(u);
        let row = (image * g.rows.source) as isize + g.rows.at(u, rows.start);
        for columns in columns(&g.cols, 0..g.cols.count) {
            let at = row * g.cols.source as isize + columns.at;
            let slope = Slope {
                x: self.x.wrapping_offset(at * c as isize),
                x_row: g.rows.offset_step * (g.cols.source * c) as isize,
                x_col: g.cols.offset_step.unsigned_abs() * c,
                x_next: g.cols.scale * c,
                rows: rows.len(),
                cols: columns.taps.len(),
                dy: self.dy.wrapping_add((dy + columns.first) * c),
                pixels: columns.count,
                channels: c,
                sums: sums.wrapping_add((rows.start * g.cols.taps + columns.taps.start) * c),
                sums_row: g.cols.taps * c,
                ahead: self.ahead,
            };
            // SAFETY: the caller's promise; only seen taps are visited.
            unsafe { self.kernels.for_slope(&slope)(&slope) }
        }
    }
}
