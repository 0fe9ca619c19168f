//! The backward pass of a head: the weights again, block by block, from the logarithms of their sums, and the products with them.
//! Dao et al. 2022, arXiv:2205.14135, alg. 4.
#![allow(unsafe_code)]

use super::blocks::{
    Block, Float, Head, KEYS, QUERIES, Rights, Room, copy, dense, dense_mut, scale,
};
use super::rows::{Means, Slopes};
use super::{Bound, TASKS};
use crate::ops::lanes::{Isa, on};
use gradus_cpu::{Mat, MatMut, gemm, parallel, with_scratch};
use std::ops::Range;

/// What a head has besides its inputs.
struct Rest<T> {
    y: Mat<T>,
    logarithms: *const T,
    dy: Mat<T>,
    dq: MatMut<T>,
    dk: MatMut<T>,
    dv: MatMut<T>,
}

/// A part of a head's scores, and the gradients that are made of it: those of queries need all keys, those of keys all queries.
struct Part {
    queries: Range<usize>,
    keys: Range<usize>,
    dq: bool,
    dkv: bool,
}

/// Every head. Where there are few, once for the queries' gradients and once for the keys', each in parts.
///
/// # Safety
/// The pointers are valid for what the kernel was built for.
pub(super) unsafe fn run<T: Float>(bound: &Bound<'_, T>) {
    let (heads, sizes) = (bound.kernel.lead.len(), bound.kernel.sizes);
    let (l, s) = (sizes.l, sizes.s);
    // SAFETY: the caller's promise; each task writes rows of its own.
    let one = |h: usize, part: Part| unsafe { pass(&bound.head(h), &rest(bound, h), &part) };
    if heads >= TASKS || l <= QUERIES && s <= KEYS {
        return parallel(heads, &|h| {
            one(h, Part { queries: 0..l, keys: 0..s, dq: true, dkv: true });
        });
    }
    let cut = |size: usize, block: usize| {
        let blocks = size.div_ceil(block).max(1);
        let parts = TASKS.div_ceil(heads.max(1)).min(blocks);
        let each = blocks.div_ceil(parts) * block;
        (parts, move |part: usize| (part * each).min(size)..size.min((part + 1) * each))
    };
    let (parts, queries) = cut(l, QUERIES);
    parallel(heads * parts, &|task| {
        let queries = queries(task % parts);
        one(task / parts, Part { queries, keys: 0..s, dq: true, dkv: false });
    });
    let (parts, keys) = cut(s, KEYS);
    parallel(heads * parts, &|task| {
        let keys = keys(task % parts);
        one(task / parts, Part { queries: 0..l, keys, dq: false, dkv: true });
    });
}

fn rest<T: Float>(bound: &Bound<'_, T>, h: usize) -> Rest<T> {
    let own = bound.kernel.op.inputs();
    Rest {
        y: bound.input(own, h),
        logarithms: bound.input(own + 1, h).ptr,
        dy: bound.input(own + 2, h),
        dq: bound.output(0, h),
        dk: bound.output(1, h),
        dv: bound.output(2, h),
    }
}

/// Dense rows and blocks of a pass.
struct Rows<T> {
    q: *mut T,
    y: *mut T,
    dy: *mut T,
    means: *mut T,
    scores: *mut T,
    slopes: *mut T,
}

