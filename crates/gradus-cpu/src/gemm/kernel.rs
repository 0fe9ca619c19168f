//! The innermost loops: a register tile of fused multiply-adds, a dot product, a block transpose; and the choice
//! of their instruction set, made once per process.

use crate::dispatch::Isa;
use crate::gemm::{Clip, Mat};
use crate::lanes::{Clipping, Lanes, Portable, Square, prefetch};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{F32x8, F32x16, F64x4, F64x8};
use gradus_base::Element;

/// Vectors across the register tile.
const NV: usize = 2;
/// Elements of the largest register tile.
pub(super) const MAX_TILE: usize = 14 * 32;
/// The widest register tile, in columns.
pub(super) const MAX_NR: usize = 32;
/// Vectors across the one-row tile of vector–matrix products: enough chains to hide the latency.
pub(super) const WIDE: usize = 8;
/// Columns whose dot products run side by side.
pub(super) const DOTS: usize = 4;

/// One register tile: `c[rows, cols] = a[rows, k]·b[k, cols]`, or `+=`.
pub(super) struct Tile<S> {
    pub(super) k: usize,
    pub(super) a: Mat<S>,
    pub(super) b: *const S,
    pub(super) b_stride: isize,
    pub(super) c: *mut S,
    pub(super) c_stride: isize,
    /// Lanes of the last vector that are there, 1..=LEN.
    pub(super) last: usize,
    /// An address to prefetch, and by how many elements it moves at each step.
    pub(super) ahead: *const S,
    pub(super) ahead_step: usize,
    /// Add to `c` instead of overwriting it.
    pub(super) add: bool,
    /// What follows, from the tile's first column on.
    pub(super) clip: Option<Clip<S>>,
}

/// Up to `N` rows, contiguous along k, to transpose: `dst[p·width + i] = src[i·stride + p]` for i < rows and p < k. If
/// `pad`, `N` lanes of each row of `dst` are written, zeros behind the `rows`.
#[derive(Clone, Copy)]
pub(super) struct Transpose<S> {
    pub(super) src: *const S,
    pub(super) stride: isize,
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) width: usize,
    pub(super) pad: bool,
}

type TileFn<S> = unsafe fn(&Tile<S>);

/// `out[j] = Σ a[p]·b[p + j·b_stride]` for j < DOTS (or 1), both contiguous along p.
type DotFn<S> = unsafe fn(k: usize, a: *const S, b: *const S, b_stride: isize, out: *mut S);

/// The kernels of one instruction set.
pub(super) struct Kernels<S: 'static> {
    /// Lanes of a vector.
    pub(super) lanes: usize,
    /// Rows and columns of the largest register tile.
    pub(super) mr: usize,
    pub(super) nr: usize,
    /// `[rows - 1][vectors - 1]`, B readable in whole vectors.
    whole: &'static [[TileFn<S>; NV]],
    /// The same for a B that ends at the last lane.
    masked: &'static [[TileFn<S>; NV]],
    /// One row of so many vectors; the last whole, or of some lanes.
    row: [[TileFn<S>; WIDE]; 2],
    pub(super) dots: DotFn<S>,
    pub(super) dot: DotFn<S>,
    /// Rows that `transpose` takes.
    pub(super) transposed: usize,
    pub(super) transpose: unsafe fn(Transpose<S>, *mut S),
}

impl<S> Kernels<S> {
    pub(super) fn tile(&self, rows: usize, vectors: usize, masked: bool) -> TileFn<S> {
        let table = if masked { self.masked } else { self.whole };
        table[rows - 1][vectors - 1]
    }
    /// The tile of one row and up to WIDE vectors.
    pub(super) fn row(&self, vectors: usize, masked: bool) -> TileFn<S> {
        self.row[usize::from(masked)][vectors - 1]
    }
}

/// The element types products are computed in.
pub(super) trait Scalar:
    Element + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self>
{
    /// The kernels of an instruction set.
    fn kernels(isa: Isa) -> &'static Kernels<Self>;
}

