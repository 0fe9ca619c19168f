//! The weight gradient: F(r×r, m×m), for 3×3 kernels F(3×3, 4×4). Tiles of x and of dy become rows of 36 pairs of matrices, whose products over all
//! tiles become the taps.
#![allow(unsafe_code)]

use super::field::Field;
use super::kernels::{COLUMNS, MOST_TAPS, Product, TapsOut, TileOut, kernels};
use super::transform::PRODUCTS;
use super::{Job, Rows, register_rows};
use crate::ops::conv2d::cpu::TASKS;
use crate::ops::conv2d::cpu::implicit_gemm::add_parts;
use crate::ops::conv2d::geometry::{Conv2d, Pass};
use crate::ops::lanes::{Isa, LANES, Shared};
use gradus_cpu::{parallel, with_scratch};
use std::ops::Range;

/// Kernels up to which every task has sums of its own, elements of its operands, and how many tasks there are.
const FEW: usize = 1 << 13;
const GROUP: usize = 1 << 17;
const PARTS: usize = 16;
/// Elements of the operands of a slab of tiles, and tiles from which the sums are worth a visit.
const SLAB: usize = 1 << 21;
const TILES: usize = 256;
/// Tiles between two visits of a block of sums: a panel of both operands then fits the first-level cache.
const DEPTH: usize = 128;
/// Panels of dy's channels of a task.
const PANELS: usize = 8;
/// Elements of x's operands that a block of sums keeps in the second-level cache, and its panels of them.
const BLOCK: usize = 1 << 17;
const BLOCK_PANELS: [usize; 2] = [2, 8];

/// dw from x and dy.
///
/// # Safety
/// As [`super::forward`], with dw written.
pub(in super::super::super) unsafe fn weight_gradient(
    isa: Isa,
    conv: &Conv2d,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let field = &Field::of(conv, Pass::WeightGradient).expect("only what fits is asked for");
    if field.tiles() == 0 || field.weights() == 0 {
        // SAFETY: dw is as long.
        return unsafe { dw.write_bytes(0, conv.w_shape().len()) };
    }
    for group in 0..field.groups {
        let job = Job {
            field,
            kernels: kernels(isa),
            src: x.wrapping_add(group * field.channels_in),
            w: dy,
            dst: dw.wrapping_add(group * field.weights()),
            pixel: 0,
            group,
            epilogue: None,
        };
        let slopes = Slopes { job, dy: dy.wrapping_add(group * field.channels_out) };
        // SAFETY: the caller's promise.
        unsafe {
            if field.depth() * field.channels_out <= FEW {
                slopes.by_parts();
            } else {
                slopes.by_slabs();
            }
        }
    }
}

/// A weight gradient under way: the forward pass's job, which lowers tiles of x, and dy.
struct Slopes<'a> {
    job: Job<'a>,
    dy: *const f32,
}

// SAFETY: tasks write distinct parts.
unsafe impl Sync for Slopes<'_> {}

/// Rows that tasks share; each writes its own.
#[derive(Clone, Copy)]
struct SharedRows(Rows);
// SAFETY: as said.
unsafe impl Sync for SharedRows {}
impl SharedRows {
    fn get(&self) -> Rows {
        self.0
    }
}

/// To the next panel's border.
fn wide(channels: usize) -> usize {
    channels.next_multiple_of(COLUMNS)
}

/// Elements of the source channels of a row of a stride's square: whole vectors, which never cross a panel's border.
fn square_row(f: &Field) -> usize {
    f.row_channels().next_multiple_of(LANES)
}

