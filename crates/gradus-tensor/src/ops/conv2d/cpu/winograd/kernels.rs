//! The inner loops: tiles and kernels to products' operands and back, a vector of channels at a time, and the register
//! tile of the products themselves.
#![allow(unsafe_code)]

use super::transform::{Kernel, OUT, POINTS, Pixels, Slopes, TAPS, Taps, Tile as TileMap, both};
use crate::ops::lanes::{Isa, LANES, Lanes, Portable};

/// Columns of a register tile.
pub(super) const COLUMNS: usize = 2 * LANES;
/// Rows of the largest register tile.
pub(super) const ROWS: usize = 6;

/// A 6×6 tile of pixels on its way to the operands.
pub(super) struct TileIn {
    /// Each pixel's channels; zeros outside the picture.
    pub(super) pixels: [[*const f32; POINTS]; POINTS],
    pub(super) channels: usize,
    /// The tile's row of the first operand, and from one operand and from 16 channels to the next.
    pub(super) to: *mut f32,
    pub(super) step: usize,
    pub(super) panel: usize,
}

/// A tile of target pixels on its way from the products, or of dy to the operands.
pub(super) struct TileOut {
    /// The tile's row of the first product (or operand), and from one product and from 16 channels to the next.
    pub(super) products: *mut f32,
    pub(super) step: usize,
    pub(super) panel: usize,
    pub(super) channels: usize,
    /// The first pixel, from one row and one column of pixels to the next, and how many of them there are.
    pub(super) pixels: *mut f32,
    pub(super) row: usize,
    pub(super) col: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

/// The kernels between some channels: to 16 columns of the operands, or from products.
pub(super) struct Weights {
    /// The nine taps of each of 16 columns for the first channel, and from one channel to the next.
    pub(super) taps: [*const f32; COLUMNS],
    pub(super) next: usize,
    /// The taps are read from the last to the first.
    pub(super) flipped: bool,
    pub(super) channels: usize,
    /// 16 columns of the first channel in the first operand, and from one operand to the next.
    pub(super) to: *mut f32,
    pub(super) step: usize,
}

/// `c[rows, 16] = a[rows, k]·b[k, 16]`, or `+=`.
pub(super) struct Product {
    pub(super) k: usize,
    pub(super) a: *const f32,
    pub(super) a_row: usize,
    pub(super) a_col: usize,
    pub(super) b: *const f32,
    pub(super) c: *mut f32,
    pub(super) c_row: usize,
    pub(super) add: bool,
}

#[inline(always)]
unsafe fn load<L: Lanes>(p: *const f32, lanes: usize) -> L {
    // SAFETY: the caller's promise.
    unsafe { if lanes >= LANES { L::load(p) } else { L::load_first(p, lanes) } }
}

#[inline(always)]
unsafe fn store<L: Lanes>(x: L, p: *mut f32, lanes: usize) {
    // SAFETY: the caller's promise.
    unsafe { if lanes >= LANES { x.store(p) } else { x.store_first(p, lanes) } }
}

/// Operands are written in whole vectors: their rows are as long.
#[inline(always)]
unsafe fn tile_in<L: Lanes>(t: &TileIn) {
    let mut c = 0;
    while c < t.channels {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [[L::zero(); POINTS]; POINTS];
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j] = load(t.pixels[i][j].add(c), t.channels - c);
                }
            }
            let x = both::<L, TileMap, POINTS, POINTS>(&x);
            let to = t.to.add(c / COLUMNS * t.panel + c % COLUMNS);
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j].store(to.add((i * POINTS + j) * t.step));
                }
            }
        }
        c += LANES;
    }
}

#[inline(always)]
unsafe fn tile_out<L: Lanes>(t: &TileOut) {
    let mut c = 0;
    while c < t.channels {
        // SAFETY: the caller's promise.
        unsafe {
            let from = t.products.add(c / COLUMNS * t.panel + c % COLUMNS);
            let mut x = [[L::zero(); POINTS]; POINTS];
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j] = L::load(from.add((i * POINTS + j) * t.step));
                }
            }
            let y = both::<L, Pixels, POINTS, OUT>(&x);
            let whole = t.rows == OUT && t.cols == OUT && t.channels - c >= LANES;
            for i in 0..OUT {
                for j in 0..OUT {
                    let p = t.pixels.wrapping_add(i * t.row + j * t.col + c);
                    if whole {
                        y[i][j].store(p);
                    } else if i < t.rows && j < t.cols {
                        store(y[i][j], p, t.channels - c);
                    }
                }
            }
        }
        c += LANES;
    }
}

/// The weight gradient's way of [`tile_out`] backwards: dy to operands, zeros where there are no pixels.
#[inline(always)]
unsafe fn slopes_in<L: Lanes>(t: &TileOut) {
    let mut c = 0;
    while c < t.channels {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [[L::zero(); OUT]; OUT];
            for i in 0..OUT {
                for j in 0..OUT {
                    if i < t.rows && j < t.cols {
                        let p = t.pixels.add(i * t.row + j * t.col + c);
                        x[i][j] = load(p, t.channels - c);
                    }
                }
            }
            let x = both::<L, Slopes, OUT, POINTS>(&x);
            let to = t.products.add(c / COLUMNS * t.panel + c % COLUMNS);
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j].store(to.add((i * POINTS + j) * t.step));
                }
            }
        }
        c += LANES;
    }
}

/// Channels that weights are fetched ahead: they lie too far apart for the machine to guess.
const AHEAD: usize = 8;

