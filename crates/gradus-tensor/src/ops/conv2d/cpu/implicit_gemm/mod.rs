//! Convolution as matrix products with the channels innermost: x, y, dx and dy lie in memory as [N, H, W, C]. A tile of
//! target pixels is lowered, each pixel to the row of source values it sees, while the tile fits the second-level cache;
//! a product with the packed weights follows. 1×1 convolutions of stride 1 are products without copies.
#![allow(unsafe_code)]

mod weight_gradient;

use super::weights::{Weights, group_len, is_depthwise, nth_tap, pack_weights};
use super::{TASKS, depthwise};
use crate::ops::conv2d::Target;
use crate::ops::conv2d::geometry::{Axis, Conv2d, Gather, Pass};
use crate::ops::lanes::Isa;
use gradus_cpu::{Epilogue, Mat, MatMut, gemm_packed, parallel, with_scratch};
use std::ops::Range;

pub(super) use weight_gradient::add_parts;
pub(in super::super) use weight_gradient::weight_gradient;

/// Elements of a lowered tile: 128 KiB, a quarter of the second-level cache.
const TILE: usize = 1 << 15;

/// y from x and w. The epilogue sees y as the matrix [N·P·Q, O].
///
/// # Safety
/// x, w and y must be valid over the geometry's shapes, x and y dense in [N, H, W, C] order but for the room between y's
/// pixels, w dense; the machine must have the instruction set.
pub(in super::super) unsafe fn forward(
    isa: Isa,
    conv: &Conv2d,
    x: *const f32,
    w: *const f32,
    y: impl Into<Target>,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    // SAFETY: the caller's promise.
    unsafe { gather(isa, &conv.forward(), x, Weights::Plain(w), y.into(), epilogue) }
}

/// dx from dy and w. The epilogue sees dx as the matrix [N·H·W, C].
///
/// # Safety
/// As [`forward`].
pub(in super::super) unsafe fn data_gradient(
    isa: Isa,
    conv: &Conv2d,
    dy: *const f32,
    w: *const f32,
    dx: impl Into<Target>,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let dx = dx.into();
    for phase in conv.data_gradient() {
        // SAFETY: the caller's promise; phases write distinct pixels.
        unsafe { gather(isa, &phase, dy, Weights::Plain(w), dx, epilogue) }
    }
}

/// As [`forward`] or [`data_gradient`], with weights that were packed for the pass.
///
/// # Safety
/// As [`forward`]; `packed` must be what [`pack`] wrote.
pub(in super::super) unsafe fn run_packed(
    isa: Isa,
    conv: &Conv2d,
    pass: Pass,
    src: *const f32,
    packed: *const f32,
    dst: Target,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    if pass == Pass::Forward {
        // SAFETY: the caller's promise.
        return unsafe {
            gather(isa, &conv.forward(), src, Weights::Packed(packed), dst, epilogue);
        };
    }
    let mut at = packed;
    for phase in conv.data_gradient() {
        // SAFETY: the caller's promise; phases write distinct pixels.
        unsafe { gather(isa, &phase, src, Weights::Packed(at), dst, epilogue) }
        at = at.wrapping_add(phase.groups * group_len(&phase));
    }
}

unsafe fn gather(
    isa: Isa,
    g: &Gather,
    src: *const f32,
    w: Weights,
    dst: Target,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    if pixels(g) == 0 || g.channels_out == 0 {
        return;
    }
    let packed_len = group_len(g);
    let run = |packed: *const f32| {
        if is_depthwise(g) {
            assert!(dst.pixel.is_none(), "a depthwise convolution leaves no room between pixels");
            // SAFETY: the caller's promise.
            return unsafe { depthwise::gather(isa, g, src, packed, dst.ptr, epilogue) };
        }
        let pixel = dst.pixel.unwrap_or(g.groups * g.channels_out);
        let job = Job { g, src, packed, packed_len, dst: dst.ptr, pixel, epilogue };
        // SAFETY: the caller's promise.
        unsafe { if is_product(g) { job.product() } else { job.tiles() } }
    };
    match w {
        Weights::Packed(packed) => run(packed),
        Weights::Plain(w) => {
            with_scratch(g.groups * packed_len * size_of::<f32>(), |scratch| {
                let packed = scratch.cast::<f32>();
                // SAFETY: the scratch holds the packed weights of every group.
                unsafe { pack_weights(g, w, packed) }
                run(packed);
            });
        }
    }
}

/// Target pixels.
fn pixels(g: &Gather) -> usize {
    g.batch * g.rows.count * g.cols.count
}

/// True when each target pixel sees just the source pixel of its own place.
fn is_product(g: &Gather) -> bool {
    let own = |axis: &Axis, target: usize| {
        axis.taps == 1
            && axis.scale == 1
            && axis.offset == 0
            && axis.source == axis.count
            && axis.count == target
    };
    own(&g.rows, g.target[0]) && own(&g.cols, g.target[1])
}

/// A gathering under way.
struct Job<'a> {
    g: &'a Gather,
    src: *const f32,
    packed: *const f32,
    packed_len: usize,
    dst: *mut f32,
    /// From one target pixel to the next.
    pixel: usize,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

