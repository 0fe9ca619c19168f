//! The loops around the register tile: blocks of A that stay in the second-level cache, strips of B that stay in
//! the first, tiles of C that threads claim. Everything about a block is decided by shapes and strides.

use super::kernel::{Kernels, MR, Scalar, Tile};
use super::pack::{Panels, interleave, pack_strip};
use super::{Mat, Product, Right};
use crate::{parallel, with_scratch};
use std::mem::MaybeUninit;

/// Steps along k between two visits of C. A panel of B (KC × 16 f32) then fills a 32 KiB cache; shorter panels
/// measured slower, as C is visited more often.
const KC: usize = 512;
/// Panels of A per block: 16·6 × KC f32, less than half of a 512 KiB cache.
const BLOCK_PANELS: usize = 16;
/// Rows and elements of A packed at once, shared by all threads.
const PACK_ROWS: usize = 2400;
const PACK_ELEMENTS: usize = 1 << 20;
/// Columns of a strip: its packed B shares the second-level cache with a block of A.
const STRIP: usize = 64;
/// Multiply-adds worth a task (some microseconds), and how many tasks to cut at most for balance's sake.
const TASK: usize = 1 << 16;
const TASKS: usize = 16;
/// Elements of B below which its panels are read in place.
const SMALL_B: usize = 6 << 10;
/// Multiply-adds below which cutting the product up would take longer than computing it, and their longest sums.
const TINY: usize = 1 << 13;
const TINY_K: usize = 64;

/// How a product is cut.
struct Plan {
    kc: usize,
    /// Columns of a strip.
    strip: usize,
    strips: usize,
    /// Panels of rows per task.
    chunk: usize,
    pack_a: bool,
    pack_b: bool,
}

impl Plan {
    fn new<S: Scalar>(p: &Product<'_, S>) -> Plan {
        let kc = p.k.div_ceil(p.k.div_ceil(KC));
        let work = p.m * p.n * p.k;
        let wanted = (work / TASK).clamp(1, TASKS);
        let (strip, strips) = strips::<S>(p.n, wanted);
        let panels = Panels::of(p.m.min(PACK_ROWS)).count();
        let chunk = panels.div_ceil(wanted.div_ceil(strips)).max(4);
        let pack_b = match p.b {
            Right::Packed(_) => false,
            Right::Strided(b) => {
                b.col_stride != 1 && p.n > 1 || p.m > 2 * MR && p.n * p.k > SMALL_B
            }
        };
        // Six rows that are contiguous along k are six streams: as good as packed, and nothing to copy.
        let pack_a = p.a.col_stride != 1 && p.k > 16 && p.n > S::NR;
        Plan { kc, strip, strips, chunk, pack_a, pack_b }
    }
}

fn strips<S: Scalar>(n: usize, wanted: usize) -> (usize, usize) {
    let mut strip = STRIP;
    if n.div_ceil(strip) < wanted {
        strip = n.div_ceil(wanted).next_multiple_of(S::NR).min(STRIP);
    }
    (strip, n.div_ceil(strip))
}

/// Computes a product whose m, n and k are not 0.
///
/// # Safety
/// As [`super::gemm`].
pub(super) unsafe fn run<S: Scalar>(p: &Product<'_, S>, kernels: &'static Kernels<S>) {
    if p.m * p.n * p.k <= TINY && p.k <= TINY_K {
        // SAFETY: passed on.
        return unsafe { tiny(p, kernels) };
    }
    let plan = Plan::new(p);
    let rows = if plan.pack_a { p.m.div_ceil(p.m.div_ceil(PACK_ROWS)) } else { p.m };
    let deep = if plan.pack_a { plan.kc * (PACK_ELEMENTS / (rows * plan.kc)).max(1) } else { p.k };
    for i in (0..p.m).step_by(rows) {
        for k in (0..p.k).step_by(deep) {
            let (rows, deep) = (rows.min(p.m - i), deep.min(p.k - k));
            let mut slab = Slab { p, plan: &plan, kernels, i, rows, k, deep, packed: None };
            if plan.pack_a {
                with_scratch(rows * deep * size_of::<S>(), |scratch| {
                    // SAFETY: the scratch holds the slab; the caller's promise.
                    unsafe { slab.pack(scratch.cast()) };
                    slab.run();
                });
            } else {
                slab.run();
            }
        }
    }
}

