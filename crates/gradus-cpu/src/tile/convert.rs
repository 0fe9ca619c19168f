//! Loading into a tile and storing from it: gathers, scatters and conversions between a buffer's type and the type
//! one computes in.
#![allow(unsafe_op_in_unsafe_fn)] // under the contract of `Load` and `Store`

use crate::lanes::{Choice, F32s, Form, InstructionSet, Isa, Lanes};
use gradus_base::{DType, bf16, f16};
use std::marker::PhantomData;

/// `n1` times `n0` elements of a buffer, steps in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) n0: usize,
    pub(crate) s0: isize,
    pub(crate) n1: usize,
    pub(crate) s1: isize,
}

/// Reads a block into n1·n0 consecutive elements of the type one computes in.
///
/// # Safety
/// The block is readable from `src` on and `dst` has room.
pub(super) type Load = unsafe fn(dst: *mut u8, src: *const u8, block: &Block);
/// Writes consecutive elements into a block.
///
/// # Safety
/// As [`Load`], the other way.
pub(crate) type Store = unsafe fn(dst: *mut u8, src: *const u8, block: &Block);

/// An element in a buffer of a type with `T` computed in: booleans and integers load as their value, integers
/// store truncated and saturated (NaN as 0), booleans as not 0.
trait Stored<T>: Copy {
    fn get(self) -> T;
    fn put(x: T) -> Self;
}

/// A boolean's byte.
#[derive(Clone, Copy)]
struct Flag(u8);

macro_rules! stored {
    ($($t:ty: $($c:ty),*;)*) => {$($(
        impl Stored<$c> for $t {
            #[inline(always)]
            fn get(self) -> $c { self as $c }
            #[inline(always)]
            fn put(x: $c) -> $t { x as $t }
        }
    )*)*};
}
stored! { f32: f32, f64, i64; f64: f32, f64, i64; i64: f32, f64, i64; i32: f32, f64; u8: f32, f64; }

macro_rules! narrow {
    ($($t:ty),*) => {$(
        impl Stored<i64> for $t {
            #[inline(always)]
            fn get(self) -> i64 { i64::from(self) }
            #[inline(always)]
            fn put(x: i64) -> $t { x.clamp(<$t>::MIN.into(), <$t>::MAX.into()) as $t }
        }
    )*};
}
narrow!(i32, u8);

macro_rules! half {
    ($($t:ty),*) => {$(
        impl Stored<f32> for $t {
            #[inline(always)]
            fn get(self) -> f32 { self.to_f32() }
            #[inline(always)]
            fn put(x: f32) -> $t { <$t>::from_f32(x) }
        }
        impl Stored<f64> for $t {
            #[inline(always)]
            fn get(self) -> f64 { self.to_f64() }
            #[inline(always)]
            fn put(x: f64) -> $t { <$t>::from_f64(x) }
        }
        impl Stored<i64> for $t {
            #[inline(always)]
            fn get(self) -> i64 { self.to_f32() as i64 }
            #[inline(always)]
            fn put(x: i64) -> $t { <$t>::from_f64(x as f64) }
        }
    )*};
}
half!(f16, bf16);

macro_rules! flag {
    ($($c:ty),*) => {$(
        impl Stored<$c> for Flag {
            #[inline(always)]
            fn get(self) -> $c { u8::from(self.0 != 0) as $c }
            #[inline(always)]
            fn put(x: $c) -> Flag { Flag(u8::from(x != 0 as $c)) }
        }
    )*};
}
flag!(f32, f64, i64);

unsafe fn load<S: Stored<T>, T: Copy>(dst: *mut u8, src: *const u8, block: &Block) {
    let mut dst = dst.cast::<T>();
    for j in 0..block.n1 {
        let row = src.offset(j as isize * block.s1);
        if block.s0 == size_of::<S>() as isize {
            let row = row.cast::<S>();
            for i in 0..block.n0 {
                *dst.add(i) = row.add(i).read_unaligned().get();
            }
        } else {
            for i in 0..block.n0 {
                *dst.add(i) = row.offset(i as isize * block.s0).cast::<S>().read_unaligned().get();
            }
        }
        dst = dst.add(block.n0);
    }
}

