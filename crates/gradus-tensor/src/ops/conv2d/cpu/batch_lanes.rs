//! Convolution with the batch innermost: x, y, dx and dy lie in memory as [C, H, W, N], so a lane is an image and
//! every load is contiguous however few the channels. For nets whose channels would leave lanes empty: LeNet's 1 and 6.
#![allow(unsafe_code)]

use super::Tasks;
use super::line::{self, Line, Reduction, lines};
use super::tile::{self, CHANNELS, Tile, VECTORS, tiles};
use crate::ops::conv2d::geometry::{Conv2d, Gather};
use crate::ops::lanes::{Isa, LANES, Shared};
use gradus_cpu::{Epilogue, parallel, with_scratch};
use std::ops::Range;

/// y from x and w. The epilogue sees y as the matrix [O, P·Q·N].
///
/// # Safety
/// x, w and y must be valid over the geometry's shapes, x and y dense in [C, H, W, N] order, w dense; the machine must
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
    unsafe { gather(isa, &conv.forward(), x, w, y, epilogue) }
}

/// dx from dy and w. The epilogue sees dx as the matrix [C, H·W·N].
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
    for phase in conv.data_gradient() {
        // SAFETY: the caller's promise.
        unsafe { gather(isa, &phase, dy, w, dx, epilogue) }
    }
}

unsafe fn gather(
    isa: Isa,
    g: &Gather,
    src: *const f32,
    w: *const f32,
    dst: *mut f32,
    epilogue: Option<&dyn Epilogue<f32>>,
) {
    if g.channels_out == 0 || g.batch == 0 {
        return;
    }
    let weights = g.groups * g.channels_out * g.channels_in * g.taps();
    with_scratch(weights * size_of::<f32>(), |packed| {
        let packed = packed.cast::<f32>();
        // SAFETY: the scratch holds all weights.
        unsafe { pack(g, w, packed) };
        let (src, packed, dst) = (Shared::new(src), Shared::new(packed), Shared::new(dst));
        let tasks = Tasks::of(g);
        parallel(tasks.len(), &|task| {
            let job =
                Job { isa, g, src: src.get(), packed: packed.get(), dst: dst.get(), epilogue };
            let [rows, cols] = tasks.get(task);
            for u in rows {
                // SAFETY: the caller's promise; each task writes its own target positions.
                unsafe { job.row(u, cols.clone()) }
            }
        });
    });
}

/// Where the channel tiles of a group begin: as few tiles as can be, of nearly equal size.
fn channel_tiles(channels: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = channels.div_ceil(CHANNELS);
    (0..count).map(move |i| i * channels / count..(i + 1) * channels / count)
}

/// Weights in the order the tiles read them: [group][channel tile][source channel][row tap][column tap][channel].
unsafe fn pack(g: &Gather, w: *const f32, mut packed: *mut f32) {
    for group in 0..g.groups {
        for outs in channel_tiles(g.channels_out) {
            for c in 0..g.channels_in {
                for i in 0..g.taps() {
                    let tap = [i / g.cols.taps, i % g.cols.taps];
                    for o in outs.clone() {
                        // SAFETY: w holds every weight, the scratch as many.
                        unsafe {
                            *packed = *w.add(g.weight(group, o, c, tap));
                            packed = packed.add(1);
                        }
                    }
                }
            }
        }
    }
}

/// A gathering under way.
struct Job<'a> {
    isa: Isa,
    g: &'a Gather,
    src: *const f32,
    packed: *const f32,
    dst: *mut f32,
    epilogue: Option<&'a dyn Epilogue<f32>>,
}

/// The columns of a tile, and the taps they all see.
struct Columns {
    first: usize,
    wide: bool,
    taps: Range<usize>,
}

