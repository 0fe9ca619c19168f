//! The forward pass of a head: block by block the weights, up to a factor that is known at the end of a row, and their products with the
//! values. Milakov & Gimelshein 2018, arXiv:1805.02867, alg. 3, with values in place of the sum.
#![allow(unsafe_code)]

use super::blocks::{Float, Head, QUERIES, Rights, Room, copy, dense, dense_mut, scale};
use super::rows::{Ends, Weights};
use super::{Bound, TASKS};
use crate::ops::lanes::{Isa, on};
use gradus_cpu::{MatMut, parallel, with_scratch};
use std::ops::Range;

/// Every head, in tasks of some blocks of queries.
///
/// # Safety
/// The pointers are valid for what the kernel was built for.
pub(super) unsafe fn run<T: Float>(bound: &Bound<'_, T>) {
    let (heads, l) = (bound.kernel.lead.len(), bound.kernel.sizes.l);
    let blocks = l.div_ceil(QUERIES);
    let parts = TASKS.div_ceil(heads.max(1)).clamp(1, blocks.max(1));
    let each = blocks.div_ceil(parts) * QUERIES;
    parallel(heads * parts, &|task| {
        let (h, from) = (task / parts, task % parts * each);
        // SAFETY: the caller's promise; each task writes rows of its own.
        unsafe {
            let logarithms = bound.output(1, h).ptr;
            queries(
                &bound.head(h),
                from.min(l)..l.min(from + each),
                bound.output(0, h),
                logarithms,
            );
        }
    });
}

/// Some queries of a head.
unsafe fn queries<T: Float>(head: &Head<T>, range: Range<usize>, y: MatMut<T>, logarithms: *mut T) {
    let sizes = head.sizes;
    let lens = [
        Rights::<T>::room(true, sizes.s, sizes.d),
        Rights::<T>::room(false, sizes.s, sizes.e),
        QUERIES * sizes.d,
        QUERIES * head.row(),
        2 * QUERIES,
    ];
    let total: usize = lens.iter().map(|&len| Room::<T>::of(len)).sum();
    with_scratch(total * size_of::<T>(), |scratch| {
        let mut room = Room(scratch.cast::<T>());
        let [k, v, q, scores, ends] = lens.map(|len| room.take(len));
        // SAFETY: the scratch was made for these sizes; the caller's promise for the rest.
        unsafe {
            let keys = Rights::new(true, head.k, [head.there, sizes.d], range.len(), k);
            let values = Rights::new(false, head.v, [head.there, sizes.e], range.len(), v);
            for i in range.clone().step_by(QUERIES) {
                let rows = QUERIES.min(range.end - i);
                copy(head.q.from(i, 0), [rows, sizes.d], head.scale, q);
                let y = MatMut { ptr: y.at(i, 0), ..y };
                let ends = Ends { top: ends, sum: ends.add(QUERIES) };
                block(head, [i, rows], [&keys, &values], q, scores, ends, y);
                on(Isa::current(), super::rows::End { head, i, rows, ends, y, logarithms });
            }
        }
    });
}

/// One block of queries, over all keys.
unsafe fn block<T: Float>(
    head: &Head<T>,
    [i, rows]: [usize; 2],
    [keys, values]: [&Rights<T>; 2],
    q: *const T,
    scores: *mut T,
    ends: Ends<T>,
    y: MatMut<T>,
) {
    let (sizes, row) = (head.sizes, head.row());
    // SAFETY: the caller's promise.
    unsafe {
        ends.begin(rows);
        scale(y, [rows, sizes.e], T::ZERO);
        let mut j = 0;
        while let Some(block) = head.block(i, rows, j) {
            keys.multiply(&block, dense(q, sizes.d), dense_mut(scores, row), false);
            on(Isa::current(), Weights { head, block, scores, ends, y });
            values.multiply(&block, dense(scores, row), y, true);
            j += block.n;
        }
    }
}