unsafe fn store<S: Stored<T>, T: Copy>(dst: *mut u8, src: *const u8, block: &Block) {
    let mut src = src.cast::<T>();
    for j in 0..block.n1 {
        let row = dst.offset(j as isize * block.s1);
        if block.s0 == size_of::<S>() as isize {
            let row = row.cast::<S>();
            for i in 0..block.n0 {
                row.add(i).write_unaligned(S::put(*src.add(i)));
            }
        } else {
            for i in 0..block.n0 {
                let to = row.offset(i as isize * block.s0).cast::<S>();
                to.write_unaligned(S::put(*src.add(i)));
            }
        }
        src = src.add(block.n0);
    }
}

macro_rules! choose {
    ($f:ident, $dtype:expr, $t:ty) => {
        match $dtype {
            DType::F32 => $f::<f32, $t>,
            DType::F64 => $f::<f64, $t>,
            DType::F16 => $f::<f16, $t>,
            DType::BF16 => $f::<bf16, $t>,
            DType::I32 => $f::<i32, $t>,
            DType::I64 => $f::<i64, $t>,
            DType::U8 => $f::<u8, $t>,
            DType::Bool => $f::<Flag, $t>,
        }
    };
}

/// The loading function from `dtype` to `compute`.
pub(super) fn loader(isa: Isa, dtype: DType, compute: DType) -> Load {
    match compute {
        DType::F32 if dtype == DType::F16 => isa.choose(Loading::<f16>(PhantomData)),
        DType::F32 if dtype == DType::BF16 => isa.choose(Loading::<bf16>(PhantomData)),
        DType::F32 => choose!(load, dtype, f32),
        DType::F64 => choose!(load, dtype, f64),
        DType::I64 => choose!(load, dtype, i64),
        other => panic!("{other} is not a type one computes in"),
    }
}

/// The storing function from `compute` to `dtype`.
pub(crate) fn storer(isa: Isa, dtype: DType, compute: DType) -> Store {
    match compute {
        DType::F32 if dtype == DType::F16 => isa.choose(Storing::<f16>(PhantomData)),
        DType::F32 if dtype == DType::BF16 => isa.choose(Storing::<bf16>(PhantomData)),
        DType::F32 => choose!(store, dtype, f32),
        DType::F64 => choose!(store, dtype, f64),
        DType::I64 => choose!(store, dtype, i64),
        other => panic!("{other} is not a type one computes in"),
    }
}

/// A half type, eight of which are converted to f32 and back at once. Both ways round to the nearest, of two the even.
trait Half: Stored<f32> {
    unsafe fn load_lanes<V: F32s>(p: *const Self) -> V;
    unsafe fn store_lanes<V: F32s>(x: V, p: *mut Self);
}

impl Half for f16 {
    #[inline(always)]
    unsafe fn load_lanes<V: F32s>(p: *const f16) -> V {
        V::load_f16(p)
    }
    #[inline(always)]
    unsafe fn store_lanes<V: F32s>(x: V, p: *mut f16) {
        x.store_f16(p)
    }
}
impl Half for bf16 {
    #[inline(always)]
    unsafe fn load_lanes<V: F32s>(p: *const bf16) -> V {
        V::load_bf16(p)
    }
    #[inline(always)]
    unsafe fn store_lanes<V: F32s>(x: V, p: *mut bf16) {
        x.store_bf16(p)
    }
}

/// The choice of [`load_halves`] and [`store_halves`].
struct Loading<H>(PhantomData<H>);
struct Storing<H>(PhantomData<H>);

impl<H: Half> Choice for Loading<H> {
    type Output = Load;
    fn of<P: InstructionSet>(self) -> Load {
        load_halves::<H, P>
    }
}
impl<H: Half> Choice for Storing<H> {
    type Output = Store;
    fn of<P: InstructionSet>(self) -> Store {
        store_halves::<H, P>
    }
}

/// [`load`] of a half type: eight at a time where they lie side by side; what is left over, and what does not lie so, one by one.
unsafe fn load_halves<H: Half, P: InstructionSet>(dst: *mut u8, src: *const u8, block: &Block) {
    if block.s0 != size_of::<H>() as isize {
        return load::<H, f32>(dst, src, block);
    }
    let whole = block.n0 - block.n0 % LANES;
    for j in 0..block.n1 {
        let half = src.offset(j as isize * block.s1).cast::<H>();
        let float = dst.cast::<f32>().add(j * block.n0);
        P::call::<FromHalves<H>>(&Row { half: half.cast_mut(), float, n: whole });
        let rest = Block { n0: block.n0 - whole, n1: 1, ..*block };
        load::<H, f32>(float.add(whole).cast(), half.add(whole).cast(), &rest);
    }
}

