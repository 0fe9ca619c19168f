//! Two vectors as one: eight f32 and four f64 where registers have 128 bits.

use super::{Bits, F32s, Lanes, Square};

/// Twice the lanes of `V`, the first half before the second.
#[derive(Clone, Copy)]
pub struct Pair<V>(V, V);

/// Four f32 in a register, with the operations of [`Bits`], each as there.
pub(super) trait Quad: Square<4, Scalar = f32> {
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn round(self) -> Self;
    fn and(self, b: Self) -> Self;
    fn or(self, b: Self) -> Self;
    fn xor(self, b: Self) -> Self;
    fn lt(self, b: Self) -> Self;
    fn le(self, b: Self) -> Self;
    fn eq(self, b: Self) -> Self;
    fn select(self, yes: Self, no: Self) -> Self;
    fn iadd(self, b: Self) -> Self;
    fn isub(self, b: Self) -> Self;
    fn shl23(self) -> Self;
    fn shl31(self) -> Self;
    fn shr23(self) -> Self;
    fn shr1(self) -> Self;
    fn nearest_int(self) -> Self;
    fn as_float(self) -> Self;
}

/// Operations of both halves, each by its own.
macro_rules! halves {
    ($of:path: $($name:ident($($b:ident)*);)*) => {$(
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            Pair(<V as $of>::$name(self.0 $(, $b.0)*), <V as $of>::$name(self.1 $(, $b.1)*))
        }
    )*};
}

impl<V: Lanes> Lanes for Pair<V> {
    type Scalar = V::Scalar;
    const LEN: usize = 2 * V::LEN;
    halves! { Lanes:
        add(b); sub(b); mul(b); div(b); lesser(b); greater(b); sqrt(); mul_add(b c); where_positive(by);
    }
    #[inline(always)]
    unsafe fn splat(x: V::Scalar) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Pair(V::splat(x), V::splat(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const V::Scalar) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Pair(V::load(p), V::load(p.add(V::LEN))) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const V::Scalar, len: usize) -> Self {
        // SAFETY: the caller's promise; `len` elements are read.
        unsafe {
            if len <= V::LEN {
                Pair(V::load_left(p, len), V::zero())
            } else {
                Pair(V::load(p), V::load_left(p.add(V::LEN), len - V::LEN))
            }
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut V::Scalar) {
        // SAFETY: the caller's promise.
        unsafe {
            self.0.store(p);
            self.1.store(p.add(V::LEN));
        }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut V::Scalar, len: usize) {
        // SAFETY: the caller's promise; `len` elements are written.
        unsafe {
            self.0.store_left(p, len);
            if len > V::LEN {
                self.1.store_left(p.add(V::LEN), len - V::LEN);
            }
        }
    }
    #[inline(always)]
    fn sum(self) -> V::Scalar {
        self.0.add(self.1).sum()
    }
}

/// The four quarters of a matrix of N × N, of which two change places.
macro_rules! square {
    ($n:literal of $half:literal) => {
        impl<V: Square<$half>> Square<$n> for Pair<V> {
            #[inline(always)]
            fn transpose(rows: [Self; $n]) -> [Self; $n] {
                let (mut above, mut below) = ([[rows[0].0; $half]; 2], [[rows[0].0; $half]; 2]);
                for i in 0..$half {
                    (above[0][i], above[1][i]) = (rows[i].0, rows[i].1);
                    (below[0][i], below[1][i]) = (rows[$half + i].0, rows[$half + i].1);
                }
                let mut columns = rows;
                for half in 0..2 {
                    let (first, second) = (V::transpose(above[half]), V::transpose(below[half]));
                    for i in 0..$half {
                        columns[half * $half + i] = Pair(first[i], second[i]);
                    }
                }
                columns
            }
        }
    };
}
square!(8 of 4);
square!(4 of 2);

impl<V: Quad> F32s for Pair<V> {}

impl<V: Quad> Bits for Pair<V> {
    halves! { Quad:
        neg_mul_add(b c); floor(); ceil(); round(); and(b); or(b); xor(b); lt(b); le(b); eq(b); select(b c);
        iadd(b); isub(b); shl23(); shl31(); shr23(); shr1(); nearest_int(); as_float();
    }
}