/// All in one strip, on this thread, without scratch: a product of some tens of nanoseconds.
unsafe fn tiny<S: Scalar>(p: &Product<'_, S>, kernels: &'static Kernels<S>) {
    let panels = Panels::of(p.m).count();
    let plan = Plan { kc: p.k, strip: p.n, strips: 1, chunk: panels, pack_a: false, pack_b: false };
    let slab = Slab { p, plan: &plan, kernels, i: 0, rows: p.m, k: 0, deep: p.k, packed: None };
    let scattered = matches!(p.b, Right::Strided(b) if b.col_stride != 1 && p.n > 1);
    let mut panel = MaybeUninit::<[S; 16 * TINY_K]>::uninit();
    // SAFETY: the caller's promise; a panel of B has at most 16 columns and TINY_K rows.
    unsafe {
        if !scattered {
            return slab.strip(0, p.n, 0, None);
        }
        // One panel after the other: an epilogue sees rows in stretches of a panel.
        let mut j = 0;
        while j < p.n {
            slab.strip(j, S::NR.min(p.n - j), 0, Some(panel.as_mut_ptr().cast()));
            j += S::NR;
        }
    }
}

/// Rows `i..i+rows` of the product, steps `k..k+deep` of the sum.
struct Slab<'a, S: Scalar> {
    p: &'a Product<'a, S>,
    plan: &'a Plan,
    kernels: &'static Kernels<S>,
    i: usize,
    rows: usize,
    k: usize,
    deep: usize,
    /// A's panels: for each block of k, panel after panel.
    packed: Option<*const S>,
}

// SAFETY: as for `Product`; the packed panels are only read while tasks run.
unsafe impl<S: Scalar> Sync for Slab<'_, S> {}

/// A place to pack to, shared by tasks that write distinct parts.
#[derive(Clone, Copy)]
struct Shared<S>(*mut S);
// SAFETY: tasks write distinct parts.
unsafe impl<S> Sync for Shared<S> {}
impl<S> Shared<S> {
    fn add(&self, n: usize) -> *mut S {
        self.0.wrapping_add(n)
    }
}

