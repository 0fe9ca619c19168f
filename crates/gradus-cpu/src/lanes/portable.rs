//! Lanes as an array: what the compiler makes of it on the machine at hand.

use super::{F32s, Lanes, Square};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// f32 and f64.
pub trait Float:
    Copy
    + Default
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// self·b + c, fused where the machine fuses.
    fn times_plus(self, b: Self, c: Self) -> Self;
}

macro_rules! float {
    ($($s:ident)*) => {$(
        impl Float for $s {
            #[inline(always)]
            fn times_plus(self, b: $s, c: $s) -> $s {
                // Without the instruction, mul_add is a slow library call.
                if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                    self.mul_add(b, c)
                } else {
                    self * b + c
                }
            }
        }
    )*};
}
float!(f32 f64);

/// `N` lanes, on any machine.
#[derive(Clone, Copy)]
pub struct Portable<S, const N: usize>([S; N]);

impl<S: Copy, const N: usize> Portable<S, N> {
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(S, S) -> S) -> Self {
        Portable(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}
impl<S: Float, const N: usize> Lanes for Portable<S, N> {
    type Scalar = S;
    const LEN: usize = N;
    #[inline(always)]
    unsafe fn splat(x: S) -> Self {
        Portable([x; N])
    }
    #[inline(always)]
    unsafe fn load(p: *const S) -> Self {
        // SAFETY: the caller's promise.
        Portable(unsafe { p.cast::<[S; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const S, len: usize) -> Self {
        // SAFETY: only the first `len` are read.
        Portable(std::array::from_fn(|i| if i < len { unsafe { *p.add(i) } } else { S::default() }))
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut S) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<[S; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut S, len: usize) {
        for i in 0..len {
            // SAFETY: only the first `len` are written.
            unsafe { *p.add(i) = self.0[i] }
        }
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        self.zip(b, |x, y| x + y)
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, |x, y| x - y)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, |x, y| x * y)
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i].times_plus(b.0[i], c.0[i])))
    }
    #[inline(always)]
    fn sum(self) -> S {
        let mut x = self.0;
        let mut half = N / 2;
        while half > 0 {
            for i in 0..half {
                x[i] = x[i] + x[i + half];
            }
            half /= 2;
        }
        x[0]
    }
}

impl<S: Float, const N: usize> Square<N> for Portable<S, N> {
    #[inline(always)]
    fn transpose(rows: [Self; N]) -> [Self; N] {
        std::array::from_fn(|i| Portable(std::array::from_fn(|l| rows[l].0[i])))
    }
}

impl F32s for Portable<f32, 8> {}
