//! Convolution by Winograd's minimal filtering with the channels innermost: kernels of two to five taps each way. Tiles of
//! 6×6 source pixels become rows of 36 matrices, the kernels 36 matrices, and the 36 products become tiles of target
//! pixels: 4×4 of them for 3×3 kernels, a quarter of the multiply-adds.
//!
//! Lavin & Gray 2015, arXiv:1509.09308. `field.rs` has the geometry, strides included, `transform.rs` the maps, `kernels.rs`
//! the loops over channels.
#![allow(unsafe_code)]

mod field;
mod kernels;
mod transform;
mod weight_gradient;

use super::TASKS;
use crate::ops::conv2d::Target;
use crate::ops::conv2d::geometry::{Conv2d, Pass};
use crate::ops::lanes::{Isa, LANES, Shared};
use field::Field;
use gradus_cpu::{Epilogue, parallel, with_scratch};
use kernels::{
    ByTaps, COLUMNS, Kernels, ManyWeights, Product, ROWS, TileIn, TileOut, Weights, kernels,
};
use std::ops::Range;
use transform::{POINTS, PRODUCTS};

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
/// Bytes of pixels that the epilogue takes at a time: half of a first-level cache.
const STRIP: usize = 1 << 14;
/// Multiply-adds saved from which it pays.
const SAVING: f64 = 1.7;
/// Between operands, so that the 36 rows of a tile do not fall on the same lines of a cache.
const PAD: usize = 16;

/// True for the passes this algorithm computes.
pub(in super::super) fn fits(conv: &Conv2d, pass: Pass) -> bool {
    Field::of(conv, pass).is_some()
}

/// True where it is the fastest: unless tiles are mostly beyond the picture's edge, a stride leaves zeros in the kernels, or
/// groups leave vectors empty.
pub(in super::super) fn wins(conv: &Conv2d, pass: Pass) -> bool {
    Field::of(conv, pass).is_some_and(|field| {
        let narrow = field.groups > 1 && field.channels_in.min(field.channels_out) < LANES / 2;
        !narrow && field.saving() >= SAVING
    })
}

/// y from x and w. The epilogue sees y as the matrix [N·P·Q, O].
///
/// # Safety
/// x, w and y must be valid over the geometry's shapes, x and y dense in [N, H, W, C] order but for the room between y's
/// pixels, w dense; the machine must have the instruction set.
pub(in super::super) unsafe fn forward(
    isa: Isa,
    conv: &Conv2d,
    x: *const f32,
    w: *const f32,
    y: impl Into<Target>,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    // SAFETY: the caller's promise.
    unsafe { gather(isa, conv, Pass::Forward, x, w, y.into(), epilogue) }
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
    dx: impl Into<Target>,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    // SAFETY: the caller's promise.
    unsafe { gather(isa, conv, Pass::DataGradient, dy, w, dx.into(), epilogue) }
}

/// Some rows for each product, each `width` long; products lie `step` apart, runs of 16 columns `panel`, the channels of one
/// row of a stride's square and of the next `square_row`.
#[derive(Clone, Copy)]
struct Rows {
    ptr: *mut f32,
    width: usize,
    step: usize,
    panel: usize,
    square_row: usize,
}

/// A row of source channels, with room for whole vectors.
fn row_len(f: &Field) -> usize {
    ((f.stride - 1) * f.row_channels() + f.row_channels().next_multiple_of(LANES))
        .next_multiple_of(LANES)
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
        Rows { ptr, width, step: Rows::step(rows, width), panel: COLUMNS, square_row: 0 }
    }
    /// Rows of 16 columns, panel after panel.
    fn panels(ptr: *mut f32, rows: usize, columns: usize) -> Rows {
        let width = columns.next_multiple_of(COLUMNS);
        Rows {
            ptr,
            width: COLUMNS,
            step: Rows::step(rows, width),
            panel: rows * COLUMNS,
            square_row: 0,
        }
    }
    fn with_squares(self, square_row: usize) -> Rows {
        Rows { square_row, ..self }
    }
    /// The rows from one on.
    fn from(self, row: usize) -> Rows {
        Rows { ptr: self.at(0, row), ..self }
    }
    fn at(&self, product: usize, row: usize) -> *mut f32 {
        self.ptr.wrapping_add(product * self.step + row * self.width)
    }
}

