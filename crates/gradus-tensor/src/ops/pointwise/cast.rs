//! cast(x): the same numbers in another element type.   [..] -> [..]

use crate::Tensor;
use gradus_base::expr::Sym;
use gradus_base::{DType, Expr, Real};
use gradus_graph::{Pointwise, pointwise};
use std::sync::Arc;

impl Tensor {
    /// The same numbers in another element type.
    ///
    /// | from | to f64, f32, f16, bf16 | to i64, i32, u8 | to bool |
    /// |---|---|---|---|
    /// | floats | the nearest number, of ties the even one; past the largest ±∞; NaN stays | the part before the point; out of range the nearest end; NaN is 0 | everything but 0, NaN too, is true |
    /// | integers | the nearest number, to bf16 by way of f32; past the largest ±∞ | the same number; out of range the nearest end | everything but 0 is true |
    /// | bool | 0 and 1 | 0 and 1 | the same |
    ///
    /// This is PyTorch's table but for numbers that an integer type does not hold: there integers
    /// wrap, and floats become what the processor makes of them. No other conversion changes
    /// numbers: reading ([`Tensor::to_vec`]) and numbers beside tensors ([`DType::number`]) are
    /// refused where they would. Which types go together is in [`DType::join`].
    ///
    /// The gradient of a cast between float types is cast back; a cast from or to integers has
    /// none.
    ///
    /// **Shape** `[..] -> [..]`.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::{DType, Tensor};
    /// let x = Tensor::from([-1.9f32, 2.9, 300.0, f32::NAN]);
    /// assert_eq!(x.cast(DType::I64).to_vec::<i64>(), [-1, 2, 300, 0]);
    /// assert_eq!(x.cast(DType::U8).to_vec::<u8>(), [0, 2, 255, 0]);
    /// assert_eq!(x.cast(DType::Bool).to_vec::<bool>(), [true, true, true, true]);
    /// ```
    #[track_caller]
    #[doc(alias("to", "float", "long", "type"))]
    pub fn cast(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() {
            return self.clone();
        }
        let expr = match dtype {
            // A mask, not just a stored byte: loops that read it see 0 or 1.
            DType::Bool => {
                Expr::trace(1, |x| vec![Sym::of_mask(Sym::not(x[0].eq(Sym::constant(0.0))))])
            }
            _ => Expr::identity(),
        };
        let flat = (!dtype.is_float()).then_some("a cast to integers is flat almost everywhere");
        let p = Pointwise { name: "cast".into(), expr: Arc::new(expr), vjp: None, constant: flat };
        Tensor(pointwise(p, vec![self.0.clone()], dtype))
    }

    /// The same numbers in the widest type of their kind: floats in f64, integers and booleans in i64.
    #[track_caller]
    pub(crate) fn widest(&self) -> Tensor {
        self.cast(if self.dtype().is_float() { DType::F64 } else { DType::I64 })
    }

    /// The same numbers in the type that is computed in: half types in f32, integers and booleans in i64. Whatever is
    /// composed of several steps begins with this and casts its result, so that nothing in between overflows.
    #[track_caller]
    pub(crate) fn wide(&self) -> Tensor {
        self.cast(self.dtype().compute())
    }
}

#[cfg(test)]
mod tests {
    use crate::DType::{self, *};
    use crate::Tensor;
    use gradus_base::{bf16, f16};

    #[test]
    fn cast() {
        let case = crate::ops::check("cast", |x| x[0].cast(F64)).domain(-2.0..2.0).oracle(|x| x[0]);
        case.example(&[&[0.5, -1.0]], &[0.5, -1.0]).run();
        let truncated = crate::ops::check("cast", |x| x[0].cast(I64)).domain(-3.0..3.0);
        truncated
            .dtypes(&[F64, F32])
            .within(1e15, "i64 ends")
            .oracle(|x| x[0].trunc())
            .example(&[&[-1.9, 2.9, f64::NAN, 1e30]], &[-1.0, 2.0, 0.0, i64::MAX as f64])
            .not_differentiable()
            .run();
        let x = Tensor::from([2.0f32]);
        let dx = &crate::grad(&x.cast(F64).square().sum(..), [&x])[0];
        assert_eq!((dx.dtype(), dx.to_vec::<f32>()), (F32, vec![4.0]));
    }

    const ALL: [DType; 8] = [F64, F32, F16, BF16, I64, I32, U8, Bool];

