//! The meaning of an expression, in f64: the oracle every backend is compared with.

use super::{Expr, Op};
use crate::Real;

impl Expr {
    /// The outputs for the given inputs, in f64; masks come out as 1 or 0.
    pub fn eval(&self, inputs: &[f64]) -> Vec<f64> {
        let mut value = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            value.push(match line.op {
                Op::Input(i) => inputs[i as usize],
                op => {
                    let a = line.args.map(|a| value.get(a as usize).copied().unwrap_or(0.0));
                    apply(op, &a[..op.arity()])
                }
            });
        }
        self.outputs.iter().map(|&o| value[o as usize]).collect()
    }
}

/// The remainder of a/b with the sign of b, exact however large the quotient, as Python's `%`; NaN for b = 0 or a = ±∞.
///
/// ```
/// use gradus_base::expr::remainder;
/// assert_eq!((remainder(-1.0, 3.0), remainder(1e10, 3.0)), (2.0, 1.0));
/// assert_eq!((remainder(1.0, f64::INFINITY), remainder(-1.0, f64::INFINITY)), (1.0, f64::INFINITY));
/// ```
pub fn remainder(a: f64, b: f64) -> f64 {
    let r = a % b;
    if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }
}

/// One operation on its arguments, in f64; masks are 1 or 0.
///
/// # Panics
/// For [`Op::Input`], which has no meaning of its own.
pub fn apply(op: Op, a: &[f64]) -> f64 {
    let mask = |b: bool| f64::from(u8::from(b));
    match op {
        Op::Const(bits) => f64::from_bits(bits),
        Op::Input(_) => unreachable!("inputs are read by the caller"),
        Op::Neg => -a[0],
        Op::Abs => a[0].abs(),
        Op::Sqrt => a[0].sqrt(),
        Op::Exp => a[0].exp(),
        Op::ExpM1 => a[0].exp_m1(),
        Op::Ln => a[0].ln(),
        Op::Ln1p => a[0].ln_1p(),
        Op::Sin => a[0].sin(),
        Op::Cos => a[0].cos(),
        Op::Atan => a[0].atan(),
        Op::Tanh => a[0].tanh(),
        Op::Logistic => Real::logistic(a[0]),
        Op::Erf => Real::erf(a[0]),
        Op::Floor => a[0].floor(),
        Op::Ceil => a[0].ceil(),
        Op::Round => Real::round(a[0]),
        Op::Add => a[0] + a[1],
        Op::Sub => a[0] - a[1],
        Op::Mul => a[0] * a[1],
        Op::Div => a[0] / a[1],
        Op::Min => Real::min(a[0], a[1]),
        Op::Max => Real::max(a[0], a[1]),
        Op::Pow => a[0].powf(a[1]),
        Op::Rem => remainder(a[0], a[1]),
        Op::Quo => (a[0] / a[1]).trunc(),
        Op::Lt => mask(a[0] < a[1]),
        Op::Le => mask(a[0] <= a[1]),
        Op::Eq => mask(a[0] == a[1]),
        Op::And => mask(a[0] != 0.0 && a[1] != 0.0),
        Op::Or => mask(a[0] != 0.0 || a[1] != 0.0),
        Op::Not => mask(a[0] == 0.0),
        Op::Select => {
            if a[0] != 0.0 {
                a[1]
            } else {
                a[2]
            }
        }
    }
}