impl<S: Scalar> Slab<'_, S> {
    /// Packs this slab's A to `dst`.
    unsafe fn pack(&mut self, dst: *mut S) {
        let panels = Panels::of(self.rows);
        let (count, kc) = (panels.count(), self.plan.kc);
        let groups = count.div_ceil(BLOCK_PANELS);
        let shared = Shared(dst);
        let slab = &*self;
        let one = |task: usize| {
            let (k, group) = (task / groups * kc, task % groups);
            let deep = kc.min(slab.deep - k);
            for q in group * BLOCK_PANELS..((group + 1) * BLOCK_PANELS).min(count) {
                let (i, len) = (panels.start(q), panels.len(q));
                let a = slab.p.a.from(slab.i + i, slab.k + k);
                let dst = shared.add(k * slab.rows + i * deep);
                // SAFETY: panels are distinct parts of `dst`.
                unsafe { interleave(slab.kernels, a, len, len, deep, dst) }
            }
        };
        run_tasks(groups * self.deep.div_ceil(kc), self.rows * self.deep, &one);
        self.packed = Some(dst);
    }

    fn run(&self) {
        let chunks = Panels::of(self.rows).count().div_ceil(self.plan.chunk);
        let work = self.rows * self.p.n * self.deep;
        run_tasks(self.plan.strips * chunks, work, &|task| {
            // SAFETY: `gemm`'s contract; tasks write distinct tiles of C.
            unsafe { self.task(task / chunks, task % chunks) }
        });
    }

    /// One strip of columns, one chunk of rows, all of this slab's k.
    unsafe fn task(&self, strip: usize, chunk: usize) {
        let j = strip * self.plan.strip;
        let columns = self.plan.strip.min(self.p.n - j);
        // SAFETY: the caller's promise; the scratch holds a strip.
        unsafe {
            if self.plan.pack_b {
                let width = columns.next_multiple_of(S::NR);
                with_scratch(width * self.plan.kc * size_of::<S>(), |scratch| {
                    self.strip(j, columns, chunk, Some(scratch.cast()));
                });
            } else {
                self.strip(j, columns, chunk, None);
            }
        }
    }

    unsafe fn strip(&self, j: usize, columns: usize, chunk: usize, scratch: Option<*mut S>) {
        let panels = Panels::of(self.rows);
        let (from, to) = (chunk * self.plan.chunk, (chunk + 1) * self.plan.chunk);
        let to = to.min(panels.count());
        // `while`: setting up a `step_by` divides, which a tiny product would feel.
        let mut k = 0;
        while k < self.deep {
            let deep = self.plan.kc.min(self.deep - k);
            // SAFETY: the caller's promise.
            unsafe {
                let b = self.strip_of_b(j, columns, k, deep, scratch);
                for q in (from..to).step_by(BLOCK_PANELS) {
                    let block = q..(q + BLOCK_PANELS).min(to);
                    for jr in (0..columns).step_by(S::NR) {
                        for q in block.clone() {
                            let ahead = b.ahead(jr + S::NR, q - block.start, block.len(), deep);
                            self.tile(panels, q, j + jr, k, deep, &b.panel(jr), ahead);
                        }
                    }
                    if self.k + k + deep == self.p.k {
                        self.finish(panels.start(block.start)..panels.start(block.end), j, columns);
                    }
                }
            }
            k += deep;
        }
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
        let k = self.k + k;
        match (self.p.b, scratch) {
            (Right::Packed(b), _) => {
                let ptr = b.wrapping_add(j * self.p.k + k * S::NR);
                Strip { ptr, stride: S::NR as isize, step: self.p.k, packed: true }
            }
            (Right::Strided(b), None) => {
                Strip { ptr: b.at(k, j), stride: b.row_stride, step: 1, packed: false }
            }
            (Right::Strided(b), Some(dst)) => {
                // SAFETY: the scratch holds the strip.
                unsafe { pack_strip(self.kernels, b.from(k, j), columns, deep, dst) }
                Strip { ptr: dst, stride: S::NR as isize, step: deep, packed: true }
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
            Some(packed) => Mat {
                ptr: packed.wrapping_add(k * self.rows + i * deep),
                row_stride: 1,
                col_stride: rows as isize,
            },
        };
        let columns = S::NR.min(self.p.n - j);
        let vectors = columns.div_ceil(S::LANES);
        let last = columns - (vectors - 1) * S::LANES;
        let kernel = self.kernels.tile(rows, vectors, !b.packed && last < S::LANES);
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
            ahead: ahead.0,
            ahead_step: ahead.1,
        };
        // SAFETY: the caller's promise; the spare tile holds MR × NR elements.
        unsafe {
            if self.p.c.col_stride == 1 || columns == 1 {
                return kernel(&tile);
            }
            let mut spare = [S::default(); MR * 16];
            (tile.c, tile.c_stride, tile.add) = (spare.as_mut_ptr(), S::NR as isize, false);
            kernel(&tile);
            for r in 0..rows {
                for s in 0..columns {
                    let c = self.p.c.at(self.i + i + r, j + s);
                    let x = spare[r * S::NR + s];
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

/// Some columns of B, as the register tile reads them.
struct Strip<S> {
    ptr: *const S,
    /// From one k to the next.
    stride: isize,
    /// Elements by which one column moves the pointer at a panel's border.
    step: usize,
    packed: bool,
}

impl<S: Scalar> Strip<S> {
    /// What tile `i` of `count` in a panel prefetches: its share of the panel that begins at `columns`, spread over
    /// its `deep` steps. Every panel then arrives while the one before it is in use.
    fn ahead(&self, columns: usize, i: usize, count: usize, deep: usize) -> (*const S, usize) {
        if !self.packed {
            return (self.ptr, 0);
        }
        let step = S::NR.div_ceil(count);
        (self.panel(columns).ptr.wrapping_add(i * step * deep), step)
    }

    /// The panel that begins `columns` further on.
    fn panel(&self, columns: usize) -> Strip<S> {
        Strip { ptr: self.ptr.wrapping_add(columns * self.step), ..*self }
    }
}
