//! The weight gradient: products over runs of pixels, of x as lowered tiles or, for 1×1 convolutions, where it lies.
#![allow(unsafe_code)]

use super::{Lower, SLAB, SLAB_ROWS, TILE, is_product, pixels};
use crate::ops::conv2d::cpu::weights::unorder_weights;
use crate::ops::conv2d::cpu::{TASKS, depthwise};
use crate::ops::conv2d::geometry::{Conv2d, Gather};
use crate::ops::lanes::{Isa, Shared};
use gradus_cpu::{Mat, MatMut, gemm, parallel, with_scratch};
use std::ops::Range;

/// Elements of the partial weight gradients, all tasks together, at most.
const PARTS: usize = 1 << 21;
/// Weights from which on a product over all pixels has tasks enough.
const MANY: usize = 1 << 17;
/// Pixels of a product's part at least, and of a lowered part's: fewer, and a visit of the sums takes longer than what is
/// added to them.
const PRODUCT_PIXELS: usize = 512;
const LOWERED_PIXELS: usize = 64;

/// dw from x and dy: products over the pixels.
///
/// # Safety
/// As [`super::forward`].
pub(in super::super::super) unsafe fn weight_gradient(
    isa: Isa,
    conv: &Conv2d,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let g = &conv.forward();
    let (weights, pixels) = (conv.w_shape().len(), pixels(g));
    // SAFETY: the caller's promise.
    unsafe {
        if g.channels_in == 1 && g.channels_out == 1 {
            return depthwise::weight_gradient(isa, g, x, dy, dw);
        }
        let least = if is_product(g) { PRODUCT_PIXELS } else { LOWERED_PIXELS };
        let parts = (PARTS / weights.max(1)).clamp(1, TASKS).min(pixels.div_ceil(least)).max(1);
        let few = is_product(g) && parts < TASKS / 2;
        if few || weights / g.groups >= MANY {
            by_slabs(g, x, dy, dw);
        } else {
            by_parts(g, parts, x, dy, dw);
        }
    }
}

/// One product for each slab of lowered pixels, or for all pixels where they need no lowering; all threads share it.
unsafe fn by_slabs(g: &Gather, x: *const f32, dy: *const f32, dw: *mut f32) {
    let (pixels, k, n) = (pixels(g), g.taps() * g.channels_in, g.channels_out);
    if is_product(g) {
        // SAFETY: the caller's promise.
        return unsafe { product_slopes(g, x, dy, 0..pixels, dw) };
    }
    let row = Lower::spread(g, x, 0).row;
    let each = (SLAB / row).max(SLAB_ROWS).min(pixels.max(1));
    // One tap's sums are in the weights' order already.
    let sums = if g.taps() == 1 { 0 } else { n * k };
    with_scratch((each * row + sums) * size_of::<f32>(), |scratch| {
        let lowered = scratch.cast::<f32>();
        for group in 0..g.groups {
            let lower = Lower::spread(g, x, group);
            let sums = match g.taps() {
                1 => dw.wrapping_add(group * g.weight.group),
                _ => lowered.wrapping_add(each * row),
            };
            let c = MatMut { ptr: sums, row_stride: k as isize, col_stride: 1 };
            let b = Mat { ptr: lowered.cast_const(), row_stride: row as isize, col_stride: 1 };
            // SAFETY: the scratch holds a slab and the sums; the caller's promise.
            unsafe {
                if pixels == 0 {
                    sums.write_bytes(0, n * k);
                }
                for from in (0..pixels).step_by(each) {
                    let some = from..(from + each).min(pixels);
                    lower.fill_parallel(some.clone(), lowered);
                    let a = slopes_of(g, group, dy, from);
                    gemm(n, k, some.len(), a, b, c, from > 0, None);
                }
                if g.taps() > 1 {
                    let rows =
                        Mat { ptr: sums.cast_const(), row_stride: 1, col_stride: k as isize };
                    unorder_weights(g, group, rows, dw);
                }
            }
        }
    });
}

