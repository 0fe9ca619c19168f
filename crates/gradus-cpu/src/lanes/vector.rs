//! What a vector does: memory and arithmetic ([`Lanes`]), transposing ([`Square`]), the bits of f32 ([`Bits`]), and what eight of
//! them do beside ([`F32s`]).

use super::Scalar;
use gradus_base::{bf16, f16};

/// A vector of `LEN` scalars.
///
/// Whoever makes one, by `splat` or `load`, promises that the machine has the type's instruction set; arithmetic relies on
/// that promise.
///
/// ```
/// use gradus_cpu::lanes::{Lanes, Portable};
/// // SAFETY: four elements are read, three written; any machine has these lanes.
/// let mut sums = [0.0f32; 3];
/// unsafe {
///     let x = Portable::<f32, 4>::load([1.0, 2.0, 3.0, 4.0].as_ptr());
///     x.add(Lanes::splat(1.0)).store_first(sums.as_mut_ptr(), 3);
/// }
/// assert_eq!(sums, [2.0, 3.0, 4.0]);
/// ```
pub trait Lanes: Copy {
    /// What a lane holds.
    type Scalar: Scalar;
    /// How many lanes.
    const LEN: usize;

    /// All lanes `x`.
    ///
    /// # Safety
    /// The machine has the type's instruction set.
    unsafe fn splat(x: Self::Scalar) -> Self;
    /// All lanes 0.
    ///
    /// # Safety
    /// As [`splat`](Lanes::splat).
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::splat(Default::default()) }
    }
    /// # Safety
    /// `LEN` elements lie at `p`, aligned or not; the machine has the type's instruction set.
    unsafe fn load(p: *const Self::Scalar) -> Self;
    /// The first `len` lanes from memory, zeros behind.
    ///
    /// # Safety
    /// As [`load`](Lanes::load), of `len` elements, at most `LEN`; touches nothing past them.
    unsafe fn load_first(p: *const Self::Scalar, len: usize) -> Self;
    /// As many lanes as `left` elements fill: all of them, or the first and zeros behind.
    ///
    /// # Safety
    /// As [`load`](Lanes::load), of `left` elements.
    #[inline(always)]
    unsafe fn load_left(p: *const Self::Scalar, left: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { if left >= Self::LEN { Self::load(p) } else { Self::load_first(p, left) } }
    }
    /// The first `len` lanes from memory, `fill` behind.
    ///
    /// # Safety
    /// As [`load_first`](Lanes::load_first).
    #[inline(always)]
    unsafe fn load_filled(p: *const Self::Scalar, len: usize, fill: Self::Scalar) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            if len == Self::LEN {
                return Self::load(p);
            }
            let mut lanes = [fill; MOST];
            for i in 0..len {
                lanes[i] = *p.add(i);
            }
            Self::load(lanes.as_ptr())
        }
    }
    /// # Safety
    /// There is room for `LEN` elements at `p`.
    unsafe fn store(self, p: *mut Self::Scalar);
    /// Stores the first `len` lanes.
    ///
    /// # Safety
    /// There is room for `len` elements, at most `LEN`.
    unsafe fn store_first(self, p: *mut Self::Scalar, len: usize);
    /// As many lanes as `left` elements take.
    ///
    /// # Safety
    /// There is room for `left` elements.
    #[inline(always)]
    unsafe fn store_left(self, p: *mut Self::Scalar, left: usize) {
        // SAFETY: the caller's promise.
        unsafe { if left >= Self::LEN { self.store(p) } else { self.store_first(p, left) } }
    }
    /// self + b
    fn add(self, b: Self) -> Self;
    /// self − b
    fn sub(self, b: Self) -> Self;
    /// self·b
    fn mul(self, b: Self) -> Self;
    /// self / b
    fn div(self, b: Self) -> Self;
    /// self < b ? self : b
    fn lesser(self, b: Self) -> Self;
    /// self > b ? self : b
    fn greater(self, b: Self) -> Self;
    /// √self
    fn sqrt(self) -> Self;
    /// self·b + c, fused where the machine fuses.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The sum of the lanes, in a fixed order.
    fn sum(self) -> Self::Scalar;

    /// The lanes, at the beginning of an array.
    #[inline(always)]
    fn lanes(self) -> [Self::Scalar; MOST] {
        const { assert!(Self::LEN <= MOST && Self::LEN.is_power_of_two()) }
        let mut lanes = [Self::Scalar::ZERO; MOST];
        // SAFETY: there is room for all lanes.
        unsafe { self.store(lanes.as_mut_ptr()) }
        lanes
    }
    /// Each lane by a function.
    #[inline(always)]
    fn each(self, f: impl Fn(Self::Scalar) -> Self::Scalar) -> Self {
        let lanes = self.lanes().map(f);
        // SAFETY: a vector was made before.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// The lanes taken together, in pairs.
    #[inline(always)]
    fn fold(self, f: impl Fn(Self::Scalar, Self::Scalar) -> Self::Scalar) -> Self::Scalar {
        let (mut lanes, mut half) = (self.lanes(), Self::LEN / 2);
        while half > 0 {
            for i in 0..half {
                lanes[i] = f(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
    /// self where `by` is not ≤ 0, else 0.
    #[inline(always)]
    fn where_positive(self, by: Self) -> Self {
        let (mut lanes, by) = (self.lanes(), by.lanes());
        for i in 0..Self::LEN {
            if by[i] <= Self::Scalar::ZERO {
                lanes[i] = Self::Scalar::ZERO;
            }
        }
        // SAFETY: a vector was made before.
        unsafe { Self::load(lanes.as_ptr()) }
    }
}

/// Lanes of a vector at most.
pub const MOST: usize = 16;

/// min(max(x, low), high) of vectors. NaN stays NaN.
#[derive(Clone, Copy)]
pub struct Clipping<V> {
    low: V,
    high: V,
    zero: V,
}

impl<V: Lanes> Clipping<V> {
    /// `low` must not be −0, `high` not 0.
    ///
    /// # Safety
    /// As [`splat`](Lanes::splat).
    #[inline(always)]
    pub unsafe fn new(low: V::Scalar, high: V::Scalar) -> Self {
        // −0 + 0 is 0, and x + −0 is x.
        let zero = V::Scalar::ZERO;
        let zero = if low == zero { zero } else { -zero };
        // SAFETY: the caller's promise.
        unsafe { Clipping { low: V::splat(low), high: V::splat(high), zero: V::splat(zero) } }
    }

    /// The vector between the bounds.
    #[inline(always)]
    pub fn of(self, x: V) -> V {
        // Where a comparison fails the second is taken: NaN, and −0 where `low` is 0, which is then made 0.
        self.high.lesser(self.low.greater(x).add(self.zero))
    }
}

/// A vector of `N` lanes of which `N` can be transposed.
pub trait Square<const N: usize>: Lanes {
    /// Lane l of vector i becomes lane i of vector l.
    fn transpose(rows: [Self; N]) -> [Self; N];

    /// A vector from each address.
    ///
    /// # Safety
    /// As [`load`](Lanes::load).
    #[inline(always)]
    unsafe fn load_each(rows: [*const Self::Scalar; N]) -> [Self; N] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut all = [Self::zero(); N];
            for i in 0..N {
                all[i] = Self::load(rows[i]);
            }
            all
        }
    }
    /// Lane l is `*places[l]`.
    ///
    /// # Safety
    /// An element lies at each address; the machine has the type's instruction set.
    #[inline(always)]
    unsafe fn collect(places: [*const Self::Scalar; N]) -> Self {
        let mut lanes = [Self::Scalar::default(); N];
        // SAFETY: the caller's promise.
        unsafe {
            for l in 0..N {
                lanes[l] = *places[l];
            }
            Self::from_array(lanes)
        }
    }
    /// # Safety
    /// The machine has the type's instruction set.
    #[inline(always)]
    unsafe fn from_array(lanes: [Self::Scalar; N]) -> Self {
        const { assert!(N == Self::LEN) }
        // SAFETY: `LEN` elements are there; the rest is the caller's promise.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// The lanes.
    #[inline(always)]
    fn to_array(self) -> [Self::Scalar; N] {
        const { assert!(N == Self::LEN) }
        let mut lanes = [Self::Scalar::default(); N];
        // SAFETY: there is room for `LEN` elements.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }
}

/// Some f32, and what elementary functions do to their bits. Comparisons give lanes of all ones or all zeros; integer
/// operations work on the lanes' bits.
pub trait Bits: Lanes<Scalar = f32> {
    /// All lanes with these bits.
    ///
    /// # Safety
    /// As [`splat`](Lanes::splat).
    #[inline(always)]
    unsafe fn bits(x: i32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::splat(f32::from_bits(x as u32)) }
    }
    /// c − self·b, fused where the machine fuses.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// ⌊self⌋
    fn floor(self) -> Self;
    /// ⌈self⌉
    fn ceil(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// self & b
    fn and(self, b: Self) -> Self;
    /// self | b
    fn or(self, b: Self) -> Self;
    /// self ^ b
    fn xor(self, b: Self) -> Self;
    /// self < b
    fn lt(self, b: Self) -> Self;
    /// self ≤ b
    fn le(self, b: Self) -> Self;
    /// self = b
    fn eq(self, b: Self) -> Self;
    /// As a mask: `yes` in the lanes where it is set, else `no`.
    fn select(self, yes: Self, no: Self) -> Self;
    /// self + b of integers; wraps.
    fn iadd(self, b: Self) -> Self;
    /// self − b of integers; wraps.
    fn isub(self, b: Self) -> Self;
    /// self << 23
    fn shl23(self) -> Self;
    /// self << 31
    fn shl31(self) -> Self;
    /// self >> 23, arithmetic, as all right shifts.
    fn shr23(self) -> Self;
    /// self >> 1
    fn shr1(self) -> Self;
    /// The nearest integers.
    fn nearest_int(self) -> Self;
    /// Integers as f32.
    fn as_float(self) -> Self;
}

/// Eight f32.
pub trait F32s: Bits + Square<8> {
    /// Of f16.
    ///
    /// # Safety
    /// Eight elements lie at `p`; the machine has the type's instruction set.
    #[inline(always)]
    unsafe fn load_f16(p: *const f16) -> Self {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller's promise.
        unsafe {
            for i in 0..8 {
                lanes[i] = p.add(i).read_unaligned().to_f32();
            }
            Self::from_array(lanes)
        }
    }
    /// Rounded to f16.
    ///
    /// # Safety
    /// There is room for eight elements at `p`.
    #[inline(always)]
    unsafe fn store_f16(self, p: *mut f16) {
        for (i, x) in self.to_array().into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { p.add(i).write_unaligned(f16::from_f32(x)) }
        }
    }
    /// Of bf16.
    ///
    /// # Safety
    /// As [`load_f16`](F32s::load_f16).
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> Self {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller's promise.
        unsafe {
            for i in 0..8 {
                lanes[i] = p.add(i).read_unaligned().to_f32();
            }
            Self::from_array(lanes)
        }
    }
    /// Rounded to bf16.
    ///
    /// # Safety
    /// As [`store_f16`](F32s::store_f16).
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut bf16) {
        for (i, x) in self.to_array().into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { p.add(i).write_unaligned(bf16::from_f32(x)) }
        }
    }

    /// The sums of the lanes of eight vectors, neighbours first.
    #[inline(always)]
    fn sums(rows: [Self; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = Self::transpose(rows);
        a.add(b).add(c.add(d)).add(e.add(f).add(g.add(h)))
    }
}

/// Fetches a cache line early where the machine knows how. Any address will do.
#[inline(always)]
pub fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64; a prefetch does not fault.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The operations of a vector in a register: one per line, `name(arguments) = intrinsic`.
#[allow(unused_macros)] // where there is but the portable path
macro_rules! each {
    ($v:ident: $($name:ident($a:ident $(, $b:ident)*) = $body:expr;)*) => {$(
        #[inline(always)]
        #[allow(unused_unsafe)] // where the build has the instruction set for certain, its operations are safe
        fn $name(self $(, $b: Self)*) -> Self {
            let $a = self.0;
            $(let $b = $b.0;)*
            $v(unsafe { $body })
        }
    )*};
}
#[allow(unused_imports)]
pub(super) use each;
