//! Convolution by Winograd's minimal filtering with the channels innermost: 3×3 kernels of stride 1, F(4×4, 3×3), a
//! quarter of the multiply-adds. Tiles of 6×6 source pixels become rows of 36 matrices, the kernels 36 matrices, and the
//! 36 products become tiles of 4×4 target pixels.
//!
//! Lavin & Gray 2015, arXiv:1509.09308. `transform.rs` has the maps, `kernels.rs` the loops over channels.
#![allow(unsafe_code)]

mod kernels;
mod transform;
mod weight_gradient;

use super::TASKS;
use crate::ops::conv2d::geometry::{Conv2d, Pass};
use crate::ops::lanes::{Isa, LANES, Shared};
use gradus_cpu::{Epilogue, parallel, with_scratch};
use kernels::{COLUMNS, Kernels, Product, ROWS, TileIn, TileOut, Weights, kernels};
use std::ops::Range;
use transform::{OUT, POINTS, PRODUCTS};

pub(in super::super) use weight_gradient::weight_gradient;

/// Elements of the operands and products of a group of tiles: within a second-level cache of 1 MiB beside a panel of
/// weights.
const GROUP: usize = 1 << 18;
/// Groups that a pass is cut into at least, if there are tiles enough.
const GROUPS: usize = 8;
/// Source channels of a block of weights: a panel of them, 16 wide, fills half of a first-level cache.
const DEPTH: usize = 256;
/// Kernels (a source and a target channel) for each tile from which the weights are made in passing.
const PASSING: usize = 256;
/// Panels of target channels of a task, and source channels whose weights are made at once, where the weights are made
/// in passing: both together fill half of a second-level cache.
const BLOCK_PANELS: usize = 2;
const RUN: usize = 128;
/// Target pixels of a tile from which it pays, of 16; a tile costs what lowered products take for four.
const FILLED: usize = 7;
/// Between operands, so that the 36 rows of a tile do not fall on the same lines of a cache.
const PAD: usize = 16;

/// True for the convolutions this algorithm computes.
pub(in super::super) fn fits(conv: &Conv2d) -> bool {
    conv.kernel == [3, 3] && conv.stride == [1, 1] && conv.dilation == [1, 1] && conv.groups == 1
}

/// True where it is the fastest: measured from 3 to 512 channels, it takes a third of the time of lowered products, unless
/// tiles are mostly beyond the picture's edge.
pub(in super::super) fn wins(conv: &Conv2d, pass: Pass) -> bool {
    if !fits(conv) {
        return false;
    }
    let size = match pass {
        Pass::DataGradient => [conv.height, conv.width],
        _ => conv.output(),
    };
    let tiles = size.map(|size| size.div_ceil(OUT)).into_iter().product::<usize>();
    size[0] * size[1] >= FILLED * tiles
}

/// y from x and w. The epilogue sees y as the matrix [N·P·Q, O].
///
/// # Safety
/// x, w and y must be valid over the geometry's shapes, x and y dense in [N, H, W, C] order, w dense; the machine must
/// have the instruction set.
pub(in super::super) unsafe fn forward(
    isa: Isa,
    conv: &Conv2d,
    x: *const f32,
    w: *const f32,
    y: *mut f32,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    // SAFETY: the caller's promise.
    unsafe { gather(isa, &Field::forward(conv), x, w, y, epilogue) }
}

/// dx from dy and w. The epilogue sees dx as the matrix [N·H·W, C].
///
/// # Safety
/// As [`forward`].
pub(in super::super) unsafe fn data_gradient(
    isa: Isa,
    conv: &Conv2d,
    dy: *const f32,
    w: *const f32,
    dx: *mut f32,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    // SAFETY: the caller's promise.
    unsafe { gather(isa, &Field::data_gradient(conv), dy, w, dx, epilogue) }
}

/// A pass as a forward convolution: the data gradient is one over dy with the kernels turned round.
struct Field {
    batch: usize,
    source: [usize; 2],
    target: [usize; 2],
    /// Where in the source the first target pixel's first tap lies.
    offset: [isize; 2],
    channels_in: usize,
    channels_out: usize,
    /// From the nine taps of one source channel and of one target channel to the next.
    weight_in: usize,
    weight_out: usize,
    flipped: bool,
}

