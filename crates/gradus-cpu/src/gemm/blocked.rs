//! The loops around the register tile: blocks of A that stay in the second-level cache, strips of B that stay in
//! the first, tiles of C that threads claim. Everything about a block is decided by shapes and strides.

use super::kernel::{Kernels, MAX_NR, MAX_TILE, Scalar, Tile};
use super::pack::{Panels, Strip, copy_rows, interleave, pack_strip};
use super::{Clip, Mat, Product, Right};
use crate::pool::inside_a_job;
use crate::{Shared, parallel, with_scratch};
use std::mem::MaybeUninit;

/// Steps along k between two visits of C. A panel of B (KC × 16 f32) then fills a 32 KiB cache; shorter panels
/// measured slower, as C is visited more often.
const KC: usize = 512;
/// Rows of A per block, about: 96 × KC f32 are less than half of a 512 KiB cache.
const BLOCK_ROWS: usize = 96;
/// Rows and elements of A packed at once, shared by all threads.
const PACK_ROWS: usize = 2400;
const PACK_ELEMENTS: usize = 1 << 20;
/// Panels of A that a task packs.
const PACK_PANELS: usize = 4;
/// Columns of a strip, at most: its packed B shares the second-level cache with a block of A.
const STRIP: usize = 128;
/// Multiply-adds worth a task (some microseconds), and how many tasks to cut at most for balance's sake.
const TASK: usize = 1 << 16;
const TASKS: usize = 16;
/// Rows that a packed strip of B is used for at least.
const LEAST_ROWS: usize = 28;
/// Elements of B below which its panels are read in place.
const SMALL_B: usize = 6 << 10;
/// Multiply-adds below which cutting the product up would take longer than computing it, and their longest sums.
const TINY: usize = 1 << 13;
const TINY_K: usize = 64;

/// How a product is cut.
struct Blocking {
    kc: usize,
    /// Columns of a strip.
    strip: usize,
    strips: usize,
    /// Rows of a register tile.
    mr: usize,
    /// Panels of rows per task.
    chunk: usize,
    /// Panels of rows per block.
    block: usize,
    pack_a: PackA,
    pack_b: bool,
}

/// Where register tiles read A.
#[derive(Clone, Copy, PartialEq)]
enum PackA {
    /// Where it lies: rows that are contiguous along k are streams, which a core follows, and of contiguous columns a
    /// step along k reads one or two cache lines.
    No,
    /// In a copy whose rows lie apart by an odd number of cache lines: rows a power of two apart, as widths often are,
    /// push each other out of the first-level cache.
    Rows,
    /// In panels, k by k.
    Panels,
}

impl PackA {
    /// The choice, and the rows of a register tile.
    fn choose<S: Scalar>(p: &Product<'_, S>, kernels: &Kernels<S>) -> (PackA, usize) {
        let (mr, narrow) = (kernels.mr, p.n <= kernels.nr);
        // Rows that find room beside B: half of the ways of the sets that their lines fall into.
        let room = |stride: isize| {
            let bytes = stride.unsigned_abs() * size_of::<S>();
            let sets = SETS >> (bytes / LINE).trailing_zeros().min(SETS.ilog2());
            if bytes.is_multiple_of(LINE) { sets * WAYS / 2 } else { mr }
        };
        match (p.a.row_stride, p.a.col_stride) {
            _ if p.k <= 16 => (PackA::No, mr),
            (stride, 1) if room(stride) >= FEW_ROWS || narrow => {
                (PackA::No, mr.min(room(stride).max(FEW_ROWS)))
            }
            (_, 1) => (PackA::Rows, mr),
            (1, stride) if narrow || room(stride) >= mr => (PackA::No, mr),
            _ if narrow => (PackA::No, mr),
            _ => (PackA::Panels, mr),
        }
    }
}

/// Cache lines of a first-level cache: so many sets of so many ways.
const LINE: usize = 64;
const SETS: usize = 64;
const WAYS: usize = 8;
/// Rows of a tile at least: enough chains of additions.
const FEW_ROWS: usize = 6;
/// Elements that a row of a copy of A may be longer than the row: at most two lines.
const GAP: usize = 32;

