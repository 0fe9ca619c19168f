//! pow(x, p) = xᵖ   [..], [..] -> [..]

use super::{Pointwise, apply};
use crate::ops::Operand;
use crate::{DType, Tensor};
use gradus_base::{Error, Real, Result};

struct Pow;

impl Pointwise<2> for Pow {
    const NAME: &'static str = "pow";
    fn formula<R: Real>(&self, [x, p]: [R; 2]) -> R {
        x.pow(p)
    }
}

/// A power with a known exponent: squares, roots and reciprocals become what they are.
struct PowNumber(f64);

impl Pointwise<1> for PowNumber {
    const NAME: &'static str = "pow";
    fn formula<R: Real>(&self, [x]: [R; 1]) -> R {
        power(x, self.0)
    }
    /// (xᵖ)' = p·xᵖ⁻¹, and 0 for p = 0 also at x = 0
    fn grad<R: Real>(&self, [x]: [R; 1], _y: R, dy: R) -> Option<[R; 1]> {
        let p = self.0;
        Some([if p == 0.0 { R::constant(0.0) } else { dy * (R::constant(p) * power(x, p - 1.0)) }])
    }
}

/// xᵖ by products and quotients where p is a small integer, else by the general power.
fn power<R: Real>(x: R, p: f64) -> R {
    match p {
        0.0 => R::constant(1.0),
        1.0 => x,
        2.0 => x * x,
        3.0 => x * x * x,
        -1.0 => x.recip(),
        0.5 => x.sqrt(),
        _ => x.pow(R::constant(p)),
    }
}

/// Fails where powers of integers would be none.
fn expect_whole_power(x: &Tensor, p: f64) -> Result<()> {
    let whole = DType::I64.number(p).is_ok_and(|p| p >= 0.0);
    if !x.dtype().is_float() && !whole {
        let what = format!(
            "the elements are {}, whose powers by {p} are none; cast them: .cast(DType::F32)",
            x.dtype()
        );
        return Err(Error::value("pow", what));
    }
    Ok(())
}

impl Tensor {
    /// The power xᵖ; the exponent is a tensor or a number.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. A negative x with a fractional p gives NaN, and
    /// 0⁰ = 1. The gradient of the exponent at x = 0 is 0 for p ≥ 0, as is its limit. Powers of
    /// integers wrap. Integers have exponents below 0 only in a tensor: then the power is 1/x⁻ᵖ
    /// without its fraction, and 0 at x = 0, as in PyTorch.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the types have none in common ([`DType::join`]), or integers
    /// are raised to a number that is negative or has a fraction.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([2.0f32, 3.0]);
    /// assert_eq!(x.pow(2.0).to_vec::<f32>(), [4.0, 9.0]);
    /// assert_eq!(x.pow(&Tensor::from([3.0f32, -1.0])).to_vec::<f32>(), [8.0, 1.0 / 3.0]);
    /// ```
    #[track_caller]
    #[doc(alias = "power")]
    pub fn pow<'a>(&self, exponent: impl Into<Operand<'a>>) -> Tensor {
        match exponent.into() {
            Operand::Tensor(p) => apply(Pow, [self, p]),
            Operand::Number(p) => match expect_whole_power(self, p) {
                Ok(()) => apply(PowNumber(p), [self]),
                Err(e) => Tensor::refuse(e),
            },
            exponent @ Operand::Large(p) => match expect_whole_power(self, p as f64) {
                Ok(()) => apply(Pow, [self, &exponent.beside("pow", self)]),
                Err(e) => Tensor::refuse(e),
            },
        }
    }
}

#[test]
fn pow() {
    crate::ops::check("pow", |x| x[0].pow(&x[1]))
        .domain(0.3..2.0)
        .domain(-2.0..3.0)
        .oracle(|x| x[0].powf(x[1]))
        .example(&[&[2.0, 0.0, -2.0, -2.0], &[3.0, 0.0, 2.0, 0.5]], &[8.0, 1.0, 4.0, f64::NAN])
        .slope(&[&[0.0, 0.0, 2.0], &[0.0, 2.0, 3.0]], &[0.0, 0.0, 12.0])
        .run();
}

#[test]
fn pow_by_a_number() {
    for p in [-2.0, -1.0, 0.5, 1.0, 1.7, 2.0, 3.0, 4.0] {
        let case = crate::ops::check("pow", move |x| x[0].pow(p)).domain(0.5..2.0);
        case.oracle(move |x| x[0].powf(p)).run();
    }
    // x⁰ is the constant 1, also at 0, and its gradient is 0.
    let x = Tensor::from([0.0, 2.0]);
    let y = x.pow(0.0);
    assert_eq!(y.to_vec::<f64>(), [1.0, 1.0]);
    assert_eq!(crate::grad(&y.sum(..), [&x])[0].to_vec::<f64>(), [0.0, 0.0]);
}

#[test]
fn powers_of_integers() {
    let x = Tensor::from([3i64, -2, 0, 1, -1]);
    assert_eq!(x.pow(0.0).to_vec::<i64>(), [1; 5]);
    assert_eq!(x.pow(3.0).to_vec::<i64>(), [27, -8, 0, 1, -1]);
    assert_eq!(
        x.pow(40.0).to_vec::<i64>(),
        [12_157_665_459_056_928_801u64 as i64, 1 << 40, 0, 1, 1]
    );
    let p = Tensor::from([2i64, 3, -1, -3, -3]);
    assert_eq!(x.pow(&p).to_vec::<i64>(), [9, -8, 0, 1, -1]);
    for p in [0.5, -1.0, -2.0, f64::NAN, 1e30] {
        let e = crate::try_build(|| x.pow(p)).unwrap_err().to_string();
        let want = format!("pow: the elements are i64, whose powers by {p} are none; cast them");
        assert!(e.starts_with(&want), "{e}");
    }
}
