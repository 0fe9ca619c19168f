//! The inner loops: tiles and kernels to products' operands and back, a vector of channels at a time, and the register
//! tile of the products themselves.
#![allow(unsafe_code)]

use super::transform::{POINTS, PointValues, Sums, Tile as TileMap, both};
use crate::ops::lanes::{Isa, LANES};
use gradus_cpu::form;
use gradus_cpu::lanes::{Choice, F32s, InstructionSet, prefetch};

/// Columns of a register tile.
pub(super) const COLUMNS: usize = 2 * LANES;
/// Rows of the largest register tile.
pub(super) const ROWS: usize = 6;

/// A 6×6 tile of pixels on its way to the operands.
pub(super) struct TileIn {
    /// Each pixel's channels; zeros outside the picture.
    pub(super) pixels: [[*const f32; POINTS]; POINTS],
    pub(super) channels: usize,
    /// The column of the first channel.
    pub(super) first: usize,
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

/// Taps along an axis of the largest kernel.
pub(super) const MOST_TAPS: usize = 5;
/// Taps of a kernel of three.
const NINE: usize = 9;

/// Where a kernel's taps lie, from its first one on; `None` for a zero.
pub(super) type Places = [[Option<usize>; MOST_TAPS]; MOST_TAPS];

/// The kernels of 16 columns for one channel, to operands.
pub(super) struct Weights {
    pub(super) taps: [*const f32; COLUMNS],
    pub(super) places: Places,
    /// 16 columns of the first operand, and from one operand to the next.
    pub(super) to: *mut f32,
    pub(super) step: usize,
}

/// The same for kernels of three dense taps each way and many channels.
pub(super) struct ManyWeights {
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

/// Operands are written in whole vectors: their rows are as long.
#[inline(always)]
unsafe fn tile_in<L: F32s>(t: &TileIn) {
    let mut c = 0;
    while c < t.channels {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [[L::zero(); POINTS]; POINTS];
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j] = L::load_left(t.pixels[i][j].add(c), t.channels - c);
                }
            }
            let x = both::<L, TileMap, POINTS, POINTS>(&x);
            let at = t.first + c;
            let to = t.to.add(at / COLUMNS * t.panel + at % COLUMNS);
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
unsafe fn tile_out<L: F32s, const M: usize>(t: &TileOut) {
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
            let y = both::<L, Sums, POINTS, M>(&x);
            let whole = t.rows == M && t.cols == M && t.channels - c >= LANES;
            for i in 0..M {
                for j in 0..M {
                    let p = t.pixels.wrapping_add(i * t.row + j * t.col + c);
                    if whole {
                        y[i][j].store(p);
                    } else if i < t.rows && j < t.cols {
                        y[i][j].store_left(p, t.channels - c);
                    }
                }
            }
        }
        c += LANES;
    }
}

