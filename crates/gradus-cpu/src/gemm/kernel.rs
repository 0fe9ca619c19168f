//! The innermost loops: a register tile of fused multiply-adds, a dot product, a block transpose; and the table of them
//! that each instruction set has.

use crate::gemm::{Clip, Mat};
use crate::lanes::{Choice, Clipping, Form, InstructionSet, Isa, Lanes, Square, prefetch};
use gradus_base::Element;
use std::marker::PhantomData;

/// Vectors across the register tile.
const NV: usize = 2;
/// Rows of the largest register tile.
const MAX_MR: usize = 14;
/// Elements of the largest register tile.
pub(super) const MAX_TILE: usize = MAX_MR * MAX_NR;
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

/// Some columns' dot products: `out[j] = Σ a[p]·b[p + j·b_stride]` for j < DOTS (or 1), both contiguous along p.
pub(super) struct Dots<S> {
    pub(super) k: usize,
    pub(super) a: *const S,
    pub(super) b: *const S,
    pub(super) b_stride: isize,
    pub(super) out: *mut S,
}

/// Up to `N` rows, contiguous along k, to transpose: `dst[p·width + i] = src[i·stride + p]` for i < rows and p < k. If
/// `pad`, `N` lanes of each row of `dst` are written, zeros behind the `rows`.
pub(super) struct Transpose<S> {
    pub(super) dst: *mut S,
    pub(super) src: *const S,
    pub(super) stride: isize,
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) width: usize,
    pub(super) pad: bool,
}

type TileFn<S> = unsafe fn(&Tile<S>);
type DotFn<S> = unsafe fn(&Dots<S>);

/// The kernels of one instruction set.
pub(super) struct Kernels<S: 'static> {
    /// Lanes of a vector.
    pub(super) lanes: usize,
    /// Rows and columns of the largest register tile.
    pub(super) mr: usize,
    pub(super) nr: usize,
    /// `[rows - 1][vectors - 1]` for up to `mr` rows, B readable in whole vectors.
    whole: [[TileFn<S>; NV]; MAX_MR],
    /// The same for a B that ends at the last lane.
    masked: [[TileFn<S>; NV]; MAX_MR],
    /// One row of so many vectors; the last whole, or of some lanes.
    row: [[TileFn<S>; WIDE]; 2],
    pub(super) dots: DotFn<S>,
    pub(super) dot: DotFn<S>,
    /// Rows that `transpose` takes.
    pub(super) transposed: usize,
    pub(super) transpose: unsafe fn(&Transpose<S>),
}

impl<S> Kernels<S> {
    pub(super) fn tile(&self, rows: usize, vectors: usize, masked: bool) -> TileFn<S> {
        let table = if masked { &self.masked } else { &self.whole };
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
    /// The vectors of register tiles.
    type Wide<P: InstructionSet>: Lanes<Scalar = Self>;
    /// Rows that [`Scalar::transpose`] takes.
    const TRANSPOSED: usize;
    /// # Safety
    /// As a [`Form`]'s.
    unsafe fn transpose<P: InstructionSet>(t: &Transpose<Self>);

    /// The kernels of an instruction set. Neither provided here nor inlined: the crate that asks would compile them anew.
    fn kernels(isa: Isa) -> &'static Kernels<Self>;
}

macro_rules! scalar {
    ($s:ty, $wide:ident, $vector:ident, $lanes:literal) => {
        impl Scalar for $s {
            type Wide<P: InstructionSet> = P::$wide;
            const TRANSPOSED: usize = $lanes;
            #[inline(always)]
            unsafe fn transpose<P: InstructionSet>(t: &Transpose<$s>) {
                // SAFETY: passed on.
                unsafe { transpose::<P::$vector, $lanes>(t) }
            }
            #[inline(never)]
            fn kernels(isa: Isa) -> &'static Kernels<$s> {
                isa.choose_widest(Table(PhantomData))
            }
        }
    };
}
scalar!(f32, WideF32, F32, 8);
scalar!(f64, WideF64, F64, 4);

/// The choice of [`Kernels`].
struct Table<S>(PhantomData<S>);

