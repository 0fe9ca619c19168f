//! Element by element: arithmetic, functions, comparisons, casts.

use super::{Export, Op, one};
use crate::call::Call;
use crate::{Error, Result, arrays};
use gradus_io::onnx::Attribute;
use gradus_tensor::{DType, Shape, Tensor};

pub(super) const OPS: &[(&str, Op)] = &[
    ("Abs", |c| one(c.input(0)?.abs())),
    ("Acos", |c| one(c.input(0)?.acos())),
    ("Acosh", |c| one(in_f32(c.input(0)?, acosh))),
    ("Add", |c| pair(c, |a, b| a + b)),
    ("And", |c| pair(c, Tensor::logical_and)),
    ("Asin", |c| one(c.input(0)?.asin())),
    ("Asinh", |c| one(in_f32(c.input(0)?, asinh))),
    ("Atan", |c| one(c.input(0)?.atan())),
    // ½·ln((1 + x)/(1 − x))
    ("Atanh", |c| {
        let x: &Tensor = c.input(0)?;
        one((x.ln_1p() - (-x).ln_1p()) * 0.5)
    }),
    ("Ceil", |c| one(c.input(0)?.ceil())),
    // x where x > 0, else α·(e^(x/α) − 1)
    ("Celu", |c| {
        let (x, alpha) = (c.input(0)?, c.float("alpha", 1.0)?);
        one(x.gt(0.0).select_where(x, &((x / alpha).elu(1.0) * alpha)))
    }),
    ("Clip", clip),
    ("Cos", |c| one(c.input(0)?.cos())),
    ("Cosh", |c| one(c.input(0)?.cosh())),
    ("Div", |c| pair(c, |a, b| if a.dtype().is_float() { a / b } else { a.div_trunc(b) })),
    ("Dropout", dropout),
    ("Elu", |c| one(c.input(0)?.elu(c.float("alpha", 1.0)?))),
    ("Equal", |c| pair(c, |a, b| a.eq(b))),
    ("Erf", |c| one(c.input(0)?.erf())),
    ("Exp", |c| one(c.input(0)?.exp())),
    ("Floor", |c| one(c.input(0)?.floor())),
    ("Gelu", |c| {
        let x = c.input(0)?;
        match &*c.text("approximate", "none")? {
            "none" => one(x.gelu()),
            "tanh" => one(x.gelu_tanh()),
            other => Err(Error::new(format!("approximate `{other}`; known are none and tanh"))),
        }
    }),
    ("Greater", |c| pair(c, |a, b| a.gt(b))),
    ("GreaterOrEqual", |c| pair(c, |a, b| a.ge(b))),
    ("HardSigmoid", |c| {
        one((c.input(0)? * c.float("alpha", 0.2)? + c.float("beta", 0.5)?).clamp(0.0, 1.0))
    }),
    ("HardSwish", |c| one(c.input(0)?.hard_swish())),
    ("IsInf", is_inf),
    ("IsNaN", |c| one(c.input(0)?.is_nan())),
    ("LeakyRelu", |c| one(c.input(0)?.leaky_relu(c.float("alpha", 0.01)?))),
    ("Less", |c| pair(c, |a, b| a.lt(b))),
    ("LessOrEqual", |c| pair(c, |a, b| a.le(b))),
    ("Log", |c| one(c.input(0)?.ln())),
    ("Max", |c| fold(c, |a, b| a.maximum(b))),
    ("Mean", |c| one(&fold(c, |a, b| a + b)?[0] / c.inputs.len() as f64)),
    ("Min", |c| fold(c, |a, b| a.minimum(b))),
    ("Mish", |c| one(c.input(0)?.mish())),
    ("Mod", modulo),
    ("Mul", |c| pair(c, |a, b| a * b)),
    ("Neg", |c| {
        let x: &Tensor = c.input(0)?;
        one(-x)
    }),
    ("Not", |c| one(c.input(0)?.logical_not())),
    ("Or", |c| pair(c, Tensor::logical_or)),
    ("PRelu", prelu),
    ("Pow", |c| pair(c, power)),
    ("Reciprocal", |c| one(c.input(0)?.recip())),
    ("Relu", |c| one(c.input(0)?.relu())),
    ("Round", |c| one(c.input(0)?.round())),
    ("Selu", selu),
    ("Shrink", shrink),
    ("Sigmoid", |c| one(c.input(0)?.sigmoid())),
    ("Sign", |c| one(c.input(0)?.sign())),
    ("Sin", |c| one(c.input(0)?.sin())),
    ("Sinh", |c| one(c.input(0)?.sinh())),
    ("Softplus", |c| one(c.input(0)?.softplus(1.0))),
    ("Softsign", |c| one(c.input(0)?.softsign())),
    ("Sqrt", |c| one(c.input(0)?.sqrt())),
    ("Sub", |c| pair(c, |a, b| a - b)),
    ("Sum", |c| fold(c, |a, b| a + b)),
    // A·α's swish times B
    ("SwiGLU", |c| {
        let (a, b) = (c.input(0)?, c.input(1)?);
        let wide = a.cast(a.dtype().compute());
        let swish = &wide * (&wide * c.float("alpha", 1.0)?).sigmoid();
        one((swish * b.cast(wide.dtype())).cast(a.dtype()))
    }),
    ("Swish", |c| one(c.input(0)? * (c.input(0)? * c.float("alpha", 1.0)?).sigmoid())),
    ("Tan", |c| one(c.input(0)?.tan())),
    ("Tanh", |c| one(c.input(0)?.tanh())),
    ("ThresholdedRelu", |c| {
        let (x, alpha) = (c.input(0)?, c.float("alpha", 1.0)?);
        one(x.le(alpha).select_where(0.0, x))
    }),
    ("Where", |c| {
        let (condition, a, b) = (c.input(0)?, c.input(1)?, c.input(2)?);
        let shape = common_shape(&[condition, a, b])?;
        let full = |t: &Tensor| t.broadcast_to(shape);
        one(full(condition).select_where(&full(a), &full(b)))
    }),
    ("Xor", |c| pair(c, Tensor::logical_xor)),
];