/// The weight gradient's way of [`tile_out`] backwards: dy to operands, zeros where there are no pixels.
#[inline(always)]
unsafe fn slopes_in<L: F32s, const M: usize>(t: &TileOut) {
    let mut c = 0;
    while c < t.channels {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [[L::zero(); M]; M];
            for i in 0..M {
                for j in 0..M {
                    if i < t.rows && j < t.cols {
                        let p = t.pixels.add(i * t.row + j * t.col + c);
                        x[i][j] = L::load_left(p, t.channels - c);
                    }
                }
            }
            let x = both::<L, PointValues, M, POINTS>(&x);
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
unsafe fn many_weights_in<L: F32s>(t: &ManyWeights) {
    for c in 0..t.channels {
        for half in 0..2 {
            // SAFETY: the caller's promise.
            unsafe {
                let (mut taps, mut last) = ([t.taps[0]; LANES], [t.taps[0]; LANES]);
                for l in 0..LANES {
                    taps[l] = t.taps[half * LANES + l].add(c * t.next);
                    last[l] = taps[l].add(NINE - 1);
                    prefetch(taps[l].wrapping_add(AHEAD * t.next));
                }
                let (first, last) = (L::transpose(L::load_each(taps)), L::collect(last));
                let mut x = [[last; 3]; 3];
                for i in 0..LANES {
                    x[i / 3][i % 3] = first[i];
                }
                if t.flipped {
                    x = [
                        [x[2][2], x[2][1], x[2][0]],
                        [x[1][2], x[1][1], x[1][0]],
                        [x[0][2], x[0][1], x[0][0]],
                    ];
                }
                let x = both::<L, PointValues, 3, POINTS>(&x);
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

#[inline(always)]
unsafe fn weights_in<L: F32s, const R: usize>(t: &Weights) {
    for half in 0..2 {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [[L::zero(); R]; R];
            for i in 0..R {
                for j in 0..R {
                    if let Some(place) = t.places[i][j] {
                        let mut taps = [t.taps[0]; LANES];
                        for l in 0..LANES {
                            taps[l] = t.taps[half * LANES + l].add(place);
                        }
                        x[i][j] = L::collect(taps);
                    }
                }
            }
            let x = both::<L, PointValues, R, POINTS>(&x);
            for i in 0..POINTS {
                for j in 0..POINTS {
                    x[i][j].store(t.to.add((i * POINTS + j) * t.step + half * LANES));
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
    /// The taps of each channel, nine of them one after the other; else a vector of channels for each tap.
    pub(super) taps: *mut f32,
}

/// A vector of channels.
#[inline(always)]
unsafe fn taps_out<L: F32s, const R: usize>(t: &TapsOut) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut x = [[L::zero(); POINTS]; POINTS];
        for i in 0..POINTS {
            for j in 0..POINTS {
                x[i][j] = L::load(t.products.add((i * POINTS + j) * t.step));
            }
        }
        let y = both::<L, Sums, POINTS, R>(&x);
        for i in 0..R {
            for j in 0..R {
                y[i][j].store(t.taps.add((i * R + j) * LANES));
            }
        }
    }
}

/// Kernels of three dense taps each way, all channels.
#[inline(always)]
unsafe fn many_taps_out<L: F32s>(t: &TapsOut) {
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
            let y = both::<L, Sums, POINTS, 3>(&x);
            // [tap][channel]; through memory to [channel][tap].
            let mut lanes = [[0.0f32; LANES]; NINE];
            let mut rows = [lanes[0].as_ptr(); LANES];
            for i in 0..NINE {
                y[i / 3][i % 3].store(lanes[i].as_mut_ptr());
            }
            for i in 0..LANES {
                rows[i] = lanes[i].as_ptr();
            }
            let first = L::transpose(L::load_each(rows));
            for l in 0..LANES.min(t.channels - c) {
                let taps = t.taps.add((c + l) * NINE);
                first[l].store(taps);
                *taps.add(NINE - 1) = lanes[NINE - 1][l];
            }
        }
        c += LANES;
    }
}

#[inline(always)]
unsafe fn product<L: F32s, const R: usize>(t: &Product) {
    let (mut a, mut b) = (t.a, t.b);
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[L::zero(); 2]; R];
        for _ in 0..t.k {
            let (x, y) = (L::load(b), L::load(b.add(LANES)));
            for i in 0..R {
                let s = L::splat(*a.add(i * t.a_row));
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
    pub(super) many_weights_in: unsafe fn(&ManyWeights),
    pub(super) many_taps_out: unsafe fn(&TapsOut),
    /// For kernels of [taps - 2] each way.
    pub(super) by_taps: [ByTaps; MOST_TAPS - 1],
    /// [rows - 1].
    pub(super) product: [unsafe fn(&Product); ROWS],
}

/// The loops that depend on how many taps there are.
pub(super) struct ByTaps {
    pub(super) tile_out: unsafe fn(&TileOut),
    pub(super) slopes_in: unsafe fn(&TileOut),
    pub(super) weights_in: unsafe fn(&Weights),
    pub(super) taps_out: unsafe fn(&TapsOut),
}

form! {
    TileInForm(TileIn), P => tile_in::<P::F32>;
    ManyWeightsForm(ManyWeights), P => many_weights_in::<P::F32>;
    ManyTapsForm(TapsOut), P => many_taps_out::<P::F32>;
    TileOutForm[M: usize](TileOut), P => tile_out::<P::F32, M>;
    SlopesForm[M: usize](TileOut), P => slopes_in::<P::F32, M>;
    WeightsForm[R: usize](Weights), P => weights_in::<P::F32, R>;
    TapsForm[R: usize](TapsOut), P => taps_out::<P::F32, R>;
    ProductForm[R: usize](Product), P => product::<P::F32, R>;
}

impl Kernels {
    const fn of<P: InstructionSet>() -> Kernels {
        Kernels {
            tile_in: P::call::<TileInForm>,
            many_weights_in: P::call::<ManyWeightsForm>,
            many_taps_out: P::call::<ManyTapsForm>,
            by_taps: [
                ByTaps::of::<P, 2, 5>(),
                ByTaps::of::<P, 3, 4>(),
                ByTaps::of::<P, 4, 3>(),
                ByTaps::of::<P, 5, 2>(),
            ],
            product: [
                P::call::<ProductForm<1>>,
                P::call::<ProductForm<2>>,
                P::call::<ProductForm<3>>,
                P::call::<ProductForm<4>>,
                P::call::<ProductForm<5>>,
                P::call::<ProductForm<6>>,
            ],
        }
    }
}

impl ByTaps {
    const fn of<P: InstructionSet, const R: usize, const M: usize>() -> ByTaps {
        ByTaps {
            tile_out: P::call::<TileOutForm<M>>,
            slopes_in: P::call::<SlopesForm<M>>,
            weights_in: P::call::<WeightsForm<R>>,
            taps_out: P::call::<TapsForm<R>>,
        }
    }
}

/// The choice of [`Kernels`].
struct Table;

impl Choice for Table {
    type Output = &'static Kernels;
    fn of<P: InstructionSet>(self) -> &'static Kernels {
        const { &Kernels::of::<P>() }
    }
}

/// The loops of an instruction set.
pub(super) fn kernels(isa: Isa) -> &'static Kernels {
    isa.choose(Table)
}