#[inline(always)]
unsafe fn weights_in<L: Lanes>(t: &Weights) {
    for c in 0..t.channels {
        for half in 0..2 {
            // SAFETY: the caller's promise.
            unsafe {
                let (mut taps, mut last) = ([t.taps[0]; LANES], [t.taps[0]; LANES]);
                for l in 0..LANES {
                    taps[l] = t.taps[half * LANES + l].add(c * t.next);
                    last[l] = taps[l].add(TAPS * TAPS - 1);
                    L::prefetch(taps[l].wrapping_add(AHEAD * t.next));
                }
                let (first, last) = (L::transpose(taps), L::collect(last));
                let mut x = [[last; TAPS]; TAPS];
                for i in 0..LANES {
                    x[i / TAPS][i % TAPS] = first[i];
                }
                if t.flipped {
                    x = [
                        [x[2][2], x[2][1], x[2][0]],
                        [x[1][2], x[1][1], x[1][0]],
                        [x[0][2], x[0][1], x[0][0]],
                    ];
                }
                let x = both::<L, Kernel, TAPS, POINTS>(&x);
                let to = t.to.add(c * COLUMNS + half * LANES);
                for i in 0..POINTS {
                    for j in 0..POINTS {
                        x[i][j].store(to.add((i * POINTS + j) * t.step));
                    }
                }
            }
        }
    }
}

/// Products on their way to the taps of some channels.
pub(super) struct TapsOut {
    /// The channels in the first product, and from one product to the next; readable in whole vectors.
    pub(super) products: *const f32,
    pub(super) step: usize,
    pub(super) channels: usize,
    /// The nine taps of each channel, one after the other.
    pub(super) taps: *mut f32,
}

#[inline(always)]
unsafe fn taps_out<L: Lanes>(t: &TapsOut) {
    const ALL: usize = TAPS * TAPS;
    let mut c = 0;
    while c < t.channels {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [[L::zero(); POINTS]; POINTS];
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j] = L::load(t.products.add((i * POINTS + j) * t.step + c));
                }
            }
            let y = both::<L, Taps, POINTS, TAPS>(&x);
            // [tap][channel]; through memory to [channel][tap].
            let mut lanes = [[0.0f32; LANES]; ALL];
            let mut rows = [lanes[0].as_ptr(); LANES];
            for i in 0..ALL {
                y[i / TAPS][i % TAPS].store(lanes[i].as_mut_ptr());
            }
            for i in 0..LANES {
                rows[i] = lanes[i].as_ptr();
            }
            let first = L::transpose(rows);
            for l in 0..LANES.min(t.channels - c) {
                let taps = t.taps.add((c + l) * ALL);
                first[l].store(taps);
                *taps.add(ALL - 1) = lanes[ALL - 1][l];
            }
        }
        c += LANES;
    }
}

#[inline(always)]
unsafe fn product<L: Lanes, const R: usize>(t: &Product) {
    let (mut a, mut b) = (t.a, t.b);
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[L::zero(); 2]; R];
        for _ in 0..t.k {
            let (x, y) = (L::load(b), L::load(b.add(LANES)));
            for i in 0..R {
                let s = L::splat(a.add(i * t.a_row));
                sums[i][0] = s.mul_add(x, sums[i][0]);
                sums[i][1] = s.mul_add(y, sums[i][1]);
            }
            a = a.add(t.a_col);
            b = b.add(COLUMNS);
        }
        for i in 0..R {
            for v in 0..2 {
                let c = t.c.add(i * t.c_row + v * LANES);
                (if t.add { L::load(c).add(sums[i][v]) } else { sums[i][v] }).store(c);
            }
        }
    }
}

/// The loops of one instruction set.
pub(super) struct Kernels {
    pub(super) tile_in: unsafe fn(&TileIn),
    pub(super) tile_out: unsafe fn(&TileOut),
    pub(super) slopes_in: unsafe fn(&TileOut),
    pub(super) weights_in: unsafe fn(&Weights),
    pub(super) taps_out: unsafe fn(&TapsOut),
    /// [rows - 1].
    pub(super) product: [unsafe fn(&Product); ROWS],
}

macro_rules! instruction_set {
    ($module:ident, $lanes:ty, $(#[$attr:meta])*) => {
        mod $module {
            use super::*;
            instruction_set!(@wrap $lanes, [$(#[$attr])*],
                tile_in: TileIn, tile_out: TileOut, slopes_in: TileOut, weights_in: Weights, taps_out: TapsOut);
            $(#[$attr])*
            unsafe fn product<const R: usize>(t: &Product) {
                // SAFETY: passed on.
                unsafe { super::product::<$lanes, R>(t) }
            }
            pub(super) static KERNELS: Kernels = Kernels {
                tile_in,
                tile_out,
                slopes_in,
                weights_in,
                taps_out,
                product: [product::<1>, product::<2>, product::<3>, product::<4>, product::<5>, product::<6>],
            };
        }
    };
    (@wrap $lanes:ty, $attrs:tt, $($name:ident: $work:ty),*) => {
        $(instruction_set!(@one $lanes, $attrs, $name: $work);)*
    };
    (@one $lanes:ty, [$(#[$attr:meta])*], $name:ident: $work:ty) => {
        $(#[$attr])*
        unsafe fn $name(t: &$work) {
            // SAFETY: passed on.
            unsafe { super::$name::<$lanes>(t) }
        }
    };
}
instruction_set!(any, Portable,);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, crate::ops::lanes::Avx2, #[target_feature(enable = "avx2,fma")]);

/// The loops of an instruction set.
pub(super) fn kernels(isa: Isa) -> &'static Kernels {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => &avx2::KERNELS,
        _ => &any::KERNELS,
    }
}