/// What integers are divided by, checked as they are read; the operators that divide do so as they can. Whole numbers are a cast.
pub(super) const EXPORTS: &[(&str, Export)] = &[
    ("cast_whole", |w, call| {
        let x = w.value(&call.input(0))?;
        let to = Attribute::int("to", arrays::number_of(DType::I64));
        Ok(w.add("Cast", &[x], vec![to]))
    }),
    ("div_floor", |w, call| w.value(&call.input(0))),
    ("div_trunc", |w, call| w.value(&call.input(0))),
    ("remainder", |w, call| w.value(&call.input(0))),
];

fn common_shape(tensors: &[&Tensor]) -> Result<Shape> {
    let mut shape = Shape::SCALAR;
    for t in tensors {
        shape = Shape::broadcast(&shape, &t.shape()).ok_or_else(|| {
            let shapes: Vec<String> = tensors.iter().map(|t| t.shape().to_string()).collect();
            Error::new(format!("shapes {} do not broadcast", shapes.join(", ")))
        })?;
    }
    Ok(shape)
}

fn pair(c: &Call<'_>, f: impl FnOnce(&Tensor, &Tensor) -> Tensor) -> Result<Vec<Tensor>> {
    one(f(c.input(0)?, c.input(1)?))
}

fn fold(c: &Call<'_>, f: impl Fn(&Tensor, &Tensor) -> Tensor) -> Result<Vec<Tensor>> {
    let all = c.all()?;
    let (first, rest) = all.split_first().ok_or_else(|| Error::new("has no input"))?;
    one(rest.iter().fold((*first).clone(), |sum, x| f(&sum, x)))
}

/// From here on 1 is nothing beside x², whose square would overflow further on.
const LARGE: f64 = 1e9;

/// Half types would overflow in between.
fn in_f32(x: &Tensor, f: fn(&Tensor) -> Tensor) -> Tensor {
    f(&x.cast(x.dtype().compute())).cast(x.dtype())
}

/// ln 2x for large x, else the other value, whose x is kept small so that it leaves no trace.
fn unless_large(x: &Tensor, other: Tensor) -> Tensor {
    x.gt(LARGE).select_where(&(x.maximum(LARGE).ln() + std::f64::consts::LN_2), &other)
}

/// ln(x + √(x² − 1)) = ln(1 + t + √t·√(t + 2)) with t = x − 1, which keeps its digits near 1.
fn acosh(x: &Tensor) -> Tensor {
    let t = x.minimum(LARGE) - 1.0;
    unless_large(x, (&t + t.sqrt() * (&t + 2.0).sqrt()).ln_1p())
}