impl Job<'_> {
    /// Target row u, columns `cols`, all channels and images; then the epilogue.
    unsafe fn row(&self, u: usize, cols: Range<usize>) {
        let g = self.g;
        let interior = g.cols.interior(0..g.cols.taps);
        let wide = tile::columns(g.channels_out.div_ceil(g.channels_out.div_ceil(CHANNELS)));
        // Images outermost: what neighbouring columns see of the source stays in the first-level cache.
        let mut n = 0;
        while n < g.batch {
            let images = images_of_tile(g.batch - n);
            let mut v = cols.start;
            while v < cols.end {
                let inside = interior.contains(&v) && v + wide <= interior.end.min(cols.end);
                let taps = g.cols.seen(v);
                let columns = Columns { first: v, wide: inside && wide > 1, taps };
                // SAFETY: the caller's promise; the tiles stay in the source as `seen` says.
                unsafe { self.pixels(u, &columns, n, images) };
                v += if inside { wide } else { 1 };
            }
            n += images;
        }
        // SAFETY: these stretches are finished.
        unsafe { self.finish(u, cols) }
    }

    /// One row, some columns, some images, all channels.
    unsafe fn pixels(&self, u: usize, columns: &Columns, n: usize, images: usize) {
        let (g, batch) = (self.g, self.g.batch);
        let (rows, v) = (g.rows.seen(u), columns.first);
        let (source_h, source_w) = (g.rows.source, g.cols.source);
        let pixel = g.rows.at(u, rows.start) * source_w as isize + g.cols.at(v, columns.taps.start);
        let target = g.rows.target(u) * g.target[1] + g.cols.target(v);
        let (plane, taps) = (g.target[0] * g.target[1], g.taps());
        for group in 0..g.groups {
            let source = group * g.channels_in * source_h * source_w * batch + n;
            for outs in channel_tiles(g.channels_out) {
                let (k, first) = (outs.len(), group * g.channels_out + outs.start);
                let tap = rows.start * g.cols.taps + columns.taps.start;
                let tile = Tile {
                    x: self.src.wrapping_add(source).wrapping_offset(pixel * batch as isize),
                    x_channel: (source_h * source_w * batch) as isize,
                    x_row: g.rows.offset_step * (source_w * batch) as isize,
                    x_col: g.cols.offset_step * batch as isize,
                    x_next: (g.cols.scale * batch) as isize,
                    channels: g.channels_in,
                    rows: rows.len(),
                    cols: columns.taps.len(),
                    w: self.packed.wrapping_add(first * g.channels_in * taps + tap * k),
                    w_channel: taps * k,
                    w_row: g.cols.taps * k,
                    y: self.dst.wrapping_add((first * plane + target) * batch + n),
                    y_channel: (plane * batch) as isize,
                    y_next: (g.cols.step * batch) as isize,
                    last: images,
                };
                let kernel = tiles(self.isa, k, columns.wide).get(images, columns.taps.len());
                // SAFETY: the caller's promise.
                unsafe { kernel(&tile) }
            }
        }
    }

    /// The epilogue over a finished row.
    unsafe fn finish(&self, u: usize, cols: Range<usize>) {
        let Some(epilogue) = self.epilogue else { return };
        let (g, n) = (self.g, self.g.batch);
        // Columns of a phase lie apart; others are one stretch.
        let each = if g.cols.step == 1 { cols.len() } else { 1 };
        for o in 0..g.groups * g.channels_out {
            for v in cols.clone().step_by(each.max(1)) {
                let at = (g.rows.target(u) * g.target[1] + g.cols.target(v)) * n;
                let ptr = self.dst.wrapping_add(o * g.target[0] * g.target[1] * n + at);
                // SAFETY: within the target.
                unsafe { epilogue.apply(o, at, ptr, each * n) }
            }
        }
    }
}

/// How many of the images left the next tile takes: a pair of vectors, one, or the rest.
fn images_of_tile(left: usize) -> usize {
    if left >= VECTORS * LANES { VECTORS * LANES } else { left.min(LANES) }
}

/// dw from x and dy: each task sums its output positions, then the tasks' sums are added in order.
///
/// # Safety
/// As [`forward`].
pub(in super::super) unsafe fn weight_gradient(
    isa: Isa,
    conv: &Conv2d,
    x: *const f32,
    dy: *const f32,
    dw: *mut f32,
) {
    let g = conv.forward();
    let tasks = Tasks::of(&g);
    let channel = filters(&g).next_multiple_of(LANES);
    let part = g.groups * g.channels_in * channel;
    with_scratch((tasks.len() + 1) * part * size_of::<f32>(), |parts| {
        let parts = Shared::new(parts.cast::<f32>());
        let (x, dy) = (Shared::new(x), Shared::new(dy));
        // SAFETY: the caller's promise; each task writes its own part, and the first part is their sum.
        unsafe {
            parts.get().write_bytes(0, part);
            parallel(tasks.len(), &|task| {
                let [rows, cols] = tasks.get(task);
                let part = parts.at((task + 1) * part);
                Slopes { isa, g: &g, x: x.get(), dy: dy.get(), rows, cols, part }.accumulate();
            });
            let sum = std::slice::from_raw_parts_mut(parts.get(), part);
            for task in 1..=tasks.len() {
                let part = std::slice::from_raw_parts(parts.at(task * part), part);
                sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
            unpack(&g, sum, channel, dw);
        }
    });
}

/// Weights that see one source channel.
fn filters(g: &Gather) -> usize {
    g.channels_out * g.taps()
}

/// The blocks of a source channel's weights, in the order their sums lie: column taps and target channels.
fn blocks(g: &Gather) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let (taps, outs) = (g.cols.taps, g.channels_out);
    column_taps(taps).flat_map(move |taps| {
        let step = line::channels(taps.len());
        (0..outs).step_by(step).map(move |o| (taps.clone(), o..(o + step).min(outs)))
    })
}

