//! Pointwise ops: one formula each, written once over [`Real`]. To add one, add a file and a line
//! here.

mod abs;
mod acos;
mod arithmetic;
mod asin;
mod atan;
mod cast;
mod ceil;
mod clamp;
mod clipped_relu;
mod compare;
mod cos;
mod cosh;
mod divide;
mod elu;
mod erf;
mod exp;
mod exp_m1;
mod floor;
mod gelu;
mod gelu_tanh;
mod hard_sigmoid;
mod hard_swish;
mod hard_tanh;
mod is_nan;
mod leaky_relu;
mod lecun_tanh;
mod lerp;
mod ln;
mod ln_1p;
mod log_sigmoid;
mod logical;
mod maximum;
mod mish;
mod pow;
mod recip;
mod relu;
mod remainder;
mod round;
mod rsqrt;
mod select_where;
mod selu;
mod sigmoid;
mod sign;
mod silu;
mod sin;
mod sinh;
mod softplus;
mod softsign;
mod sqrt;
mod step;
mod tan;
mod tanh;
mod trunc;

use crate::Tensor;
use gradus_base::expr::{Sym, SymMask};
use gradus_base::{DType, Error, Expr, Real, Result, Shape};
use gradus_graph::{self as graph, pointwise};
use std::sync::Arc;

/// An op that computes the same scalar formula at every element. Users may implement it for ops of
/// their own.
///
/// The formula is traced once into a scalar expression; fusion, gradients and every device read
/// that.
///
/// ```
/// use gradus_tensor::{Real, Tensor, grad, ops::pointwise::{Pointwise, apply}};
/// struct Cube;
/// impl Pointwise<1> for Cube {
///     const NAME: &'static str = "cube";
///     fn formula<R: Real>(&self, [x]: [R; 1]) -> R { x * x * x }
/// }
/// let x = Tensor::from(2.0f32);
/// let y = apply(Cube, [&x]);
/// assert_eq!((y.item(), grad(&y, [&x])[0].item()), (8.0, 12.0));
/// ```
pub trait Pointwise<const N: usize> {
    /// The name of the op, as users write it.
    const NAME: &'static str;
    /// Why the op has no gradient, if it has none. An op that is flat almost everywhere says so here: its gradient is
    /// an error, not silently 0.
    const NOT_DIFFERENTIABLE: Option<&'static str> = None;
    /// The value.
    fn formula<R: Real>(&self, x: [R; N]) -> R;
    /// The gradients of the inputs, where a better form than the derivative of the formula is
    /// known: cheaper by reading the value `y`, or exact where the derivative cancels.
    fn grad<R: Real>(&self, _x: [R; N], _y: R, _dy: R) -> Option<[R; N]> {
        None
    }
}

/// Applies a pointwise op to tensors, broadcast together. The result has their common type
/// ([`DType::join`]). Integers are computed in i64, which wraps; results that i32 and u8 do not
/// hold become the nearest that they do.
///
/// **Shape** `[..], .. -> [..]`, broadcast.
///
/// # Panics
/// If the shapes do not broadcast, the types have none in common, the formula needs fractions and
/// the type has none, or a sign and the type is bool.
///
/// ```
/// use gradus_tensor::{DType, Real, Tensor, ops::pointwise::{Pointwise, apply}, try_build};
/// struct Halve;
/// impl Pointwise<1> for Halve {
///     const NAME: &'static str = "halve";
///     fn formula<R: Real>(&self, [x]: [R; 1]) -> R { x * R::constant(0.5) }
/// }
/// let x = Tensor::from([3.0f32, -1.0]);
/// assert_eq!(apply(Halve, [&x]).to_vec::<f32>(), [1.5, -0.5]);
/// assert!(try_build(|| apply(Halve, [&x.cast(DType::I64)])).is_err());
/// ```
#[track_caller]
pub fn apply<P: Pointwise<N>, const N: usize>(op: P, inputs: [&Tensor; N]) -> Tensor {
    let inputs = match broadcast(P::NAME, inputs) {
        Ok(inputs) => inputs,
        Err(e) => return Tensor::refuse(e),
    };
    let dtype = common_type(&inputs);
    let expr = Expr::trace(N, |x| vec![op.formula(array(x))]);
    if let Some(lack) = lack(&expr, dtype) {
        let what = format!("the elements are {dtype}, it needs {lack}");
        return Tensor::refuse(Error::dtype(P::NAME, what));
    }
    let vjp = Expr::trace(N + 2, |x| match op.grad(array(&x[..N]), x[N], x[N + 1]) {
        Some(dx) => dx.to_vec(),
        None => vec![],
    });
    let vjp = (!vjp.outputs().is_empty()).then(|| Arc::new(vjp));
    let p = graph::Pointwise {
        name: P::NAME.into(),
        expr: Arc::new(expr),
        vjp,
        constant: P::NOT_DIFFERENTIABLE,
    };
    Tensor(pointwise(p, inputs.into_iter().map(|t| t.0).collect(), dtype))
}