/// sign(x)·ln(|x| + √(x² + 1)) = sign(x)·ln(1 + |x| + x²/(1 + √(x² + 1))), which keeps its digits near 0.
fn asinh(x: &Tensor) -> Tensor {
    let size = x.abs();
    let small = size.minimum(LARGE);
    let square = small.square();
    x.sign() * unless_large(&size, (small + &square / ((&square + 1.0).sqrt() + 1.0)).ln_1p())
}

/// xᵖ in x's type. An exponent with a fraction, or of more digits than x's type has, is not cut: the power is computed in f64.
fn power(x: &Tensor, p: &Tensor) -> Tensor {
    let (of, by) = (x.dtype(), p.dtype());
    match of.is_float() {
        _ if of == by => x.pow(p),
        false if !by.is_float() => x.cast(DType::I64).pow(&p.cast(DType::I64)).cast(of),
        true if by != DType::F64 => x.pow(&p.cast(of)),
        _ => x.cast(DType::F64).pow(&p.cast(DType::F64)).cast(of),
    }
}

/// With `fmod` the sign of the dividend, else that of the divisor.
fn modulo(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = (c.input(0)?, c.input(1)?);
    let fmod = c.int("fmod", 0)? == 1;
    if !a.dtype().is_float() {
        // Their quotient is the whole number towards zero.
        return one(if fmod { a - &a.div_trunc(b) * b } else { a.remainder(b) });
    }
    let (x, y) = (a.cast(DType::F64), b.cast(DType::F64));
    let whole = (&x / &y).trunc();
    // 0·∞ is no number, but nothing is taken off there.
    let taken = whole.eq(0.0).select_where(&whole, &(&whole * &y));
    let rest = x - taken;
    if fmod {
        return one(rest.cast(a.dtype()));
    }
    let other_side = (rest.sign() * y.sign()).lt(0.0);
    one(other_side.select_where(&(&rest + &y), &rest).cast(a.dtype()))
}

fn clip(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    if c.opset < 11 {
        let (low, high) = (c.float("min", f64::NEG_INFINITY)?, c.float("max", f64::INFINITY)?);
        return one(x.clamp(low, high));
    }
    let above =
        c.optional(1).map_or_else(|| x.clone(), |low| x.maximum(&low.broadcast_to(x.shape())));
    one(c
        .optional(2)
        .map_or_else(|| above.clone(), |high| above.minimum(&high.broadcast_to(x.shape()))))
}

/// A trained network's dropout passes everything.
fn dropout(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let training = c.optional(2).map(|t| t.item() != 0.0).unwrap_or(false);
    let nothing_dropped = c.optional(1).is_some_and(|ratio| ratio.item() == 0.0);
    if training && !nothing_dropped {
        return Err(Error::new("is asked to drop, which only training does"));
    }
    let x = c.input(0)?;
    Ok(vec![x.clone(), Tensor::full_of(x.shape(), 1.0, DType::Bool)])
}

fn is_inf(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = c.input(0)?;
    let (low, high) = (c.int("detect_negative", 1)? != 0, c.int("detect_positive", 1)? != 0);
    let found = |sign: f64, on: bool| {
        let value = if on { sign * f64::INFINITY } else { f64::NAN };
        x.eq(value)
    };
    one(found(-1.0, low).logical_or(&found(1.0, high)))
}

/// The slope broadcasts to x alone.
fn prelu(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, slope) = (c.input(0)?, c.input(1)?);
    let slope = slope.broadcast_to(x.shape());
    one(x.lt(0.0).select_where(&(x * slope), x))
}

fn selu(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let alpha = c.float("alpha", 1.673_263_2)?;
    let gamma = c.float("gamma", 1.050_701)?;
    one(c.input(0)?.elu(alpha) * gamma)
}

fn shrink(c: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, bias, lambda) = (c.input(0)?, c.float("bias", 0.0)?, c.float("lambd", 0.5)?);
    let within = x.le(lambda).logical_and(&x.ge(-lambda));
    let outside = x.lt(-lambda).select_where(&(x + bias), &(x - bias));
    one(within.select_where(&x.zeros_like(), &outside))
}
