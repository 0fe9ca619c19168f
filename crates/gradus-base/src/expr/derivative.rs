//! Derivatives of scalar expressions, by reverse accumulation over the lines.

use super::{Expr, Line, Op, Sym};
use crate::Real;

impl Expr {
    /// The vector-Jacobian product of a one-output expression: inputs `x0 … xn, dy`, outputs `dx0 … dxn`.
    ///
    /// Piecewise constant parts (floor, comparisons) contribute 0; at a tie `min` and `max` give each side half;
    /// |x|' at 0 is 0.
    pub fn vjp(&self) -> Expr {
        assert_eq!(self.outputs.len(), 1, "vjp of an expression with several outputs");
        Expr::trace(self.inputs + 1, |x| {
            let value = self.values(&x[..self.inputs]);
            let mut grad: Vec<Option<Sym>> = vec![None; self.lines.len()];
            grad[self.outputs[0] as usize] = Some(x[self.inputs]);
            let mut dx: Vec<Option<Sym>> = vec![None; self.inputs];
            for (i, line) in self.lines.iter().enumerate().rev() {
                let Some(dy) = grad[i] else { continue };
                if let Op::Input(n) = line.op {
                    dx[n as usize] = Some(dy);
                    continue;
                }
                for (k, d) in partials(line, &value, value[i], dy) {
                    let slot = &mut grad[line.args[k] as usize];
                    *slot = Some(slot.map_or(d, |old| old + d));
                }
            }
            dx.into_iter().map(|d| d.unwrap_or_else(|| Sym::constant(0.0))).collect()
        })
    }

    /// Every line's value in the current trace.
    pub(super) fn values(&self, x: &[Sym]) -> Vec<Sym> {
        let mut value: Vec<Sym> = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            value.push(match line.op {
                Op::Input(i) => x[i as usize],
                op => {
                    let a = line.args.map(|a| value.get(a as usize).copied().unwrap_or(Sym::ZERO));
                    super::trace::push(op, &a[..op.arity()])
                }
            });
        }
        value
    }
}

/// What `dy` contributes to each argument of a line: `(argument, gradient)`.
fn partials(line: &Line, value: &[Sym], y: Sym, dy: Sym) -> Vec<(usize, Sym)> {
    let c = Sym::constant;
    let arg = |k: usize| value[line.args[k] as usize];
    let (a, b) = (arg(0), if line.op.arity() > 1 { arg(1) } else { arg(0) });
    let one = |d| vec![(0, d)];
    match line.op {
        Op::Const(_) | Op::Input(_) => vec![],
        Op::Floor | Op::Ceil | Op::Round | Op::Quo => vec![],
        Op::Lt | Op::Le | Op::Eq | Op::And | Op::Or | Op::Not => vec![],
        Op::Neg => one(-dy),
        Op::Abs => one(dy * sign(a)),
        Op::Sqrt => one(dy * c(0.5) / y),
        Op::Exp => one(dy * y),
        Op::ExpM1 => one(dy * (y + c(1.0))),
        Op::Ln => one(dy / a),
        Op::Ln1p => one(dy / (a + c(1.0))),
        Op::Sin => one(dy * a.cos()),
        Op::Cos => one(-(dy * a.sin())),
        Op::Atan => one(dy / (c(1.0) + a * a)),
        Op::Tanh => one(dy * (c(1.0) - y * y)),
        Op::Logistic => one(dy * (y * (c(1.0) - y))),
        // erf'(x) = 2/√π · e^(−x²)
        Op::Erf => one(dy * (c(std::f64::consts::FRAC_2_SQRT_PI) * (-(a * a)).exp())),
        Op::Add => vec![(0, dy), (1, dy)],
        Op::Sub => vec![(0, dy), (1, -dy)],
        Op::Mul => vec![(0, dy * b), (1, dy * a)],
        Op::Div => vec![(0, dy / b), (1, -(dy * (y / b)))],
        Op::Min => vec![(0, dy * share(a.lt(b), a, b)), (1, dy * share(b.lt(a), a, b))],
        Op::Max => vec![(0, dy * share(b.lt(a), a, b)), (1, dy * share(a.lt(b), a, b))],
        Op::Pow => pow_partials(a, b, y, dy),
        // d(a − b⌊a/b⌋): the floor is piecewise constant.
        Op::Rem => vec![(0, dy), (1, -(dy * (a / b).floor()))],
        Op::Select => {
            let mask = a.as_mask();
            let zero = c(0.0);
            vec![(1, Sym::select(mask, dy, zero)), (2, Sym::select(mask, zero, dy))]
        }
    }
}

