//! Products with one row or one column: memory traffic, so no packing. Rows of B are scaled and added up, or,
//! where B's columns are contiguous, dot products are taken.

use super::kernel::{DOTS, Dots, Kernels, Scalar, Tile, WIDE};
use super::{Mat, MatMut, Product, Right};
use crate::{parallel, with_scratch};

/// Rows of B per visit of C: as many streams as a core follows with ease.
const ROWS: usize = 32;
/// Multiply-adds per task.
const TASK: usize = 1 << 16;

/// x `[k]` times B `[k, n]`, for a row or, transposed, a column.
struct VectorProduct<'a, S: Scalar> {
    n: usize,
    k: usize,
    x: *const S,
    x_stride: isize,
    b: Mat<S>,
    y: *mut S,
    y_stride: isize,
    kernels: &'static Kernels<S>,
    p: &'a Product<'a, S>,
}

// SAFETY: as for `Product`: tasks write distinct parts of y.
unsafe impl<S: Scalar> Sync for VectorProduct<'_, S> {}

/// Computes the product if it has one row or one column and B lies well. False: it is for the blocked loops.
///
/// # Safety
/// As [`super::gemm`]; k is not 0.
pub(super) unsafe fn multiply_vector<S: Scalar>(
    p: &Product<'_, S>,
    kernels: &'static Kernels<S>,
) -> bool {
    let Right::Strided(b) = p.b else { return false };
    let (n, x, b, y): (usize, Mat<S>, Mat<S>, MatMut<S>) = if p.m == 1 {
        (p.n, p.a, b, p.c)
    } else if p.n == 1 {
        (p.m, b.transposed(), p.a.transposed(), p.c.transposed())
    } else {
        return false;
    };
    let v = VectorProduct {
        n,
        k: p.k,
        x: x.ptr,
        x_stride: x.col_stride,
        b,
        y: y.ptr,
        y_stride: y.col_stride,
        kernels,
        p,
    };
    // SAFETY: the caller's promise.
    unsafe {
        if b.row_stride == 1 || p.k == 1 && b.col_stride != 1 {
            v.with_contiguous_x(|v| v.columns(DOTS, |v, j, end| v.dots(j, end)));
        } else if b.col_stride == 1 && (v.y_stride == 1 || n == 1) {
            v.columns(WIDE * kernels.lanes, |v, j, end| v.add_rows(j, end));
        } else {
            return false;
        }
    }
    true
}

impl<'a, S: Scalar> VectorProduct<'a, S> {
    /// Cuts the columns into tasks, multiples of `unit` wide.
    fn columns(&self, unit: usize, body: impl Fn(&Self, usize, usize) + Sync) {
        let each = (TASK / self.k).max(1).next_multiple_of(unit);
        let one = |task: usize| {
            let (j, end) = (task * each, ((task + 1) * each).min(self.n));
            body(self, j, end);
            // SAFETY: j..end is finished and this task's own.
            unsafe { self.finish(j, end) }
        };
        if self.n <= each { one(0) } else { parallel(self.n.div_ceil(each), &one) }
    }

    unsafe fn finish(&self, j: usize, end: usize) {
        let Some(epilogue) = self.p.epilogue else { return };
        // SAFETY: the caller's promise.
        unsafe {
            if self.p.m == 1 {
                return epilogue.apply(0, j, self.p.c.at(0, j), end - j);
            }
            epilogue.apply_rows(j, 0, self.p.c.at(j, 0), self.p.c.row_stride, end - j, 1);
        }
    }

    fn x_at(&self, p: usize) -> *const S {
        self.x.wrapping_offset(p as isize * self.x_stride)
    }

    unsafe fn with_contiguous_x(mut self, body: impl FnOnce(&Self)) {
        if self.x_stride == 1 || self.k == 1 {
            return body(&self);
        }
        with_scratch(self.k * size_of::<S>(), |scratch| {
            let copy = scratch.cast::<S>();
            for p in 0..self.k {
                // SAFETY: the scratch holds k elements; x has as many.
                unsafe { *copy.add(p) = *self.x_at(p) }
            }
            (self.x, self.x_stride) = (copy, 1);
            body(&self);
        });
    }

    /// y[j..end]: each a dot product of two contiguous vectors.
    fn dots(&self, j: usize, end: usize) {
        let mut j = j;
        let mut sums = [S::default(); DOTS];
        while j < end {
            let (width, kernel) =
                if end - j >= DOTS { (DOTS, self.kernels.dots) } else { (1, self.kernels.dot) };
            // SAFETY: `gemm`'s contract.
            unsafe {
                kernel(&Dots {
                    k: self.k,
                    a: self.x,
                    b: self.b.at(0, j),
                    b_stride: self.b.col_stride,
                    out: sums.as_mut_ptr(),
                });
                for (i, &sum) in sums[..width].iter().enumerate() {
                    let y = self.y.wrapping_offset((j + i) as isize * self.y_stride);
                    *y = if self.p.accumulate { *y + sum } else { sum };
                }
            }
            j += width;
        }
    }

    /// y[j..end]: the sum of B's rows, each times its element of x; some rows at a time.
    fn add_rows(&self, j: usize, end: usize) {
        let lanes = self.kernels.lanes;
        for k in (0..self.k).step_by(ROWS) {
            let mut at = j;
            while at < end {
                let vectors = (end - at).div_ceil(lanes).min(WIDE);
                let columns = (vectors * lanes).min(end - at);
                let last = columns - (vectors - 1) * lanes;
                let tile = Tile {
                    k: ROWS.min(self.k - k),
                    a: Mat { ptr: self.x_at(k), row_stride: 0, col_stride: self.x_stride },
                    b: self.b.at(k, at),
                    b_stride: self.b.row_stride,
                    c: self.y.wrapping_add(at),
                    c_stride: 0,
                    last,
                    ahead: self.b.at(k, at + columns),
                    ahead_step: 0,
                    add: self.p.accumulate || k > 0,
                    clip: None,
                };
                let kernel = self.kernels.row(vectors, last < lanes);
                // SAFETY: `gemm`'s contract.
                unsafe { kernel(&tile) }
                at += columns;
            }
        }
    }
}