impl Blocking {
    fn new<S: Scalar>(p: &Product<'_, S>, kernels: &Kernels<S>) -> Blocking {
        let nr = kernels.nr;
        let (pack_a, mr) = PackA::choose(p, kernels);
        let kc = p.k.div_ceil(p.k.div_ceil(KC));
        let work = p.m * p.n * p.k;
        // A task of another job cuts no further: each cut reads or packs something again. (An epilogue is promised its cuts.)
        let whole = inside_a_job() && p.epilogue.is_none();
        let wanted = if whole { 1 } else { (work / TASK).clamp(1, TASKS) };
        let panels = Panels::of(p.m.min(PACK_ROWS), mr).count();
        let pack_b = match p.b {
            Right::Packed(_) => false,
            Right::Strided(b) if b.col_stride != 1 && p.n > 1 => true,
            // A dense narrow B is a panel as it is.
            Right::Strided(b) => {
                let panel = p.n <= nr && b.row_stride.unsigned_abs() <= 2 * nr;
                !panel && p.m > 2 * mr && p.n * p.k > SMALL_B
            }
        };
        let (strip, strips) = if pack_b {
            strips(p.n, nr, wanted)
        } else {
            strips_in_place(p, nr, wanted.min(panels * p.n.div_ceil(nr)))
        };
        // Every chunk packs its strip of B anew.
        let least = if pack_b { LEAST_ROWS / mr } else { 1 };
        let chunk = panels.div_ceil(wanted.div_ceil(strips)).max(least);
        let block = (BLOCK_ROWS / mr).max(1);
        Blocking { kc, strip, strips, mr, chunk, block, pack_a, pack_b }
    }
}

fn strips(n: usize, nr: usize, wanted: usize) -> (usize, usize) {
    let mut strip = STRIP;
    if n.div_ceil(strip) < wanted {
        strip = n.div_ceil(wanted).next_multiple_of(nr).min(STRIP);
    }
    (strip, n.div_ceil(strip))
}

/// The strips of a B that needs no packing: of the cuts that give as many tasks as are wanted the one that reads least,
/// A once for each strip and B once for each chunk of rows.
fn strips_in_place<T>(p: &Product<'_, T>, nr: usize, wanted: usize) -> (usize, usize) {
    // Where sums are short, wider strips take no more of the cache; their rows are longer runs of memory.
    let widest = STRIP * (KC / p.k.clamp(1, KC));
    let least = p.n.div_ceil(widest);
    let reads = |strips: usize| p.m * strips + p.n * wanted.div_ceil(strips);
    let count = (least..=wanted.max(least)).min_by_key(|&strips| reads(strips)).unwrap_or(least);
    let strip = p.n.div_ceil(count).next_multiple_of(nr);
    (strip, p.n.div_ceil(strip))
}

/// Computes a product whose m, n and k are not 0.
///
/// # Safety
/// As [`super::gemm`].
pub(super) unsafe fn multiply_blocked<S: Scalar>(p: &Product<'_, S>, kernels: &'static Kernels<S>) {
    if p.m * p.n * p.k <= TINY && p.k <= TINY_K {
        // SAFETY: passed on.
        return unsafe { tiny(p, kernels) };
    }
    let plan = Blocking::new(p, kernels);
    let pack = plan.pack_a != PackA::No;
    let rows = if pack { p.m.div_ceil(p.m.div_ceil(PACK_ROWS)) } else { p.m };
    let deep = if pack { plan.kc * (PACK_ELEMENTS / (rows * plan.kc)).max(1) } else { p.k };
    let clip = p.epilogue.and_then(|e| e.clip());
    for i in (0..p.m).step_by(rows) {
        for k in (0..p.k).step_by(deep) {
            let (rows, deep) = (rows.min(p.m - i), deep.min(p.k - k));
            let mut slab = Slab { p, plan: &plan, kernels, i, rows, k, deep, packed: None, clip };
            if pack {
                let gaps = rows * GAP * deep.div_ceil(plan.kc);
                with_scratch((rows * deep + gaps) * size_of::<S>(), |scratch| {
                    // SAFETY: the scratch holds the slab; the caller's promise.
                    unsafe { slab.pack(scratch.cast()) };
                    slab.multiply();
                });
            } else {
                slab.multiply();
            }
        }
    }
}