/// aᵇ: b·aᵇ⁻¹ and y·ln a; the second is 0 where a = 0 and the exponent is not negative, as its limit is.
fn pow_partials(a: Sym, b: Sym, y: Sym, dy: Sym) -> Vec<(usize, Sym)> {
    let c = Sym::constant;
    let da = dy * (b * a.pow(b - c(1.0)));
    // Where b = 0 the power is constant, also at a = 0, where b·a⁻¹ would be NaN.
    let da = Sym::select(b.eq(c(0.0)), c(0.0), da);
    let db = dy * (y * a.ln());
    let at_zero = Sym::and(a.eq(c(0.0)), c(0.0).le(b));
    vec![(0, da), (1, Sym::select(at_zero, c(0.0), db))]
}

/// 1 where the mask is set, ½ where a = b, else 0.
fn share(mask: crate::expr::SymMask, a: Sym, b: Sym) -> Sym {
    let c = Sym::constant;
    Sym::select(mask, c(1.0), Sym::select(a.eq(b), c(0.5), c(0.0)))
}

fn sign(a: Sym) -> Sym {
    let c = Sym::constant;
    Sym::select(c(0.0).lt(a), c(1.0), Sym::select(a.lt(c(0.0)), c(-1.0), c(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central differences in f64 for every differentiable operation, at points away from kinks.
    #[test]
    fn agrees_with_central_differences() {
        type F = fn(&[Sym]) -> Sym;
        let cases: Vec<(&str, F, [f64; 2])> = vec![
            ("neg", |x| -x[0], [0.7, 0.]),
            ("abs", |x| x[0].abs(), [-0.7, 0.]),
            ("sqrt", |x| x[0].sqrt(), [0.7, 0.]),
            ("exp", |x| x[0].exp(), [0.7, 0.]),
            ("exp_m1", |x| x[0].exp_m1(), [0.7, 0.]),
            ("ln", |x| x[0].ln(), [0.7, 0.]),
            ("ln_1p", |x| x[0].ln_1p(), [0.7, 0.]),
            ("sin", |x| x[0].sin(), [0.7, 0.]),
            ("cos", |x| x[0].cos(), [0.7, 0.]),
            ("atan", |x| x[0].atan(), [0.7, 0.]),
            ("tanh", |x| x[0].tanh(), [0.7, 0.]),
            ("logistic", |x| x[0].logistic(), [0.7, 0.]),
            ("erf", |x| x[0].erf(), [0.7, 0.]),
            ("add", |x| x[0] + x[1], [0.7, 1.3]),
            ("sub", |x| x[0] - x[1], [0.7, 1.3]),
            ("mul", |x| x[0] * x[1], [0.7, 1.3]),
            ("div", |x| x[0] / x[1], [0.7, 1.3]),
            ("min", |x| x[0].min(x[1]), [0.7, 1.3]),
            ("max", |x| x[0].max(x[1]), [0.7, 1.3]),
            ("pow", |x| x[0].pow(x[1]), [0.7, 1.3]),
            ("rem", |x| x[0].remainder(x[1]), [-2.7, 1.3]),
            ("select", |x| Sym::select(x[0].lt(x[1]), x[0] * x[1], x[1]), [0.7, 1.3]),
        ];
        for (name, f, at) in cases {
            let e = Expr::trace(2, |x| vec![f(x)]);
            let d = e.vjp().eval(&[at[0], at[1], 1.7]);
            for i in 0..2 {
                let h = 1e-6;
                let (mut lo, mut hi) = (at, at);
                lo[i] -= h;
                hi[i] += h;
                let numeric = 1.7 * (e.eval(&hi)[0] - e.eval(&lo)[0]) / (hi[i] - lo[i]);
                assert!((d[i] - numeric).abs() < 1e-8, "{name}: d{i} {} against {numeric}", d[i]);
            }
        }
    }

    #[test]
    fn ties_share_and_powers_of_zero_stay_finite() {
        let max = Expr::trace(2, |x| vec![x[0].max(x[1])]).vjp();
        assert_eq!(max.eval(&[2.0, 2.0, 1.0]), [0.5, 0.5]);
        let pow = Expr::trace(2, |x| vec![x[0].pow(x[1])]).vjp();
        assert_eq!(pow.eval(&[0.0, 2.0, 1.0]), [0.0, 0.0]);
        assert_eq!(pow.eval(&[0.0, 0.0, 1.0]), [0.0, 0.0]);
    }
}