impl<S: Scalar> Choice for Table<S> {
    type Output = &'static Kernels<S>;
    fn of<P: InstructionSet>(self) -> Self::Output {
        const { &Kernels::of::<P>() }
    }
}

/// [`tile`] as a form: R rows and N vectors.
struct TileForm<S, const R: usize, const N: usize, const MASKED: bool>(PhantomData<S>);

impl<S: Scalar, const R: usize, const N: usize, const M: bool> Form for TileForm<S, R, N, M> {
    type Work = Tile<S>;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(t: &Tile<S>) {
        // What registers would not hold is in no instruction set's reach.
        if R <= P::ROWS {
            // SAFETY: passed on.
            unsafe { tile::<S::Wide<P>, R, N, M>(t) }
        } else {
            unreachable!("tiles have up to {} rows", P::ROWS)
        }
    }
}

/// [`dots`] as a form: N of them.
struct DotForm<S, const N: usize>(PhantomData<S>);

impl<S: Scalar, const N: usize> Form for DotForm<S, N> {
    type Work = Dots<S>;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(t: &Dots<S>) {
        // SAFETY: passed on.
        unsafe { dots::<S::Wide<P>, N>(t) }
    }
}

/// [`transpose`] as a form.
struct TransposeForm<S>(PhantomData<S>);

impl<S: Scalar> Form for TransposeForm<S> {
    type Work = Transpose<S>;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(t: &Transpose<S>) {
        // SAFETY: passed on.
        unsafe { S::transpose::<P>(t) }
    }
}

impl<S: Scalar> Kernels<S> {
    const fn of<P: InstructionSet>() -> Kernels<S> {
        Kernels {
            lanes: <S::Wide<P> as Lanes>::LEN,
            mr: P::ROWS,
            nr: NV * <S::Wide<P> as Lanes>::LEN,
            whole: tiles::<S, P, false>(),
            masked: tiles::<S, P, true>(),
            row: [row::<S, P, false>(), row::<S, P, true>()],
            dots: P::call::<DotForm<S, DOTS>>,
            dot: P::call::<DotForm<S, 1>>,
            transposed: S::TRANSPOSED,
            transpose: P::call::<TransposeForm<S>>,
        }
    }
}

/// The tiles of 1, 2, … rows.
const fn tiles<S: Scalar, P: InstructionSet, const M: bool>() -> [[TileFn<S>; NV]; MAX_MR] {
    macro_rules! of {
        ($($rows:literal)*) => {
            [$([P::call::<TileForm<S, $rows, 1, M>>, P::call::<TileForm<S, $rows, 2, M>>]),*]
        };
    }
    of!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}

/// The tiles of one row and 1, 2, … vectors.
const fn row<S: Scalar, P: InstructionSet, const M: bool>() -> [TileFn<S>; WIDE] {
    macro_rules! of {
        ($($vectors:literal)*) => { [$(P::call::<TileForm<S, 1, $vectors, M>>),*] };
    }
    of!(1 2 3 4 5 6 7 8)
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
unsafe fn dots<V: Lanes, const N: usize>(t: &Dots<V::Scalar>) {
    let Dots { k, a, b, b_stride, out } = *t;
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
unsafe fn transpose<V: Square<N>, const N: usize>(t: &Transpose<V::Scalar>) {
    // What panels of 6 or 14 rows leave over.
    let rest = const { 6 % N };
    let lanes = if t.pad { N } else { t.rows };
    // The common widths get loops of their own: a variable store in the loop costs half its speed.
    // SAFETY: passed on.
    unsafe {
        if lanes == N {
            transpose_lanes::<V, N>(t, N);
        } else if lanes == rest {
            transpose_lanes::<V, N>(t, rest);
        } else {
            transpose_lanes::<V, N>(t, lanes);
        }
    }
}

#[inline(always)]
unsafe fn transpose_lanes<V: Square<N>, const N: usize>(t: &Transpose<V::Scalar>, lanes: usize) {
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
                    x[q].store_left(t.dst.add((p + q) * t.width), lanes);
                }
            }
            p += N;
        }
    }
}
