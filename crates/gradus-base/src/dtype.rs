//! Element types. A tensor's element type is a run-time value; `Element` ties it to the Rust type.

use crate::{Error, Result};
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
    /// Every element type.
    pub const ALL: [DType; 8] = [
        DType::F32,
        DType::F64,
        DType::F16,
        DType::BF16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::Bool,
    ];

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

    /// The type of a result made of this type and another one: the wider of two integers, f32 of two different floats up to f32,
    /// the other one of a boolean and a number. `None` where the two are computed in different types, f64 or integers with other
    /// floats: one of them must be cast. It is PyTorch's table where it has an entry.
    ///
    /// | | bool | u8 | i32 | i64 | bf16 | f16 | f32 | f64 |
    /// |---|---|---|---|---|---|---|---|---|
    /// | **bool** | bool | u8 | i32 | i64 | bf16 | f16 | f32 | f64 |
    /// | **u8** | u8 | u8 | i32 | i64 | | | | |
    /// | **i32** | i32 | i32 | i32 | i64 | | | | |
    /// | **i64** | i64 | i64 | i64 | i64 | | | | |
    /// | **bf16** | bf16 | | | | bf16 | f32 | f32 | |
    /// | **f16** | f16 | | | | f32 | f16 | f32 | |
    /// | **f32** | f32 | | | | f32 | f32 | f32 | |
    /// | **f64** | f64 | | | | | | | f64 |
    ///
    /// ```
    /// use gradus_base::DType;
    /// assert_eq!(DType::U8.join(DType::I64), Some(DType::I64));
    /// assert_eq!(DType::BF16.join(DType::F16), Some(DType::F32));
    /// assert_eq!(DType::I64.join(DType::F32), None);
    /// ```
    pub fn join(self, other: DType) -> Option<DType> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (DType::Bool, number) | (number, DType::Bool) => Some(number),
            (a, b) if a.compute() != b.compute() => None,
            (a, _) if a.is_float() => Some(DType::F32),
            (a, b) => Some(if a.size() > b.size() { a } else { b }),
        }
    }

    /// The number that this type holds for `x`: for a float the nearest one, for an integer and a boolean `x` itself. Every number
    /// that becomes an element passes here: scalars beside tensors, fillings, bounds, settings of imported operators.
    ///
    /// ```
    /// use gradus_base::DType;
    /// assert_eq!(DType::F16.number(0.1)?, 0.0999755859375);
    /// assert_eq!(DType::U8.number(255.0)?, 255.0);
    /// assert!(DType::U8.number(0.5).is_err() && DType::U8.number(256.0).is_err());
    /// # Ok::<(), gradus_base::Error>(())
    /// ```
    ///
    /// # Errors
    /// When an integer or a boolean would have to hold a fraction, NaN, ∞ or a number out of its range, or a float a finite number
    /// that rounds to ∞.
    pub fn number(self, x: f64) -> Result<f64> {
        let held = match self {
            DType::F32 => f64::from(x as f32),
            DType::F64 => x,
            DType::F16 => f16::from_f64(x).to_f64(),
            DType::BF16 => bf16::from_f64(x).to_f64(),
            // The sum has no −0.
            _ => x.trunc() + 0.0,
        };
        let fits = match self.bounds() {
            _ if self.is_float() => held.is_finite() || !x.is_finite(),
            (low, end) => held == x && low <= x && x < end,
        };
        if fits { Ok(held) } else { Err(self.refusal(x)) }
    }

    /// The smallest number of an integer type, and the one after its largest.
    fn bounds(self) -> (f64, f64) {
        match self {
            DType::I32 => (-2f64.powi(31), 2f64.powi(31)),
            DType::I64 => (-2f64.powi(63), 2f64.powi(63)),
            DType::U8 => (0.0, 256.0),
            _ => (0.0, 2.0),
        }
    }

    /// Why this type does not hold `x`, which the op's line and remedy are put around.
    fn refusal(self, x: f64) -> Error {
        let range = match self {
            DType::Bool => "0 and 1",
            DType::U8 => "whole numbers from 0 to 255",
            DType::I32 => "whole numbers from -2147483648 to 2147483647",
            DType::I64 => "whole numbers of 64 bits",
            DType::F16 => "numbers up to 65504",
            _ => "numbers up to 3.4e38",
        };
        // Large and small numbers not in two hundred digits.
        let shown = match (1e-5..1e16).contains(&x.abs()) {
            true => format!("{x}"),
            false => format!("{x:e}"),
        };
        Error::value(self.name(), format!("{shown} is no {self}, which holds {range}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [DType; 8] = [
        DType::Bool,
        DType::U8,
        DType::I32,
        DType::I64,
        DType::BF16,
        DType::F16,
        DType::F32,
        DType::F64,
    ];

    /// The table of [`DType::join`], row by row.
    #[test]
    fn types_join_as_the_table_says() {
        use DType::*;
        let table: [[Option<DType>; 8]; 8] = [
            [
                Some(Bool),
                Some(U8),
                Some(I32),
                Some(I64),
                Some(BF16),
                Some(F16),
                Some(F32),
                Some(F64),
            ],
            [Some(U8), Some(U8), Some(I32), Some(I64), None, None, None, None],
            [Some(I32), Some(I32), Some(I32), Some(I64), None, None, None, None],
            [Some(I64), Some(I64), Some(I64), Some(I64), None, None, None, None],
            [Some(BF16), None, None, None, Some(BF16), Some(F32), Some(F32), None],
            [Some(F16), None, None, None, Some(F32), Some(F16), Some(F32), None],
            [Some(F32), None, None, None, Some(F32), Some(F32), Some(F32), None],
            [Some(F64), None, None, None, None, None, None, Some(F64)],
        ];
        for (a, row) in ALL.into_iter().zip(table) {
            for (b, want) in ALL.into_iter().zip(row) {
                assert_eq!(a.join(b), want, "{a} with {b}");
            }
        }
    }

    #[test]
    fn a_type_takes_the_numbers_that_it_holds() {
        let far = 2f64.powi(63);
        let whole: [(DType, &[f64], &[f64]); 4] = [
            (DType::Bool, &[0.0, 1.0], &[2.0, -1.0, 0.5]),
            (DType::U8, &[0.0, 255.0, -0.0], &[-1.0, 256.0, 0.5, 254.9]),
            (DType::I32, &[-2147483648.0, 2147483647.0], &[2147483648.0, -2147483649.0, 1e-9]),
            (DType::I64, &[-far, far - 1024.0, 9007199254740993.0], &[far, -far * 1.001, -0.5]),
        ];
        for (dtype, held, refused) in whole {
            for &x in held {
                assert_eq!(dtype.number(x), Ok(x), "{dtype}");
                assert!(dtype.number(x).unwrap().to_bits() != (-0.0f64).to_bits());
            }
            for &x in refused.iter().chain(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]) {
                assert!(dtype.number(x).is_err(), "{x} as {dtype}");
            }
        }
        let floats: [(DType, f64, f64, f64); 3] = [
            (DType::F16, 0.0999755859375, 65504.0, 65520.0),
            (DType::BF16, 0.10009765625, 3.3895313892515355e38, 3.4e38),
            (DType::F32, 0.10000000149011612, 3.4028234663852886e38, 3.5e38),
        ];
        for (dtype, tenth, largest, beyond) in floats {
            assert_eq!(dtype.number(0.1), Ok(tenth), "{dtype}");
            assert_eq!(dtype.number(largest), Ok(largest), "{dtype}");
            assert!(dtype.number(beyond).is_err() && dtype.number(-beyond).is_err(), "{dtype}");
            assert_eq!(dtype.number(f64::NEG_INFINITY), Ok(f64::NEG_INFINITY));
            assert!(dtype.number(f64::NAN).unwrap().is_nan());
            assert_eq!(dtype.number(-0.0).unwrap().to_bits(), (-0.0f64).to_bits());
            assert_eq!(dtype.number(1e-60), Ok(0.0), "{dtype}");
        }
        assert_eq!(DType::F64.number(1e300), Ok(1e300));
    }

    #[test]
    fn refusals_say_what_is_held() {
        let said = |dtype: DType, x: f64| dtype.number(x).unwrap_err().what;
        assert_eq!(said(DType::I64, 0.5), "0.5 is no i64, which holds whole numbers of 64 bits");
        assert_eq!(said(DType::U8, 300.0), "300 is no u8, which holds whole numbers from 0 to 255");
        assert_eq!(said(DType::F16, 1e6), "1000000 is no f16, which holds numbers up to 65504");
        assert_eq!(said(DType::Bool, f64::NAN), "NaN is no bool, which holds 0 and 1");
        assert_eq!(said(DType::I64, 1e30), "1e30 is no i64, which holds whole numbers of 64 bits");
    }
}
