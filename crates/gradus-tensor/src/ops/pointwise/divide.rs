//! div_floor(a, b) = ⌊a/b⌋ and div_trunc(a, b) = a/b rounded towards 0   [..], [..] -> [..]

use super::{FLAT, Pointwise, apply, broadcast, common_type};
use crate::Tensor;
use crate::ops::Operand;
use gradus_base::expr::Sym;
use gradus_base::{Error, Expr, Real};
use gradus_graph::{self as graph, pointwise};
use std::sync::Arc;

struct DivFloor;

impl Pointwise<2> for DivFloor {
    const NAME: &'static str = "div_floor";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        (a / b).floor()
    }
}

struct DivTrunc;

impl Pointwise<2> for DivTrunc {
    const NAME: &'static str = "div_trunc";
    const NOT_DIFFERENTIABLE: Option<&'static str> = FLAT;
    fn formula<R: Real>(&self, [a, b]: [R; 2]) -> R {
        let q = a / b;
        R::select(q.lt(R::constant(0.0)), q.ceil(), q.floor())
    }
}

impl Tensor {
    /// The quotient rounded down, ⌊a/b⌋, as by Python's `//`:
    /// `a = b·div_floor(a, b) + remainder(a, b)`.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. Of integers it is exact, of floats the quotient
    /// is rounded first. Where b = 0, floats give ∞ or NaN; an integer b = 0 is an error of the
    /// run. There is no gradient.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the types have none in common
    /// ([`DType::join`](crate::DType::join)), or the divisor is a number that the type of this does
    /// not hold, 0 beside integers, or any number beside booleans.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([7i64, -7]);
    /// assert_eq!(x.div_floor(2.0).to_vec::<i64>(), [3, -4]);
    /// ```
    #[track_caller]
    #[doc(alias = "floor_divide")]
    pub fn div_floor<'a>(&self, divisor: impl Into<Operand<'a>>) -> Tensor {
        let b = divisor.into().as_divisor("div_floor", self);
        if self.dtype().is_float() {
            return apply(DivFloor, [self, &b]);
        }
        // One less than rounded towards 0 where that left a rest of the other sign.
        integers("div_floor", self, &b, |a, b| {
            let (q, zero) = (a.quotient(b), Sym::constant(0.0));
            let rest = a - q * b;
            let apart =
                Sym::or(Sym::and(rest.lt(zero), zero.lt(b)), Sym::and(zero.lt(rest), b.lt(zero)));
            q - Sym::from_mask(apart)
        })
    }

    /// The quotient a/b rounded towards 0, as integers are divided in Rust and C.
    ///
    /// **Shape** `[..], [..] -> [..]`, broadcast. Where b = 0, floats give ∞ or NaN; an integer b =
    /// 0 is an error of the run. There is no gradient.
    ///
    /// # Panics
    /// As [`Tensor::div_floor`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([7i64, -7]);
    /// assert_eq!(x.div_trunc(&Tensor::from([2i64, 2])).to_vec::<i64>(), [3, -3]);
    /// ```
    #[track_caller]
    pub fn div_trunc<'a>(&self, divisor: impl Into<Operand<'a>>) -> Tensor {
        let b = divisor.into().as_divisor("div_trunc", self);
        if self.dtype().is_float() {
            return apply(DivTrunc, [self, &b]);
        }
        integers("div_trunc", self, &b, Sym::quotient)
    }
}

impl Operand<'_> {
    /// The operand as a tensor of `other`'s common type with it, that `op` may divide by: of integers none is 0.
    #[track_caller]
    pub(super) fn as_divisor(self, op: &'static str, other: &Tensor) -> Tensor {
        match self {
            Operand::Tensor(t) if !t.dtype().is_float() && !other.dtype().is_float() => {
                t.as_divisor(op).cast(t.dtype())
            }
            Operand::Number(0.0) if !other.dtype().is_float() => {
                let what = format!("the divisor is 0, the elements are {}", other.dtype());
                Tensor::refuse(Error::value(op, what))
            }
            operand => operand.in_arithmetic(op, other),
        }
    }
}

