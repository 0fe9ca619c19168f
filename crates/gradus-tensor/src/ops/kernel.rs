//! What kernels over dense tensors share: arguments as slices, and outputs cut into stretches for
//! the threads.
#![allow(unsafe_code)]

use crate::Tensor;
use gradus_base::exec::Args;
use gradus_base::{Error, Result, Shape};
use gradus_cpu::{Shared, parallel};
use gradus_graph::Node;

/// The elements of input `i`.
///
/// # Safety
/// The input must be dense, of `len` elements of type `T`.
pub(crate) unsafe fn input<'a, T>(args: &'a Args<'_>, i: usize, len: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(args.input(i), len) }
}

/// The elements of output `i`, to write. What they hold before is some numbers.
///
/// # Safety
/// The output must be dense, of `len` elements of type `T` of which every bit pattern is valid, and not be held twice.
#[allow(clippy::mut_from_ref)]
pub(crate) unsafe fn output<'a, T>(args: &'a Args<'_>, i: usize, len: usize) -> &'a mut [T] {
    // SAFETY: the caller's promise; outputs overlap nothing.
    unsafe { std::slice::from_raw_parts_mut(args.output(i), len) }
}

/// `len` elements of the workspace.
///
/// # Safety
/// The kernel must have asked for as many bytes, and must not hold them twice.
#[allow(clippy::mut_from_ref)]
pub(crate) unsafe fn workspace<'a, T>(args: &'a Args<'_>, len: usize) -> &'a mut [T] {
    // SAFETY: the caller's promise; a workspace overlaps nothing.
    unsafe { std::slice::from_raw_parts_mut(args.workspace(), len) }
}

/// Cuts `out` into stretches of `size` elements, the last perhaps shorter, and calls `body` with each one's number
/// and elements, on any threads.
pub(crate) fn chunks<T: Send>(out: &mut [T], size: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    chunks_of([out], [size], |i, [out]| body(i, out));
}

/// As [`chunks`], the last stretch first: an earlier pass over what the body reads left its end in the caches.
pub(crate) fn chunks_backwards<T: Send>(
    out: &mut [T],
    size: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    let (len, begin) = (out.len(), Shared::new(out.as_mut_ptr()));
    let count = len.div_ceil(size.max(1));
    parallel(count, &|i| {
        let i = count - 1 - i;
        let at = i * size;
        // SAFETY: stretches of different numbers are disjoint parts of an exclusively borrowed slice, and `parallel`
        // calls with each number once.
        let stretch =
            unsafe { std::slice::from_raw_parts_mut(begin.get().add(at), size.min(len - at)) };
        body(i, stretch);
    });
}

/// As [`chunks`], for several outputs cut into equally many stretches of a size of their own.
pub(crate) fn chunks_of<T: Send, const N: usize>(
    outs: [&mut [T]; N],
    sizes: [usize; N],
    body: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    let lens = outs.each_ref().map(|o| o.len());
    let count = lens[0].div_ceil(sizes[0].max(1));
    let same = (0..N).all(|n| lens[n].div_ceil(sizes[n].max(1)) == count);
    assert!(same, "outputs {lens:?} in stretches of {sizes:?}");
    let begins = outs.map(|o| Shared::new(o.as_mut_ptr()));
    parallel(count, &|i| {
        let stretch = |n: usize| {
            let (at, begin) = (i * sizes[n], begins[n].get());
            let len = sizes[n].min(lens[n] - at);
            // SAFETY: stretches of different numbers are disjoint parts of an exclusively borrowed slice, and
            // `parallel` calls with each number once.
            unsafe { std::slice::from_raw_parts_mut(begin.add(at), len) }
        };
        body(i, std::array::from_fn(stretch));
    });
}

/// How many of something a tile takes so that it has about `work` elements, where each counts for `each`.
pub(crate) fn grain(work: usize, each: usize) -> usize {
    (work / each.max(1)).max(1)
}

/// The inputs of a rule as tensors, for what it expands to.
pub(crate) fn tensors<const N: usize>(inputs: &[Node]) -> [Tensor; N] {
    assert_eq!(inputs.len(), N, "inputs of an expansion");
    std::array::from_fn(|i| Tensor::from_node(inputs[i].clone()))
}

/// Something of a shape and of `like`'s type to differentiate by, where the gradient does not read
/// it: not a constant, whose views would be constants of their own.
pub(crate) fn anything(shape: Shape, like: &Tensor) -> Tensor {
    like.sum(..).broadcast_to(shape)
}

/// A dense shape seen from one axis: (elements before it, its size, elements after it).
pub(crate) fn around(shape: &Shape, axis: usize) -> [usize; 3] {
    [shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()]
}

/// Errs unless `ids` is i64.
pub(crate) fn expect_i64(op: &str, what: &str, ids: &Tensor) -> Result<()> {
    Tensor::sound([ids])?;
    if ids.dtype() != gradus_base::DType::I64 {
        let what = format!("{what} must be i64, found {}", ids.dtype());
        return Err(Error::dtype(op, what));
    }
    Ok(())
}

/// Errs unless an image, a kernel, a stride, … have at most 2³¹ pixels along an axis: their products and sums then fit in
/// 64 bits.
pub(crate) fn expect_pixels(op: &str, pixels: &[&[usize]]) -> Result<()> {
    const MOST: usize = 1 << 31;
    if let Some(most) = pixels.iter().copied().flatten().max().filter(|&&most| most > MOST) {
        let what = format!("{most} pixels along an axis; at most {MOST} are possible");
        return Err(Error::value(op, what));
    }
    Ok(())
}
