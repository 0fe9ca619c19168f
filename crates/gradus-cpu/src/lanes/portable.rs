//! Lanes as an array: what the compiler makes of it on the machine at hand.

use super::isa::compiled_with;
use super::{Bits, F32s, InstructionSet, Lanes, Scalar, Square};

/// What any machine has.
pub enum AnyMachine {}

// SAFETY: any machine has it.
unsafe impl InstructionSet for AnyMachine {
    type F32 = Portable<f32, 8>;
    type F64 = Portable<f64, 4>;
    type WideF32 = Portable<f32, 8>;
    type WideF64 = Portable<f64, 4>;
    type LongF32 = Portable<f32, 8>;
    const ROWS: usize = 6;
    type Loops = AnyMachine;
    fn detected() -> bool {
        true
    }
    compiled_with!();
}

/// `N` lanes, on any machine.
#[derive(Clone, Copy)]
pub struct Portable<S, const N: usize>([S; N]);

impl<S: Copy, const N: usize> Portable<S, N> {
    #[inline(always)]
    fn map(self, f: impl Fn(S) -> S) -> Self {
        Portable(self.0.map(f))
    }
    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(S, S) -> S) -> Self {
        Portable(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}
impl<S: Scalar, const N: usize> Lanes for Portable<S, N> {
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
        self.zip(b, S::plus)
    }
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self.zip(b, S::minus)
    }
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        self.zip(b, S::times)
    }
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        self.zip(b, S::over)
    }
    #[inline(always)]
    fn lesser(self, b: Self) -> Self {
        self.zip(b, |x, y| if x < y { x } else { y })
    }
    #[inline(always)]
    fn greater(self, b: Self) -> Self {
        self.zip(b, |x, y| if x > y { x } else { y })
    }
    #[inline(always)]
    fn where_positive(self, by: Self) -> Self {
        self.zip(by, |x, by| if by <= S::ZERO { S::ZERO } else { x })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(S::square_root)
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
                x[i] = x[i].plus(x[i + half]);
            }
            half /= 2;
        }
        x[0]
    }
}

impl<S: Scalar, const N: usize> Square<N> for Portable<S, N> {
    #[inline(always)]
    fn transpose(rows: [Self; N]) -> [Self; N] {
        std::array::from_fn(|i| Portable(std::array::from_fn(|l| rows[l].0[i])))
    }
}

impl Portable<f32, 8> {
    #[inline(always)]
    fn each_bits(self, f: impl Fn(u32) -> u32) -> Self {
        self.map(|x| f32::from_bits(f(x.to_bits())))
    }
    #[inline(always)]
    fn zip_bits(self, b: Self, f: impl Fn(u32, u32) -> u32) -> Self {
        self.zip(b, |x, y| f32::from_bits(f(x.to_bits(), y.to_bits())))
    }
    #[inline(always)]
    fn test(self, b: Self, f: impl Fn(f32, f32) -> bool) -> Self {
        self.zip(b, |x, y| f32::from_bits(if f(x, y) { u32::MAX } else { 0 }))
    }
}

macro_rules! each {
    ($($name:ident($a:ident $(, $b:ident)*) = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            let $a = self;
            $body
        }
    )*};
}

impl F32s for Portable<f32, 8> {}

impl Bits for Portable<f32, 8> {
    each! {
        neg_mul_add(a, b, c) = a.map(|x| -x).mul_add(b, c);
        floor(a) = a.map(f32::floor);
        ceil(a) = a.map(f32::ceil);
        round(a) = a.map(f32::round_ties_even);
        and(a, b) = a.zip_bits(b, |x, y| x & y);
        or(a, b) = a.zip_bits(b, |x, y| x | y);
        xor(a, b) = a.zip_bits(b, |x, y| x ^ y);
        lt(a, b) = a.test(b, |x, y| x < y);
        le(a, b) = a.test(b, |x, y| x <= y);
        eq(a, b) = a.test(b, |x, y| x == y);
        select(mask, yes, no) = mask.and(yes).or(mask.zip_bits(no, |mask, x| !mask & x));
        iadd(a, b) = a.zip_bits(b, u32::wrapping_add);
        isub(a, b) = a.zip_bits(b, u32::wrapping_sub);
        shl23(a) = a.each_bits(|x| x << 23);
        shl31(a) = a.each_bits(|x| x << 31);
        shr23(a) = a.each_bits(|x| (x as i32 >> 23) as u32);
        shr1(a) = a.each_bits(|x| (x as i32 >> 1) as u32);
        nearest_int(a) = a.map(|x| f32::from_bits(x.round_ties_even() as i32 as u32));
        as_float(a) = a.map(|x| x.to_bits() as i32 as f32);
    }
}