/// Column taps in runs of a register tile's, of nearly equal length.
fn column_taps(taps: usize) -> impl Iterator<Item = Range<usize>> {
    let count = taps.div_ceil(line::TAPS);
    (0..count).map(move |i| i * taps / count..(i + 1) * taps / count)
}

/// From the order of the sums to that of the weights.
unsafe fn unpack(g: &Gather, sums: &[f32], channel: usize, dw: *mut f32) {
    for (i, sums) in sums.chunks_exact(channel.max(1)).enumerate() {
        let mut sums = sums.iter();
        for (taps, outs) in blocks(g) {
            for a in 0..g.rows.taps {
                for o in outs.clone() {
                    for (b, sum) in taps.clone().zip(&mut sums) {
                        let at = g.weight(i / g.channels_in, o, i % g.channels_in, [a, b]);
                        // SAFETY: within dw.
                        unsafe { *dw.add(at) = *sum }
                    }
                }
            }
        }
    }
}

/// A weight gradient over some output rows and columns, under way.
struct Slopes<'a> {
    isa: Isa,
    g: &'a Gather,
    x: *const f32,
    dy: *const f32,
    rows: Range<usize>,
    cols: Range<usize>,
    /// This task's sums: [source channel][block][row tap][target channel][column tap].
    part: *mut f32,
}

/// Some column taps of a row of the source, with the columns that see it through all of them.
struct Taps {
    taps: Range<usize>,
    interior: Range<usize>,
}

impl Slopes<'_> {
    /// For every source channel: sums in vectors, then the sums of their lanes.
    unsafe fn accumulate(&self) {
        let g = self.g;
        let channel = filters(g).next_multiple_of(LANES);
        with_scratch((channel * LANES + g.batch) * size_of::<f32>(), |scratch| {
            let sums = scratch.cast::<f32>();
            let zeros = sums.wrapping_add(channel * LANES);
            // SAFETY: the scratch holds the sums and a pixel of zeros.
            unsafe {
                zeros.write_bytes(0, g.batch);
                for source in 0..g.groups * g.channels_in {
                    sums.write_bytes(0, channel * LANES);
                    for u in self.rows.clone() {
                        self.row(source, u, sums, zeros);
                    }
                    let out = self.part.wrapping_add(source * channel);
                    (lines(self.isa).reduce)(&Reduction { sums, count: channel, out });
                }
            }
        });
    }

    /// One output row: all channels of dy with all taps.
    unsafe fn row(&self, source: usize, u: usize, mut sums: *mut f32, zeros: *const f32) {
        let g = self.g;
        let (group, seen) = (source / g.channels_in, g.rows.seen(u));
        for (taps, outs) in blocks(g) {
            let interior = g.cols.interior(taps.clone());
            let block = outs.len() * taps.len() * LANES;
            let taps = Taps { taps, interior };
            let dy = (group * g.channels_out + outs.start) * g.target[0] + u;
            for a in seen.clone() {
                let x = source * g.rows.source + g.rows.at(u, a) as usize;
                // SAFETY: the caller's promise; the row is in the source.
                unsafe { self.line(dy, x, outs.len(), &taps, sums.wrapping_add(a * block), zeros) }
            }
            sums = sums.wrapping_add(g.rows.taps * block);
        }
    }

    /// K channels of a row of dy with some column taps of a row of x; rows are counted over all channels.
    unsafe fn line(
        &self,
        dy_row: usize,
        x_row: usize,
        k: usize,
        t: &Taps,
        sums: *mut f32,
        zeros: *const f32,
    ) {
        let (g, batch) = (self.g, self.g.batch);
        let kernel = lines(self.isa).get(t.taps.len(), k);
        // Neighbouring pixels without a gap are one long run.
        let joined = g.cols.scale == 1 && batch.is_multiple_of(LANES);
        let mut v = self.cols.start;
        while v < self.cols.end {
            let inside = t.interior.contains(&v);
            let span = if inside { t.interior.end.min(self.cols.end) - v } else { 1 };
            let mut x = [zeros; line::TAPS];
            for (p, tap) in x.iter_mut().zip(t.taps.clone()) {
                let w = g.cols.at(v, tap);
                if (0..g.cols.source as isize).contains(&w) {
                    *p = self.x.wrapping_add((x_row * g.cols.source + w as usize) * batch);
                }
            }
            let (columns, images) = if joined { (1, span * batch) } else { (span, batch) };
            let line = Line {
                dy: self.dy.wrapping_add((dy_row * g.target[1] + v) * batch),
                dy_channel: (g.target[0] * g.target[1] * batch) as isize,
                dy_next: batch as isize,
                x,
                x_next: (g.cols.scale * batch) as isize,
                columns,
                images,
                sums,
            };
            // SAFETY: the caller's promise; outside the source the pixel of zeros is read.
            unsafe { kernel(&line) };
            v += span;
        }
    }
}
