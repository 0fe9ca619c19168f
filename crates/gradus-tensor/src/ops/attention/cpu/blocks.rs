//! Where matrices lie, and products of their blocks.
#![allow(unsafe_code)]

use super::Sizes;
use gradus_base::{Element, Shape, View};
use gradus_cpu::lanes::Scalar;
use gradus_cpu::{Mat, MatMut, PackedB, gemm, gemm_packed, pack_b};

/// Queries of a block, and keys: scores of so many lie in a second-level cache, with what they are made of.
pub(super) const QUERIES: usize = 64;
pub(super) const KEYS: usize = 256;
/// Elements that a row of a block is longer than its scores: a power of two apart, rows push each other out of the cache.
const GAP: usize = 16;
/// Queries from which on keys and values are packed: it takes about as long as a product with so many.
const PACKS: usize = 8;

/// f32 or f64.
pub(super) trait Float: Scalar + Element {}
impl<T: Scalar + Element> Float for T {}

/// Where the matrices of a value lie: the first element of each, along leading axes, and the strides of what follows.
pub(super) struct Lie {
    firsts: Vec<usize>,
    strides: [isize; 2],
}

impl Lie {
    pub(super) fn new(view: &View, lead: usize) -> Lie {
        let outer = View { shape: Shape::new(&view.shape[..lead]), ..*view };
        let firsts = (0..outer.shape.len()).map(|i| outer.index(i)).collect();
        let stride = |axis: usize| if axis < view.shape.rank() { view.strides[axis] } else { 0 };
        Lie { firsts, strides: [stride(lead), stride(lead + 1)] }
    }

    pub(super) fn matrix<T>(&self, from: *const T, i: usize) -> Mat<T> {
        let [row_stride, col_stride] = self.strides;
        Mat { ptr: from.wrapping_add(self.firsts[i]), row_stride, col_stride }
    }
}

/// What is added to scores.
#[derive(Clone, Copy)]
pub(super) enum Mask<T> {
    /// −∞ where a byte is 0.
    Flags(Mat<u8>),
    Floats(Mat<T>),
}

/// One head's matrices.
#[derive(Clone, Copy)]
pub(super) struct Head<T> {
    pub(super) sizes: Sizes,
    pub(super) causal: bool,
    pub(super) scale: T,
    /// Keys that are there.
    pub(super) there: usize,
    pub(super) q: Mat<T>,
    pub(super) k: Mat<T>,
    pub(super) v: Mat<T>,
    pub(super) mask: Option<Mask<T>>,
}

/// A block of scores: `rows` queries from `i` on, `n` keys from `j` on.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) i: usize,
    pub(super) rows: usize,
    pub(super) j: usize,
    pub(super) n: usize,
}

impl<T> Head<T> {
    /// The scores of `rows` queries from `i` on with the block of keys that begins at `j`, as far as any of them reads; `None` if none
    /// does.
    pub(super) fn block(&self, i: usize, rows: usize, j: usize) -> Option<Block> {
        let end = if self.causal { self.there.min(i + rows) } else { self.there };
        (j < end).then(|| Block { i, rows, j, n: KEYS.min(end - j) })
    }

    /// Elements from one row of a block of scores to the next.
    pub(super) fn row(&self) -> usize {
        self.sizes.s.min(KEYS).next_multiple_of(GAP) + GAP
    }
}

/// Scratch memory that is dealt out in cache lines.
pub(super) struct Room<T>(pub(super) *mut T);

impl<T: Float> Room<T> {
    pub(super) fn take(&mut self, len: usize) -> *mut T {
        let own = self.0;
        self.0 = own.wrapping_add(Room::<T>::of(len));
        own
    }

    /// Elements that so many take.
    pub(super) fn of(len: usize) -> usize {
        len.next_multiple_of(64 / size_of::<T>())
    }
}

/// What a product has on its right, for each block of keys: columns of a matrix (keys, to be multiplied by queries), or its rows
/// (values, to be multiplied by weights).
pub(super) struct Rights<T> {
    matrix: Mat<T>,
    /// Where the blocks lie packed, each `step` elements behind the one before.
    packed: Option<(*const T, usize)>,
    columns: bool,
    /// The keys that are there, and the size that is not of keys.
    there: usize,
    other: usize,
}

