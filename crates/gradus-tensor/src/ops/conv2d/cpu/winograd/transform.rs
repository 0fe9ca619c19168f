//! The linear maps of F(4×4, 3×3) and, for the weight gradient, F(3×3, 4×4), on vectors of channels. Both evaluate at the
//! points 0, ±1, ±2 and ∞, so they share the map of the 6×6 tile.
//!
//! Lavin & Gray 2015, arXiv:1509.09308, §4.3.

use crate::ops::lanes::Lanes;

/// Rows and columns of the tile that the products are taken over.
pub(super) const POINTS: usize = 6;
/// Products a tile takes.
pub(super) const PRODUCTS: usize = POINTS * POINTS;
/// Rows and columns of target pixels that a tile gives.
pub(super) const OUT: usize = 4;
/// Rows and columns of the kernel.
pub(super) const TAPS: usize = 3;

/// A map along one axis: M numbers in, N out.
pub(super) trait Map<L, const M: usize, const N: usize> {
    /// # Safety
    /// The machine must have the instruction set of the lanes.
    unsafe fn apply(x: [L; M]) -> [L; N];
}

/// The map of the tile, Bᵀ.
pub(super) struct Tile;
impl<L: Lanes> Map<L, POINTS, POINTS> for Tile {
    #[inline(always)]
    unsafe fn apply(x: [L; POINTS]) -> [L; POINTS] {
        // SAFETY: the caller's promise.
        unsafe {
            let (two, four, five) = (L::set(2.0), L::set(4.0), L::set(-5.0));
            let minus_four = L::set(-4.0);
            // At ±1: even and odd powers; then at ±2.
            let (even, odd) = (minus_four.mul_add(x[2], x[4]), minus_four.mul_add(x[1], x[3]));
            let (even2, odd2) = (x[4].sub(x[2]), x[3].sub(x[1]).mul(two));
            [
                four.mul_add(x[0], five.mul_add(x[2], x[4])),
                even.add(odd),
                even.sub(odd),
                even2.add(odd2),
                even2.sub(odd2),
                four.mul_add(x[1], five.mul_add(x[3], x[5])),
            ]
        }
    }
}

/// The map of the kernel, G: its values at the points, divided by what Bᵀ multiplies by.
pub(super) struct Kernel;
impl<L: Lanes> Map<L, TAPS, POINTS> for Kernel {
    #[inline(always)]
    unsafe fn apply(x: [L; TAPS]) -> [L; POINTS] {
        // SAFETY: the caller's promise.
        unsafe {
            let sixth = L::set(1.0 / 6.0);
            let even = x[0].add(x[2]).mul(L::set(-1.0 / 6.0));
            let odd = x[1].mul(sixth);
            let even2 = L::set(1.0 / 24.0).mul_add(x[0], x[2].mul(sixth));
            let odd2 = x[1].mul(L::set(1.0 / 12.0));
            [
                x[0].mul(L::set(0.25)),
                even.sub(odd),
                even.add(odd),
                even2.add(odd2),
                even2.sub(odd2),
                x[2],
            ]
        }
    }
}

/// The map of the products to target pixels, Aᵀ.
pub(super) struct Pixels;
impl<L: Lanes> Map<L, POINTS, OUT> for Pixels {
    #[inline(always)]
    unsafe fn apply(x: [L; POINTS]) -> [L; OUT] {
        // SAFETY: the caller's promise.
        unsafe {
            let (sum, difference) = (x[1].add(x[2]), x[1].sub(x[2]));
            let (sum2, difference2) = (x[3].add(x[4]), x[3].sub(x[4]));
            [
                x[0].add(sum).add(sum2),
                L::set(2.0).mul_add(difference2, difference),
                L::set(4.0).mul_add(sum2, sum),
                L::set(8.0).mul_add(difference2, difference).add(x[5]),
            ]
        }
    }
}

/// The weight gradient's map of a tile of dy: G for four taps.
pub(super) struct Slopes;
impl<L: Lanes> Map<L, OUT, POINTS> for Slopes {
    #[inline(always)]
    unsafe fn apply(x: [L; OUT]) -> [L; POINTS] {
        // SAFETY: the caller's promise.
        unsafe {
            let (minus, twelfth) = (L::set(-1.0 / 6.0), L::set(1.0 / 12.0));
            let (even, odd) = (x[0].add(x[2]).mul(minus), x[1].add(x[3]).mul(minus));
            let even2 = L::set(1.0 / 24.0).mul_add(x[0], x[2].mul(L::set(1.0 / 6.0)));
            let odd2 = twelfth.mul_add(x[1], x[3].mul(L::set(1.0 / 3.0)));
            [
                x[0].mul(L::set(0.25)),
                even.add(odd),
                even.sub(odd),
                even2.add(odd2),
                even2.sub(odd2),
                x[3],
            ]
        }
    }
}

/// The weight gradient's map of the products to taps: Aᵀ for three results.
pub(super) struct Taps;
impl<L: Lanes> Map<L, POINTS, TAPS> for Taps {
    #[inline(always)]
    unsafe fn apply(x: [L; POINTS]) -> [L; TAPS] {
        // SAFETY: the caller's promise.
        unsafe {
            let (sum, difference) = (x[1].add(x[2]), x[1].sub(x[2]));
            let (sum2, difference2) = (x[3].add(x[4]), x[3].sub(x[4]));
            [
                x[0].add(sum).add(sum2),
                L::set(2.0).mul_add(difference2, difference),
                L::set(4.0).mul_add(sum2, sum).add(x[5]),
            ]
        }
    }
}

/// The map along columns, then along rows.
///
/// # Safety
/// As [`Map::apply`].
#[inline(always)]
pub(super) unsafe fn both<L: Lanes, A, const M: usize, const N: usize>(
    x: &[[L; M]; M],
) -> [[L; N]; N]
where
    A: Map<L, M, N>,
{
    // SAFETY: the caller's promise.
    unsafe {
        let mut half = [[L::zero(); M]; N];
        for j in 0..M {
            let mut column = [L::zero(); M];
            for i in 0..M {
                column[i] = x[i][j];
            }
            let column = A::apply(column);
            for i in 0..N {
                half[i][j] = column[i];
            }
        }
        let mut out = [[L::zero(); N]; N];
        for i in 0..N {
            out[i] = A::apply(half[i]);
        }
        out
    }
}