unsafe fn gather(
    isa: Isa,
    conv: &Conv2d,
    pass: Pass,
    src: *const f32,
    w: *const f32,
    dst: Target,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    let field = &Field::of(conv, pass).expect("only what fits is asked for");
    let tiles = field.tiles();
    if tiles == 0 || field.channels_out == 0 {
        return;
    }
    for group in 0..field.groups {
        let job = Job {
            field,
            kernels: kernels(isa),
            src: src.wrapping_add(group * field.channels_in),
            w: w.wrapping_add(group * field.weights()),
            dst: dst.ptr.wrapping_add(group * field.channels_out),
            pixel: dst.pixel.unwrap_or(field.groups * field.channels_out),
            group,
            epilogue,
        };
        // SAFETY: the caller's promise.
        unsafe {
            if field.depth() * field.channels_out >= PASSING * tiles {
                job.by_channels();
            } else {
                job.by_tiles();
            }
        }
    }
}

/// A pass over a group of channels under way.
struct Job<'a> {
    field: &'a Field,
    kernels: &'static Kernels,
    src: *const f32,
    w: *const f32,
    dst: *mut f32,
    /// From one target pixel to the next.
    pixel: usize,
    group: usize,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

// SAFETY: tasks write distinct pixels; the epilogue is Sync.
unsafe impl Sync for Job<'_> {}

