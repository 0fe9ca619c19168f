//! The linear maps of F(m×m, r×r) with m + r = 7, on vectors of channels: polynomials at the points 0, ±1, ±2 and ∞. All of
//! them share the map of the 6×6 tile; the weight gradient exchanges the roles of m and r.
//!
//! Lavin & Gray 2015, arXiv:1509.09308, §4.

use gradus_cpu::lanes::F32s;

/// Rows and columns of the tile that the products are taken over.
pub(super) const POINTS: usize = 6;
/// Products a tile takes.
pub(super) const PRODUCTS: usize = POINTS * POINTS;

/// A map along one axis: M numbers in, N out.
pub(super) trait Map<L, const M: usize, const N: usize> {
    /// # Safety
    /// The machine must have the instruction set of the lanes.
    unsafe fn apply(x: [L; M]) -> [L; N];
}

/// The map of the tile, Bᵀ.
pub(super) struct Tile;
impl<L: F32s> Map<L, POINTS, POINTS> for Tile {
    #[inline(always)]
    unsafe fn apply(x: [L; POINTS]) -> [L; POINTS] {
        // SAFETY: the caller's promise.
        unsafe {
            let (two, four, five) = (L::splat(2.0), L::splat(4.0), L::splat(-5.0));
            let minus_four = L::splat(-4.0);
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

/// N coefficients to a polynomial's values, G: divided by what Bᵀ multiplies them by.
pub(super) struct PointValues;
impl<L: F32s, const N: usize> Map<L, N, POINTS> for PointValues {
    #[inline(always)]
    unsafe fn apply(x: [L; N]) -> [L; POINTS] {
        // SAFETY: the caller's promise.
        unsafe {
            // Even and odd powers at 1, over −6; then at 2, over 24.
            let (mut at1, mut at2) = ([L::zero(); 2], [L::zero(); 2]);
            for i in 0..N {
                at1[i % 2] = if i < 2 { x[i] } else { at1[i % 2].add(x[i]) };
                let weight = L::splat((1 << i) as f32 / 24.0);
                at2[i % 2] =
                    if i < 2 { weight.mul(x[i]) } else { weight.mul_add(x[i], at2[i % 2]) };
            }
            let sixth = L::splat(-1.0 / 6.0);
            let (even, odd) = (at1[0].mul(sixth), at1[1].mul(sixth));
            [
                x[0].mul(L::splat(0.25)),
                even.add(odd),
                even.sub(odd),
                at2[0].add(at2[1]),
                at2[0].sub(at2[1]),
                x[N - 1],
            ]
        }
    }
}

/// The products at the points to N sums, Aᵀ: one for each power.
pub(super) struct Sums;
impl<L: F32s, const N: usize> Map<L, POINTS, N> for Sums {
    #[inline(always)]
    unsafe fn apply(x: [L; POINTS]) -> [L; N] {
        // SAFETY: the caller's promise.
        unsafe {
            // What the points ±1 give to even and odd powers; then ±2.
            let at1 = [x[1].add(x[2]), x[1].sub(x[2])];
            let at2 = [x[3].add(x[4]), x[3].sub(x[4])];
            let mut out = [x[0].add(at1[0]).add(at2[0]); N];
            for i in 1..N {
                out[i] = L::splat((1 << i) as f32).mul_add(at2[i % 2], at1[i % 2]);
            }
            out[N - 1] = out[N - 1].add(x[5]);
            out
        }
    }
}

/// The map along columns, then along rows.
///
/// # Safety
/// As [`Map::apply`].
#[inline(always)]
pub(super) unsafe fn both<L: F32s, A, const M: usize, const N: usize>(
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
