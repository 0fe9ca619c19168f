//! The data gradient of a convolution over few channels, as of the pixels of a picture: the product of dy, as it lies, with the weights of all taps side
//! by side, [pixels, O] × [O, R·S·C], of which each row is then added to the stretches of dx that its pixel came from. Nothing is lowered, and a
//! register tile is filled by taps where three channels would leave most of it idle.
#![allow(unsafe_code)]

use super::TILE;
use crate::ops::conv2d::Target;
use crate::ops::conv2d::cpu::TASKS;
use crate::ops::conv2d::geometry::Conv2d;
use crate::ops::lanes::Shared;
use gradus_cpu::{Epilogue, Mat, MatMut, PackedB, gemm_packed, pack_b, parallel, with_scratch};
use std::ops::Range;

/// So few channels are fewer than any register tile has columns.
const FEW: usize = 4;
/// Channels of dy from which on a product pays.
const ENOUGH: usize = 8;

/// Whether the data gradient is done this way.
pub(in super::super) fn fits(conv: &Conv2d) -> bool {
    conv.groups == 1
        && conv.in_channels <= FEW
        && conv.out_channels >= ENOUGH
        && conv.kernel[0] * conv.kernel[1] > 1
}

/// Columns of the product: taps and channels.
fn columns(conv: &Conv2d) -> usize {
    conv.kernel[0] * conv.kernel[1] * conv.in_channels
}

/// Elements of the packed weights.
pub(in super::super) fn packed_len(conv: &Conv2d) -> usize {
    PackedB::<f32>::len(conv.out_channels, columns(conv)).next_multiple_of(16)
}

/// Packs the weights `[O, C, R, S]` as the matrix `[O, R·S·C]`.
///
/// # Safety
/// w must hold every weight, `packed` [`packed_len`] elements.
pub(in super::super) unsafe fn pack(conv: &Conv2d, w: *const f32, packed: *mut f32) {
    let (n, taps, c) = (columns(conv), conv.kernel[0] * conv.kernel[1], conv.in_channels);
    with_scratch(conv.out_channels * n * size_of::<f32>(), |scratch| {
        let turned = scratch.cast::<f32>();
        // SAFETY: the scratch holds as many elements as there are weights; the caller's promise.
        unsafe {
            for o in 0..conv.out_channels {
                for i in 0..n {
                    *turned.add(o * n + i) = *w.add(o * n + i % c * taps + i / c);
                }
            }
            let rows = Mat { ptr: turned.cast_const(), row_stride: n as isize, col_stride: 1 };
            pack_b(conv.out_channels, n, rows, packed);
        }
    });
}

/// dx from dy and packed weights. The epilogue sees dx as the matrix [N·H·W, C].
///
/// # Safety
/// dy must be valid and dense in [N, P, Q, O] order, dx over [N, H, W, C] but for the room between its pixels; `packed` must be what [`pack`] wrote.
pub(super) unsafe fn data_gradient(
    conv: &Conv2d,
    dy: *const f32,
    packed: *const f32,
    dx: Target,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let pixel = dx.pixel.unwrap_or(conv.in_channels);
    let bands = TASKS.div_ceil(conv.batch.max(1)).min(conv.height).max(1);
    let high = conv.height.div_ceil(bands).max(1);
    let bands = conv.height.div_ceil(high);
    let job = Job {
        conv,
        output: conv.output(),
        dy: Shared::new(dy.cast_mut()),
        packed: Shared::new(packed.cast_mut()),
        dx: Shared::new(dx.ptr),
        pixel,
        epilogue,
    };
    parallel(conv.batch * bands, &|task| {
        let (image, top) = (task / bands, task % bands * high);
        // SAFETY: the caller's promise; tasks write distinct rows of dx.
        unsafe { job.band(image, top..(top + high).min(conv.height)) }
    });
}

struct Job<'a> {
    conv: &'a Conv2d,
    /// P and Q.
    output: [usize; 2],
    dy: Shared<f32>,
    packed: Shared<f32>,
    dx: Shared<f32>,
    /// From one pixel of dx to the next.
    pixel: usize,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

