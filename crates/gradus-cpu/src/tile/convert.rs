//! Loading into a tile and storing from it: gathers, scatters and conversions between a buffer's type and the type
//! one computes in.
#![allow(unsafe_op_in_unsafe_fn)] // under the contract of `Load` and `Store`

use gradus_base::{DType, bf16, f16};

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
pub(super) fn loader(dtype: DType, compute: DType) -> Load {
    match compute {
        DType::F32 => choose!(load, dtype, f32),
        DType::F64 => choose!(load, dtype, f64),
        DType::I64 => choose!(load, dtype, i64),
        other => panic!("{other} is not a type one computes in"),
    }
}

/// The storing function from `compute` to `dtype`.
pub(crate) fn storer(dtype: DType, compute: DType) -> Store {
    match compute {
        DType::F32 => choose!(store, dtype, f32),
        DType::F64 => choose!(store, dtype, f64),
        DType::I64 => choose!(store, dtype, i64),
        other => panic!("{other} is not a type one computes in"),
    }
}