/// [`store`] of a half type, likewise.
unsafe fn store_halves<H: Half, P: InstructionSet>(dst: *mut u8, src: *const u8, block: &Block) {
    if block.s0 != size_of::<H>() as isize {
        return store::<H, f32>(dst, src, block);
    }
    let whole = block.n0 - block.n0 % LANES;
    for j in 0..block.n1 {
        let half = dst.offset(j as isize * block.s1).cast::<H>();
        let float = src.cast::<f32>().add(j * block.n0);
        P::call::<ToHalves<H>>(&Row { half, float: float.cast_mut(), n: whole });
        let rest = Block { n0: block.n0 - whole, n1: 1, ..*block };
        store::<H, f32>(half.add(whole).cast(), float.add(whole).cast(), &rest);
    }
}

const LANES: usize = 8;

/// A multiple of [`LANES`] of halves and as many f32.
struct Row<H> {
    half: *mut H,
    float: *mut f32,
    n: usize,
}

struct FromHalves<H>(PhantomData<H>);
struct ToHalves<H>(PhantomData<H>);

impl<H: Half> Form for FromHalves<H> {
    type Work = Row<H>;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(row: &Row<H>) {
        for i in (0..row.n).step_by(LANES) {
            H::load_lanes::<P::F32>(row.half.add(i)).store(row.float.add(i));
        }
    }
}
impl<H: Half> Form for ToHalves<H> {
    type Work = Row<H>;
    #[inline(always)]
    unsafe fn run<P: InstructionSet>(row: &Row<H>) {
        for i in (0..row.n).step_by(LANES) {
            H::store_lanes(P::F32::load(row.float.add(i)), row.half.add(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(n0: usize, s0: isize, n1: usize, s1: isize) -> Block {
        Block { n0, s0, n1, s1 }
    }

    /// Every half number, in rows of a length that leaves some over, as the plain functions convert it, there and back.
    #[test]
    fn all_half_numbers_convert_as_one_by_one() {
        let halves: Vec<u16> = (0..=u16::MAX).chain(0..5).collect();
        let (n0, n1) = (21, halves.len() / 21);
        let b = block(n0, 2, n1, 2 * n0 as isize);
        let plain = [
            (DType::F16, load::<f16, f32> as Load, store::<f16, f32> as Store),
            (DType::BF16, load::<bf16, f32>, store::<bf16, f32>),
        ];
        let paths = Isa::all().iter().flat_map(|&isa| plain.map(|plain| (isa, plain)));
        for (isa, (dtype, plain, back)) in paths {
            let (mut fast, mut slow) = (vec![0f32; n0 * n1], vec![0f32; n0 * n1]);
            let (mut fast_back, mut slow_back) = (vec![0u16; n0 * n1], vec![0u16; n0 * n1]);
            // Numbers between two halves too.
            let between: Vec<f32> = (0..n0 * n1)
                .map(|i| f32::from_bits((i as u32).wrapping_mul(2_654_435_761)))
                .collect();
            // SAFETY: the block has n0·n1 elements.
            unsafe {
                let src = halves.as_ptr().cast();
                loader(isa, dtype, DType::F32)(fast.as_mut_ptr().cast(), src, &b);
                plain(slow.as_mut_ptr().cast(), src, &b);
                let same = |(a, b): (&f32, &f32)| a == b || a.is_nan() && b.is_nan();
                assert!(fast.iter().zip(&slow).all(same), "{dtype}");
                for numbers in [&slow, &between] {
                    let src = numbers.as_ptr().cast();
                    storer(isa, dtype, DType::F32)(fast_back.as_mut_ptr().cast(), src, &b);
                    back(slow_back.as_mut_ptr().cast(), src, &b);
                    for (i, (a, b)) in fast_back.iter().zip(&slow_back).enumerate() {
                        assert!(a == b || numbers[i].is_nan(), "{dtype} {}", numbers[i]);
                    }
                }
            }
        }
    }
}