impl Slopes<'_> {
    /// Each task sums over its own tiles, operands and sums within the second-level cache; then the tasks' taps are added
    /// in order.
    unsafe fn by_parts(&self) {
        let f = self.job.field;
        let (c, o, tiles) = (f.stride * square_row(f), f.channels_out, f.tiles());
        let len = f.weights();
        let group = (GROUP / (PRODUCTS * (wide(c) + wide(o)))).clamp(16, 64);
        let each = tiles.div_ceil(PARTS.min(tiles.div_ceil(group)));
        let parts = tiles.div_ceil(each);
        let group = each.div_ceil(each.div_ceil(group));
        let (left, right) = (Rows::len(group, wide(o)), Rows::len(group, wide(c)));
        let sums = Rows::len(o, wide(c));
        with_scratch(parts * len * size_of::<f32>(), |scratch| {
            let taps = Shared::new(scratch.cast::<f32>());
            parallel(parts, &|part| {
                with_scratch((left + right + sums) * size_of::<f32>(), |scratch| {
                    let dy = Rows::panels(scratch.cast(), group, o);
                    let x = Rows::panels(scratch.cast::<f32>().wrapping_add(left), group, c);
                    let x = x.with_squares(square_row(f));
                    let sums = scratch.cast::<f32>().wrapping_add(left + right);
                    let sums = Rows::new(sums, o, wide(c));
                    let all = part * each..((part + 1) * each).min(tiles);
                    // SAFETY: the scratch holds a group and the sums; tasks write distinct parts.
                    unsafe {
                        for first in all.clone().step_by(group) {
                            let some = first..(first + group).min(all.end);
                            self.job.lower(some.clone(), x, 0);
                            self.lower(some.clone(), dy, 0);
                            let add = first > all.start;
                            for i in 0..PRODUCTS {
                                self.multiply(i, 0..o, some.len(), [dy, x], sums, add);
                            }
                        }
                        self.taps(sums, 0..o, 0, taps.at(part * len));
                    }
                });
            });
            // SAFETY: the parts are there, and dw is as long as one.
            unsafe {
                add_parts(taps, parts, len);
                self.job.dst.copy_from_nonoverlapping(taps.get(), len);
            }
        });
    }

    /// Slab after slab of tiles: all threads make the operands, then each takes some of the products. Few tiles are one slab,
    /// whose sums become taps block by block.
    unsafe fn by_slabs(&self) {
        let f = self.job.field;
        let (c, o, tiles) = (f.stride * square_row(f), f.channels_out, f.tiles());
        let most = (SLAB / (PRODUCTS * (wide(c) + wide(o)))).max(TILES);
        let each = tiles.div_ceil(tiles.div_ceil(most));
        let few = tiles <= DEPTH;
        let (left, right) = (Rows::len(each, wide(o)), Rows::len(each, wide(c)));
        let sums = if few { 0 } else { Rows::len(o, wide(c)) };
        with_scratch((sums + left + right) * size_of::<f32>(), |scratch| {
            let scratch = scratch.cast::<f32>();
            let dy = SharedRows(Rows::panels(scratch, each, o));
            let x = Rows::panels(scratch.wrapping_add(left), each, c);
            let x = SharedRows(x.with_squares(square_row(f)));
            let sums = SharedRows(Rows::new(scratch.wrapping_add(left + right), o, wide(c)));
            // SAFETY: the scratch holds the operands of a slab and all sums; tasks write distinct channels.
            unsafe {
                for first in (0..tiles).step_by(each) {
                    let some = first..(first + each).min(tiles);
                    self.operands(some.clone(), [dy, x]);
                    if few {
                        return self.blocks(tiles, [dy, x]);
                    }
                    self.slab(some, [dy, x], sums);
                }
                let dw = Shared::new(self.job.dst);
                let each = o.div_ceil(TASKS);
                parallel(o.div_ceil(each), &|task| {
                    let outs = task * each..((task + 1) * each).min(o);
                    let sums = sums.get().from(outs.start);
                    self.taps(sums, outs, 0, dw.get());
                });
            }
        });
    }

    /// A slab of tiles to operands.
    unsafe fn operands(&self, some: Range<usize>, [dy, x]: [SharedRows; 2]) {
        let (count, first) = (some.len(), some.start);
        let each = count.div_ceil(TASKS);
        parallel(count.div_ceil(each), &|task| {
            let rows = task * each..((task + 1) * each).min(count);
            let tiles = first + rows.start..first + rows.end;
            // SAFETY: the operands hold the slab; tasks write distinct rows.
            unsafe {
                self.job.lower(tiles.clone(), x.get(), rows.start);
                self.lower(tiles, dy.get(), rows.start);
            }
        });
    }

    /// Adds a slab of tiles to the sums, or begins them.
    unsafe fn slab(&self, some: Range<usize>, [dy, x]: [SharedRows; 2], sums: SharedRows) {
        let blocks = self.job.field.channels_out.div_ceil(PANELS * COLUMNS);
        parallel(PRODUCTS * blocks, &|task| {
            let (product, block) = (task / blocks, task % blocks);
            let outs = block * PANELS * COLUMNS;
            let outs = outs..(outs + PANELS * COLUMNS).min(self.job.field.channels_out);
            let sums = sums.get().from(outs.start);
            let add = some.start > 0;
            // SAFETY: tasks write distinct sums.
            unsafe {
                self.multiply(product, outs, some.len(), [dy.get(), x.get()], sums, add);
            }
        });
    }

    /// All products over `count` tiles and their taps, a block of channels after the other: its sums never leave the cache.
    unsafe fn blocks(&self, count: usize, [dy, x]: [SharedRows; 2]) {
        let f = self.job.field;
        let panels = wide(f.stride * square_row(f)) / COLUMNS;
        let [least, most] = BLOCK_PANELS;
        let each = match f.is_three_dense() {
            true => (BLOCK / (PRODUCTS * COLUMNS * count)).clamp(least, most).min(panels),
            false => panels,
        };
        let down = f.channels_out.div_ceil(COLUMNS);
        let dw = Shared::new(self.job.dst);
        parallel(down * panels.div_ceil(each), &|task| {
            // Neighbours share x's operands.
            let (out, first) = (task % down * COLUMNS, task / down * each);
            let outs = out..(out + COLUMNS).min(f.channels_out);
            let width = each.min(panels - first) * COLUMNS;
            let x = x.get();
            let x = Rows { ptr: x.ptr.wrapping_add(first * x.panel), ..x };
            with_scratch(Rows::len(outs.len(), width) * size_of::<f32>(), |scratch| {
                let sums = Rows::new(scratch.cast(), outs.len(), width);
                // SAFETY: the scratch holds the block; tasks write distinct taps.
                unsafe {
                    for i in 0..PRODUCTS {
                        self.multiply(i, outs.clone(), count, [dy.get(), x], sums, false);
                    }
                    self.taps(sums, outs, first * COLUMNS, dw.get());
                }
            });
        });
    }

    /// Tiles of dy to operands, from row `row` on.
    unsafe fn lower(&self, some: Range<usize>, to: Rows, row: usize) {
        let f = self.job.field;
        let col = f.groups * f.channels_out;
        for (i, tile) in some.enumerate() {
            let [image, p, q] = f.place(tile);
            let pixel = (image * f.target[0] + p) * f.target[1] + q;
            let tile = TileOut {
                products: to.at(0, row + i),
                step: to.step,
                panel: to.panel,
                channels: f.channels_out,
                pixels: self.dy.wrapping_add(pixel * col).cast_mut(),
                row: f.target[1] * col,
                col,
                rows: f.out.min(f.target[0] - p),
                cols: f.out.min(f.target[1] - q),
            };
            // SAFETY: the caller's promise; the pixels named are in dy.
            unsafe { (self.job.by_taps().slopes_in)(&tile) }
        }
    }

    /// One product over `count` tiles, for some channels of dy and those of x that the sums are wide.
    unsafe fn multiply(
        &self,
        product: usize,
        outs: Range<usize>,
        count: usize,
        [dy, x]: [Rows; 2],
        sums: Rows,
        add: bool,
    ) {
        for k in (0..count).step_by(DEPTH) {
            for in_panel in 0..sums.width / COLUMNS {
                for first in outs.clone().step_by(COLUMNS) {
                    let end = (first + COLUMNS).min(outs.end);
                    let mut o = first;
                    while o < end {
                        let rows = register_rows(end - o);
                        let a = dy.at(product, k).wrapping_add(first / COLUMNS * dy.panel);
                        let work = Product {
                            k: DEPTH.min(count - k),
                            a: a.wrapping_add(o - first),
                            a_row: 1,
                            a_col: COLUMNS,
                            b: x.at(product, k).wrapping_add(in_panel * x.panel),
                            c: sums.at(product, o - outs.start).wrapping_add(in_panel * COLUMNS),
                            c_row: sums.width,
                            add: add || k > 0,
                        };
                        // SAFETY: the caller's promise.
                        unsafe { (self.job.kernels.product[rows - 1])(&work) }
                        o += rows;
                    }
                }
            }
        }
    }

    /// The sums of some channels of dy and of those of x from `channel` on to their taps.
    unsafe fn taps(&self, sums: Rows, outs: Range<usize>, channel: usize, dw: *mut f32) {
        let f = self.job.field;
        let (step, width) = (sums.step, square_row(f));
        if f.is_three_dense() {
            let channels = sums.width.min(f.channels_in - channel);
            for (i, o) in outs.enumerate() {
                let taps = dw.wrapping_add(o * f.weight_out + channel * f.weight_in);
                let products = sums.at(0, i);
                let out = TapsOut { products, step, channels, taps };
                // SAFETY: the caller's promise.
                unsafe { (self.job.kernels.many_taps_out)(&out) }
            }
            return;
        }
        for first in (0..f.stride * width).step_by(LANES) {
            let channel = first / width * f.row_channels() + first % width;
            let lanes = LANES.min(f.row_channels() - first % width);
            let places: [_; LANES] =
                std::array::from_fn(|l| f.places((channel + l).min(f.depth() - 1)));
            for (i, o) in outs.clone().enumerate() {
                let mut vectors = [[[0.0f32; LANES]; MOST_TAPS]; MOST_TAPS];
                let taps = vectors.as_mut_ptr().cast();
                let products = sums.at(0, i).wrapping_add(first);
                let out = TapsOut { products, step, channels: LANES, taps };
                // SAFETY: the caller's promise.
                unsafe { (self.job.by_taps().taps_out)(&out) }
                let vectors = vectors.as_flattened();
                for (l, (channel, places)) in places[..lanes].iter().enumerate() {
                    let to = dw.wrapping_add(o * f.weight_out + channel * f.weight_in);
                    for i in 0..f.taps {
                        for j in 0..f.taps {
                            if let Some(place) = places[i][j] {
                                // SAFETY: within dw.
                                unsafe { *to.add(place) = vectors[i * f.taps + j][l] }
                            }
                        }
                    }
                }
            }
        }
    }
}
