//! Packing: copying blocks of A and B into the order the register tile reads them.

use super::Mat;
use super::kernel::{Kernels, Scalar, Transpose};
use crate::lanes::prefetch;

/// Steps along k that a copy looks ahead: the rows lie too far apart for the machine to guess.
const PREFETCH: usize = 24;

/// How the rows of A are dealt to register tiles: as many as one takes each, but the last two share what is left so
/// that no tile has fewer than four rows (a short tile waits for its own additions and takes as long as four rows).
#[derive(Clone, Copy)]
pub(super) struct Panels {
    rows: usize,
    /// Rows of a tile.
    mr: usize,
}

impl Panels {
    #[inline(always)]
    pub(super) fn of(rows: usize, mr: usize) -> Panels {
        Panels { rows, mr }
    }
    #[inline(always)]
    pub(super) fn count(self) -> usize {
        self.rows.div_ceil(self.mr)
    }
    /// The first row of panel `i`; of `count()`, the end.
    #[inline(always)]
    pub(super) fn start(self, i: usize) -> usize {
        let count = self.count();
        if i == count {
            return self.rows;
        }
        if i > 0 && i == count - 1 {
            let before = self.mr * (count - 2);
            let left = self.rows - before; // of six 7..=12
            // 4+3, 4+4, 5+4, 6+4, 6+5, 6+6
            return before + left.saturating_sub(4).clamp(4, self.mr);
        }
        self.mr * i
    }
    #[inline(always)]
    pub(super) fn len(self, i: usize) -> usize {
        self.start(i + 1) - self.start(i)
    }
}

/// `dst[p·width + i] = src[i, p]` for i < rows, p < k; then zeros to the end of the vector, all that a register tile
/// reads.
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
            copy_rows(kernels, width, src.transposed(), 1, k, dst);
        } else if src.col_stride == 1 && k > 1 {
            transpose_rows(kernels, src, rows, width, k, dst);
        } else {
            copy_elements(kernels, src, rows, width, k, dst);
        }
    }
}

unsafe fn copy_elements<T: Scalar>(
    kernels: &Kernels<T>,
    src: Mat<T>,
    rows: usize,
    width: usize,
    k: usize,
    dst: *mut T,
) {
    let padded = rows.next_multiple_of(kernels.lanes).min(width);
    for p in 0..k {
        for i in 0..padded {
            // SAFETY: the caller's promise.
            unsafe {
                *dst.add(p * width + i) = if i < rows { *src.at(i, p) } else { T::default() };
            }
        }
    }
}

/// Packs B `[k, columns]`: panels of a tile's columns, one after another, the last padded with zeros.
///
/// # Safety
/// `b` is readable and `dst` writable over `k` times `columns` rounded up to a tile's.
pub(super) unsafe fn pack_strip<T: Scalar>(
    kernels: &Kernels<T>,
    b: Mat<T>,
    columns: usize,
    k: usize,
    dst: *mut T,
) {
    let nr = kernels.nr;
    let whole = if b.col_stride == 1 { columns / nr } else { 0 };
    // SAFETY: the caller's promise.
    unsafe {
        copy_rows(kernels, nr, b, whole, k, dst);
        for j in (whole * nr..columns).step_by(nr) {
            let src = b.from(0, j).transposed();
            interleave(kernels, src, nr.min(columns - j), nr, k, dst.add(j * k));
        }
    }
}

/// Copies `panels` panels of `width` columns of B, whose columns are contiguous.
///
/// # Safety
/// As [`pack_strip`].
pub(super) unsafe fn copy_rows<T: Scalar>(
    kernels: &Kernels<T>,
    width: usize,
    b: Mat<T>,
    panels: usize,
    k: usize,
    dst: *mut T,
) {
    // The widths of whole register tiles get loops of their own.
    // SAFETY: the caller's promise.
    unsafe {
        match width {
            32 => copy_panels::<T, 32>(b, panels, k, dst),
            16 => copy_panels::<T, 16>(b, panels, k, dst),
            14 => copy_panels::<T, 14>(b, panels, k, dst),
            12 => copy_panels::<T, 12>(b, panels, k, dst),
            8 => copy_panels::<T, 8>(b, panels, k, dst),
            6 => copy_panels::<T, 6>(b, panels, k, dst),
            4 => copy_panels::<T, 4>(b, panels, k, dst),
            _ => {
                for panel in 0..panels {
                    let src = b.from(0, panel * width).transposed();
                    copy_elements(kernels, src, width, width, k, dst.add(panel * width * k));
                }
            }
        }
    }
}

/// Row by row across all panels: memory likes long runs.
unsafe fn copy_panels<T: Scalar, const W: usize>(b: Mat<T>, panels: usize, k: usize, dst: *mut T) {
    for p in 0..k {
        for panel in 0..panels {
            let src = b.at(p, panel * W);
            let ahead = src.wrapping_offset(PREFETCH as isize * b.row_stride);
            for line in (0..W).step_by(64 / size_of::<T>()) {
                prefetch(ahead.wrapping_add(line));
            }
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
    let lanes = kernels.transposed;
    let padded = rows.next_multiple_of(kernels.lanes).min(width);
    for i in (0..padded).step_by(lanes) {
        let t = Transpose {
            dst: dst.wrapping_add(i),
            src: src.ptr.wrapping_offset(i as isize * src.row_stride),
            stride: src.row_stride,
            rows: rows.saturating_sub(i).min(lanes),
            k,
            width,
            pad: i + lanes <= width,
        };
        // SAFETY: the caller's promise; no row at or past `rows` is read.
        unsafe { (kernels.transpose)(&t) }
    }
}

/// Some columns of B, as the register tile reads them.
pub(super) struct Strip<S> {
    pub(super) ptr: *const S,
    /// From one k to the next.
    pub(super) stride: isize,
    /// Columns of a panel.
    pub(super) nr: usize,
    /// Elements by which one column moves the pointer at a panel's border.
    pub(super) step: usize,
    pub(super) packed: bool,
}

impl<S: Scalar> Strip<S> {
    /// What tile `i` of `count` in a panel prefetches: its share of the panel that begins at `columns`, spread over
    /// its `deep` steps. Every panel then arrives while the one before it is in use.
    pub(super) fn ahead(
        &self,
        columns: usize,
        i: usize,
        count: usize,
        deep: usize,
    ) -> (*const S, usize) {
        if !self.packed {
            return (self.ptr, 0);
        }
        let step = self.nr.div_ceil(count);
        (self.panel(columns).ptr.wrapping_add(i * step * deep), step)
    }

    /// The panel that begins `columns` further on.
    pub(super) fn panel(&self, columns: usize) -> Strip<S> {
        Strip { ptr: self.ptr.wrapping_add(columns * self.step), ..*self }
    }
}