    /// What `x` is in each type of [`ALL`], as f64; infinities and NaN by their text.
    fn row(x: Tensor) -> Vec<String> {
        let read = |dtype: DType| match dtype {
            I64 => format!("{}", x.cast(dtype).to_vec::<i64>()[0]),
            _ => format!("{}", x.cast(dtype).item()),
        };
        ALL.map(read).to_vec()
    }

    /// The table of [`Tensor::cast`]: each row and column at ordinary numbers, ends, ties and what is beyond.
    #[test]
    fn casts_are_as_the_table_says() {
        let inf = f64::INFINITY;
        let (most, least) = ("9223372036854775807", "-9223372036854775808");
        let table: Vec<(Tensor, [&str; 8])> = vec![
            // of floats: f64, f32, f16, bf16, i64, i32, u8, bool
            (Tensor::from([-2.75f64]), ["-2.75", "-2.75", "-2.75", "-2.75", "-2", "-2", "0", "1"]),
            (Tensor::from([2.75f32]), ["2.75", "2.75", "2.75", "2.75", "2", "2", "2", "1"]),
            (Tensor::from([f16::from_f32(0.5)]), ["0.5", "0.5", "0.5", "0.5", "0", "0", "0", "1"]),
            (Tensor::from([bf16::from_f32(-0.0)]), ["-0", "-0", "-0", "-0", "0", "0", "0", "0"]),
            (Tensor::from([f64::NAN]), ["NaN", "NaN", "NaN", "NaN", "0", "0", "0", "1"]),
            (Tensor::from([f32::NAN]), ["NaN", "NaN", "NaN", "NaN", "0", "0", "0", "1"]),
            (Tensor::from([inf]), ["inf", "inf", "inf", "inf", most, "2147483647", "255", "1"]),
            (
                Tensor::from([-inf]),
                ["-inf", "-inf", "-inf", "-inf", least, "-2147483648", "0", "1"],
            ),
            // Past the largest; ties go to the even one.
            (
                Tensor::from([65520.0f32]),
                ["65520", "65520", "inf", "65536", "65520", "65520", "255", "1"],
            ),
            (
                Tensor::from([2049.0f64]),
                ["2049", "2049", "2048", "2048", "2049", "2049", "255", "1"],
            ),
            (
                Tensor::from([2051.0f32]),
                ["2051", "2051", "2052", "2048", "2051", "2051", "255", "1"],
            ),
            // of integers
            (Tensor::from([300i64]), ["300", "300", "300", "300", "300", "300", "255", "1"]),
            (Tensor::from([-1i64]), ["-1", "-1", "-1", "-1", "-1", "-1", "0", "1"]),
            (
                Tensor::from([1i64 << 40]),
                [
                    "1099511627776",
                    "1099511627776",
                    "inf",
                    "1099511627776",
                    "1099511627776",
                    "2147483647",
                    "255",
                    "1",
                ],
            ),
            (
                Tensor::from([16_777_217i64]),
                ["16777217", "16777216", "inf", "16777216", "16777217", "16777217", "255", "1"],
            ),
            (
                Tensor::from([i32::MIN]),
                [
                    "-2147483648",
                    "-2147483648",
                    "-inf",
                    "-2147483648",
                    "-2147483648",
                    "-2147483648",
                    "0",
                    "1",
                ],
            ),
            (Tensor::from([0u8]), ["0", "0", "0", "0", "0", "0", "0", "0"]),
            (Tensor::from([255u8]), ["255", "255", "255", "255", "255", "255", "255", "1"]),
            // of booleans
            (Tensor::from([true]), ["1"; 8]),
            (Tensor::from([false]), ["0"; 8]),
        ];
        for (x, want) in table {
            let shown = format!("{} of {:?}", x.dtype(), row(x.clone())[0]);
            assert_eq!(row(x), want, "{shown}");
        }
    }

    /// A number written down in a plan is what a buffer would hold.
    #[test]
    fn constants_are_rounded_where_they_are_made() {
        let tenth = |dtype| Tensor::full_of([1], 0.1, dtype).cast(F64).item();
        assert_eq!(tenth(F32), f64::from(0.1f32));
        assert_eq!(tenth(F16), f16::from_f64(0.1).to_f64());
        assert_eq!(tenth(BF16), bf16::from_f64(0.1).to_f64());
        // Whether it is read in between or not.
        let sum = |x: &Tensor| (x.cast(F64) * 3.0).item();
        let (made, read) = (Tensor::full([1], 0.1), Tensor::full([1], 0.1));
        read.try_read().unwrap();
        assert_eq!(sum(&made), sum(&read));
    }
}