/// All in one strip, on this thread, without scratch: a product of some tens of nanoseconds.
unsafe fn tiny<S: Scalar>(p: &Product<'_, S>, kernels: &'static Kernels<S>) {
    let (nr, panels) = (kernels.nr, Panels::of(p.m, kernels.mr).count());
    let (kc, strip, pack_a, pack_b) = (p.k, p.n, PackA::No, false);
    let mr = kernels.mr;
    let plan = Blocking { kc, strip, strips: 1, mr, chunk: panels, block: panels, pack_a, pack_b };
    let clip = p.epilogue.and_then(|e| e.clip());
    let slab =
        Slab { p, plan: &plan, kernels, i: 0, rows: p.m, k: 0, deep: p.k, packed: None, clip };
    let scattered = matches!(p.b, Right::Strided(b) if b.col_stride != 1 && p.n > 1);
    let mut panel = MaybeUninit::<[S; MAX_NR * TINY_K]>::uninit();
    // SAFETY: the caller's promise; a panel of B has at most MAX_NR columns and TINY_K rows.
    unsafe {
        if !scattered {
            return slab.strip(0, p.n, 0, None);
        }
        // One panel after the other: an epilogue sees rows in stretches of a panel.
        let mut j = 0;
        while j < p.n {
            slab.strip(j, nr.min(p.n - j), 0, Some(panel.as_mut_ptr().cast()));
            j += nr;
        }
    }
}

/// Rows `i..i+rows` of the product, steps `k..k+deep` of the sum.
struct Slab<'a, S: Scalar> {
    p: &'a Product<'a, S>,
    plan: &'a Blocking,
    kernels: &'static Kernels<S>,
    i: usize,
    rows: usize,
    k: usize,
    deep: usize,
    /// A's panels: for each block of k, panel after panel.
    packed: Option<*const S>,
    /// The epilogue, if tiles can do it.
    clip: Option<Clip<S>>,
}

// SAFETY: as for `Product`; the packed panels are only read while tasks run.
unsafe impl<S: Scalar> Sync for Slab<'_, S> {}