impl Field {
    fn forward(conv: &Conv2d) -> Field {
        Field {
            batch: conv.batch,
            source: [conv.height, conv.width],
            target: conv.output(),
            offset: conv.padding.map(|[before, _]| -before),
            channels_in: conv.in_channels,
            channels_out: conv.out_channels,
            weight_in: 9,
            weight_out: 9 * conv.in_channels,
            flipped: false,
        }
    }

    fn data_gradient(conv: &Conv2d) -> Field {
        Field {
            batch: conv.batch,
            source: conv.output(),
            target: [conv.height, conv.width],
            offset: conv.padding.map(|[before, _]| before - 2),
            channels_in: conv.out_channels,
            channels_out: conv.in_channels,
            weight_in: 9 * conv.in_channels,
            weight_out: 9,
            flipped: true,
        }
    }

    /// Tiles down and across a picture.
    fn across(&self) -> [usize; 2] {
        self.target.map(|size| size.div_ceil(OUT))
    }

    fn tiles(&self) -> usize {
        let [down, across] = self.across();
        self.batch * down * across
    }

    /// The picture of a tile and its first target row and column.
    fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.across();
        let (image, at) = (tile / (down * across), tile % (down * across));
        [image, at / across * OUT, at % across * OUT]
    }

    /// Panels of target channels.
    fn panels(&self) -> usize {
        self.channels_out.div_ceil(COLUMNS)
    }
}

/// Some rows for each product, each `width` long; products lie `step` apart, runs of 16 columns `panel`.
#[derive(Clone, Copy)]
struct Rows {
    ptr: *mut f32,
    width: usize,
    step: usize,
    panel: usize,
}

impl Rows {
    /// Elements that so many rows take.
    fn len(rows: usize, width: usize) -> usize {
        PRODUCTS * Rows::step(rows, width)
    }
    fn step(rows: usize, width: usize) -> usize {
        (rows * width).next_multiple_of(PAD) + PAD
    }
    fn new(ptr: *mut f32, rows: usize, width: usize) -> Rows {
        Rows { ptr, width, step: Rows::step(rows, width), panel: COLUMNS }
    }
    /// Rows of 16 columns, panel after panel.
    fn panels(ptr: *mut f32, rows: usize, columns: usize) -> Rows {
        let width = columns.next_multiple_of(COLUMNS);
        Rows { ptr, width: COLUMNS, step: Rows::step(rows, width), panel: rows * COLUMNS }
    }
    fn at(&self, product: usize, row: usize) -> *mut f32 {
        self.ptr.wrapping_add(product * self.step + row * self.width)
    }
}

unsafe fn gather(
    isa: Isa,
    field: &Field,
    src: *const f32,
    w: *const f32,
    dst: *mut f32,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let tiles = field.tiles();
    if tiles == 0 || field.channels_out == 0 {
        return;
    }
    let job = Job { field, kernels: kernels(isa), src, w, dst, epilogue };
    // SAFETY: the caller's promise.
    unsafe {
        if field.channels_in * field.channels_out >= PASSING * tiles {
            job.by_channels();
        } else {
            job.by_tiles();
        }
    }
}

/// A pass under way.
struct Job<'a> {
    field: &'a Field,
    kernels: &'static Kernels,
    src: *const f32,
    w: *const f32,
    dst: *mut f32,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

