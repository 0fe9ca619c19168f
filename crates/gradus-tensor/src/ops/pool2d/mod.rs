//! Pooling: the largest value, or the mean, of each window of a plane.
//!
//! Two closed families: mean and its gradient are each other's adjoints; so are `pick`, which reads x at the indices a
//! maximum saved, and `scatter`, which adds to them (the gradient of a maximum, and max-unpooling). The raw kernels are
//! here; [`mod@plain`] takes any strides, the functions of this file the orders of [`Order`].
#![allow(unsafe_code)]

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod expansion;
mod geometry;
mod kernel;
pub mod plain;
mod reference;
mod rule;
#[cfg(test)]
mod tests;

pub use geometry::{Pool2d, Windows};
pub use rule::Pool;

use super::lanes::Isa;
use cpu::{Planes, Tables};
use rule::Work;
use std::ptr::null_mut;

/// Which axis lies innermost in memory: its elements fill the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// [C, H, W, N].
    BatchInnermost,
    /// [N, H, W, C].
    ChannelsInnermost,
}

impl Order {
    /// Both.
    pub const ALL: [Order; 2] = [Order::BatchInnermost, Order::ChannelsInnermost];

    /// The axes of x and y as they lie in memory, outermost first.
    pub fn memory_order(self) -> [usize; 4] {
        match self {
            Order::BatchInnermost => [1, 2, 3, 0],
            Order::ChannelsInnermost => [0, 2, 3, 1],
        }
    }

    fn planes(self, pool: &Pool2d, x: *const f32, y: *const f32, indices: *const i32) -> Planes {
        let (planes, lanes) = match self {
            Order::BatchInnermost => (pool.channels, pool.batch),
            Order::ChannelsInnermost => (pool.batch, pool.channels),
        };
        Planes { planes, lanes, x: x.cast_mut(), y: y.cast_mut(), indices: indices.cast_mut() }
    }
}

/// y = the largest value of each window; the first of equals, a NaN before any number; −∞ of no pixels. `indices`, if
/// wanted, gets its place h·W + w, or −1.
///
/// # Safety
/// x, y and the indices must be valid over the geometry's shapes and dense in the order; what is written may not overlap
/// anything else.
pub unsafe fn max(
    order: Order,
    pool: &Pool2d,
    x: *const f32,
    y: *mut f32,
    indices: Option<*mut i32>,
) {
    let planes = order.planes(pool, x, y, indices.unwrap_or(null_mut()));
    // SAFETY: the caller's promise.
    unsafe { cpu::pool_planes(Isa::current(), &Tables::new(pool, Work::Max), planes) }
}

/// y = the value of x at each index; 0 for −1.
///
/// # Safety
/// As [`max`]; indices must be −1 or inside the plane.
pub unsafe fn pick(order: Order, pool: &Pool2d, x: *const f32, indices: *const i32, y: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        cpu::pool_planes(
            Isa::current(),
            &Tables::new(pool, Work::Pick),
            order.planes(pool, x, y, indices),
        )
    }
}

/// dx = Σ of dy over the output pixels that have its index.
///
/// # Safety
/// As [`pick`].
pub unsafe fn scatter(
    order: Order,
    pool: &Pool2d,
    dy: *const f32,
    indices: *const i32,
    dx: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        cpu::pool_planes(
            Isa::current(),
            &Tables::new(pool, Work::Scatter),
            order.planes(pool, dx, dy, indices),
        )
    }
}

/// As [`scatter`], faster, for indices that [`max`] saved: each lies in its own window.
///
/// # Safety
/// As [`pick`].
pub unsafe fn max_gradient(
    order: Order,
    pool: &Pool2d,
    dy: *const f32,
    indices: *const i32,
    dx: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        cpu::pool_planes(
            Isa::current(),
            &Tables::new(pool, Work::MaxGradient),
            order.planes(pool, dx, dy, indices),
        )
    }
}

/// y = the mean of each window; NaN of no pixels.
///
/// # Safety
/// As [`max`].
pub unsafe fn mean(order: Order, pool: &Pool2d, x: *const f32, y: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        cpu::pool_planes(
            Isa::current(),
            &Tables::new(pool, Work::Mean),
            order.planes(pool, x, y, null_mut()),
        )
    }
}

/// dx = Σ of dy / divisor over the windows that see it.
///
/// # Safety
/// As [`max`].
pub unsafe fn mean_gradient(order: Order, pool: &Pool2d, dy: *const f32, dx: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        cpu::pool_planes(
            Isa::current(),
            &Tables::new(pool, Work::MeanGradient),
            order.planes(pool, dx, dy, null_mut()),
        )
    }
}
