//! Packing: copying blocks of A and B into the order the register tile reads them.

use super::Mat;
use super::kernel::{Kernels, MR, Scalar};
use super::lanes::Transpose;

/// Steps along k that a copy looks ahead: the rows lie too far apart for the machine to guess.
const PREFETCH: usize = 24;

/// How the rows of A are dealt to register tiles: six each, but the last two share what is left so that no tile
/// has fewer than four rows (a short tile waits for its own additions and takes as long as four rows).
#[derive(Clone, Copy)]
pub(super) struct Panels {
    rows: usize,
}

impl Panels {
    #[inline(always)]
    pub(super) fn of(rows: usize) -> Panels {
        Panels { rows }
    }
    #[inline(always)]
    pub(super) fn count(self) -> usize {
        self.rows.div_ceil(MR)
    }
    /// The first row of panel `i`; of `count()`, the end.
    #[inline(always)]
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
    #[inline(always)]
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
            match width {
                16 => copy_panels::<T, 16>(src.transposed(), 1, k, dst),
                8 => copy_panels::<T, 8>(src.transposed(), 1, k, dst),
                6 => copy_panels::<T, 6>(src.transposed(), 1, k, dst),
                5 => copy_panels::<T, 5>(src.transposed(), 1, k, dst),
                4 => copy_panels::<T, 4>(src.transposed(), 1, k, dst),
                _ => copy_elements(src, rows, width, k, dst),
            }
        } else if src.col_stride == 1 && k > 1 {
            transpose_rows(kernels, src, rows, width, k, dst);
        } else {
            copy_elements(src, rows, width, k, dst);
        }
    }
}

unsafe fn copy_elements<T: Scalar>(src: Mat<T>, rows: usize, width: usize, k: usize, dst: *mut T) {
    for p in 0..k {
        for i in 0..width {
            // SAFETY: the caller's promise.
            unsafe {
                *dst.add(p * width + i) = if i < rows { *src.at(i, p) } else { T::default() };
            }
        }
    }
}

/// Packs B `[k, columns]`: panels of NR columns, one after another, the last padded with zeros.
///
/// # Safety
/// `b` is readable and `dst` writable over `k` times `columns` rounded up to NR.
pub(super) unsafe fn pack_strip<T: Scalar>(
    kernels: &Kernels<T>,
    b: Mat<T>,
    columns: usize,
    k: usize,
    dst: *mut T,
) {
    let whole = if b.col_stride == 1 { columns / T::NR } else { 0 };
    // SAFETY: the caller's promise.
    unsafe {
        match T::NR {
            16 => copy_panels::<T, 16>(b, whole, k, dst),
            8 => copy_panels::<T, 8>(b, whole, k, dst),
            width => unreachable!("no register tile is {width} columns wide"),
        }
        for j in (whole * T::NR..columns).step_by(T::NR) {
            let src = b.from(0, j).transposed();
            interleave(kernels, src, T::NR.min(columns - j), T::NR, k, dst.add(j * k));
        }
    }
}

/// Row by row across all panels: memory likes long runs.
unsafe fn copy_panels<T: Scalar, const W: usize>(b: Mat<T>, panels: usize, k: usize, dst: *mut T) {
    for p in 0..k {
        for panel in 0..panels {
            let src = b.at(p, panel * W);
            T::prefetch(src.wrapping_offset(PREFETCH as isize * b.row_stride));
            // SAFETY: the caller's promise; an array has its element's alignment.
            unsafe { *dst.add((panel * k + p) * W).cast::<[T; W]>() = *src.cast::<[T; W]>() }
        }
    }
}

/// Rows that are contiguous along k, some at a time through registers.
unsafe fn transpose_rows<T: Scalar>(
    kernels: &Kernels<T>,
    src: Mat<T>,
    rows: usize,
    width: usize,
    k: usize,
    dst: *mut T,
) {
    for i in (0..width).step_by(T::LANES) {
        let t = Transpose {
            src: src.ptr.wrapping_offset(i as isize * src.row_stride),
            stride: src.row_stride,
            rows: rows.saturating_sub(i).min(T::LANES),
            k,
            width,
            pad: i + T::LANES <= width,
        };
        // SAFETY: the caller's promise; no row at or past `rows` is read.
        unsafe { (kernels.transpose)(t, dst.add(i)) }
    }
}