/// The type of the result of these. Where they have none in common it is the first's, and `graph::pointwise` refuses them.
pub(crate) fn common_type(inputs: &[Tensor]) -> DType {
    let first = inputs.first().map_or(DType::Bool, Tensor::dtype);
    inputs.iter().try_fold(first, |all, x| all.join(x.dtype())).unwrap_or(first)
}

/// What the elements would have to be, where they are not closed under the expression: eˣ of an integer is no integer, nor is a half
/// of it; true − true is no boolean.
fn lack(expr: &Expr, dtype: DType) -> Option<&'static str> {
    use gradus_base::expr::Op;
    let any = |f: &dyn Fn(Op) -> bool| expr.lines().iter().any(|line| f(line.op));
    let real = |op: Op| match op {
        Op::Sqrt | Op::Exp | Op::ExpM1 | Op::Ln | Op::Ln1p => true,
        Op::Sin | Op::Cos | Op::Atan | Op::Tanh | Op::Logistic | Op::Erf => true,
        op => op.constant().is_some_and(|c| DType::I64.number(c).is_err()),
    };
    match dtype {
        dtype if dtype.is_float() => None,
        _ if any(&real) => Some("floats; cast them"),
        _ if any(&|op| op == Op::Div) => {
            Some("floats; cast them, or round: div_floor and div_trunc divide integers")
        }
        DType::Bool if any(&|op| matches!(op, Op::Neg | Op::Sub)) => {
            Some("numbers; cast them, or use logical_not and logical_xor")
        }
        _ => None,
    }
}

/// As [`apply`], with a mask for a result.
#[track_caller]
pub(crate) fn mask<const N: usize>(
    name: &'static str,
    inputs: [&Tensor; N],
    formula: impl FnOnce([Sym; N]) -> SymMask,
) -> Tensor {
    let inputs = match broadcast(name, inputs) {
        Ok(inputs) => inputs,
        Err(e) => return Tensor::refuse(e),
    };
    let expr = Expr::trace(N, |x| vec![Sym::of_mask(formula(array(x)))]);
    let p = graph::Pointwise { name: name.into(), expr: Arc::new(expr), vjp: None, constant: FLAT };
    Tensor(pointwise(p, inputs.into_iter().map(|t| t.0).collect(), DType::Bool))
}

/// A comparison.
#[track_caller]
pub(crate) fn compare(
    name: &'static str,
    inputs: [&Tensor; 2],
    formula: impl FnOnce(Sym, Sym) -> SymMask,
) -> Tensor {
    mask(name, inputs, |[a, b]| formula(a, b))
}

/// Why an op of jumps and plateaus has no gradient.
const FLAT: Option<&'static str> = Some("it is flat almost everywhere");

fn array<const N: usize>(x: &[Sym]) -> [Sym; N] {
    std::array::from_fn(|i| x[i])
}

/// The tensors broadcast to their common shape.
#[track_caller]
pub(crate) fn broadcast<const N: usize>(op: &str, inputs: [&Tensor; N]) -> Result<[Tensor; N]> {
    Tensor::sound(inputs)?;
    let mut shape = Shape::SCALAR;
    for t in inputs {
        let Some(wider) = Shape::broadcast(&shape, &t.shape()) else {
            let shapes = inputs.map(|t| t.shape().to_string());
            let what = format!("the shapes do not broadcast: {}", shapes.join(" and "));
            return Err(Error::shape(op, what));
        };
        shape = wider;
    }
    let mut wide = inputs.map(Tensor::clone);
    for t in &mut wide {
        *t = t.broadcast_to(shape);
    }
    Ok(wide)
}

/// Φ(x) = ½(1 + erf(x/√2)), the standard normal distribution function.
pub(crate) fn normal_cdf<R: Real>(x: R) -> R {
    R::constant(0.5) * (R::constant(1.0) + (x * R::constant(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

/// φ(x) = e^(−x²/2)/√(2π), the standard normal density.
pub(crate) fn normal_pdf<R: Real>(x: R) -> R {
    let scale = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
    R::constant(scale) * (R::constant(-0.5) * x * x).exp()
}

#[test]
fn integers_have_no_exponential() {
    let x = Tensor::from([1i64, -2]);
    let e = crate::try_build(|| x.exp()).unwrap_err();
    assert!(
        e.to_string().starts_with("exp: the elements are i64, it needs floats; cast them"),
        "{e}"
    );
    assert!(crate::try_build(|| x.leaky_relu(0.01)).is_err());
    assert_eq!(x.relu().to_vec::<i64>(), [1, 0]);
    assert_eq!(x.abs().to_vec::<i64>(), [1, 2]);
}
