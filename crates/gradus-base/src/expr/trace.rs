//! Tracing: a formula run over `Sym` writes its lines down, merging equal ones and folding constants.

use super::{Expr, Line, Op};
use crate::Real;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A symbolic number: a line of the expression being traced.
#[derive(Clone, Copy, Debug)]
pub struct Sym(u32);

/// A symbolic mask.
#[derive(Clone, Copy, Debug)]
pub struct SymMask(u32);

#[derive(Default)]
struct Tracer {
    /// Whether operations on constants are done at once.
    fold: bool,
    lines: Vec<Line>,
    seen: HashMap<Line, u32>,
}

thread_local! {
    static TRACE: RefCell<Vec<Tracer>> = const { RefCell::new(Vec::new()) };
}

impl Sym {
    pub(super) const ZERO: Sym = Sym(0);

    /// a − b·⌊a/b⌋
    pub fn remainder(self, other: Sym) -> Sym {
        push(Op::Rem, &[self, other])
    }
    /// a/b rounded towards 0
    pub fn quotient(self, other: Sym) -> Sym {
        push(Op::Quo, &[self, other])
    }
    /// This number read as a mask: set where it is not 0.
    pub fn as_mask(self) -> SymMask {
        if line(self).op.is_mask() {
            return SymMask(self.0);
        }
        Sym::not(self.eq(Sym::constant(0.0)))
    }
    /// The mask as a value, for outputs of boolean type.
    pub fn of_mask(mask: SymMask) -> Sym {
        Sym(mask.0)
    }
}

fn line(s: Sym) -> Line {
    TRACE
        .with_borrow(|t| t.last().expect("a Sym lives only inside Expr::trace").lines[s.0 as usize])
}

/// Appends `op args`, or gives the line that already says so.
pub(super) fn push(op: Op, args: &[Sym]) -> Sym {
    if let Some(s) = simplify(op, args) {
        return s;
    }
    let mut a = [0; 3];
    for (to, from) in a.iter_mut().zip(args) {
        *to = from.0;
    }
    TRACE.with_borrow_mut(|t| {
        let t = t.last_mut().expect("a Sym lives only inside Expr::trace");
        let line = Line { op, args: a };
        let next = t.lines.len() as u32;
        let at = *t.seen.entry(line).or_insert(next);
        if at == next {
            t.lines.push(line);
        }
        Sym(at)
    })
}

/// Constant folding and the identities that hold for every float, NaN and −0 included.
fn simplify(op: Op, args: &[Sym]) -> Option<Sym> {
    if args.is_empty() {
        return None;
    }
    let c: Vec<Option<f64>> = args.iter().map(|&a| line(a).op.constant()).collect();
    let fold = TRACE.with_borrow(|t| t.last().is_some_and(|t| t.fold));
    if fold && c.iter().all(Option::is_some) && !op.is_mask() {
        let v: Vec<f64> = c.iter().map(|c| c.unwrap_or_default()).collect();
        return Some(Sym::constant(super::eval::apply(op, &v)));
    }
    match (op, &c[..]) {
        (Op::Mul, [_, Some(1.0)]) | (Op::Div | Op::Pow, [_, Some(1.0)]) => Some(args[0]),
        (Op::Mul, [Some(1.0), _]) => Some(args[1]),
        (Op::Sub, [_, Some(z)]) if *z == 0.0 && z.is_sign_positive() => Some(args[0]),
        (Op::Add, [_, Some(z)]) if *z == 0.0 && z.is_sign_negative() => Some(args[0]),
        (Op::Mul, [_, Some(-1.0)]) => Some(push(Op::Neg, &args[..1])),
        (Op::Mul, [Some(-1.0), _]) => Some(push(Op::Neg, &args[1..])),
        (Op::Pow, [_, Some(2.0)]) => Some(push(Op::Mul, &[args[0], args[0]])),
        (Op::Pow, [_, Some(0.5)]) => Some(push(Op::Sqrt, &args[..1])),
        (Op::Neg, _) if line(args[0]).op == Op::Neg => Some(Sym(line(args[0]).args[0])),
        (Op::Not, _) if line(args[0]).op == Op::Not => Some(Sym(line(args[0]).args[0])),
        (Op::Select, _) if args[1].0 == args[2].0 => Some(args[1]),
        (Op::Div, [Some(1.0), _]) => logistic_of(line(args[1])).map(|x| push(Op::Logistic, &[x])),
        _ => None,
    }
}

