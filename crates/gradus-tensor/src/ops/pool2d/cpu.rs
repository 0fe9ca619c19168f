//! Pooling in f32 where neighbours in memory are independent: images with the batch innermost ([C, H, W, N]), channels
//! with the channels innermost ([N, H, W, C]). Both are planes of pixels whose lanes go side by side.
//!
//! Every pass but picking and scattering gathers: a pixel of what is written is made of those that its list of taps
//! names, so the gradients write each pixel once, in any order.
#![allow(unsafe_code)]

use super::geometry::Pool2d;
use super::rule::Work;
use crate::ops::kernel::grain;
use crate::ops::lanes::Isa;
use gradus_cpu::lanes::{InstructionSet, Task};
use gradus_cpu::{parallel, with_scratch};
use std::ops::Range;
use std::slice::from_raw_parts_mut;

/// Lanes worked on side by side, in an array the compiler turns into vectors.
const WIDTH: usize = 16;
/// Lanes of a task that scatters.
const CHUNK: usize = 64;
/// Elements a task that gathers writes, about.
const TILE: usize = 1 << 14;

/// x or dx, y or dy, and the indices: planes × pixels × lanes.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub(super) planes: usize,
    pub(super) lanes: usize,
    pub(super) x: *mut f32,
    pub(super) y: *mut f32,
    /// May be null for [`Work::Max`].
    pub(super) indices: *mut i32,
}
// SAFETY: addresses; tasks write distinct pixels or lanes.
unsafe impl Sync for Planes {}

/// Which positions of the read axis each position of the written one is made of.
#[derive(Debug)]
struct Axis {
    begins: Vec<usize>,
    positions: Vec<usize>,
    /// What a mean divides by along this axis, by y's position.
    counts: Vec<usize>,
}

impl Axis {
    fn of(&self, at: usize) -> &[usize] {
        &self.positions[self.begins[at]..self.begins[at + 1]]
    }
    fn len(&self) -> usize {
        self.begins.len() - 1
    }
    fn most(&self) -> usize {
        (0..self.len()).map(|at| self.of(at).len()).max().unwrap_or(0)
    }
}

/// What a pass looks up: made once per plan.
#[derive(Debug)]
pub(super) struct Tables {
    work: Work,
    rows: Axis,
    cols: Axis,
    /// Pixels of x and of y; the width of the read planes.
    x: usize,
    y: usize,
    read_width: usize,
}

impl Tables {
    pub(super) fn new(pool: &Pool2d, work: Work) -> Tables {
        let back = matches!(work, Work::MaxGradient | Work::MeanGradient);
        let axis = |a: usize, size: usize| {
            let windows = &pool.windows[a];
            let all: Vec<_> = (0..windows.output(size)).map(|u| windows.get(u, size)).collect();
            let counts =
                all.iter().map(|w| if pool.count_include_pad { w.padded } else { w.len }).collect();
            let mut lists: Vec<Vec<usize>> = vec![vec![]; if back { size } else { all.len() }];
            for (u, window) in all.iter().enumerate() {
                for pixel in window.pixels() {
                    if back { lists[pixel].push(u) } else { lists[u].push(pixel) }
                }
            }
            let mut begins = vec![0];
            lists.iter().for_each(|l| begins.push(begins[begins.len() - 1] + l.len()));
            Axis { begins, positions: lists.concat(), counts }
        };
        let [p, q] = pool.output();
        Tables {
            work,
            rows: axis(0, pool.height),
            cols: axis(1, pool.width),
            x: pool.height * pool.width,
            y: p * q,
            read_width: if back { q } else { pool.width },
        }
    }
}

