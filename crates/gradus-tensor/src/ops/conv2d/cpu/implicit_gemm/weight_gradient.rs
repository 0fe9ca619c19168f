//! The weight gradient: products over runs of pixels, of x as lowered tiles or, for 1×1 convolutions, where it lies.
#![allow(unsafe_code)]

use super::{Lower, TILE, is_product, pixels};
use crate::ops::conv2d::cpu::weights::unorder_weights;
use crate::ops::conv2d::cpu::{TASKS, depthwise};
use crate::ops::conv2d::geometry::{Conv2d, Gather};
use crate::ops::lanes::{Isa, Shared};
use gradus_cpu::{Mat, MatMut, gemm, parallel, with_scratch};
use std::ops::Range;

/// Elements of the partial weight gradients, all tasks together, at most.
const PARTS: usize = 1 << 21;

/// How a weight gradient is cut: tasks are runs of row taps × runs of pixels.
struct Cut {
    pixels: usize,
    chunk: usize,
    chunks: usize,
    /// Row taps of a task.
    taps: usize,
}

impl Cut {
    fn of(g: &Gather) -> Cut {
        let weights = g.groups * g.channels_out * g.channels_in * g.taps();
        let pixels = pixels(g);
        let wanted = (PARTS / weights.max(1)).clamp(1, TASKS).min(pixels.div_ceil(64)).max(1);
        let chunk = pixels.div_ceil(wanted).max(1);
        // Few parts, as the weights are many: cut by taps as well.
        let taps = if wanted < TASKS / 2 { 1 } else { g.rows.taps.max(1) };
        Cut { pixels, chunk, chunks: pixels.div_ceil(chunk), taps }
    }
}

/// dw from x and dy: a product over the pixels, cut into runs whose sums are added in order.
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
    let weights = conv.w_shape().len();
    if g.channels_in == 1 && g.channels_out == 1 {
        // SAFETY: the caller's promise.
        return unsafe { depthwise::weight_gradient(isa, g, x, dy, dw) };
    }
    let cut = Cut::of(g);
    if is_product(g) && cut.chunks < TASKS / 2 {
        // Few parts, as the weights are many: enough of them to cut each group's one product.
        // SAFETY: the caller's promise.
        return unsafe { product_slopes(g, x, dy, 0..cut.pixels, dw) };
    }
    with_scratch(cut.chunks.max(1) * weights * size_of::<f32>(), |scratch| {
        let parts = Shared::new(scratch.cast::<f32>());
        let (x, dy) = (Shared::new(x), Shared::new(dy));
        // SAFETY: the caller's promise; tasks write distinct parts.
        unsafe {
            parts.get().write_bytes(0, weights);
            parallel(cut.chunks * g.rows.taps.div_ceil(cut.taps), &|task| {
                let (chunk, first) = (task % cut.chunks, task / cut.chunks * cut.taps);
                let taps = first..(first + cut.taps).min(g.rows.taps);
                let some = chunk * cut.chunk..((chunk + 1) * cut.chunk).min(cut.pixels);
                let part = parts.at(chunk * weights);
                if is_product(g) {
                    return product_slopes(g, x.get(), dy.get(), some, part);
                }
                slopes(g, x.get(), dy.get(), taps, some, part);
            });
            add_parts(parts, cut.chunks, weights);
            if is_product(g) {
                return dw.copy_from_nonoverlapping(parts.get(), weights);
            }
            for group in 0..g.groups {
                let sums = parts.at(group * g.taps() * g.channels_in * g.channels_out);
                unorder_weights(g, group, sums, dw);
            }
        }
    });
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
        let a = Mat {
            ptr: dy.wrapping_add(at * o),
            row_stride: 1,
            col_stride: (g.groups * o) as isize,
        };
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
            let lower = Lower { g, src: x, group, taps: taps.clone() };
            for p in some.clone().step_by(each) {
                let tile = p..(p + each).min(some.end);
                let dy = dy.wrapping_add((p * g.groups + group) * n);
                let b = Mat { ptr: dy, row_stride: (g.groups * n) as isize, col_stride: 1 };
                // SAFETY: the scratch holds the tile.
                unsafe { lower.run(tile.clone(), lowered) };
                let a = Mat { ptr: lowered.cast_const(), row_stride: 1, col_stride: k as isize };
                // SAFETY: the caller's promise.
                unsafe { gemm(k, n, tile.len(), a, b, c, p > some.start, None) }
            }
        }
    });
}
