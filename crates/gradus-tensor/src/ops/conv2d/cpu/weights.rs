//! The weights of [`super::implicit_gemm`] in the order in which it multiplies with them.
#![allow(unsafe_code)]

use super::implicit_gemm::columns;
use super::{TASKS, depthwise};
use crate::ops::conv2d::geometry::{Axis, Conv2d, Gather, Pass};
use crate::ops::lanes::Shared;
use gradus_cpu::{Mat, PackedB, pack_b, parallel, with_scratch};

/// How many elements [`pack`] writes; `None` if the pass has no use for packed weights.
pub(in super::super) fn packed_len(conv: &Conv2d, pass: Pass) -> Option<usize> {
    let len = |g: &Gather| g.groups * group_len(g);
    let all = match pass {
        Pass::Forward => len(&conv.forward()),
        Pass::DataGradient if columns::fits(conv) => columns::packed_len(conv),
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
    if columns::fits(conv) {
        // SAFETY: the caller's promise.
        return unsafe { columns::pack(conv, w, packed) };
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
    let columns = PackedB::<f32>::len(1, 1);
    let (panels, w, packed) = (n.div_ceil(columns), Shared::new(w), Shared::new(packed));
    parallel(g.groups * panels, &|task| {
        let (group, first) = (task / panels, task % panels * columns);
        let panel = Panel { g, w: w.get(), group, first, columns, count: columns.min(n - first) };
        // SAFETY: `packed` holds every group's panels, of which tasks write distinct ones; the caller's promise.
        unsafe { panel.pack(packed.at(group * group_len(g) + first * k)) }
    });
}

/// Some target channels' weights, side by side.
struct Panel<'a> {
    g: &'a Gather,
    w: *const f32,
    group: usize,
    first: usize,
    /// Target channels with room for them, and those that are there.
    columns: usize,
    count: usize,
}

impl Panel<'_> {
    /// As rows in the order [row tap, column tap from the left, source channel].
    unsafe fn pack(&self, to: *mut f32) {
        let (g, taps) = (self.g, self.g.taps());
        let weight = |c, tap| g.weight(self.group, self.first, c, place(g, tap));
        let rows = |at, row_stride: usize| Mat {
            ptr: self.w.wrapping_add(at),
            row_stride: row_stride as isize,
            col_stride: g.weight.output as isize,
        };
        let tap_len = g.channels_in * self.columns;
        if g.weight.input != taps {
            for tap in 0..taps {
                let rows = rows(weight(0, tap), g.weight.input);
                // SAFETY: the caller's promise.
                unsafe { pack_b(g.channels_in, self.count, rows, to.add(tap * tap_len)) }
            }
            return;
        }
        // All taps of all source channels are one run of memory: its rows are packed at once, and then put in order.
        let first = self.group * g.weight.group + self.first * g.weight.output;
        with_scratch(taps * tap_len * size_of::<f32>(), |scratch| {
            let packed = scratch.cast::<f32>();
            // SAFETY: the scratch holds a panel; the caller's promise.
            unsafe {
                pack_b(taps * g.channels_in, self.count, rows(first, 1), packed);
                for tap in 0..taps {
                    for c in 0..g.channels_in {
                        let from = packed.add((weight(c, tap) - first) * self.columns);
                        let to = to.add(tap * tap_len + c * self.columns);
                        to.copy_from_nonoverlapping(from, self.columns);
                    }
                }
            }
        });
    }
}

/// The row and the column of a tap, in the order of packed weights.
fn place(g: &Gather, tap: usize) -> [usize; 2] {
    [tap / g.cols.taps, nth_tap(&g.cols, tap % g.cols.taps)]
}

/// The column tap that lies i-th from the left in the source.
pub(super) fn nth_tap(cols: &Axis, i: usize) -> usize {
    if cols.offset_step < 0 { cols.taps - 1 - i } else { i }
}

/// From the matrix [row tap, column tap from the left, source channel] × [target channel], however it lies, to the order of
/// the weights.
pub(super) unsafe fn unorder_weights(g: &Gather, group: usize, rows: Mat<f32>, dw: *mut f32) {
    let dw = Shared::new(dw);
    let each = g.channels_out.div_ceil(TASKS).max(1);
    parallel(g.channels_out.div_ceil(each), &|task| {
        for o in task * each..((task + 1) * each).min(g.channels_out) {
            for tap in 0..g.taps() {
                let from = rows.from(tap * g.channels_in, o);
                let to = dw.at(g.weight(group, o, 0, place(g, tap)));
                for c in 0..g.channels_in {
                    // SAFETY: both hold every weight; tasks write those of distinct channels.
                    unsafe { *to.add(c * g.weight.input) = *from.at(c, 0) }
                }
            }
        }
    });
}