/// Runs over all planes and lanes.
///
/// # Safety
/// The planes must be valid over the geometry's sizes, what is written overlapping nothing else; indices must be −1 or
/// inside the plane.
pub(super) unsafe fn pool_planes(isa: Isa, tables: &Tables, all: Planes) {
    if matches!(tables.work, Work::Pick | Work::Scatter) {
        let chunks = all.lanes.div_ceil(CHUNK);
        let all = &all;
        return parallel(all.planes * chunks, &|task| {
            let (plane, first) = (task / chunks, task % chunks * CHUNK);
            let lanes = first..(first + CHUNK).min(all.lanes);
            // SAFETY: the caller's promise; each task has its own lanes of its own plane.
            unsafe { follow_indices(tables, all, plane, lanes) }
        });
    }
    let (height, width) = (tables.rows.len(), tables.cols.len());
    let each = grain(TILE, width * all.lanes).min(height.max(1));
    let blocks = height.div_ceil(each);
    let most = tables.rows.most() * tables.cols.most();
    let all = &all;
    parallel(all.planes * blocks, &|task| {
        let (plane, first) = (task / blocks, task % blocks * each);
        with_scratch(most * size_of::<Tap>(), |scratch| {
            // SAFETY: the scratch has room and is aligned; a tap is made of numbers.
            let taps = unsafe { from_raw_parts_mut(scratch.cast::<Tap>(), most) };
            let part = Part { tables, all: *all, plane, rows: first..(first + each).min(height) };
            // SAFETY: the caller's promise; each task writes its own rows of its own plane.
            unsafe { run_part(isa, &part, taps) }
        });
    });
}

/// A pixel that is read.
#[derive(Clone, Copy)]
struct Tap {
    /// From the plane's first element to the pixel's.
    offset: usize,
    /// Its number.
    pixel: i32,
    /// One over what the mean at this pixel divides by.
    share: f32,
}

/// Some rows of one plane.
struct Part<'a> {
    tables: &'a Tables,
    all: Planes,
    plane: usize,
    rows: Range<usize>,
}

/// One pixel to write.
#[derive(Clone, Copy)]
struct Target {
    read: *const f32,
    written: *mut f32,
    /// Of the read pixels for [`Work::MaxGradient`], else of the written one.
    indices: *mut i32,
    pixel: i32,
    /// One over what the mean divides by.
    share: f32,
    /// How many elements after its lanes may be written, because this task goes on to write them, and read.
    room: usize,
}

const MAX: u8 = Work::Max as u8;
const MAX_GRADIENT: u8 = Work::MaxGradient as u8;
const MEAN: u8 = Work::Mean as u8;
const MEAN_GRADIENT: u8 = Work::MeanGradient as u8;

#[inline(always)]
unsafe fn part<const WORK: u8>(t: &Part<'_>, taps: &mut [Tap]) {
    let (tables, all) = (t.tables, &t.all);
    let lanes = all.lanes;
    let back = WORK == MAX_GRADIENT || WORK == MEAN_GRADIENT;
    let x = all.x.wrapping_add(t.plane * tables.x * lanes);
    let y = all.y.wrapping_add(t.plane * tables.y * lanes);
    let (read, written) = if back { (y, x) } else { (x, y) };
    let indices = match all.indices.is_null() {
        true => all.indices,
        false => all.indices.wrapping_add(t.plane * tables.y * lanes),
    };
    let width = tables.cols.len();
    let (end, read_pixels) = (t.rows.end * width, if back { tables.y } else { tables.x });
    let share = |u: usize, v: usize| 1.0 / (tables.rows.counts[u] * tables.cols.counts[v]) as f32;
    let means = WORK == MEAN || WORK == MEAN_GRADIENT;
    for row in t.rows.clone() {
        let rows = tables.rows.of(row);
        for col in 0..width {
            let cols = tables.cols.of(col);
            let mut n = 0;
            for &h in rows {
                for &w in cols {
                    let pixel = h * tables.read_width + w;
                    let share = if means && back { share(h, w) } else { 0.0 };
                    taps[n] = Tap { offset: pixel * lanes, pixel: pixel as i32, share };
                    n += 1;
                }
            }
            let pixel = row * width + col;
            let target = Target {
                read,
                written: written.wrapping_add(pixel * lanes),
                indices: match back || indices.is_null() {
                    true => indices,
                    false => indices.wrapping_add(pixel * lanes),
                },
                pixel: pixel as i32,
                share: if means && !back { share(row, col) } else { 0.0 },
                room: {
                    let last = taps[..n].last().map_or(0, |tap| tap.pixel as usize);
                    lanes * (end - pixel).min(read_pixels - last).saturating_sub(1)
                },
            };
            // SAFETY: the caller's promise.
            unsafe { gather::<WORK>(&target, &taps[..n], lanes) }
        }
    }
}

