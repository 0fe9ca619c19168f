//! Pooling in f32 where neighbours in memory are independent: images with the batch innermost ([C, H, W, N]), channels
//! with the channels innermost ([N, H, W, C]). Both are planes of pixels whose lanes go side by side.
#![allow(unsafe_code)]

use super::geometry::{Pool2d, Window};
use crate::ops::lanes::Isa;
use gradus_cpu::{parallel, with_scratch};
use std::slice::from_raw_parts;

/// Lanes worked on side by side, in an array the compiler turns into vectors.
const WIDTH: usize = 8;
/// Lanes of a task.
const CHUNK: usize = 64;

/// What a call does with the planes of x (or dx) and y (or dy).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    Max,
    Pick,
    Scatter,
    MaxGradient,
    Mean,
    MeanGradient,
}

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
// SAFETY: addresses; tasks write distinct planes or lanes.
unsafe impl Sync for Planes {}

/// Runs over all planes and lanes.
///
/// # Safety
/// The planes must be valid over the geometry's sizes, what is written overlapping nothing else; indices must be −1 or
/// inside the plane; the machine must have the instruction set.
pub(super) unsafe fn run(isa: Isa, pool: &Pool2d, work: Work, all: Planes) {
    let ([p, q], chunks) = (pool.output(), all.lanes.div_ceil(CHUNK));
    let all = &all;
    // The windows of every row and column, found once: their divisions would cost as much as the pooling.
    with_scratch((p + q) * size_of::<Window>(), |scratch| {
        let windows = scratch.cast::<Window>();
        // SAFETY: the scratch holds all windows and is aligned for them.
        let (rows, cols) = unsafe {
            (0..p).for_each(|u| windows.add(u).write(pool.windows[0].get(u, pool.height)));
            (0..q).for_each(|v| windows.add(p + v).write(pool.windows[1].get(v, pool.width)));
            (from_raw_parts(windows, p), from_raw_parts(windows.add(p), q))
        };
        parallel(all.planes * chunks, &|task| {
            let (plane, first) = (task / chunks, task % chunks * CHUNK);
            let (x, y) = (pool.height * pool.width * all.lanes, p * q * all.lanes);
            let part = Part {
                pool,
                rows,
                cols,
                lanes: all.lanes,
                x: all.x.wrapping_add(plane * x),
                y: all.y.wrapping_add(plane * y),
                // Null stays null.
                indices: if all.indices.is_null() {
                    all.indices
                } else {
                    all.indices.wrapping_add(plane * y)
                },
                first,
                last: (first + CHUNK).min(all.lanes),
            };
            // SAFETY: the caller's promise; each task has its own lanes of its own plane.
            unsafe { part_fn(isa)(&part, work) }
        });
    });
}

/// Some lanes of one plane.
struct Part<'a> {
    pool: &'a Pool2d,
    rows: &'a [Window],
    cols: &'a [Window],
    lanes: usize,
    x: *mut f32,
    y: *mut f32,
    indices: *mut i32,
    first: usize,
    last: usize,
}

/// One window and the lanes at hand.
struct At<'a> {
    part: &'a Part<'a>,
    window: [Window; 2],
    /// Of y, in pixels.
    pixel: usize,
    lane: usize,
}

impl At<'_> {
    /// Calls `f` with the place in x and the index of every pixel of the window.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(*mut f32, i32)) {
        let (lanes, width) = (self.part.lanes, self.part.pool.width);
        for h in self.window[0].pixels() {
            for w in self.window[1].pixels() {
                let pixel = h * width + w;
                f(self.part.x.wrapping_add(pixel * lanes + self.lane), pixel as i32);
            }
        }
    }

    /// In y and the indices.
    #[inline(always)]
    fn place(&self) -> usize {
        self.pixel * self.part.lanes + self.lane
    }
}