#[inline(always)]
unsafe fn tile<V: Lanes, const R: usize, const N: usize, const MASKED: bool>(t: &Tile<V::Scalar>) {
    let (mut a, mut b, mut ahead) = (t.a.ptr, t.b, t.ahead);
    // SAFETY: the caller's promise; each step stays in the tile.
    unsafe {
        let mut acc = [[V::zero(); N]; R];
        for i in 0..R {
            prefetch(t.c.wrapping_offset(i as isize * t.c_stride));
        }
        for _ in 0..t.k {
            prefetch(ahead);
            ahead = ahead.wrapping_add(t.ahead_step);
            let mut x = [V::zero(); N];
            for v in 0..N {
                let p = b.add(v * V::LEN);
                x[v] = if MASKED && v == N - 1 { V::load_first(p, t.last) } else { V::load(p) };
            }
            for i in 0..R {
                let y = V::splat(*a.offset(i as isize * t.a.row_stride));
                for v in 0..N {
                    acc[i][v] = y.mul_add(x[v], acc[i][v]);
                }
            }
            a = a.wrapping_offset(t.a.col_stride);
            b = b.wrapping_offset(t.b_stride);
        }
        // One thing at a time: in loops of more the compiler would keep the sums in memory.
        if t.add {
            for i in 0..R {
                for v in 0..N {
                    let c = t.c.offset(i as isize * t.c_stride).add(v * V::LEN);
                    let len = if v == N - 1 { t.last } else { V::LEN };
                    acc[i][v] = V::load_left(c, len).add(acc[i][v]);
                }
            }
        }
        if let Some(clip) = t.clip {
            let bounds = Clipping::<V>::new(clip.low, clip.high);
            for v in 0..N {
                let len = if v == N - 1 { t.last } else { V::LEN };
                let bias = V::load_left(clip.bias.add(v * V::LEN), len);
                for i in 0..R {
                    acc[i][v] = bounds.of(acc[i][v].add(bias));
                }
            }
        }
        for i in 0..R {
            for v in 0..N {
                let c = t.c.offset(i as isize * t.c_stride).add(v * V::LEN);
                acc[i][v].store_left(c, if v == N - 1 { t.last } else { V::LEN });
            }
        }
    }
}

#[inline(always)]
unsafe fn dots<V: Lanes, const N: usize>(
    k: usize,
    a: *const V::Scalar,
    b: *const V::Scalar,
    b_stride: isize,
    out: *mut V::Scalar,
) {
    // SAFETY: the caller's promise: `k` elements behind each pointer, N of `out`.
    unsafe {
        let mut acc = [[V::zero(); 2]; N];
        let mut p = 0;
        while p + 2 * V::LEN <= k {
            for v in 0..2 {
                let x = V::load(a.add(p + v * V::LEN));
                for j in 0..N {
                    let y = V::load(b.offset(j as isize * b_stride).add(p + v * V::LEN));
                    acc[j][v] = x.mul_add(y, acc[j][v]);
                }
            }
            p += 2 * V::LEN;
        }
        while p < k {
            let len = V::LEN.min(k - p);
            let x = V::load_first(a.add(p), len);
            for j in 0..N {
                let y = V::load_first(b.offset(j as isize * b_stride).add(p), len);
                acc[j][0] = x.mul_add(y, acc[j][0]);
            }
            p += len;
        }
        for j in 0..N {
            *out.add(j) = acc[j][0].add(acc[j][1]).sum();
        }
    }
}

#[inline(always)]
unsafe fn transpose<V: Square<N>, const N: usize>(t: Transpose<V::Scalar>, dst: *mut V::Scalar) {
    // What panels of 6 or 14 rows leave over.
    let rest = const { 6 % N };
    let lanes = if t.pad { N } else { t.rows };
    // The common widths get loops of their own: a variable store in the loop costs half its speed.
    // SAFETY: passed on.
    unsafe {
        if lanes == N {
            transpose_lanes::<V, N>(t, N, dst);
        } else if lanes == rest {
            transpose_lanes::<V, N>(t, rest, dst);
        } else {
            transpose_lanes::<V, N>(t, lanes, dst);
        }
    }
}

#[inline(always)]
unsafe fn transpose_lanes<V: Square<N>, const N: usize>(
    t: Transpose<V::Scalar>,
    lanes: usize,
    dst: *mut V::Scalar,
) {
    let mut p = 0;
    // SAFETY: the caller's promise: `k` elements of each row, as many rows of `dst`.
    unsafe {
        while p < t.k {
            let len = (t.k - p).min(N);
            let mut x = [V::zero(); N];
            for i in 0..N {
                let row = t.src.wrapping_offset(i as isize * t.stride).wrapping_add(p);
                if i < t.rows {
                    x[i] = V::load_left(row, len);
                }
            }
            let x = V::transpose(x);
            for q in 0..N {
                if q < len {
                    x[q].store_left(dst.add((p + q) * t.width), lanes);
                }
            }
            p += N;
        }
    }
}