/// Windows of usual sizes have loops of their own.
#[inline(always)]
unsafe fn gather<const WORK: u8>(t: &Target, taps: &[Tap], lanes: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match taps.len() {
            1 => across::<WORK, 1>(t, taps, lanes),
            2 => across::<WORK, 2>(t, taps, lanes),
            4 => across::<WORK, 4>(t, taps, lanes),
            9 => across::<WORK, 9>(t, taps, lanes),
            _ => across::<WORK, 0>(t, taps, lanes),
        }
    }
}

/// All lanes. What is left of them after whole vectors is done together with some of the next pixel's, which is written
/// again in its turn; only where there is no next pixel, one by one.
#[inline(always)]
unsafe fn across<const WORK: u8, const N: usize>(t: &Target, taps: &[Tap], lanes: usize) {
    let mut at = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while at + WIDTH <= lanes {
            some::<WORK, N, WIDTH>(t, taps, at);
            at += WIDTH;
        }
        if at + 8 <= lanes {
            some::<WORK, N, 8>(t, taps, at);
            at += 8;
        }
        let rest = lanes - at;
        if rest > 0 && rest <= 4 && rest + t.room >= 4 {
            return some::<WORK, N, 4>(t, taps, at);
        }
        if rest > 4 && rest + t.room >= 8 {
            return some::<WORK, N, 8>(t, taps, at);
        }
        while at < lanes {
            some::<WORK, 0, 1>(t, taps, at);
            at += 1;
        }
    }
}

/// L lanes from `lane` on; N taps, or with N = 0 as many as there are.
#[inline(always)]
unsafe fn some<const WORK: u8, const N: usize, const L: usize>(
    t: &Target,
    taps: &[Tap],
    lane: usize,
) {
    let n = if N > 0 { N } else { taps.len() };
    let (taps, read) = (taps.as_ptr(), t.read.wrapping_add(lane));
    let written = t.written.wrapping_add(lane).cast::<[f32; L]>();
    let indices = t.indices.wrapping_add(lane);
    // SAFETY: taps stay in their plane; the written pixel has all lanes.
    unsafe {
        match WORK {
            MAX => {
                let (largest, place) = max::<L>(taps, n, read);
                *written = largest;
                if !t.indices.is_null() {
                    *indices.cast() = place;
                }
            }
            MEAN => *written = mean::<L>(taps, n, read, t.share),
            MEAN_GRADIENT => *written = mean_gradient::<L>(taps, n, read),
            _ => *written = max_gradient::<L>(taps, n, read, indices, t.pixel),
        }
    }
}

/// The largest value and its pixel. A NaN replaces any number; nothing replaces a NaN; of equals the first stays.
#[inline(always)]
unsafe fn max<const L: usize>(
    taps: *const Tap,
    n: usize,
    read: *const f32,
) -> ([f32; L], [i32; L]) {
    if n == 0 {
        return ([f32::NEG_INFINITY; L], [-1; L]);
    }
    // SAFETY: the caller's promise.
    unsafe {
        let mut largest = *read.add((*taps).offset).cast::<[f32; L]>();
        let mut place = [(*taps).pixel; L];
        for k in 1..n {
            let tap = *taps.add(k);
            let x = *read.add(tap.offset).cast::<[f32; L]>();
            for i in 0..L {
                let more = (x[i] > largest[i]) | (x[i].is_nan() & !largest[i].is_nan());
                largest[i] = if more { x[i] } else { largest[i] };
                place[i] = if more { tap.pixel } else { place[i] };
            }
        }
        (largest, place)
    }
}

