//! The register tile of the gathering passes with the batch innermost: some target channels × some neighbouring
//! columns × some vectors of images, all source channels and taps summed before anything is stored.
#![allow(unsafe_code)]

use crate::ops::lanes::{Isa, LANES};
use gradus_cpu::form;
use gradus_cpu::lanes::{Choice, F32s, InstructionSet};

/// Target channels of the largest tile: with 2 vectors of images 12 sums, 2 vectors of the source and a weight.
pub(super) const CHANNELS: usize = 6;
/// Vectors of images across a tile.
pub(super) const VECTORS: usize = 2;

/// Columns of a tile for so many target channels: fewer channels, more columns, so that there are sums enough to
/// hide the latency of the multiply-add.
pub(super) fn columns(channels: usize) -> usize {
    [6, 3, 2][..].get(channels - 1).copied().unwrap_or(1)
}

/// A tile to compute.
pub(super) struct Tile {
    /// The source at the first channel, row tap, column tap, target column and image.
    pub(super) x: *const f32,
    /// From one source channel, row tap, column tap and target column to the next.
    pub(super) x_channel: isize,
    pub(super) x_row: isize,
    pub(super) x_col: isize,
    pub(super) x_next: isize,
    /// Source channels, row taps and column taps.
    pub(super) channels: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// The packed weights of the first tap: [source channel][row tap][column tap][target channel].
    pub(super) w: *const f32,
    pub(super) w_channel: usize,
    pub(super) w_row: usize,
    /// The target at the first channel, column and image.
    pub(super) y: *mut f32,
    pub(super) y_channel: isize,
    pub(super) y_next: isize,
    /// Images in the last vector, for a masked tile.
    pub(super) last: usize,
}

pub(super) type TileFn = unsafe fn(&Tile);

/// K target channels × J columns × V vectors; S column taps, or any number if S is 0.
#[inline(always)]
unsafe fn tile<
    L: F32s,
    const K: usize,
    const J: usize,
    const V: usize,
    const S: usize,
    const MASKED: bool,
>(
    t: &Tile,
) {
    let cols = if S == 0 { t.cols } else { S };
    // SAFETY: the caller's promise: all taps, columns and lanes named are there.
    unsafe {
        let mut sums = [[[L::zero(); V]; J]; K];
        let (mut x_channel, mut w_channel) = (t.x, t.w);
        for _ in 0..t.channels {
            let (mut x_row, mut w_row) = (x_channel, w_channel);
            for _ in 0..t.rows {
                let (mut x, mut w) = (x_row, w_row);
                for _ in 0..cols {
                    let mut xs = [[L::zero(); V]; J];
                    for j in 0..J {
                        for v in 0..V {
                            let p = x.offset(j as isize * t.x_next).add(v * LANES);
                            xs[j][v] = if MASKED { L::load_first(p, t.last) } else { L::load(p) };
                        }
                    }
                    for k in 0..K {
                        let weight = L::splat(*w.add(k));
                        for j in 0..J {
                            for v in 0..V {
                                sums[k][j][v] = weight.mul_add(xs[j][v], sums[k][j][v]);
                            }
                        }
                    }
                    x = x.wrapping_offset(t.x_col);
                    w = w.wrapping_add(K);
                }
                x_row = x_row.wrapping_offset(t.x_row);
                w_row = w_row.wrapping_add(t.w_row);
            }
            x_channel = x_channel.wrapping_offset(t.x_channel);
            w_channel = w_channel.wrapping_add(t.w_channel);
        }
        for k in 0..K {
            for j in 0..J {
                let y = t.y.offset(k as isize * t.y_channel + j as isize * t.y_next);
                for v in 0..V {
                    let p = y.add(v * LANES);
                    if MASKED {
                        sums[k][j][v].store_first(p, t.last)
                    } else {
                        sums[k][j][v].store(p)
                    }
                }
            }
        }
    }
}

/// The tiles of one number of target channels and columns.
pub(super) struct Tiles {
    /// Two vectors of images; 3, 5 or any number of column taps.
    pair: [TileFn; 3],
    /// One vector.
    single: TileFn,
    /// One vector that is not full.
    masked: TileFn,
}

impl Tiles {
    /// The tile for so many images (a full pair, a full vector, or fewer) and column taps.
    pub(super) fn get(&self, images: usize, cols: usize) -> TileFn {
        match (images / LANES, cols) {
            (0, _) => self.masked,
            (1, _) => self.single,
            (_, 3) => self.pair[0],
            (_, 5) => self.pair[1],
            _ => self.pair[2],
        }
    }
}

form! {
    TileForm[K: usize, J: usize, V: usize, S: usize, MASKED: bool](Tile),
        P => tile::<P::F32, K, J, V, S, MASKED>;
}

impl Tiles {
    const fn of<P: InstructionSet, const K: usize, const J: usize>() -> Tiles {
        Tiles {
            pair: [
                P::call::<TileForm<K, J, VECTORS, 3, false>>,
                P::call::<TileForm<K, J, VECTORS, 5, false>>,
                P::call::<TileForm<K, J, VECTORS, 0, false>>,
            ],
            single: P::call::<TileForm<K, J, 1, 0, false>>,
            masked: P::call::<TileForm<K, J, 1, 0, true>>,
        }
    }
}

/// The tiles of an instruction set.
struct All {
    /// [channels - 1], of one column.
    narrow: [Tiles; CHANNELS],
    /// [channels - 1], of as many columns as [`columns`] says.
    wide: [Tiles; 3],
}

/// The choice of [`All`].
struct Table;

impl Choice for Table {
    type Output = &'static All;
    fn of<P: InstructionSet>(self) -> &'static All {
        const {
            &All {
                narrow: [
                    Tiles::of::<P, 1, 1>(),
                    Tiles::of::<P, 2, 1>(),
                    Tiles::of::<P, 3, 1>(),
                    Tiles::of::<P, 4, 1>(),
                    Tiles::of::<P, 5, 1>(),
                    Tiles::of::<P, 6, 1>(),
                ],
                wide: [Tiles::of::<P, 1, 6>(), Tiles::of::<P, 2, 3>(), Tiles::of::<P, 3, 2>()],
            }
        }
    }
}

/// The tiles for so many target channels: one column wide, or as wide as [`columns`] says.
pub(super) fn tiles(isa: Isa, channels: usize, wide: bool) -> &'static Tiles {
    let all = isa.choose(Table);
    if wide && columns(channels) > 1 { &all.wide[channels - 1] } else { &all.narrow[channels - 1] }
}