impl<T: Float> Rights<T> {
    /// Elements that the packed keys take.
    pub(super) fn room(columns: bool, keys: usize, other: usize) -> usize {
        keys.div_ceil(KEYS) * Room::<T>::of(Rights::<T>::step(columns, other))
    }

    fn step(columns: bool, other: usize) -> usize {
        let len =
            if columns { PackedB::<T>::len(other, KEYS) } else { PackedB::<T>::len(KEYS, other) };
        Room::<T>::of(len)
    }

    /// Of a matrix `[keys, other]`; packed for so many queries, if that pays.
    ///
    /// # Safety
    /// The matrix is readable, and there is [`Rights::room`] at `to`.
    pub(super) unsafe fn new(
        columns: bool,
        matrix: Mat<T>,
        [there, other]: [usize; 2],
        queries: usize,
        to: *mut T,
    ) -> Rights<T> {
        let step = Rights::<T>::step(columns, other);
        if queries < PACKS {
            return Rights { matrix, packed: None, columns, there, other };
        }
        for j in (0..there).step_by(KEYS) {
            let (n, from) = (KEYS.min(there - j), matrix.from(j, 0));
            let to = to.wrapping_add(j / KEYS * step);
            // SAFETY: the caller's promise.
            unsafe {
                match columns {
                    true => pack_b(other, n, from.transposed(), to),
                    false => pack_b(n, other, from, to),
                }
            }
        }
        Rights { matrix, packed: Some((to.cast_const(), step)), columns, there, other }
    }

    /// to = left·right, or to += left·right, for the keys of a block.
    ///
    /// # Safety
    /// `left` is readable and `to` writable over the block's shape, and what [`Rights::new`] was given still lies there.
    pub(super) unsafe fn multiply(&self, block: &Block, left: Mat<T>, to: MatMut<T>, add: bool) {
        let Block { rows: m, j, n, .. } = *block;
        let (columns, sums) = if self.columns { (n, self.other) } else { (self.other, n) };
        // Panels of columns are as long as there are rows, so of rows all must be wanted.
        let whole = self.columns || n == KEYS.min(self.there - j);
        let right = self.matrix.from(j, 0);
        let right = if self.columns { right.transposed() } else { right };
        // SAFETY: the caller's promise.
        unsafe {
            match self.packed.filter(|_| whole) {
                Some((begin, step)) => {
                    let right = begin.wrapping_add(j / KEYS * step);
                    gemm_packed(m, columns, sums, left, right, to, add, None);
                }
                None => gemm(m, columns, sums, left, right, to, add, None),
            }
        }
    }
}

/// A dense matrix to read.
pub(super) fn dense<T>(ptr: *const T, row: usize) -> Mat<T> {
    Mat { ptr, row_stride: row as isize, col_stride: 1 }
}

/// A dense matrix to write.
pub(super) fn dense_mut<T>(ptr: *mut T, row: usize) -> MatMut<T> {
    MatMut { ptr, row_stride: row as isize, col_stride: 1 }
}

/// `to [rows, columns]`, dense, = factor·from.
///
/// # Safety
/// `from` is readable and `to` writable over the shape.
pub(super) unsafe fn copy<T: Float>(
    from: Mat<T>,
    [rows, columns]: [usize; 2],
    factor: T,
    to: *mut T,
) {
    for r in 0..rows {
        // SAFETY: the caller's promise.
        unsafe {
            let to = std::slice::from_raw_parts_mut(to.add(r * columns), columns);
            if from.col_stride == 1 {
                let from = std::slice::from_raw_parts(from.at(r, 0), columns);
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from * factor);
            } else {
                to.iter_mut().enumerate().for_each(|(c, to)| *to = *from.at(r, c) * factor);
            }
        }
    }
}

/// `to [rows, columns]`, whose rows are contiguous, = factor·to; zeros for a factor of 0.
///
/// # Safety
/// It is writable, and holds numbers unless the factor is 0.
pub(super) unsafe fn scale<T: Float>(to: MatMut<T>, [rows, columns]: [usize; 2], factor: T) {
    for r in 0..rows {
        // SAFETY: the caller's promise.
        let row = unsafe { std::slice::from_raw_parts_mut(to.at(r, 0), columns) };
        match factor == T::ZERO {
            true => row.fill(T::ZERO),
            false => row.iter_mut().for_each(|x| *x = *x * factor),
        }
    }
}
