//! `Number`: what stands beside a tensor in a formula.

use super::Operand;
use gradus_base::{bf16, f16};

/// A number beside a tensor: of any type, since it takes that of the tensor's elements. Beside floats it is the nearest one of their
/// type; beside integers it must be one that they hold, so fractions are refused and never cut.
///
/// ```
/// use gradus_tensor::Tensor;
/// let (w, rate) = (Tensor::from([1f32, 2.0]), 0.5f32);
/// assert_eq!((&w * 2 + 1 - rate).to_vec::<f32>(), [2.5, 4.5]);
/// assert_eq!((2 * &w / w.len()).to_vec::<f32>(), [1.0, 2.0]);
/// let pixels = Tensor::from([0u8, 255]);
/// assert_eq!((255 - &pixels).to_vec::<u8>(), [255, 0]);
/// assert!(gradus_tensor::try_build(|| &pixels * 0.5).is_err());
/// ```
///
/// On the left of an operator it is a plain literal or an `f64` or `i32`: other types go to the right, or through `f64::from`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that goes with a tensor",
    label = "expected a tensor, or a number such as 2, 0.5 or an f32"
)]
pub trait Number: sealed::Sealed + Copy {
    /// The number as the other side of an operation.
    #[doc(hidden)]
    fn operand(self) -> Operand<'static>;
}

mod sealed {
    pub trait Sealed {}
}

/// Those that f64 holds, all of them.
macro_rules! small {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Number for $t {
            fn operand(self) -> Operand<'static> {
                Operand::Number(f64::from(self))
            }
        }
    )*};
}
small!(f64, f32, f16, bf16, i8, i16, i32, u8, u16, u32);

/// Those that it does not. No tensor holds integers from 2⁶³ on, so what f64 makes of them is refused beside integers.
macro_rules! large {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Number for $t {
            fn operand(self) -> Operand<'static> {
                match i64::try_from(self) {
                    Ok(n) if (n as f64) as i128 != i128::from(n) => Operand::Large(n),
                    _ => Operand::Number(self as f64),
                }
            }
        }
    )*};
}
large!(i64, u64, isize, usize);

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, try_build};

    #[test]
    fn numbers_of_any_type_stand_beside_tensors() {
        let x = Tensor::from([4f32, -1.0]);
        let all = [
            &x * 2,
            x.clone() * 2f32,
            &x * 2i64,
            &x * 2usize,
            &x * 2u8,
            &x * crate::f16::ONE * 2,
            2 * &x,
            2 * x.clone(),
            2.0 * &x,
            2.0 * x.clone(),
        ];
        for (case, y) in all.iter().enumerate() {
            assert_eq!((y.dtype(), y.to_vec::<f32>()), (DType::F32, vec![8.0, -2.0]), "{case}");
        }
        // What becomes of a literal is known where the next method is called.
        assert_eq!((1 - &x).sum(..).item(), -1.0);
        assert_eq!((0.5 * &x).max(..).item(), 2.0);
        assert_eq!(x.maximum(0).to_vec::<f32>(), [4.0, 0.0]);
        assert_eq!(x.gt(0).select_where(1, -1).to_vec::<f32>(), [1.0, -1.0]);
        assert_eq!(x.pow(2).to_vec::<f32>(), [16.0, 1.0]);
        assert_eq!((x / 3f32).to_vec::<f32>(), [4.0 / 3.0, -1.0 / 3.0]);
    }

    #[test]
    fn what_is_assigned_is_what_the_operator_gives() {
        let start = Tensor::from([4f32, -1.0]);
        let mut x = start.clone();
        x += 2;
        x *= &start;
        x -= Tensor::from([4f32, 1.0]);
        x /= 0.5;
        assert_eq!(x.to_vec::<f32>(), [40.0, -4.0]);
        assert_eq!(start.to_vec::<f32>(), [4.0, -1.0]);
        let e = try_build(|| {
            let mut x = start.clone();
            x += Tensor::ones([3]);
            x
        });
        let e = e.unwrap_err().to_string();
        assert!(e.starts_with("add: ") && e.contains("number.rs:"), "{e}");
    }

    #[test]
    fn integers_that_f64_does_not_hold_stay_themselves() {
        let odd = (1i64 << 53) + 1;
        let i = Tensor::from([0i64, 1, odd]);
        assert_eq!((&i + odd).to_vec::<i64>(), [odd, odd + 1, 2 * odd]);
        assert_eq!((&i - (odd as usize)).to_vec::<i64>(), [-odd, 1 - odd, 0]);
        assert_eq!(i.eq(odd).to_vec::<bool>(), [false, false, true]);
        assert_eq!(i.lt(odd).to_vec::<bool>(), [true, true, false]);
        assert_eq!(Tensor::from([7u8]).lt(odd).to_vec::<bool>(), [true]);
        assert_eq!(i.maximum(odd - 2).to_vec::<i64>(), [odd - 2, odd - 2, odd]);
        assert_eq!(Tensor::from([-1i64, 1]).pow(odd).to_vec::<i64>(), [-1, 1]);
        assert_eq!(i.remainder(odd).to_vec::<i64>(), [0, 1, 0]);
        assert_eq!((Tensor::from([0f64]) + odd).to_vec::<f64>(), [odd as f64]);
        assert_eq!((Tensor::from([0f32]) + odd).to_vec::<f32>(), [odd as f32]);
        let mask = Tensor::from([true, false]);
        assert_eq!(mask.select_where(odd, &Tensor::from([5i64])).to_vec::<i64>(), [odd, 5]);
        let refused = |f: &dyn Fn() -> Tensor| try_build(f).unwrap_err().to_string();
        let e = refused(&|| Tensor::from([7u8]) + odd);
        assert!(e.starts_with("add: 9007199254740993 is no u8, which holds"), "{e}");
        let e = refused(&|| &i + u64::MAX);
        assert!(e.starts_with("add: 1.8446744073709552e19 is no i64, which holds"), "{e}");
        let e = refused(&|| &mask * odd);
        assert!(e.starts_with("mul: 9007199254740993 beside booleans; cast them"), "{e}");
    }
}