#[inline(always)]
unsafe fn max_gradient<const L: usize>(
    taps: *const Tap,
    n: usize,
    dy: *const f32,
    indices: *const i32,
    pixel: i32,
) -> [f32; L] {
    let mut sums = [0.0f32; L];
    for k in 0..n {
        // SAFETY: the caller's promise.
        let (dy, place) = unsafe {
            let offset = (*taps.add(k)).offset;
            (*dy.add(offset).cast::<[f32; L]>(), *indices.add(offset).cast::<[i32; L]>())
        };
        for i in 0..L {
            sums[i] += if place[i] == pixel { dy[i] } else { 0.0 };
        }
    }
    sums
}

#[inline(always)]
unsafe fn mean<const L: usize>(
    taps: *const Tap,
    n: usize,
    read: *const f32,
    share: f32,
) -> [f32; L] {
    let mut sums = [0.0f32; L];
    for k in 0..n {
        // SAFETY: the caller's promise.
        let x = unsafe { *read.add((*taps.add(k)).offset).cast::<[f32; L]>() };
        for i in 0..L {
            sums[i] += x[i];
        }
    }
    sums.map(|sum| sum * share)
}

#[inline(always)]
unsafe fn mean_gradient<const L: usize>(taps: *const Tap, n: usize, dy: *const f32) -> [f32; L] {
    let mut sums = [0.0f32; L];
    for k in 0..n {
        // SAFETY: the caller's promise.
        let (dy, share) = unsafe {
            let tap = *taps.add(k);
            (*dy.add(tap.offset).cast::<[f32; L]>(), tap.share)
        };
        for i in 0..L {
            sums[i] += dy[i] * share;
        }
    }
    sums
}

/// Picks or scatters some lanes of a plane: indices may point anywhere in it.
unsafe fn follow_indices(t: &Tables, all: &Planes, plane: usize, lanes: Range<usize>) {
    let x = all.x.wrapping_add(plane * t.x * all.lanes);
    let (y, indices) = (plane * t.y * all.lanes, all.indices);
    // SAFETY: the caller's promise; indices are −1 or inside the plane.
    unsafe {
        if t.work == Work::Scatter {
            for pixel in 0..t.x {
                x.add(pixel * all.lanes + lanes.start).write_bytes(0, lanes.len());
            }
        }
        for pixel in 0..t.y {
            for lane in lanes.clone() {
                let at = y + pixel * all.lanes + lane;
                let place = usize::try_from(*indices.add(at)).ok();
                let x = place.map(|p| x.wrapping_add(p * all.lanes + lane));
                match (t.work, x) {
                    (Work::Pick, Some(x)) => *all.y.add(at) = *x,
                    (Work::Pick, None) => *all.y.add(at) = 0.0,
                    (_, Some(x)) => *x += *all.y.add(at),
                    (_, None) => {}
                }
            }
        }
    }
}

/// A pass over a part, with room for taps.
struct Pass<'a, const WORK: u8>(&'a Part<'a>, &'a mut [Tap]);

impl<const WORK: u8> Task for Pass<'_, WORK> {
    type Output = ();
    #[inline(always)]
    fn run<P: InstructionSet>(self) {
        // SAFETY: whoever made the part promised that its planes are valid.
        unsafe { part::<WORK>(self.0, self.1) }
    }
}

/// # Safety
/// As [`pool_planes`], and no one else writes the part.
unsafe fn run_part(isa: Isa, t: &Part<'_>, taps: &mut [Tap]) {
    match t.tables.work {
        Work::Max => isa.run(Pass::<MAX>(t, taps)),
        Work::MaxGradient => isa.run(Pass::<MAX_GRADIENT>(t, taps)),
        Work::Mean => isa.run(Pass::<MEAN>(t, taps)),
        _ => isa.run(Pass::<MEAN_GRADIENT>(t, taps)),
    }
}
