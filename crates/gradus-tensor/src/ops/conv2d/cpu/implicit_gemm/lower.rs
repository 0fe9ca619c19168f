//! Lowering: what target pixels see of the source as the rows of a matrix.
#![allow(unsafe_code)]

use crate::ops::conv2d::cpu::TASKS;
use crate::ops::conv2d::cpu::weights::nth_tap;
use crate::ops::conv2d::geometry::Gather;
use crate::ops::lanes::Shared;
use gradus_cpu::parallel;
use std::ops::Range;

/// Elements of a cache line.
const LINE: usize = 16;

/// Lowers pixels: what each sees of one group's channels through some row taps, one row a pixel.
pub(super) struct Lower<'a> {
    pub(super) g: &'a Gather,
    pub(super) src: *const f32,
    pub(super) group: usize,
    pub(super) taps: Range<usize>,
    /// Elements from one pixel's row to the next, at least [`Lower::len`].
    pub(super) row: usize,
}

// SAFETY: the source is only read.
unsafe impl Sync for Lower<'_> {}

impl<'a> Lower<'a> {
    /// Through all taps, the rows dense.
    pub(super) fn dense(g: &'a Gather, src: *const f32, group: usize) -> Lower<'a> {
        Lower { g, src, group, taps: 0..g.rows.taps, row: g.taps() * g.channels_in }
    }

    /// Through all taps, the rows apart by an odd number of cache lines: a product then finds room for its tiles' rows in a
    /// first-level cache, however wide they are.
    pub(super) fn spread(g: &'a Gather, src: *const f32, group: usize) -> Lower<'a> {
        let lines = (g.taps() * g.channels_in).div_ceil(LINE) | 1;
        Lower { row: lines * LINE, ..Lower::dense(g, src, group) }
    }

    /// As [`Lower::fill`], by all threads.
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn fill_parallel(&self, some: Range<usize>, out: *mut f32) {
        let each = some.len().div_ceil(TASKS).max(1);
        let out = Shared::new(out);
        parallel(some.len().div_ceil(each), &|task| {
            let part = task * each..((task + 1) * each).min(some.len());
            let to = out.at(part.start * self.row);
            // SAFETY: the caller's promise; tasks write distinct rows.
            unsafe { self.fill(some.start + part.start..some.start + part.end, to) }
        });
    }

    /// Some target pixels, a stretch of a row after the other.
    ///
    /// # Safety
    /// The source must be valid over the geometry's shape; `out` must hold a row for each pixel.
    pub(super) unsafe fn fill(&self, some: Range<usize>, out: *mut f32) {
        let g = self.g;
        let (rows, cols) = (g.rows.count, g.cols.count);
        let each = self.row;
        let evenly = g.groups == 1 && g.cols.offset_step.abs() == 1;
        let interior = if evenly { g.cols.interior(0..g.cols.taps) } else { 0..0 };
        let (mut at, mut out) = (some.start, out);
        while at < some.end {
            let (n, u, from) = (at / (rows * cols), at / cols % rows, at % cols);
            let to = cols.min(from + some.end - at);
            let inside = interior.start.clamp(from, to)..interior.end.clamp(from, to);
            let place = |v: usize| out.wrapping_add((v - from) * each);
            // SAFETY: the caller's promise; `out` holds the tile.
            unsafe {
                for v in (from..inside.start).chain(inside.end..to) {
                    self.pixel([n, u, v], place(v));
                }
                if !inside.is_empty() {
                    self.stretch(n, u, inside.clone(), place(inside.start));
                }
            }
            (at, out) = (at + to - from, place(to));
        }
    }

    /// Neighbouring pixels that see the source through all column taps, which lie side by side.
    unsafe fn stretch(&self, n: usize, u: usize, pixels: Range<usize>, out: *mut f32) {
        let (g, c) = (self.g, self.g.channels_in);
        let (width, step) = (g.cols.taps * c, g.cols.scale * c);
        if width == 0 {
            return;
        }
        let (rows, each) = (g.rows.seen(u), self.row);
        let left = g.cols.at(pixels.start, nth_tap(&g.cols, 0)) as usize;
        for (i, a) in self.taps.clone().enumerate() {
            let to = |k: usize| out.wrapping_add(k * each + i * width);
            // SAFETY: the taps are in the source; `out` holds the tile.
            unsafe {
                if !rows.contains(&a) {
                    (0..pixels.len()).for_each(|k| to(k).write_bytes(0, width));
                    continue;
                }
                let row = n * g.rows.source + g.rows.at(u, a) as usize;
                let from = self.src.wrapping_add((row * g.cols.source + left) * c);
                match width {
                    3 => copies::<3>(from, step, to(0), each, pixels.len()),
                    5 => copies::<5>(from, step, to(0), each, pixels.len()),
                    7 => copies::<7>(from, step, to(0), each, pixels.len()),
                    9 => copies::<9>(from, step, to(0), each, pixels.len()),
                    _ => (0..pixels.len()).for_each(|k| copy(from.add(k * step), to(k), width)),
                }
            }
        }
    }

    /// One pixel, zeros for what it does not see.
    unsafe fn pixel(&self, [n, u, v]: [usize; 3], out: *mut f32) {
        let g = self.g;
        let width = g.cols.taps * g.channels_in;
        let (rows, cols, mut out) = (g.rows.seen(u), g.cols.seen(v), out);
        for a in self.taps.clone() {
            // SAFETY: the rows and columns seen are in the source; `out` holds the tile.
            unsafe {
                if rows.contains(&a) {
                    let row = n * g.rows.source + g.rows.at(u, a) as usize;
                    self.row_of_taps(row, v, &cols, out);
                } else {
                    out.write_bytes(0, width);
                }
            }
            out = out.wrapping_add(width);
        }
    }

    /// The column taps of one source row, those not seen as zeros.
    unsafe fn row_of_taps(&self, row: usize, v: usize, seen: &Range<usize>, out: *mut f32) {
        let (g, c) = (self.g, self.g.channels_in);
        let taps = g.cols.taps;
        let seen =
            if g.cols.offset_step < 0 { taps - seen.end..taps - seen.start } else { seen.clone() };
        let pixel = |i: usize| {
            let w = g.cols.at(v, nth_tap(&g.cols, i)) as usize;
            let at = (row * g.cols.source + w) * g.groups + self.group;
            self.src.wrapping_add(at * c)
        };
        // SAFETY: the taps seen are in the source; `out` holds all taps.
        unsafe {
            out.write_bytes(0, seen.start * c);
            out.add(seen.end * c).write_bytes(0, (taps - seen.end) * c);
            if g.groups == 1 && g.cols.offset_step.abs() == 1 && !seen.is_empty() {
                copy(pixel(seen.start), out.add(seen.start * c), seen.len() * c);
            } else {
                seen.for_each(|i| copy(pixel(i), out.add(i * c), c));
            }
        }
    }
}

/// Copies of `W` elements from places `step` apart to places `each` apart.
#[inline(always)]
unsafe fn copies<const W: usize>(
    src: *const f32,
    step: usize,
    dst: *mut f32,
    each: usize,
    count: usize,
) {
    for i in 0..count {
        // SAFETY: the caller's promise; an array has its element's alignment.
        unsafe { *dst.add(i * each).cast::<[f32; W]>() = *src.add(i * step).cast() }
    }
}

/// A short copy, without a call.
#[inline(always)]
unsafe fn copy(src: *const f32, dst: *mut f32, len: usize) {
    const STEP: usize = 8;
    // SAFETY: the caller's promise; the last step may overlap the one before.
    unsafe {
        if len < STEP {
            return (0..len).for_each(|i| *dst.add(i) = *src.add(i));
        }
        let step = |i| *dst.add(i).cast::<[f32; STEP]>() = *src.add(i).cast();
        (0..len - STEP).step_by(STEP).for_each(step);
        step(len - STEP);
    }
}