/// Runs of pixels, each with sums of its own, which are added in order.
unsafe fn by_parts(g: &Gather, parts: usize, x: *const f32, dy: *const f32, dw: *mut f32) {
    let (pixels, k, n) = (pixels(g), g.taps() * g.channels_in, g.channels_out);
    let weights = g.groups * k * n;
    let chunk = pixels.div_ceil(parts).max(1);
    let chunks = pixels.div_ceil(chunk);
    // Few parts, as the weights are many: cut by taps as well.
    let each = if parts < TASKS / 2 { 1 } else { g.rows.taps.max(1) };
    with_scratch(chunks.max(1) * weights * size_of::<f32>(), |scratch| {
        let parts = Shared::new(scratch.cast::<f32>());
        let (x, dy) = (Shared::new(x), Shared::new(dy));
        // SAFETY: the caller's promise; tasks write distinct parts.
        unsafe {
            parts.get().write_bytes(0, weights);
            parallel(chunks * g.rows.taps.div_ceil(each), &|task| {
                let (chunk_at, first) = (task % chunks, task / chunks * each);
                let taps = first..(first + each).min(g.rows.taps);
                let some = chunk_at * chunk..((chunk_at + 1) * chunk).min(pixels);
                let part = parts.at(chunk_at * weights);
                if is_product(g) {
                    return product_slopes(g, x.get(), dy.get(), some, part);
                }
                slopes(g, x.get(), dy.get(), taps, some, part);
            });
            add_parts(parts, chunks, weights);
            if is_product(g) {
                return dw.copy_from_nonoverlapping(parts.get(), weights);
            }
            for group in 0..g.groups {
                let ptr = parts.at(group * k * n).cast_const();
                let rows = Mat { ptr, row_stride: n as isize, col_stride: 1 };
                unorder_weights(g, group, rows, dw);
            }
        }
    });
}

/// One group's channels of dy from a pixel on, a row for each channel.
fn slopes_of(g: &Gather, group: usize, dy: *const f32, pixel: usize) -> Mat<f32> {
    let (o, all) = (g.channels_out, g.groups * g.channels_out);
    Mat { ptr: dy.wrapping_add(pixel * all + group * o), row_stride: 1, col_stride: all as isize }
}

/// Adds all parts to the first.
pub(in super::super) unsafe fn add_parts(parts: Shared<f32>, count: usize, len: usize) {
    const BLOCK: usize = 1 << 12;
    parallel(len.div_ceil(BLOCK), &|block| {
        let at = block * BLOCK;
        let size = BLOCK.min(len - at);
        // SAFETY: the caller's promise; blocks are distinct.
        unsafe {
            let sum = std::slice::from_raw_parts_mut(parts.at(at), size);
            for part in 1..count {
                let part = std::slice::from_raw_parts(parts.at(part * len + at), size);
                sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
        }
    });
}

/// The products of some pixels of dy with the same pixels of x, in the order of dw: where each pixel sees its own place.
unsafe fn product_slopes(
    g: &Gather,
    x: *const f32,
    dy: *const f32,
    some: Range<usize>,
    dw: *mut f32,
) {
    let (c, o) = (g.channels_in, g.channels_out);
    for group in 0..g.groups {
        let at = some.start * g.groups + group;
        let a = slopes_of(g, group, dy, some.start);
        let b =
            Mat { ptr: x.wrapping_add(at * c), row_stride: (g.groups * c) as isize, col_stride: 1 };
        let ptr = dw.wrapping_add(group * g.weight.group);
        let c_rows = MatMut { ptr, row_stride: c as isize, col_stride: 1 };
        // SAFETY: the caller's promise.
        unsafe { gemm(o, c, some.len(), a, b, c_rows, false, None) }
    }
}

/// The products of some pixels of x, as some row taps see them, with those of dy: rows of `part`, which is laid out as
/// [`super::super::weights`] does, group after group.
unsafe fn slopes(
    g: &Gather,
    x: *const f32,
    dy: *const f32,
    taps: Range<usize>,
    some: Range<usize>,
    part: *mut f32,
) {
    let (row, n) = (g.cols.taps * g.channels_in, g.channels_out);
    let k = taps.len() * row;
    // Twice a forward tile: its depth is what a visit of the sums is shared by.
    let each = (2 * TILE / k.max(1)).clamp(32, 384);
    with_scratch(each * k * size_of::<f32>(), |scratch| {
        let lowered = scratch.cast::<f32>();
        for group in 0..g.groups {
            let sums = part.wrapping_add((group * g.rows.taps + taps.start) * row * n);
            let c = MatMut { ptr: sums, row_stride: n as isize, col_stride: 1 };
            let lower = Lower { g, src: x, group, taps: taps.clone(), row: k };
            for p in some.clone().step_by(each) {
                let tile = p..(p + each).min(some.end);
                let dy = dy.wrapping_add((p * g.groups + group) * n);
                let b = Mat { ptr: dy, row_stride: (g.groups * n) as isize, col_stride: 1 };
                // SAFETY: the scratch holds the tile.
                unsafe { lower.fill(tile.clone(), lowered) };
                let a = Mat { ptr: lowered.cast_const(), row_stride: 1, col_stride: k as isize };
                // SAFETY: the caller's promise.
                unsafe { gemm(k, n, tile.len(), a, b, c, p > some.start, None) }
            }
        }
    });
}