/// The x of 1 + e⁻ˣ, below a quotient of 1.
fn logistic_of(sum: Line) -> Option<Sym> {
    let [a, b] = [sum.args[0], sum.args[1]].map(Sym);
    let (one, power) = if line(a).op.constant().is_some() { (a, b) } else { (b, a) };
    let sum = sum.op == Op::Add && line(one).op.constant() == Some(1.0);
    let power = Some(line(power)).filter(|l| sum && l.op == Op::Exp)?;
    let negative = line(Sym(power.args[0]));
    (negative.op == Op::Neg).then_some(Sym(negative.args[0]))
}

impl Expr {
    /// Traces `formula` over `inputs` symbolic inputs. Lines that no output needs are dropped.
    pub fn trace(inputs: usize, formula: impl FnOnce(&[Sym]) -> Vec<Sym>) -> Expr {
        Expr::trace_with(inputs, true, formula)
    }

    /// As [`Expr::trace`], where operations on constants are done at once only if `fold`.
    pub(super) fn trace_with(
        inputs: usize,
        fold: bool,
        formula: impl FnOnce(&[Sym]) -> Vec<Sym>,
    ) -> Expr {
        TRACE.with_borrow_mut(|t| t.push(Tracer { fold, ..Tracer::default() }));
        let x: Vec<Sym> = (0..inputs).map(|i| push(Op::Input(i as u16), &[])).collect();
        let out = formula(&x);
        let tracer = TRACE.with_borrow_mut(Vec::pop).expect("pushed above");
        prune(inputs, &tracer.lines, &out)
    }
}

fn prune(inputs: usize, lines: &[Line], outputs: &[Sym]) -> Expr {
    let mut needed = vec![false; lines.len()];
    for o in outputs {
        needed[o.0 as usize] = true;
    }
    for (i, line) in lines.iter().enumerate().rev() {
        if needed[i] {
            for &a in &line.args[..line.op.arity()] {
                needed[a as usize] = true;
            }
        }
    }
    let mut place = vec![0; lines.len()];
    let mut kept = Vec::new();
    for (i, line) in lines.iter().enumerate().filter(|&(i, _)| needed[i]) {
        place[i] = kept.len() as u32;
        let mut line = *line;
        let arity = line.op.arity();
        for a in &mut line.args[..arity] {
            *a = place[*a as usize];
        }
        kept.push(line);
    }
    let outputs = outputs.iter().map(|o| place[o.0 as usize]).collect();
    Expr { inputs, lines: kept, outputs }
}

impl Add for Sym {
    type Output = Sym;
    fn add(self, o: Sym) -> Sym {
        push(Op::Add, &[self, o])
    }
}
impl Sub for Sym {
    type Output = Sym;
    fn sub(self, o: Sym) -> Sym {
        push(Op::Sub, &[self, o])
    }
}
impl Mul for Sym {
    type Output = Sym;
    fn mul(self, o: Sym) -> Sym {
        push(Op::Mul, &[self, o])
    }
}
impl Div for Sym {
    type Output = Sym;
    fn div(self, o: Sym) -> Sym {
        push(Op::Div, &[self, o])
    }
}
impl Neg for Sym {
    type Output = Sym;
    fn neg(self) -> Sym {
        push(Op::Neg, &[self])
    }
}