// SAFETY: tasks write distinct pixels; the epilogue is Sync.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    /// All pixels in one product for each group.
    unsafe fn product(&self) {
        let (g, n) = (self.g, self.g.channels_out);
        let (inner, outer) = (g.groups * g.channels_in, self.pixel);
        for group in 0..g.groups {
            let src = self.src.wrapping_add(group * g.channels_in);
            let a = Mat { ptr: src, row_stride: inner as isize, col_stride: 1 };
            // SAFETY: the caller's promise.
            unsafe {
                self.multiply(group, pixels(g), a, self.dst.wrapping_add(group * n), outer, 0)
            }
        }
    }

    /// `rows` pixels, the first of which is target pixel `pixel`, of one group.
    unsafe fn multiply(
        &self,
        group: usize,
        rows: usize,
        a: Mat<f32>,
        c: *mut f32,
        c_row: usize,
        pixel: usize,
    ) {
        let g = self.g;
        let (k, n) = (g.taps() * g.channels_in, g.channels_out);
        let c = MatMut { ptr: c, row_stride: c_row as isize, col_stride: 1 };
        let packed = self.packed.wrapping_add(group * self.packed_len);
        let shifted = self.epilogue.map(|inner| Shifted { inner, row: pixel, col: group * n });
        let epilogue = shifted.as_ref().map(|e| e as &dyn Epilogue<f32>);
        // SAFETY: the caller's promise.
        unsafe { gemm_packed(rows, n, k, a, packed, c, false, epilogue) }
    }

    /// Tile after tile of lowered pixels.
    unsafe fn tiles(&self) {
        let (g, count) = (self.g, pixels(self.g));
        let (k, n) = (g.taps() * g.channels_in, g.channels_out);
        // A multiple of the register tile's rows.
        let each = (TILE / k.max(1)).clamp(24, 192).min(count.div_ceil(TASKS)).next_multiple_of(6);
        // A phase's pixels lie apart: its tile is computed aside and then spread.
        let whole = [g.rows.count, g.cols.count] == g.target;
        let aside = if whole { 0 } else { each * n };
        parallel(count.div_ceil(each), &|tile| {
            let some = tile * each..((tile + 1) * each).min(count);
            with_scratch((each * k + aside) * size_of::<f32>(), |scratch| {
                let lowered = scratch.cast::<f32>();
                let a = Mat { ptr: lowered.cast_const(), row_stride: k as isize, col_stride: 1 };
                for group in 0..g.groups {
                    let lower = Lower { g, src: self.src, group, taps: 0..g.rows.taps };
                    // SAFETY: the scratch holds the tile; the caller's promise.
                    unsafe {
                        lower.run(some.clone(), lowered);
                        if whole {
                            let outer = self.pixel;
                            let c = self.dst.wrapping_add(some.start * outer + group * n);
                            self.multiply(group, some.len(), a, c, outer, some.start);
                        } else {
                            let c = lowered.wrapping_add(each * k);
                            self.aside(group, a, some.clone(), c);
                        }
                    }
                }
            });
        });
    }

    /// A tile's product in scratch, then its rows to their pixels.
    unsafe fn aside(&self, group: usize, a: Mat<f32>, some: Range<usize>, c: *mut f32) {
        let (g, n) = (self.g, self.g.channels_out);
        let plain = Job { epilogue: None, ..*self };
        // SAFETY: the caller's promise; the pixels are the target's.
        unsafe {
            plain.multiply(group, some.len(), a, c, n, 0);
            for (i, [image, u, v]) in places(g, some).enumerate() {
                let pixel =
                    (image * g.target[0] + g.rows.target(u)) * g.target[1] + g.cols.target(v);
                let at = self.dst.wrapping_add(pixel * self.pixel + group * n);
                at.copy_from_nonoverlapping(c.add(i * n), n);
                if let Some(epilogue) = self.epilogue {
                    epilogue.apply(pixel, group * n, at, n);
                }
            }
        }
    }
}

/// An epilogue over a part of its matrix.
struct Shifted<'a> {
    inner: &'a dyn Epilogue<f32>,
    row: usize,
    col: usize,
}

impl Epilogue<f32> for Shifted<'_> {
    unsafe fn apply(&self, row: usize, col: usize, ptr: *mut f32, len: usize) {
        // SAFETY: passed on.
        unsafe { self.inner.apply(row + self.row, col + self.col, ptr, len) }
    }
    unsafe fn apply_rows(
        &self,
        row: usize,
        col: usize,
        ptr: *mut f32,
        row_stride: isize,
        rows: usize,
        len: usize,
    ) {
        let (row, col) = (row + self.row, col + self.col);
        // SAFETY: passed on.
        unsafe { self.inner.apply_rows(row, col, ptr, row_stride, rows, len) }
    }
}

/// Image, row and column of some target pixels.
fn places(g: &Gather, some: Range<usize>) -> impl Iterator<Item = [usize; 3]> {
    let (rows, cols) = (g.rows.count, g.cols.count);
    let (mut v, mut u, mut n) =
        (some.start % cols, some.start / cols % rows, some.start / (cols * rows));
    some.map(move |_| {
        let place = [n, u, v];
        v += 1;
        if v == cols {
            (v, u) = (0, u + 1);
        }
        if u == rows {
            (u, n) = (0, n + 1);
        }
        place
    })
}

/// Lowers pixels: what each sees of one group's channels through some row taps, one row a pixel.
struct Lower<'a> {
    g: &'a Gather,
    src: *const f32,
    group: usize,
    taps: Range<usize>,
}

impl Lower<'_> {
    /// Some target pixels, a stretch of a row after the other.
    unsafe fn run(&self, some: Range<usize>, out: *mut f32) {
        let g = self.g;
        let (rows, cols) = (g.rows.count, g.cols.count);
        let each = self.taps.len() * g.cols.taps * g.channels_in;
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
        let (rows, each) = (g.rows.seen(u), self.taps.len() * width);
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