impl Job<'_> {
    /// Some rows of an image of dx.
    unsafe fn band(&self, image: usize, rows: Range<usize>) {
        let (conv, [p, q]) = (self.conv, self.output);
        let (c, n, k) = (conv.in_channels, columns(conv), conv.out_channels);
        let first = (image * conv.height + rows.start) * conv.width;
        let pixels = rows.len() * conv.width;
        // SAFETY: the caller's promise, here and below.
        unsafe {
            for i in first..first + pixels {
                self.dx.at(i * self.pixel).write_bytes(0, c);
            }
        }
        // Rows of dy that see some row of the band through some tap.
        let (pad, reach) = (conv.padding[0][0], (conv.kernel[0] - 1) * conv.dilation[0]);
        let stride = conv.stride[0] as isize;
        let from = -(reach as isize - pad - rows.start as isize).div_euclid(stride);
        let to = (rows.end as isize - 1 + pad).div_euclid(stride) + 1;
        let clamp = |row: isize| row.clamp(0, p as isize) as usize;
        let (from, to) = (clamp(from), clamp(to));
        let each = (TILE / (q * n).max(1)).max(1);
        with_scratch(each * q * n * size_of::<f32>(), |scratch| {
            let product = scratch.cast::<f32>();
            for tile in (from..to).step_by(each) {
                let some = tile..(tile + each).min(to);
                let a = self.dy.at((image * p + tile) * q * k).cast_const();
                let a = Mat { ptr: a, row_stride: k as isize, col_stride: 1 };
                let to = MatMut { ptr: product, row_stride: n as isize, col_stride: 1 };
                let packed = self.packed.get().cast_const();
                unsafe {
                    gemm_packed(some.len() * q, n, k, a, packed, to, false, None);
                    self.add(image, some, &rows, product);
                }
            }
        });
        let Some(epilogue) = self.epilogue else { return };
        unsafe {
            let at = self.dx.at(first * self.pixel);
            epilogue.apply_rows(first, 0, at, self.pixel as isize, pixels, c);
        }
    }

    /// Adds products of some rows of dy to the rows of dx that are in the band.
    unsafe fn add(
        &self,
        image: usize,
        some: Range<usize>,
        band: &Range<usize>,
        product: *const f32,
    ) {
        let (conv, q, n) = (self.conv, self.output[1], columns(self.conv));
        let stretch = conv.kernel[1] * conv.in_channels;
        for (i, row) in some.enumerate() {
            for tap in 0..conv.kernel[0] {
                let h =
                    (row * conv.stride[0] + tap * conv.dilation[0]) as isize - conv.padding[0][0];
                if h < band.start as isize || h >= band.end as isize {
                    continue;
                }
                let line = (image * conv.height + h as usize) * conv.width;
                for v in 0..q {
                    // SAFETY: the product has a row for each pixel of these rows; the caller's promise.
                    unsafe {
                        let from = product.add((i * q + v) * n + tap * stretch);
                        self.add_stretch(line, v, from);
                    }
                }
            }
        }
    }

    /// Adds what one pixel of dy gives a row of dx, tap after tap.
    #[inline]
    unsafe fn add_stretch(&self, line: usize, v: usize, from: *const f32) {
        let (conv, c) = (self.conv, self.conv.in_channels);
        let left = (v * conv.stride[1]) as isize - conv.padding[1][0];
        let whole = left >= 0 && left as usize + conv.kernel[1] <= conv.width;
        // SAFETY: what lies outside the row is skipped; the caller's promise.
        unsafe {
            if whole && conv.dilation[1] == 1 && self.pixel == c {
                let to = self.dx.at((line + left as usize) * c);
                for i in 0..conv.kernel[1] * c {
                    *to.add(i) += *from.add(i);
                }
                return;
            }
            for tap in 0..conv.kernel[1] {
                let x = left + (tap * conv.dilation[1]) as isize;
                if (0..conv.width as isize).contains(&x) {
                    let to = self.dx.at((line + x as usize) * self.pixel);
                    for i in 0..c {
                        *to.add(i) += *from.add(tap * c + i);
                    }
                }
            }
        }
    }
}
