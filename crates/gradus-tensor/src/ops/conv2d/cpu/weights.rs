//! The weights of [`super::implicit_gemm`] in the order in which it multiplies with them.
#![allow(unsafe_code)]

use super::depthwise;
use crate::ops::conv2d::geometry::{Axis, Conv2d, Gather, Pass};
use gradus_cpu::{Mat, PackedB, pack_b, with_scratch};

/// How many elements [`pack`] writes; `None` if the pass has no use for packed weights.
pub(in super::super) fn packed_len(conv: &Conv2d, pass: Pass) -> Option<usize> {
    let len = |g: &Gather| g.groups * group_len(g);
    let all = match pass {
        Pass::Forward => len(&conv.forward()),
        Pass::DataGradient => conv.data_gradient().map(|g| len(&g)).sum(),
        Pass::WeightGradient => 0,
    };
    (all > 0).then_some(all)
}

/// Puts the weights in the order in which the pass multiplies with them, for [`super::implicit_gemm::run_packed`].
///
/// # Safety
/// w must hold every weight, `packed` [`packed_len`] elements.
pub(in super::super) unsafe fn pack(conv: &Conv2d, pass: Pass, w: *const f32, packed: *mut f32) {
    if pass == Pass::Forward {
        // SAFETY: the caller's promise.
        return unsafe { pack_weights(&conv.forward(), w, packed) };
    }
    let mut at = packed;
    for phase in conv.data_gradient() {
        // SAFETY: as above; phases follow each other.
        unsafe { pack_weights(&phase, w, at) }
        at = at.wrapping_add(phase.groups * group_len(&phase));
    }
}

/// The weights of a gathering.
#[derive(Clone, Copy)]
pub(super) enum Weights {
    /// As the op has them.
    Plain(*const f32),
    /// As [`pack_weights`] wrote them.
    Packed(*const f32),
}

/// Whether no channel meets another.
pub(super) fn is_depthwise(g: &Gather) -> bool {
    g.channels_in == 1 && g.channels_out == 1
}

/// Elements of a group's packed weights.
pub(super) fn group_len(g: &Gather) -> usize {
    if is_depthwise(g) {
        return g.taps();
    }
    PackedB::<f32>::len(g.taps() * g.channels_in, g.channels_out).next_multiple_of(16)
}

/// Every group's weights as packed panels; those of a depthwise convolution tap by tap.
pub(super) unsafe fn pack_weights(g: &Gather, w: *const f32, packed: *mut f32) {
    if is_depthwise(g) {
        // SAFETY: passed on.
        return unsafe { depthwise::pack(g, w, packed) };
    }
    let (k, n) = (g.taps() * g.channels_in, g.channels_out);
    if g.taps() == 1 {
        // The weights are that matrix already.
        let (row_stride, col_stride) = (g.weight.input as isize, g.weight.output as isize);
        for group in 0..g.groups {
            let first = w.wrapping_add(g.weight(group, 0, 0, [0, 0]));
            let rows = Mat { ptr: first, row_stride, col_stride };
            // SAFETY: the caller's promise; `packed` holds every group's panels.
            unsafe { pack_b(k, n, rows, packed.add(group * group_len(g))) }
        }
        return;
    }
    with_scratch(k * n * size_of::<f32>(), |scratch| {
        let rows = scratch.cast::<f32>();
        for group in 0..g.groups {
            // SAFETY: the scratch holds one group's rows, `packed` every group's panels; the caller's promise.
            unsafe {
                order_weights(g, group, w, rows);
                let rows = Mat { ptr: rows.cast_const(), row_stride: n as isize, col_stride: 1 };
                pack_b(k, n, rows, packed.add(group * group_len(g)));
            }
        }
    });
}

/// The column tap that lies i-th from the left in the source.
pub(super) fn nth_tap(cols: &Axis, i: usize) -> usize {
    if cols.offset_step < 0 { cols.taps - 1 - i } else { i }
}

/// A group's weights as the matrix [row tap, column tap from the left, source channel] × [target channel].
pub(super) unsafe fn order_weights(g: &Gather, group: usize, w: *const f32, rows: *mut f32) {
    let mut row = rows;
    for a in 0..g.rows.taps {
        for b in 0..g.cols.taps {
            for c in 0..g.channels_in {
                let first = g.weight(group, 0, c, [a, nth_tap(&g.cols, b)]);
                for o in 0..g.channels_out {
                    // SAFETY: w holds every weight, the scratch as many.
                    unsafe { *row.add(o) = *w.add(first + o * g.weight.output) }
                }
                row = row.wrapping_add(g.channels_out);
            }
        }
    }
}

/// From the order of [`order_weights`] to that of the weights.
pub(super) unsafe fn unorder_weights(g: &Gather, group: usize, rows: *const f32, dw: *mut f32) {
    let mut row = rows;
    for a in 0..g.rows.taps {
        for b in 0..g.cols.taps {
            for c in 0..g.channels_in {
                let first = g.weight(group, 0, c, [a, nth_tap(&g.cols, b)]);
                for o in 0..g.channels_out {
                    // SAFETY: both hold every weight.
                    unsafe { *dw.add(first + o * g.weight.output) = *row.add(o) }
                }
                row = row.wrapping_add(g.channels_out);
            }
        }
    }
}