impl<S: Scalar> Slab<'_, S> {
    fn panels(&self) -> Panels {
        Panels::of(self.rows, self.plan.mr)
    }

    /// Packs this slab's A to `dst`.
    unsafe fn pack(&mut self, dst: *mut S) {
        let panels = self.panels();
        let (count, kc) = (panels.count(), self.plan.kc);
        let groups = count.div_ceil(PACK_PANELS);
        let shared = Shared::new(dst);
        let (slab, block) = (&*self, PACK_PANELS);
        let one = |task: usize| {
            let (k, group) = (task / groups * kc, task % groups);
            let deep = kc.min(slab.deep - k);
            // SAFETY: panels are distinct parts of `dst`.
            unsafe {
                slab.pack_block(group * block..((group + 1) * block).min(count), k, deep, &shared)
            }
        };
        run_tasks(groups * self.deep.div_ceil(kc), self.rows * self.deep, &one);
        self.packed = Some(dst);
    }

    /// Packs some panels' steps `k..k + deep`.
    unsafe fn pack_block(
        &self,
        block: std::ops::Range<usize>,
        k: usize,
        deep: usize,
        dst: &Shared<S>,
    ) {
        let panels = self.panels();
        // SAFETY: the caller's promise.
        unsafe {
            if self.plan.pack_a == PackA::Rows {
                for i in panels.start(block.start)..panels.start(block.end) {
                    let from = self.p.a.at(self.i + i, self.k + k);
                    let a = self.packed_at(dst.get(), i, 1, k, deep);
                    a.ptr.cast_mut().copy_from_nonoverlapping(from, deep);
                }
                return;
            }
            let place = |q: usize| {
                let (i, len) = (panels.start(q), panels.len(q));
                let to = self.packed_at(dst.get(), i, len, k, deep).ptr.cast_mut();
                (self.p.a.from(self.i + i, self.k + k), len, to)
            };
            let whole = block.clone().take_while(|&q| panels.len(q) == self.plan.mr).count();
            let mut rest = block.start;
            if self.p.a.row_stride == 1 && whole > 0 {
                let (a, len, to) = place(block.start);
                copy_rows(self.kernels, len, a.transposed(), whole, deep, to);
                rest += whole;
            }
            for (a, len, to) in (rest..block.end).map(place) {
                interleave(self.kernels, a, len, len, deep, to);
            }
        }
    }

    /// Where the packed A has rows from `i` on, in a panel of `len`, steps from `k` on in a block of `deep`.
    fn packed_at(&self, packed: *const S, i: usize, len: usize, k: usize, deep: usize) -> Mat<S> {
        let before = k * self.rows + k / self.plan.kc * self.rows * GAP;
        if self.plan.pack_a == PackA::Rows {
            let line = LINE / size_of::<S>();
            let stride = (deep.div_ceil(line) | 1) * line;
            let ptr = packed.wrapping_add(before + i * stride);
            return Mat { ptr, row_stride: stride as isize, col_stride: 1 };
        }
        let ptr = packed.wrapping_add(before + i * deep);
        Mat { ptr, row_stride: 1, col_stride: len as isize }
    }

    fn multiply(&self) {
        let chunks = self.panels().count().div_ceil(self.plan.chunk);
        let (strips, work) = (self.plan.strips, self.rows * self.p.n * self.deep);
        run_tasks(strips * chunks, work, &|task| {
            // Neighbours share what lies farther away: B's columns that each packs, or else the rows of A.
            let (strip, chunk) = if self.plan.pack_b {
                (task / chunks, task % chunks)
            } else {
                (task % strips, task / strips)
            };
            // SAFETY: `gemm`'s contract; tasks write distinct tiles of C.
            unsafe { self.task(strip, chunk) }
        });
    }

    /// One strip of columns, one chunk of rows, all of this slab's k.
    unsafe fn task(&self, strip: usize, chunk: usize) {
        let j = strip * self.plan.strip;
        let columns = self.plan.strip.min(self.p.n - j);
        // SAFETY: the caller's promise; the scratch holds a strip.
        unsafe {
            if self.plan.pack_b {
                let width = columns.next_multiple_of(self.kernels.nr);
                with_scratch(width * self.plan.kc * size_of::<S>(), |scratch| {
                    self.strip(j, columns, chunk, Some(scratch.cast()));
                });
            } else {
                self.strip(j, columns, chunk, None);
            }
        }
    }

    unsafe fn strip(&self, j: usize, columns: usize, chunk: usize, scratch: Option<*mut S>) {
        let (panels, nr) = (self.panels(), self.kernels.nr);
        let (from, to) = (chunk * self.plan.chunk, (chunk + 1) * self.plan.chunk);
        let to = to.min(panels.count());
        // `while`: setting up a `step_by` divides, which a tiny product would feel.
        let mut k = 0;
        while k < self.deep {
            let deep = self.plan.kc.min(self.deep - k);
            // SAFETY: the caller's promise.
            unsafe {
                let b = self.strip_of_b(j, columns, k, deep, scratch);
                for q in (from..to).step_by(self.plan.block) {
                    let block = q..(q + self.plan.block).min(to);
                    for jr in (0..columns).step_by(nr) {
                        for q in block.clone() {
                            let last = jr + nr >= columns;
                            let ahead = match self.next_rows(panels, q + block.len(), k, deep) {
                                Some(rows) if last && block.end < to => rows,
                                _ => b.ahead(jr + nr, q - block.start, block.len(), deep),
                            };
                            self.tile(panels, q, j + jr, k, deep, &b.panel(jr), ahead);
                        }
                    }
                    if self.clip.is_none() && self.k + k + deep == self.p.k {
                        self.finish(panels.start(block.start)..panels.start(block.end), j, columns);
                    }
                }
            }
            k += deep;
        }
    }

    /// What a tile prefetches of A's next block, if its rows are one run of memory: the panel in its own place.
    fn next_rows(
        &self,
        panels: Panels,
        q: usize,
        k: usize,
        deep: usize,
    ) -> Option<(*const S, usize)> {
        let dense = self.packed.is_none()
            && self.p.a.col_stride == 1
            && self.p.a.row_stride == deep as isize;
        let q = q.min(panels.count() - 1);
        dense.then(|| (self.p.a.at(self.i + panels.start(q), self.k + k), panels.len(q)))
    }

    /// B's rows `k..k+deep` of this slab, columns `j..j+columns`, packed to `scratch` if there is one.
    unsafe fn strip_of_b(
        &self,
        j: usize,
        columns: usize,
        k: usize,
        deep: usize,
        scratch: Option<*mut S>,
    ) -> Strip<S> {
        let (k, nr) = (self.k + k, self.kernels.nr);
        match (self.p.b, scratch) {
            (Right::Packed(b), _) => {
                let ptr = b.wrapping_add(j * self.p.k + k * nr);
                Strip { ptr, stride: nr as isize, nr, step: self.p.k, packed: true }
            }
            (Right::Strided(b), None) => {
                Strip { ptr: b.at(k, j), stride: b.row_stride, nr, step: 1, packed: false }
            }
            (Right::Strided(b), Some(dst)) => {
                // SAFETY: the scratch holds the strip.
                unsafe { pack_strip(self.kernels, b.from(k, j), columns, deep, dst) }
                Strip { ptr: dst, stride: nr as isize, nr, step: deep, packed: true }
            }
        }
    }

    /// One register tile.
    unsafe fn tile(
        &self,
        panels: Panels,
        q: usize,
        j: usize,
        k: usize,
        deep: usize,
        b: &Strip<S>,
        ahead: (*const S, usize),
    ) {
        let (i, rows) = (panels.start(q), panels.len(q));
        let a = match self.packed {
            None => self.p.a.from(self.i + i, self.k + k),
            Some(packed) => self.packed_at(packed, i, rows, k, deep),
        };
        let (lanes, nr) = (self.kernels.lanes, self.kernels.nr);
        let columns = nr.min(self.p.n - j);
        let vectors = columns.div_ceil(lanes);
        let last = columns - (vectors - 1) * lanes;
        let kernel = self.kernels.tile(rows, vectors, !b.packed && last < lanes);
        let (ptr, add) = (self.p.c.at(self.i + i, j), self.p.accumulate || self.k + k > 0);
        let mut tile = Tile {
            k: deep,
            a,
            b: b.ptr,
            b_stride: b.stride,
            c: ptr,
            c_stride: self.p.c.row_stride,
            last,
            add,
            clip: self.clip.filter(|_| self.k + k + deep == self.p.k).map(|clip| clip.from(j)),
            ahead: ahead.0,
            ahead_step: ahead.1,
        };
        // SAFETY: the caller's promise; the spare tile holds any register tile.
        unsafe {
            if self.p.c.col_stride == 1 || columns == 1 {
                return kernel(&tile);
            }
            let mut spare = [S::default(); MAX_TILE];
            (tile.c, tile.c_stride, tile.add) = (spare.as_mut_ptr(), nr as isize, false);
            kernel(&tile);
            for r in 0..rows {
                for s in 0..columns {
                    let c = self.p.c.at(self.i + i + r, j + s);
                    let x = spare[r * nr + s];
                    *c = if add { *c + x } else { x };
                }
            }
        }
    }

    unsafe fn finish(&self, rows: std::ops::Range<usize>, j: usize, columns: usize) {
        if let Some(epilogue) = self.p.epilogue {
            let (i, c) = (self.i + rows.start, self.p.c);
            // SAFETY: finished stretches of C.
            unsafe { epilogue.apply_rows(i, j, c.at(i, j), c.row_stride, rows.len(), columns) }
        }
    }
}

/// Runs tasks on the pool if the work is worth the trip.
fn run_tasks(tasks: usize, work: usize, body: &(dyn Fn(usize) + Sync)) {
    if tasks == 1 || work < TASK { (0..tasks).for_each(body) } else { parallel(tasks, body) }
}