impl Job<'_> {
    fn by_taps(&self) -> &'static ByTaps {
        &self.kernels.by_taps[self.field.taps - 2]
    }

    /// All weights first; then each group of tiles from source to target.
    unsafe fn by_tiles(&self) {
        let f = self.field;
        let (tiles, depth) = (f.tiles(), f.depth());
        let panels = f.channels_out.div_ceil(COLUMNS);
        let (wide_in, wide_out) = (row_len(f), panels * COLUMNS);
        let most = (GROUP / (PRODUCTS * (wide_in + wide_out))).clamp(24, 96);
        let groups = tiles.div_ceil(most).max(GROUPS.min(tiles.div_ceil(ROWS)));
        let each = tiles.div_ceil(groups);
        with_scratch(Rows::len(panels * depth, COLUMNS) * size_of::<f32>(), |scratch| {
            let weights = Shared::new(scratch.cast::<f32>());
            let rows = || Rows::new(weights.get(), panels * depth, COLUMNS);
            let runs = depth.div_ceil(64);
            // SAFETY: the scratch holds all; tasks write distinct parts.
            unsafe {
                parallel(panels * runs, &|task| {
                    let channels = task / panels * 64..(task / panels * 64 + 64).min(depth);
                    let panel = task % panels;
                    let to = rows().at(0, panel * depth + channels.start);
                    self.weights(panel, channels, to, rows().step);
                });
                parallel(groups, &|group| {
                    let some = group * each..((group + 1) * each).min(tiles);
                    let (len_in, len_out) = (Rows::len(each, wide_in), Rows::len(each, wide_out));
                    with_scratch((len_in + len_out) * size_of::<f32>(), |scratch| {
                        let source =
                            Rows::new(scratch.cast(), each, wide_in).with_squares(f.row_channels());
                        let to = scratch.cast::<f32>().wrapping_add(len_in);
                        let target = Rows::new(to, each, wide_out);
                        self.lower(some.clone(), source, 0);
                        self.multiply(some.len(), 0..depth, source, rows(), target);
                        self.raise(some, target, 0..f.channels_out);
                    });
                });
            }
        });
    }

    /// All tiles to operands first; then each block of target channels, its weights in passing. For few tiles and many
    /// channels, where the weights are what has to be moved.
    unsafe fn by_channels(&self) {
        let f = self.field;
        let (tiles, wide_in) = (f.tiles(), row_len(f));
        with_scratch(Rows::len(tiles, wide_in) * size_of::<f32>(), |scratch| {
            let operands = Shared::new(scratch.cast::<f32>());
            let each = tiles.div_ceil(TASKS);
            parallel(tiles.div_ceil(each), &|task| {
                let some = task * each..((task + 1) * each).min(tiles);
                let to = Rows::new(operands.get(), tiles, wide_in).with_squares(f.row_channels());
                // SAFETY: the scratch holds all tiles; tasks write distinct ones.
                unsafe { self.lower(some.clone(), to, some.start) }
            });
            parallel(f.channels_out.div_ceil(BLOCK_PANELS * COLUMNS), &|block| {
                let source = Rows::new(operands.get(), tiles, wide_in);
                // SAFETY: tasks write distinct channels.
                unsafe { self.channels(source, block * BLOCK_PANELS) }
            });
        });
    }

    /// A block of target channels: run after run of source channels.
    unsafe fn channels(&self, source: Rows, panel: usize) {
        let f = self.field;
        let tiles = f.tiles();
        let panels = BLOCK_PANELS.min(f.channels_out.div_ceil(COLUMNS) - panel);
        let run = RUN.min(f.depth());
        let (len, width) = (Rows::len(panels * run, COLUMNS), panels * COLUMNS);
        with_scratch((len + Rows::len(tiles, width)) * size_of::<f32>(), |scratch| {
            let weights = Rows::new(scratch.cast(), panels * run, COLUMNS);
            let target = Rows::new(scratch.cast::<f32>().wrapping_add(len), tiles, width);
            // SAFETY: the scratch holds the weights of a run and all products; the caller's promise.
            unsafe {
                for first in (0..f.depth().max(1)).step_by(run.max(1)) {
                    let some = first..(first + run).min(f.depth());
                    for i in 0..panels {
                        let to = weights.at(0, i * some.len());
                        self.weights(panel + i, some.clone(), to, weights.step);
                    }
                    self.multiply(tiles, some, source, weights, target);
                }
                let first = panel * COLUMNS;
                let last = (first + width).min(f.channels_out);
                self.raise(0..tiles, target, first..last);
            }
        });
    }

    /// The weights between some source channels of the products and a panel of target channels.
    unsafe fn weights(&self, panel: usize, channels: Range<usize>, to: *mut f32, step: usize) {
        let f = self.field;
        let mut taps = [self.w; COLUMNS];
        for (i, taps) in taps.iter_mut().enumerate() {
            // Columns past the last are filled, and not read again.
            let o = (panel * COLUMNS + i).min(f.channels_out - 1);
            *taps = self.w.wrapping_add(o * f.weight_out);
        }
        // SAFETY: the caller's promise.
        unsafe {
            if f.is_three_dense() {
                let taps = taps.map(|taps| taps.wrapping_add(channels.start * f.weight_in));
                let (next, flipped, channels) = (f.weight_in, f.flipped, channels.len());
                let many = ManyWeights { taps, next, flipped, channels, to, step };
                return (self.kernels.many_weights_in)(&many);
            }
            for (i, channel) in channels.enumerate() {
                let (channel, places) = f.places(channel);
                let taps = taps.map(|taps| taps.wrapping_add(channel * f.weight_in));
                let to = to.add(i * COLUMNS);
                (self.by_taps().weights_in)(&Weights { taps, places, to, step });
            }
        }
    }

    /// Tiles to operands, from row `row` on: of each source pixel's square a row of channels after the other.
    unsafe fn lower(&self, some: Range<usize>, to: Rows, row: usize) {
        let f = self.field;
        let run = f.row_channels();
        let spare = run.next_multiple_of(LANES);
        with_scratch((PRODUCTS + 1) * spare * size_of::<f32>(), |scratch| {
            let zeros = scratch.cast::<f32>();
            // SAFETY: the scratch holds a run of channels for each pixel and one of zeros.
            unsafe {
                zeros.write_bytes(0, spare);
                for (i, tile) in some.enumerate() {
                    for square_row in 0..f.stride {
                        let pixels = self.pixels(f.place(tile), square_row, zeros);
                        let tile = TileIn {
                            pixels,
                            channels: run,
                            first: square_row * to.square_row,
                            to: to.at(0, row + i),
                            step: to.step,
                            panel: to.panel,
                        };
                        (self.kernels.tile_in)(&tile);
                    }
                }
            }
        });
    }

    /// Where the source pixels of a tile lie; those on the picture's edge are put together behind the zeros.
    unsafe fn pixels(
        &self,
        [image, p, q]: [usize; 3],
        square_row: usize,
        zeros: *mut f32,
    ) -> [[*const f32; POINTS]; POINTS] {
        let f = self.field;
        let (run, between) = (f.row_channels(), f.groups * f.channels_in);
        let spare = run.next_multiple_of(LANES);
        let [height, width] = f.source.map(|size| size as isize);
        let mut pixels = [[zeros.cast_const(); POINTS]; POINTS];
        for a in 0..POINTS {
            let h = ((p + a) * f.stride + square_row) as isize + f.offset[0];
            if !(0..height).contains(&h) {
                continue;
            }
            let line =
                self.src.wrapping_add((image * f.source[0] + h as usize) * f.source[1] * between);
            for b in 0..POINTS {
                let first = ((q + b) * f.stride) as isize + f.offset[1];
                let end = (first + f.stride as isize).min(width);
                let at = line.wrapping_offset(first * between as isize);
                if first >= 0 && end - first == f.stride as isize {
                    pixels[a][b] = at;
                } else if first.max(0) < end {
                    let made = zeros.wrapping_add((1 + a * POINTS + b) * spare);
                    let (skip, c) = ((first.max(0) - first) as usize, f.channels_in);
                    let seen = (end - first.max(0)) as usize;
                    // SAFETY: the columns seen are in the source; only a stride's have edges, and those have one group.
                    unsafe {
                        made.write_bytes(0, spare);
                        let (from, to) = (at.wrapping_add(skip * c), made.add(skip * c));
                        to.copy_from_nonoverlapping(from, seen * c);
                    }
                    pixels[a][b] = made;
                }
            }
        }
        pixels
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

    /// Products to pixels of some target channels; then the epilogue, over tiles that lie side by side.
    unsafe fn raise(&self, some: Range<usize>, from: Rows, channels: Range<usize>) {
        let f = self.field;
        let tile_bytes = f.out * f.out * channels.len() * size_of::<f32>();
        let most = (STRIP / tile_bytes.max(1)).max(1);
        let mut next = some.start;
        while next < some.end {
            let [_, _, q] = f.place(next);
            let strip = next..some.end.min(next + most.min((f.target[1] - q).div_ceil(f.out)));
            next = strip.end;
            // SAFETY: the caller's promise.
            unsafe {
                for tile in strip.clone() {
                    let products = from.from(tile - some.start);
                    (self.by_taps().tile_out)(&self.tile_out(tile, products, &channels));
                }
                if let Some(epilogue) = self.epilogue {
                    self.finish(epilogue, strip, &channels);
                }
            }
        }
    }

    /// Where a tile's products become pixels.
    fn tile_out(&self, tile: usize, products: Rows, channels: &Range<usize>) -> TileOut {
        let (f, col) = (self.field, self.pixel);
        let [image, p, q] = f.place(tile);
        let pixel = (image * f.target[0] + p) * f.target[1] + q;
        TileOut {
            products: products.ptr,
            step: products.step,
            panel: products.panel,
            channels: channels.len(),
            pixels: self.dst.wrapping_add(pixel * col + channels.start),
            row: f.target[1] * col,
            col,
            rows: f.out.min(f.target[0] - p),
            cols: f.out.min(f.target[1] - q),
        }
    }

    /// The epilogue over some target channels of tiles side by side.
    unsafe fn finish(
        &self,
        epilogue: &dyn Epilogue<f32>,
        strip: Range<usize>,
        channels: &Range<usize>,
    ) {
        let (f, col) = (self.field, self.pixel);
        let [image, p, q] = f.place(strip.start);
        let pixels = (strip.len() * f.out).min(f.target[1] - q);
        let channel = self.group * f.channels_out + channels.start;
        for row in p..f.target[0].min(p + f.out) {
            let pixel = (image * f.target[0] + row) * f.target[1] + q;
            let at = self.dst.wrapping_add(pixel * col + channels.start);
            // SAFETY: the pixels are in the target.
            unsafe {
                epilogue.apply_rows(pixel, channel, at, col as isize, pixels, channels.len());
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