/// Names the kernels of one instruction set: `$attr` on plain functions that inline the generic ones, tiles of up to so
/// many `$rows`.
macro_rules! instruction_set {
    ($module:ident, [$($rows:literal)*], $(#[$attr:meta])*) => {
        mod $module {
            use super::*;
            $(#[$attr])*
            unsafe fn run_tile<V: Lanes, const R: usize, const N: usize, const MASKED: bool>(
                t: &Tile<V::Scalar>,
            ) {
                // SAFETY: passed on.
                unsafe { tile::<V, R, N, MASKED>(t) }
            }
            $(#[$attr])*
            unsafe fn run_dots<V: Lanes, const N: usize>(
                k: usize,
                a: *const V::Scalar,
                b: *const V::Scalar,
                b_stride: isize,
                out: *mut V::Scalar,
            ) {
                // SAFETY: passed on.
                unsafe { dots::<V, N>(k, a, b, b_stride, out) }
            }
            $(#[$attr])*
            unsafe fn run_transpose<V: Square<N>, const N: usize>(
                t: Transpose<V::Scalar>,
                dst: *mut V::Scalar,
            ) {
                // SAFETY: passed on.
                unsafe { transpose::<V, N>(t, dst) }
            }
            const fn row<V: Lanes, const M: bool>() -> [TileFn<V::Scalar>; WIDE] {
                [
                    run_tile::<V, 1, 1, M>,
                    run_tile::<V, 1, 2, M>,
                    run_tile::<V, 1, 3, M>,
                    run_tile::<V, 1, 4, M>,
                    run_tile::<V, 1, 5, M>,
                    run_tile::<V, 1, 6, M>,
                    run_tile::<V, 1, 7, M>,
                    run_tile::<V, 1, 8, M>,
                ]
            }
            /// Tiles of vectors V; blocks are transposed in vectors T, N × N.
            pub(super) const fn kernels<V: Lanes, T: Square<N, Scalar = V::Scalar>, const N: usize>()
            -> Kernels<V::Scalar> {
                let whole = const { &[$([run_tile::<V, $rows, 1, false>, run_tile::<V, $rows, 2, false>]),*] };
                let masked = const { &[$([run_tile::<V, $rows, 1, true>, run_tile::<V, $rows, 2, true>]),*] };
                let whole: &[[TileFn<V::Scalar>; NV]] = whole;
                Kernels {
                    lanes: V::LEN,
                    mr: whole.len(),
                    nr: NV * V::LEN,
                    whole,
                    masked,
                    row: [row::<V, false>(), row::<V, true>()],
                    dots: run_dots::<V, DOTS>,
                    dot: run_dots::<V, 1>,
                    transposed: N,
                    transpose: run_transpose::<T, N>,
                }
            }
        }
    };
}
// 6 × 2 accumulators, 2 vectors of B and one of A fill AVX2's 16 registers; 14 × 2, 2 and one AVX-512's 32.
instruction_set!(any, [1 2 3 4 5 6],);
#[cfg(target_arch = "x86_64")]
instruction_set!(avx2, [1 2 3 4 5 6], #[target_feature(enable = "avx2,fma")]);
#[cfg(target_arch = "x86_64")]
instruction_set!(
    avx512,
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14],
    #[target_feature(enable = "avx512f,avx2,fma")]
);

macro_rules! scalar {
    ($s:ty, $lanes:literal, $avx2:ident, $avx512:ident) => {
        impl Scalar for $s {
            fn kernels(isa: Isa) -> &'static Kernels<$s> {
                static ANY: Kernels<$s> =
                    any::kernels::<Portable<$s, $lanes>, Portable<$s, $lanes>, $lanes>();
                #[cfg(target_arch = "x86_64")]
                static AVX2: Kernels<$s> = avx2::kernels::<$avx2, $avx2, $lanes>();
                #[cfg(target_arch = "x86_64")]
                static AVX512: Kernels<$s> = avx512::kernels::<$avx512, $avx2, $lanes>();
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => &AVX512,
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => &AVX2,
                    _ => &ANY,
                }
            }
        }
    };
}
scalar!(f32, 8, F32x8, F32x16);
scalar!(f64, 4, F64x4, F64x8);
