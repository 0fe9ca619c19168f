//! Pooling in plain loops, for f32 and f64 and any strides: the oracle, and the portable path.
//!
//! Two closed families: `mean` and `mean_gradient` are each other's adjoints; so are `pick`, which reads x at saved
//! indices, and `scatter`, which adds to them: the gradient of a maximum, and max-unpooling.
#![allow(unsafe_code)]

use super::geometry::Pool2d;
use crate::ops::conv2d::plain::{Number, Operand};
use gradus_cpu::parallel;
use std::ops::Div;

/// y = the largest value of each window; the first of equals, a NaN before any number; −∞ of no pixels. `indices`, if
/// wanted, gets its place h·W + w, or −1.
///
/// # Safety
/// The operands must be valid over the geometry's shapes; what is written may not overlap what is read.
pub unsafe fn max<T: Number + PartialOrd>(
    pool: &Pool2d,
    x: Operand<T>,
    y: Operand<T>,
    indices: Option<Operand<i32>>,
) {
    each_pixel(pool, |[n, c, u, v]| {
        let [rows, cols] = pool.window(u, v);
        let (mut largest, mut place) = (T::from_f64(f64::NEG_INFINITY), -1);
        for h in rows.pixels() {
            for w in cols.pixels() {
                // SAFETY: windows stay in the input.
                let value = unsafe { *x.at([n, c, h, w]) };
                let nan = value.to_f64().is_nan() && !largest.to_f64().is_nan();
                if value > largest || nan || place < 0 {
                    (largest, place) = (value, (h * pool.width + w) as i32);
                }
            }
        }
        // SAFETY: the caller's promise; each task writes its own plane.
        unsafe {
            *y.at([n, c, u, v]) = largest;
            if let Some(indices) = indices {
                *indices.at([n, c, u, v]) = place;
            }
        }
    });
}

/// y = the value of x at each index; 0 for −1.
///
/// # Safety
/// As [`max`]; indices must be −1 or inside the plane.
pub unsafe fn pick<T: Number>(pool: &Pool2d, x: Operand<T>, indices: Operand<i32>, y: Operand<T>) {
    each_pixel(pool, |at| {
        // SAFETY: the caller's promise.
        unsafe {
            let place = *indices.at(at);
            *y.at(at) = match usize::try_from(place) {
                Ok(place) => *x.at([at[0], at[1], place / pool.width, place % pool.width]),
                Err(_) => T::default(),
            };
        }
    });
}

/// dx = Σ of dy over the output pixels that have its index.
///
/// # Safety
/// As [`pick`].
pub unsafe fn scatter<T: Number>(
    pool: &Pool2d,
    dy: Operand<T>,
    indices: Operand<i32>,
    dx: Operand<T>,
) {
    clear(pool, dx);
    each_pixel(pool, |at| {
        // SAFETY: the caller's promise; windows of one plane are visited in turn.
        unsafe {
            if let Ok(place) = usize::try_from(*indices.at(at)) {
                let p = dx.at([at[0], at[1], place / pool.width, place % pool.width]);
                *p = *p + *dy.at(at);
            }
        }
    });
}

/// y = the mean of each window; NaN of no pixels.
///
/// # Safety
/// As [`max`].
pub unsafe fn mean<T: Number + Div<Output = T>>(pool: &Pool2d, x: Operand<T>, y: Operand<T>) {
    each_pixel(pool, |[n, c, u, v]| {
        let window = pool.window(u, v);
        let mut sum = T::default();
        for h in window[0].pixels() {
            for w in window[1].pixels() {
                // SAFETY: windows stay in the input.
                sum = sum + unsafe { *x.at([n, c, h, w]) };
            }
        }
        let divisor = T::from_f64(pool.divisor(&window) as f64);
        // SAFETY: the caller's promise; each task writes its own plane.
        unsafe { *y.at([n, c, u, v]) = sum / divisor }
    });
}

/// dx = Σ of dy / divisor over the windows that see it.
///
/// # Safety
/// As [`max`].
pub unsafe fn mean_gradient<T: Number + Div<Output = T>>(
    pool: &Pool2d,
    dy: Operand<T>,
    dx: Operand<T>,
) {
    clear(pool, dx);
    each_pixel(pool, |[n, c, u, v]| {
        let window = pool.window(u, v);
        let divisor = T::from_f64(pool.divisor(&window) as f64);
        // SAFETY: the caller's promise; windows of one plane are visited in turn and stay in it.
        unsafe {
            let share = *dy.at([n, c, u, v]) / divisor;
            for h in window[0].pixels() {
                for w in window[1].pixels() {
                    let p = dx.at([n, c, h, w]);
                    *p = *p + share;
                }
            }
        }
    });
}

/// Calls `body` with every output pixel; tasks are planes, so those of one plane come in turn.
fn each_pixel(pool: &Pool2d, body: impl Fn([usize; 4]) + Sync) {
    let [p, q] = pool.output();
    parallel(pool.batch * pool.channels, &|plane| {
        let (n, c) = (plane / pool.channels, plane % pool.channels);
        for u in 0..p {
            for v in 0..q {
                body([n, c, u, v]);
            }
        }
    });
}

fn clear<T: Number>(pool: &Pool2d, dx: Operand<T>) {
    parallel(pool.batch * pool.channels, &|plane| {
        let (n, c) = (plane / pool.channels, plane % pool.channels);
        for h in 0..pool.height {
            for w in 0..pool.width {
                // SAFETY: dx is valid over the geometry's shape, as the callers were promised.
                unsafe { *dx.at([n, c, h, w]) = T::default() }
            }
        }
    });
}