/// A formula of integers.
#[track_caller]
fn integers(
    name: &'static str,
    a: &Tensor,
    b: &Tensor,
    formula: impl FnOnce(Sym, Sym) -> Sym,
) -> Tensor {
    let inputs = match broadcast(name, [a, b]) {
        Ok(inputs) => inputs,
        Err(e) => return Tensor::refuse(e),
    };
    let dtype = common_type(&inputs);
    let expr = Arc::new(Expr::trace(2, |x| vec![formula(x[0], x[1])]));
    let p = graph::Pointwise { name: name.into(), expr, vjp: None, constant: FLAT };
    Tensor(pointwise(p, inputs.into_iter().map(|t| t.0).collect(), dtype))
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, try_build};

    type ByTensor = fn(&Tensor, &Tensor) -> Tensor;
    type ByNumber = fn(&Tensor) -> Tensor;

    #[test]
    fn div_floor() {
        crate::ops::check("div_floor", |x| x[0].div_floor(&x[1]))
            .domain(2.1..2.9)
            .domain(0.8..1.0)
            .dtypes(&[DType::F64, DType::F32])
            .oracle(|x| (x[0] / x[1]).floor())
            .example(&[&[7.0, -7.0, 1.0], &[2.0, 2.0, 0.0]], &[3.0, -4.0, f64::INFINITY])
            .not_differentiable()
            .run();
    }

    #[test]
    fn div_trunc() {
        crate::ops::check("div_trunc", |x| x[0].div_trunc(&x[1]))
            .domain(2.1..2.9)
            .domain(0.8..1.0)
            .dtypes(&[DType::F64, DType::F32])
            .oracle(|x| (x[0] / x[1]).trunc())
            .example(&[&[7.0, -7.0, 1.0], &[2.0, 2.0, 0.0]], &[3.0, -3.0, f64::INFINITY])
            .not_differentiable()
            .run();
    }

    /// Signs, ends of the range and numbers past 2⁵³, in every integer type that holds them.
    #[test]
    fn integers_are_divided_exactly() {
        let far = (1i64 << 60) + 1;
        let a = [7, -7, 7, -7, 6, -6, 0, i64::MAX, i64::MIN, i64::MIN, far];
        let b = [2, 2, -2, -2, 3, 3, -5, 3, 3, -1, 1];
        let floor = |a: i64, b: i64| a.wrapping_div_euclid(b) - i64::from(b < 0 && a % b != 0);
        let (x, y) = (Tensor::from(a), Tensor::from(b));
        let zip = |f: &dyn Fn(i64, i64) -> i64| -> Vec<i64> {
            a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect()
        };
        let floors = zip(&|a, b| if b == -1 { a.wrapping_neg() } else { floor(a, b) });
        assert_eq!(x.div_floor(&y).to_vec::<i64>(), floors);
        assert_eq!(x.div_trunc(&y).to_vec::<i64>(), zip(&i64::wrapping_div));
        let small = [7i32, -7, 7, -7];
        let y = Tensor::from([2i32, 2, -2, -2]);
        assert_eq!(Tensor::from(small).div_floor(&y).to_vec::<i32>(), [3, -4, -4, 3]);
        assert_eq!(Tensor::from([200u8, 7]).div_floor(3.0).to_vec::<u8>(), [66, 2]);
        let wider = Tensor::from([200u8, 7]).div_trunc(&Tensor::from([-3i64, 2]));
        assert_eq!((wider.dtype(), wider.to_vec::<i64>()), (DType::I64, vec![-66, 3]));
        // Written down or computed, 7/2 is 3 in between.
        let seven = Tensor::full_of([1], 7.0, DType::I64);
        assert_eq!((seven.div_trunc(2.0) * 2.0).to_vec::<i64>(), [6]);
    }

    #[test]
    fn a_divisor_of_0_is_an_error_of_integers() {
        let (x, y) = (Tensor::from([1i64, 2, 3]), Tensor::from([1i64, 0, 2]));
        let divide: [(&str, ByTensor, ByNumber); 3] = [
            ("div_floor", |a, b| a.div_floor(b), |a| a.div_floor(0.0)),
            ("div_trunc", |a, b| a.div_trunc(b), |a| a.div_trunc(0.0)),
            ("remainder", |a, b| a.remainder(b), |a| a.remainder(0.0)),
        ];
        for (name, by_tensor, by_number) in divide {
            let e = by_tensor(&x, &y).try_read().unwrap_err().to_string();
            assert!(
                e.starts_with(&format!("{name}: the divisor at position 1 is 0\n  at ")),
                "{e}"
            );
            assert!(e.contains("divide.rs"), "{e}");
            let e = try_build(|| by_number(&x)).unwrap_err().to_string();
            let want = format!("{name}: the divisor is 0, the elements are i64\n  at ");
            assert!(e.starts_with(&want), "{e}");
            let floats = x.cast(DType::F32);
            assert!(by_number(&floats).to_vec::<f32>().iter().all(|v| !v.is_finite()), "{name}");
        }
    }

    #[test]
    fn a_quotient_of_integers_is_no_integer() {
        let x = Tensor::from([128u8, 255]);
        for divide in [|x: &Tensor| x / 255.0, |x: &Tensor| x / x, |x: &Tensor| x.recip()] {
            let e = try_build(|| divide(&x)).unwrap_err().to_string();
            let want = ": the elements are u8, it needs floats; cast them, or round: div_floor and \
                        div_trunc divide integers\n  at ";
            assert!(e.contains(want) && e.contains("divide.rs"), "{e}");
        }
        assert_eq!((x.cast(DType::F32) / 255.0).to_vec::<f32>(), [128.0 / 255.0, 1.0]);
    }
}
