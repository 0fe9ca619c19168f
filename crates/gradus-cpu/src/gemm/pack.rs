//! Packing: copying blocks of A and B into the order the register tile reads them.

use super::Mat;
use super::kernel::{Kernels, MR, Scalar};
use super::lanes::Transpose;

/// How the rows of A are dealt to register tiles: six each, but the last two share what is left so that no tile
/// has fewer than four rows (a short tile waits for its own additions and takes as long as four rows).
#[derive(Clone, Copy)]
pub(super) struct Panels {
    rows: usize,
}

impl Panels {
    pub(super) fn of(rows: usize) -> Panels {
        Panels { rows }
    }
    pub(super) fn count(self) -> usize {
        self.rows.div_ceil(MR)
    }
    /// The first row of panel `i`; of `count()`, the end.
    pub(super) fn start(self, i: usize) -> usize {
        let count = self.count();
        if i == count {
            return self.rows;
        }
        if i > 0 && i == count - 1 {
            let before = MR * (count - 2);
            let left = self.rows - before; // 7..=12
            // 4+3, 4+4, 5+4, 6+4, 6+5, 6+6
            return before + left.saturating_sub(4).clamp(4, MR);
        }
        MR * i
    }
    pub(super) fn len(self, i: usize) -> usize {
        self.start(i + 1) - self.start(i)
    }
}

/// `dst[p·width + i] = src[i, p]` for i < rows, p < k; zeros for rows ≤ i < width.
///
/// # Safety
/// `src` is readable over `[rows, k]` and `dst` writable over `k·width` elements.
pub(super) unsafe fn interleave<T: Scalar>(
    kernels: &Kernels<T>,
    src: Mat<T>,
    rows: usize,
    width: usize,
    k: usize,
    dst: *mut T,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if src.row_stride == 1 && rows == width {
            copy_rows(src, width, k, dst);
        } else if src.col_stride == 1 && k > 1 {
            transpose_rows(kernels, src, rows, width, k, dst);
        } else {
            for p in 0..k {
                for i in 0..width {
                    *dst.add(p * width + i) = if i < rows { *src.at(i, p) } else { T::default() };
                }
            }
        }
    }
}

unsafe fn copy_rows<T: Scalar>(src: Mat<T>, width: usize, k: usize, dst: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        match width {
            16 => copy_fixed::<T, 16>(src, k, dst),
            8 => copy_fixed::<T, 8>(src, k, dst),
            6 => copy_fixed::<T, 6>(src, k, dst),
            _ => {
                for p in 0..k {
                    for i in 0..width {
                        *dst.add(p * width + i) = *src.at(i, p);
                    }
                }
            }
        }
    }
}

unsafe fn copy_fixed<T: Scalar, const W: usize>(src: Mat<T>, k: usize, dst: *mut T) {
    for p in 0..k {
        // SAFETY: the caller's promise; an array has its element's alignment.
        unsafe { *dst.add(p * W).cast::<[T; W]>() = *src.at(0, p).cast::<[T; W]>() }
    }
}

/// Rows that are contiguous along k, block by block through registers.
unsafe fn transpose_rows<T: Scalar>(
    kernels: &Kernels<T>,
    src: Mat<T>,
    rows: usize,
    width: usize,
    k: usize,
    dst: *mut T,
) {
    for i in (0..width).step_by(T::LANES) {
        let pad = i + T::LANES <= width;
        let rows = rows.saturating_sub(i).min(T::LANES);
        for p in (0..k).step_by(T::LANES) {
            let len = T::LANES.min(k - p);
            // SAFETY: the caller's promise; no row at or past `rows` is read.
            unsafe {
                let t = Transpose {
                    src: src.ptr.wrapping_offset(i as isize * src.row_stride).wrapping_add(p),
                    stride: src.row_stride,
                    rows,
                    len,
                    width,
                    pad,
                };
                (kernels.transpose)(t, dst.add(p * width + i));
            }
        }
    }
}