// SAFETY: tasks write distinct pixels; the epilogue is Sync.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    /// All weights first; then each group of tiles from source to target.
    unsafe fn by_tiles(&self) {
        let f = self.field;
        let (tiles, panels) = (f.tiles(), f.panels());
        let (wide_in, wide_out) = (f.channels_in.next_multiple_of(LANES), panels * COLUMNS);
        let most = (GROUP / (PRODUCTS * (wide_in + wide_out))).clamp(24, 96);
        let groups = tiles.div_ceil(most).max(GROUPS.min(tiles.div_ceil(ROWS)));
        let each = tiles.div_ceil(groups);
        with_scratch(Rows::len(panels * f.channels_in, COLUMNS) * size_of::<f32>(), |scratch| {
            let weights = Shared::new(scratch.cast::<f32>());
            let rows = || Rows::new(weights.get(), panels * f.channels_in, COLUMNS);
            let runs = f.channels_in.div_ceil(64);
            // SAFETY: the scratch holds all; tasks write distinct parts.
            unsafe {
                parallel(panels * runs, &|task| {
                    let channels = task / panels * 64..(task / panels * 64 + 64).min(f.channels_in);
                    let panel = task % panels;
                    let to = rows().at(0, panel * f.channels_in + channels.start);
                    self.weights(panel, channels, to, rows().step);
                });
                parallel(groups, &|group| {
                    let some = group * each..((group + 1) * each).min(tiles);
                    let (len_in, len_out) = (Rows::len(each, wide_in), Rows::len(each, wide_out));
                    with_scratch((len_in + len_out) * size_of::<f32>(), |scratch| {
                        let source = Rows::new(scratch.cast(), each, wide_in);
                        let to = scratch.cast::<f32>().wrapping_add(len_in);
                        let target = Rows::new(to, each, wide_out);
                        self.lower(some.clone(), source, 0);
                        self.multiply(some.len(), 0..f.channels_in, source, rows(), target);
                        self.raise(some, target, 0, 0..f.channels_out);
                    });
                });
            }
        });
    }

    /// All tiles to operands first; then each block of target channels, its weights in passing. For few tiles and many
    /// channels, where the weights are what has to be moved.
    unsafe fn by_channels(&self) {
        let f = self.field;
        let (tiles, wide_in) = (f.tiles(), f.channels_in.next_multiple_of(LANES));
        with_scratch(Rows::len(tiles, wide_in) * size_of::<f32>(), |scratch| {
            let operands = Shared::new(scratch.cast::<f32>());
            let each = tiles.div_ceil(TASKS);
            parallel(tiles.div_ceil(each), &|task| {
                let some = task * each..((task + 1) * each).min(tiles);
                let to = Rows::new(operands.get(), tiles, wide_in);
                // SAFETY: the scratch holds all tiles; tasks write distinct ones.
                unsafe { self.lower(some.clone(), to, some.start) }
            });
            parallel(f.panels().div_ceil(BLOCK_PANELS), &|block| {
                let source = Rows::new(operands.get(), tiles, wide_in);
                // SAFETY: tasks write distinct channels.
                unsafe { self.channels(source, block * BLOCK_PANELS) }
            });
        });
    }

    /// A block of target channels: run after run of source channels.
    unsafe fn channels(&self, source: Rows, panel: usize) {
        let f = self.field;
        let (tiles, panels) = (f.tiles(), BLOCK_PANELS.min(f.panels() - panel));
        let run = RUN.min(f.channels_in);
        let (len, width) = (Rows::len(panels * run, COLUMNS), panels * COLUMNS);
        with_scratch((len + Rows::len(tiles, width)) * size_of::<f32>(), |scratch| {
            let weights = Rows::new(scratch.cast(), panels * run, COLUMNS);
            let target = Rows::new(scratch.cast::<f32>().wrapping_add(len), tiles, width);
            // SAFETY: the scratch holds the weights of a run and all products; the caller's promise.
            unsafe {
                for first in (0..f.channels_in.max(1)).step_by(run.max(1)) {
                    let some = first..(first + run).min(f.channels_in);
                    for i in 0..panels {
                        let to = weights.at(0, i * some.len());
                        self.weights(panel + i, some.clone(), to, weights.step);
                    }
                    self.multiply(tiles, some, source, weights, target);
                }
                let first = panel * COLUMNS;
                let last = (first + width).min(f.channels_out);
                self.raise(0..tiles, target, 0, first..last);
            }
        });
    }

    /// The weights between some source channels and a panel of target channels.
    unsafe fn weights(&self, panel: usize, channels: Range<usize>, to: *mut f32, step: usize) {
        let f = self.field;
        let mut taps = [self.w; COLUMNS];
        for (i, taps) in taps.iter_mut().enumerate() {
            // Columns past the last are filled, and not read again.
            let o = (panel * COLUMNS + i).min(f.channels_out - 1);
            *taps = self.w.wrapping_add(o * f.weight_out + channels.start * f.weight_in);
        }
        let (next, flipped, channels) = (f.weight_in, f.flipped, channels.len());
        // SAFETY: the caller's promise.
        unsafe { (self.kernels.weights_in)(&Weights { taps, next, flipped, channels, to, step }) }
    }

    /// Tiles to operands, from row `row` on.
    unsafe fn lower(&self, some: Range<usize>, to: Rows, row: usize) {
        let f = self.field;
        let c = f.channels_in;
        with_scratch(c.next_multiple_of(LANES) * size_of::<f32>(), |scratch| {
            // SAFETY: the scratch holds a pixel; the pixels named are in the source.
            unsafe {
                scratch.cast::<f32>().write_bytes(0, c);
                for (i, tile) in some.enumerate() {
                    let [image, p, q] = f.place(tile);
                    let mut pixels = [[scratch.cast::<f32>().cast_const(); POINTS]; POINTS];
                    for a in 0..POINTS {
                        let h = (p + a) as isize + f.offset[0];
                        for b in 0..POINTS {
                            let w = (q + b) as isize + f.offset[1];
                            if (0..f.source[0] as isize).contains(&h)
                                && (0..f.source[1] as isize).contains(&w)
                            {
                                let row = image * f.source[0] + h as usize;
                                let at = (row * f.source[1] + w as usize) * c;
                                pixels[a][b] = self.src.wrapping_add(at);
                            }
                        }
                    }
                    let Rows { step, panel, .. } = to;
                    let to = to.at(0, row + i);
                    (self.kernels.tile_in)(&TileIn { pixels, channels: c, to, step, panel });
                }
            }
        });
    }

    /// The 36 products: rows of `source` times the weights of some source channels, to `target` or, unless the
    /// channels are the first, added to it. The weights have as many rows a panel.
    unsafe fn multiply(
        &self,
        rows: usize,
        channels: Range<usize>,
        source: Rows,
        weights: Rows,
        target: Rows,
    ) {
        let depth = channels.len();
        for i in 0..PRODUCTS {
            for panel in 0..target.width / COLUMNS {
                for k in (0..depth.max(1)).step_by(DEPTH) {
                    let mut row = 0;
                    while row < rows {
                        let some = register_rows(rows - row);
                        let product = Product {
                            k: DEPTH.min(depth - k),
                            a: source.at(i, row).wrapping_add(channels.start + k),
                            a_row: source.width,
                            a_col: 1,
                            b: weights.at(i, panel * depth + k),
                            c: target.at(i, row).wrapping_add(panel * COLUMNS),
                            c_row: target.width,
                            add: channels.start + k > 0,
                        };
                        // SAFETY: the caller's promise.
                        unsafe { (self.kernels.product[some - 1])(&product) }
                        row += some;
                    }
                }
            }
        }
    }

    /// Products, from row `row` on, to pixels of some target channels; then the epilogue.
    unsafe fn raise(&self, some: Range<usize>, from: Rows, row: usize, channels: Range<usize>) {
        let f = self.field;
        let col = f.channels_out;
        for (i, tile) in some.enumerate() {
            let [image, p, q] = f.place(tile);
            let pixel = (image * f.target[0] + p) * f.target[1] + q;
            let out = TileOut {
                products: from.at(0, row + i),
                step: from.step,
                panel: from.panel,
                channels: channels.len(),
                pixels: self.dst.wrapping_add(pixel * col + channels.start),
                row: f.target[1] * col,
                col,
                rows: OUT.min(f.target[0] - p),
                cols: OUT.min(f.target[1] - q),
            };
            // SAFETY: the caller's promise; the pixels named are in the target.
            unsafe {
                (self.kernels.tile_out)(&out);
                let Some(epilogue) = self.epilogue else { continue };
                for a in 0..out.rows {
                    for b in 0..out.cols {
                        let at = out.pixels.add(a * out.row + b * out.col);
                        let pixel = pixel + a * f.target[1] + b;
                        epilogue.apply(pixel, channels.start, at, channels.len());
                    }
                }
            }
        }
    }
}

/// Rows of the next register tile when so many are left: six, but the last two share what is left.
fn register_rows(left: usize) -> usize {
    match left {
        0..=ROWS => left,
        7..=11 => left.div_ceil(2),
        _ => ROWS,
    }
}