impl Real for Sym {
    type Mask = SymMask;
    fn constant(x: f64) -> Sym {
        push(Op::Const(x.to_bits()), &[])
    }
    fn abs(self) -> Sym {
        push(Op::Abs, &[self])
    }
    fn sqrt(self) -> Sym {
        push(Op::Sqrt, &[self])
    }
    fn exp(self) -> Sym {
        push(Op::Exp, &[self])
    }
    fn exp_m1(self) -> Sym {
        push(Op::ExpM1, &[self])
    }
    fn ln(self) -> Sym {
        push(Op::Ln, &[self])
    }
    fn ln_1p(self) -> Sym {
        push(Op::Ln1p, &[self])
    }
    fn sin(self) -> Sym {
        push(Op::Sin, &[self])
    }
    fn cos(self) -> Sym {
        push(Op::Cos, &[self])
    }
    fn atan(self) -> Sym {
        push(Op::Atan, &[self])
    }
    fn tanh(self) -> Sym {
        push(Op::Tanh, &[self])
    }
    fn logistic(self) -> Sym {
        push(Op::Logistic, &[self])
    }
    fn erf(self) -> Sym {
        push(Op::Erf, &[self])
    }
    fn floor(self) -> Sym {
        push(Op::Floor, &[self])
    }
    fn ceil(self) -> Sym {
        push(Op::Ceil, &[self])
    }
    fn round(self) -> Sym {
        push(Op::Round, &[self])
    }
    fn min(self, o: Sym) -> Sym {
        push(Op::Min, &[self, o])
    }
    fn max(self, o: Sym) -> Sym {
        push(Op::Max, &[self, o])
    }
    fn pow(self, o: Sym) -> Sym {
        push(Op::Pow, &[self, o])
    }
    fn lt(self, o: Sym) -> SymMask {
        SymMask(push(Op::Lt, &[self, o]).0)
    }
    fn le(self, o: Sym) -> SymMask {
        SymMask(push(Op::Le, &[self, o]).0)
    }
    fn eq(self, o: Sym) -> SymMask {
        SymMask(push(Op::Eq, &[self, o]).0)
    }
    fn select(mask: SymMask, yes: Sym, no: Sym) -> Sym {
        push(Op::Select, &[Sym(mask.0), yes, no])
    }
    fn and(a: SymMask, b: SymMask) -> SymMask {
        SymMask(push(Op::And, &[Sym(a.0), Sym(b.0)]).0)
    }
    fn or(a: SymMask, b: SymMask) -> SymMask {
        SymMask(push(Op::Or, &[Sym(a.0), Sym(b.0)]).0)
    }
    fn not(a: SymMask) -> SymMask {
        SymMask(push(Op::Not, &[Sym(a.0)]).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_folds_and_prunes() {
        let e = Expr::trace(2, |x| {
            let _unused = x[1].exp();
            let one = Sym::constant(2.0) - Sym::constant(1.0);
            vec![x[0] * one + x[0] * one]
        });
        assert_eq!(e.to_string(), "%0 = x0; %1 = Add %0 %0; -> %1");
        assert!(!e.reads(1));
    }

    /// Where loops compute in integers 7/2·2 is 6, whatever f64 says.
    #[test]
    fn folds_constants_only_when_told() {
        let c = |x| Expr::trace(0, move |_| vec![Sym::constant(x)]);
        let (seven, two, tenth) = (c(7.0), c(2.0), Expr::trace(2, |x| vec![x[0] / x[1]]));
        let part = |expr, args| crate::expr::Part { expr, args };
        let quotient = vec![crate::expr::Arg::Part(0, 0), crate::expr::Arg::Part(1, 0)];
        let parts = [part(&seven, vec![]), part(&two, vec![]), part(&tenth, quotient)];
        let composed = |fold| Expr::compose(0, &parts, &[(2, 0)], fold);
        assert_eq!(composed(true).as_constant(), Some(3.5));
        assert_eq!(composed(false).to_string(), "%0 = 7.0; %1 = 2.0; %2 = Div %0 %1; -> %2");
    }

    #[test]
    fn the_logistic_function_is_known_however_it_is_written() {
        fn c(x: f64) -> Sym {
            Sym::constant(x)
        }
        let forms: [fn(Sym) -> Sym; 4] = [
            |x| x.logistic(),
            |x| c(1.0) / (c(1.0) + (-x).exp()),
            |x| ((-x).exp() + c(1.0)).recip(),
            |x| c(1.0) / (c(1.0) + (c(-1.0) * x).exp()),
        ];
        for form in forms {
            let e = Expr::trace(1, |x| vec![form(x[0])]);
            assert_eq!(e.to_string(), "%0 = x0; %1 = Logistic %0; -> %1");
        }
        let others: [fn(Sym) -> Sym; 4] = [
            |x| c(2.0) / (c(1.0) + (-x).exp()),
            |x| c(1.0) / (c(2.0) + (-x).exp()),
            |x| c(1.0) / (c(1.0) + x.exp()),
            |x| c(1.0) / (c(1.0) * (-x).exp()),
        ];
        for other in others {
            let e = Expr::trace(1, |x| vec![other(x[0])]);
            assert!(!e.to_string().contains("Logistic"), "{e}");
        }
    }

    #[test]
    fn keeps_what_only_looks_like_an_identity() {
        // x·0 is NaN for infinite x, and −0 + 0 is +0.
        let e = Expr::trace(1, |x| vec![x[0] * Sym::constant(0.0) + Sym::constant(0.0)]);
        assert_eq!(e.flops(), 2);
    }
}