#[inline(always)]
unsafe fn part(t: &Part<'_>, work: Work) {
    if matches!(work, Work::Scatter | Work::MaxGradient | Work::MeanGradient) {
        for pixel in 0..t.pool.height * t.pool.width {
            let at = t.x.wrapping_add(pixel * t.lanes + t.first);
            // SAFETY: within the plane.
            unsafe { at.write_bytes(0, t.last - t.first) }
        }
    }
    for (u, rows) in t.rows.iter().enumerate() {
        for (v, cols) in t.cols.iter().enumerate() {
            let pixel = u * t.cols.len() + v;
            let mut at = At { part: t, window: [*rows, *cols], pixel, lane: t.first };
            while at.lane < t.last {
                // SAFETY: the caller's promise.
                unsafe {
                    if at.lane + WIDTH <= t.last {
                        lanes::<WIDTH>(&at, work);
                        at.lane += WIDTH;
                    } else {
                        lanes::<1>(&at, work);
                        at.lane += 1;
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn lanes<const L: usize>(at: &At<'_>, work: Work) {
    // SAFETY: the caller's promise.
    unsafe {
        match work {
            Work::Max => max::<L>(at),
            Work::Pick => pick::<L>(at),
            Work::Scatter => scatter::<L>(at),
            Work::MaxGradient => max_gradient::<L>(at),
            Work::Mean => mean::<L>(at),
            Work::MeanGradient => mean_gradient::<L>(at),
        }
    }
}

#[inline(always)]
unsafe fn max<const L: usize>(at: &At<'_>) {
    let (mut largest, mut place) = ([f32::NEG_INFINITY; L], [-1i32; L]);
    at.each(|x, index| {
        // SAFETY: windows stay in the plane.
        let x = unsafe { *x.cast::<[f32; L]>() };
        for i in 0..L {
            // A NaN replaces any number; nothing replaces a NaN; −∞ is taken if it is the first pixel.
            let more =
                (x[i] > largest[i]) | (x[i].is_nan() & !largest[i].is_nan()) | (place[i] < 0);
            largest[i] = if more { x[i] } else { largest[i] };
            place[i] = if more { index } else { place[i] };
        }
    });
    // SAFETY: within y.
    unsafe {
        *at.part.y.add(at.place()).cast() = largest;
        if !at.part.indices.is_null() {
            *at.part.indices.add(at.place()).cast() = place;
        }
    }
}

#[inline(always)]
unsafe fn pick<const L: usize>(at: &At<'_>) {
    for i in 0..L {
        // SAFETY: indices are −1 or inside the plane.
        unsafe {
            let index = *at.part.indices.add(at.place() + i);
            let x = usize::try_from(index)
                .ok()
                .map(|p| *at.part.x.add(p * at.part.lanes + at.lane + i));
            *at.part.y.add(at.place() + i) = x.unwrap_or(0.0);
        }
    }
}

/// Visits the index itself, not the window: unpooling may point anywhere.
#[inline(always)]
unsafe fn scatter<const L: usize>(at: &At<'_>) {
    for i in 0..L {
        // SAFETY: indices are −1 or inside the plane.
        unsafe {
            if let Ok(p) = usize::try_from(*at.part.indices.add(at.place() + i)) {
                *at.part.x.add(p * at.part.lanes + at.lane + i) += *at.part.y.add(at.place() + i);
            }
        }
    }
}

/// As [`scatter`] where the indices lie in their windows: every pixel of a window adds dy or nothing.
#[inline(always)]
unsafe fn max_gradient<const L: usize>(at: &At<'_>) {
    // SAFETY: within dy and the indices.
    let (dy, places) = unsafe {
        let y = at.part.y.add(at.place()).cast::<[f32; L]>();
        (*y, *at.part.indices.add(at.place()).cast::<[i32; L]>())
    };
    at.each(|x, index| {
        // SAFETY: windows stay in the plane.
        let x = unsafe { &mut *x.cast::<[f32; L]>() };
        for i in 0..L {
            x[i] += if places[i] == index { dy[i] } else { 0.0 };
        }
    });
}

#[inline(always)]
unsafe fn mean<const L: usize>(at: &At<'_>) {
    let mut sums = [0.0f32; L];
    at.each(|x, _| {
        // SAFETY: windows stay in the plane.
        let x = unsafe { *x.cast::<[f32; L]>() };
        for i in 0..L {
            sums[i] += x[i];
        }
    });
    let divisor = at.part.pool.divisor(&at.window) as f32;
    for sum in &mut sums {
        *sum /= divisor;
    }
    // SAFETY: within y.
    unsafe { *at.part.y.add(at.place()).cast() = sums }
}

#[inline(always)]
unsafe fn mean_gradient<const L: usize>(at: &At<'_>) {
    let divisor = at.part.pool.divisor(&at.window) as f32;
    // SAFETY: within dy.
    let mut shares = unsafe { *at.part.y.add(at.place()).cast::<[f32; L]>() };
    for share in &mut shares {
        *share /= divisor;
    }
    at.each(|x, _| {
        // SAFETY: windows stay in the plane.
        let x = unsafe { &mut *x.cast::<[f32; L]>() };
        for i in 0..L {
            x[i] += shares[i];
        }
    });
}

type PartFn = unsafe fn(&Part<'_>, Work);

unsafe fn part_any(t: &Part<'_>, work: Work) {
    // SAFETY: passed on.
    unsafe { part(t, work) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn part_avx2(t: &Part<'_>, work: Work) {
    // SAFETY: passed on.
    unsafe { part(t, work) }
}

fn part_fn(isa: Isa) -> PartFn {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => part_avx2,
        _ => part_any,
    }
}