unsafe fn pass<T: Float>(head: &Head<T>, rest: &Rest<T>, part: &Part) {
    let sizes = head.sizes;
    let lens = [
        Rights::<T>::room(true, part.keys.len(), sizes.d),
        Rights::<T>::room(true, part.keys.len(), sizes.e),
        Rights::<T>::room(false, part.keys.len(), sizes.d),
        QUERIES * sizes.d,
        QUERIES * sizes.e,
        QUERIES * sizes.e,
        QUERIES,
        QUERIES * head.row(),
        QUERIES * head.row(),
    ];
    let total: usize = lens.iter().map(|&len| Room::<T>::of(len)).sum();
    with_scratch(total * size_of::<T>(), |scratch| {
        let mut room = Room(scratch.cast::<T>());
        let [kt, vt, k, q, y, dy, means, scores, slopes] = lens.map(|len| room.take(len));
        let rows = Rows { q, y, dy, means, scores, slopes };
        let first = part.keys.start;
        let there = head.there.clamp(first, part.keys.end) - first;
        // SAFETY: the scratch was made for these sizes; the caller's promise for the rest.
        unsafe {
            let of = |columns, matrix: Mat<T>, other, to| {
                let count = part.queries.len();
                Rights::new(columns, matrix.from(first, 0), [there, other], count, to)
            };
            let rights = [
                of(true, head.k, sizes.d, kt),
                of(true, head.v, sizes.e, vt),
                of(false, head.k, sizes.d, k),
            ];
            if part.dkv {
                let at = |to: MatMut<T>| MatMut { ptr: to.at(first, 0), ..to };
                scale(at(rest.dk), [part.keys.len(), sizes.d], T::ZERO);
                scale(at(rest.dv), [part.keys.len(), sizes.e], T::ZERO);
            }
            for i in part.queries.clone().step_by(QUERIES) {
                let count = QUERIES.min(part.queries.end - i);
                queries(head, rest, part, &rights, &rows, [i, count]);
            }
        }
    });
}

/// One block of queries, over the part's keys.
unsafe fn queries<T: Float>(
    head: &Head<T>,
    rest: &Rest<T>,
    part: &Part,
    rights: &[Rights<T>; 3],
    rows: &Rows<T>,
    [i, count]: [usize; 2],
) {
    let (sizes, first) = (head.sizes, part.keys.start);
    let dq = MatMut { ptr: rest.dq.at(i, 0), ..rest.dq };
    // SAFETY: the caller's promise.
    unsafe {
        copy(head.q.from(i, 0), [count, sizes.d], head.scale, rows.q);
        copy(rest.y.from(i, 0), [count, sizes.e], T::ONE, rows.y);
        copy(rest.dy.from(i, 0), [count, sizes.e], T::ONE, rows.dy);
        let Rows { y, dy, means, .. } = *rows;
        let (y, dy) = (y.cast_const(), dy.cast_const());
        on(Isa::current(), Means { y, dy, rows: count, e: sizes.e, means });
        if part.dq {
            scale(dq, [count, sizes.d], T::ZERO);
        }
        let mut j = first;
        while let Some(block) = head.block(i, count, j).filter(|_| j < part.keys.end) {
            products(head, rest, part, rights, rows, &block);
            j += block.n;
        }
        if part.dq {
            scale(dq, [count, sizes.d], head.scale);
        }
    }
}

/// One block: w and the slopes of the scores, ds; then dv += wᵀ·dy, dk += dsᵀ·(scale·q) and dq += ds·k.
unsafe fn products<T: Float>(
    head: &Head<T>,
    rest: &Rest<T>,
    part: &Part,
    [kt, vt, k]: &[Rights<T>; 3],
    rows: &Rows<T>,
    block: &Block,
) {
    let (sizes, row) = (head.sizes, head.row());
    let Rows { q, dy, means, scores, slopes, .. } = *rows;
    let Block { i, rows: count, j, n } = *block;
    let own = Block { j: j - part.keys.start, ..*block };
    // SAFETY: the caller's promise.
    unsafe {
        kt.multiply(&own, dense(q, sizes.d), dense_mut(scores, row), false);
        vt.multiply(&own, dense(dy, sizes.e), dense_mut(slopes, row), false);
        let logarithms = rest.logarithms.add(i);
        let means = means.cast_const();
        on(Isa::current(), Slopes { head, block: *block, scores, slopes, logarithms, means });
        if part.dkv {
            let (w, ds) = (dense(scores, row).transposed(), dense(slopes, row).transposed());
            let at = |to: MatMut<T>| MatMut { ptr: to.at(j, 0), ..to };
            gemm(n, sizes.e, count, w, dense(dy, sizes.e), at(rest.dv), true, None);
            gemm(n, sizes.d, count, ds, dense(q, sizes.d), at(rest.dk), true, None);
        }
        if part.dq {
            let dq = MatMut { ptr: rest.dq.at(i, 0), ..rest.dq };
            k.multiply(&own, dense(slopes, row), dq, true);
        }
    }
}
