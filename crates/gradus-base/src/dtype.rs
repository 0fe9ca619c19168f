//! Element types. A tensor's element type is a run-time value; `Element` ties it to the Rust type.

use half::{bf16, f16};
use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// IEEE 754 binary32, the default.
    F32,
    /// IEEE 754 binary64, for oracles and gradient checks.
    F64,
    /// IEEE 754 binary16; stored as 16 bits, computed in f32.
    F16,
    /// bfloat16; stored as 16 bits, computed in f32.
    BF16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer: indices, labels, random keys.
    I64,
    /// 8-bit unsigned integer: pixels.
    U8,
    /// One byte, 0 or 1.
    Bool,
}

impl DType {
    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            DType::U8 | DType::Bool => 1,
            DType::F16 | DType::BF16 => 2,
            DType::F32 | DType::I32 => 4,
            DType::F64 | DType::I64 => 8,
        }
    }

    /// True for the four floating-point types, those that have gradients.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
    }

    /// The type arithmetic on this type is done in: f32 for the half types, i64 for integers and
    /// booleans.
    pub fn compute(self) -> DType {
        match self {
            DType::F16 | DType::BF16 | DType::F32 => DType::F32,
            DType::F64 => DType::F64,
            DType::I32 | DType::I64 | DType::U8 | DType::Bool => DType::I64,
        }
    }

    /// The name users write: `f32`, `i64`, `bool`.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that can be a tensor's element: one of those that [`DType`] names. Buffers are seen as slices of it on its word, so
/// nobody else can implement it.
///
/// ```compile_fail
/// #[derive(Clone, Copy, Debug, Default, PartialEq)]
/// struct Pretender(u64);
/// impl gradus_base::Element for Pretender {
///     const DTYPE: gradus_base::DType = gradus_base::DType::U8;
///     fn to_f64(self) -> f64 { 0.0 }
///     fn from_f64(_: f64) -> Self { Pretender(0) }
/// }
/// ```
pub trait Element:
    sealed::Sealed + Copy + Send + Sync + Default + PartialEq + fmt::Debug + 'static
{
    /// The run-time name of this type.
    const DTYPE: DType;
    /// The value as f64; exact for all but large i64.
    fn to_f64(self) -> f64;
    /// The nearest value of this type; integers truncate towards zero and saturate.
    fn from_f64(x: f64) -> Self;
}

mod sealed {
    pub trait Sealed {}
}
impl sealed::Sealed for f16 {}
impl sealed::Sealed for bf16 {}
impl sealed::Sealed for bool {}

macro_rules! element {
    ($($t:ty, $dtype:ident;)*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            #[inline(always)]
            fn from_f64(x: f64) -> Self { x as $t }
        }
    )*};
}
element! { f32, F32; f64, F64; i32, I32; i64, I64; u8, U8; }

impl Element for f16 {
    const DTYPE: DType = DType::F16;
    fn to_f64(self) -> f64 {
        f16::to_f64(self)
    }
    fn from_f64(x: f64) -> Self {
        f16::from_f64(x)
    }
}
impl Element for bf16 {
    const DTYPE: DType = DType::BF16;
    fn to_f64(self) -> f64 {
        bf16::to_f64(self)
    }
    fn from_f64(x: f64) -> Self {
        bf16::from_f64(x)
    }
}
impl Element for bool {
    const DTYPE: DType = DType::Bool;
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn from_f64(x: f64) -> Self {
        x != 0.0
    }
}
