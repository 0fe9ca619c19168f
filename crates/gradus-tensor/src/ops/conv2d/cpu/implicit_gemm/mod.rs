//! Convolution as matrix products with the channels innermost: x, y, dx and dy lie in memory as [N, H, W, C]. A tile of
//! target pixels is lowered, each pixel to the row of source values it sees, while the tile fits the second-level cache;
//! a product with the packed weights follows. Where the weights are too many to be read for every tile, it is a slab of pixels
//! that all threads share. 1×1 convolutions of stride 1 are products without copies. The gradient of few channels, a picture's,
//! goes the other way round ([`columns`]).
#![allow(unsafe_code)]

pub(super) mod columns;
mod lower;
mod weight_gradient;

use super::weights::{Weights, group_len, is_depthwise, pack_weights};
use super::{TASKS, depthwise};
use crate::ops::conv2d::Target;
use crate::ops::conv2d::geometry::{Axis, Conv2d, Gather, Pass};
use crate::ops::lanes::{Isa, Shared};
use gradus_cpu::{Clip, Epilogue, Mat, MatMut, gemm_packed, parallel, with_scratch};
use lower::Lower;
use std::ops::Range;

pub(super) use weight_gradient::add_parts;
pub(in super::super) use weight_gradient::weight_gradient;

/// Elements of a lowered tile: 128 KiB, a quarter of the second-level cache.
const TILE: usize = 1 << 15;
/// Elements of a lowered slab: what tasks share of a third-level cache.
const SLAB: usize = 1 << 21;
/// Pixels of a slab at least.
const SLAB_ROWS: usize = 96;

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
    if columns::fits(conv) {
        return with_scratch(columns::packed_len(conv) * size_of::<f32>(), |scratch| {
            let packed = scratch.cast::<f32>();
            // SAFETY: the scratch holds the packed weights; the caller's promise.
            unsafe {
                columns::pack(conv, w, packed);
                columns::data_gradient(conv, dy, packed, dx, epilogue);
            }
        });
    }
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
    if columns::fits(conv) {
        // SAFETY: the caller's promise.
        return unsafe { columns::data_gradient(conv, src, packed, dst, epilogue) };
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
        unsafe {
            if is_product(g) {
                job.product()
            } else if packed_len > job.rows_of_tile() * TILE {
                job.slabs()
            } else {
                job.tiles()
            }
        }
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

    /// Target pixels of a tile.
    fn rows_of_tile(&self) -> usize {
        let k = self.g.taps() * self.g.channels_in;
        let balanced = pixels(self.g).div_ceil(TASKS);
        // A multiple of the register tile's rows.
        (TILE / k.max(1)).clamp(24, 192).min(balanced).next_multiple_of(6)
    }

    /// Whether the pixels are all of the target's; those of a phase lie apart: they are computed aside and then spread.
    fn is_whole(&self) -> bool {
        [self.g.rows.count, self.g.cols.count] == self.g.target
    }

    /// Slab after slab of lowered pixels, each one product that all threads share: where every tile would read more
    /// weights than a second-level cache holds.
    unsafe fn slabs(&self) {
        let (g, count, n) = (self.g, pixels(self.g), self.g.channels_out);
        let row = Lower::spread(g, self.src, 0).row;
        let each = (SLAB / row).max(SLAB_ROWS).min(count);
        let aside = if self.is_whole() { 0 } else { each * n };
        with_scratch((each * row + aside) * size_of::<f32>(), |scratch| {
            let lowered = scratch.cast::<f32>();
            let a = Mat { ptr: lowered.cast_const(), row_stride: row as isize, col_stride: 1 };
            let aside = lowered.wrapping_add(each * row);
            for group in 0..g.groups {
                let lower = Lower::spread(g, self.src, group);
                for from in (0..count).step_by(each) {
                    let some = from..(from + each).min(count);
                    // SAFETY: the scratch holds the slab; the caller's promise.
                    unsafe {
                        lower.fill_parallel(some.clone(), lowered);
                        self.target(group, a, some, aside);
                    }
                }
            }
        });
    }

    /// Lowered pixels' product with the weights: in place, or in `aside` first if they lie apart.
    unsafe fn target(&self, group: usize, a: Mat<f32>, some: Range<usize>, aside: *mut f32) {
        let (outer, n) = (self.pixel, self.g.channels_out);
        // SAFETY: the caller's promise.
        unsafe {
            if self.is_whole() {
                let c = self.dst.wrapping_add(some.start * outer + group * n);
                return self.multiply(group, some.len(), a, c, outer, some.start);
            }
            let plain = Job { epilogue: None, ..*self };
            plain.multiply(group, some.len(), a, aside, n, 0);
            let aside = Shared::new(aside);
            let each = some.len().div_ceil(TASKS).max(1);
            parallel(some.len().div_ceil(each), &|task| {
                let part = task * each..((task + 1) * each).min(some.len());
                let from = aside.at(part.start * n);
                self.scatter(group, from, some.start + part.start..some.start + part.end);
            });
        }
    }

    /// Tile after tile of lowered pixels.
    unsafe fn tiles(&self) {
        let (g, count) = (self.g, pixels(self.g));
        let (k, n) = (g.taps() * g.channels_in, g.channels_out);
        let each = self.rows_of_tile();
        let aside = if self.is_whole() { 0 } else { each * n };
        parallel(count.div_ceil(each), &|tile| {
            let some = tile * each..((tile + 1) * each).min(count);
            with_scratch((each * k + aside) * size_of::<f32>(), |scratch| {
                let lowered = scratch.cast::<f32>();
                let a = Mat { ptr: lowered.cast_const(), row_stride: k as isize, col_stride: 1 };
                let aside = lowered.wrapping_add(each * k);
                for group in 0..g.groups {
                    // SAFETY: the scratch holds the tile; the caller's promise.
                    unsafe {
                        Lower::dense(g, self.src, group).fill(some.clone(), lowered);
                        self.target(group, a, some.clone(), aside);
                    }
                }
            });
        });
    }

    /// Rows that were computed aside, to their pixels.
    unsafe fn scatter(&self, group: usize, rows: *const f32, some: Range<usize>) {
        let (g, n) = (self.g, self.g.channels_out);
        for (i, [image, u, v]) in places(g, some).enumerate() {
            let pixel = (image * g.target[0] + g.rows.target(u)) * g.target[1] + g.cols.target(v);
            let at = self.dst.wrapping_add(pixel * self.pixel + group * n);
            // SAFETY: the caller's promise; the pixels are the target's.
            unsafe {
                at.copy_from_nonoverlapping(rows.add(i * n), n);
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
    fn clip(&self) -> Option<Clip<f32>> {
        self.inner.clip().map(|clip| clip.from(self.col))
    }
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
