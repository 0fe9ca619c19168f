//! Pointwise formulas as operators: those that ONNX has whole, such as `Relu`, by their formula; the rest line by line.

use super::trace::{Extent, constant, seen, unexpanded};
use super::views::expand;
use super::writer::{ValueRef, Writer};
use crate::arrays::number_of;
use crate::{Error, Result};
use gradus_base::expr::{Line, Op, Sym};
use gradus_base::{Expr, Real};
use gradus_graph::{Kind, Node, Pointwise};
use gradus_io::onnx::Attribute;
use gradus_tensor::DType;
use std::collections::HashMap;
use std::sync::LazyLock;

/// An operator that is a formula of x₀ and, from x₁ on, of numbers.
struct Known {
    op: &'static str,
    formula: Expr,
    /// The attributes that the numbers are; without any they are inputs.
    attributes: &'static [&'static str],
}

/// Larger formulas come before those they contain.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let known = |op, attributes, numbers: usize, formula: fn(&[Sym]) -> Sym| Known {
        op,
        formula: Expr::trace(1 + numbers, |x| vec![formula(x)]),
        attributes,
    };
    vec![
        known("HardSwish", &[], 0, |x| {
            x[0] * (x[0] * Sym::constant(1.0 / 6.0) + Sym::constant(0.5)).max(zero()).min(one())
        }),
        known("HardSigmoid", &["alpha", "beta"], 2, |x| {
            (x[0] * x[1] + x[2]).max(zero()).min(one())
        }),
        known("Clip", &[], 2, |x| x[0].max(x[1]).min(x[2])),
        known("Softplus", &[], 0, |x| x[0].max(zero()) + (-x[0].abs()).exp().ln_1p()),
        known("Relu", &[], 0, |x| x[0].max(zero())),
        known("Selu", &["alpha", "gamma"], 2, |x| x[2] * from_zero(x[0], x[1] * x[0].exp_m1())),
        known("Elu", &["alpha"], 1, |x| from_zero(x[0], x[1] * x[0].exp_m1())),
        known("Elu", &[], 0, |x| from_zero(x[0], x[0].exp_m1())),
        known("LeakyRelu", &["alpha"], 1, |x| from_zero(x[0], x[1] * x[0])),
        known("Softsign", &[], 0, |x| x[0] / (one() + x[0].abs())),
    ]
});

fn zero() -> Sym {
    Sym::constant(0.0)
}

fn one() -> Sym {
    Sym::constant(1.0)
}

/// x from 0 on, `low` below.
fn from_zero(x: Sym, low: Sym) -> Sym {
    Sym::select(zero().lt(x), x, low)
}

/// Whether a line of `expr` is the formula; `found` holds what its inputs are.
fn matches(
    (formula, at): (&Expr, u32),
    (expr, line): (&Expr, u32),
    found: &mut [Option<u32>; 3],
) -> bool {
    let (f, l) = (formula.lines()[at as usize], expr.lines()[line as usize]);
    match f.op {
        Op::Input(i) => {
            let number = i == 0 || l.op.constant().is_some();
            number && *found[i as usize].get_or_insert(line) == line
        }
        op if op != l.op => false,
        op => {
            let n = op.arity();
            let mut each = |order: [usize; 3]| {
                let before = *found;
                let all =
                    (0..n).all(|i| matches((formula, f.args[i]), (expr, l.args[order[i]]), found));
                if !all {
                    *found = before;
                }
                all
            };
            let turns = matches!(op, Op::Add | Op::Mul | Op::Min | Op::Max);
            each([0, 1, 2]) || (turns && each([1, 0, 2]))
        }
    }
}

/// The two values that a node is one operation of, in the operation's order.
pub(crate) fn binary(node: &Node, op: Op) -> Option<[Node; 2]> {
    let Kind::Pointwise(p) = node.kind() else { return None };
    let ([a, b], [output], None) = (node.inputs(), p.expr.outputs(), node.value()) else {
        return None;
    };
    let line = p.expr.lines()[*output as usize];
    let [i, j] = [0, 1].map(|i| p.expr.lines()[line.args[i] as usize].op);
    match (i, j) {
        _ if line.op != op => None,
        (Op::Input(0), Op::Input(1)) => Some([seen(a), seen(b)]),
        (Op::Input(1), Op::Input(0)) => Some([seen(b), seen(a)]),
        _ => None,
    }
}

/// A pointwise node, its inputs not repeated where the operators do that.
pub(super) fn write(w: &mut Writer<'_>, node: &Node, p: &Pointwise) -> Result<ValueRef> {
    let inputs: Vec<Node> = node.inputs().iter().map(unexpanded).collect();
    let mut writing =
        Writing { w, expr: &p.expr, inputs: &inputs, of: of(node, &inputs), done: HashMap::new() };
    let [output] = p.expr.outputs() else {
        return Err(Error::new("a formula of several values has no counterpart in ONNX"));
    };
    let mut value = writing.line(*output)?;
    if value.dtype != node.dtype() {
        value = writing.cast(value, node.dtype());
    }
    let shape = common(w, p, &inputs)?;
    let wanted = w.sizes(node)?;
    Ok(if shape == wanted { value.value } else { expand(w, value.value, &shape, &wanted) })
}

/// The type that is computed in: that of floats, if there are any.
fn of(node: &Node, inputs: &[Node]) -> DType {
    let all = || std::iter::once(node.dtype()).chain(inputs.iter().map(Node::dtype));
    let number = |d: &DType| !matches!(d, DType::Bool | DType::U8);
    let floats = inputs.iter().map(Node::dtype).find(|d| d.is_float());
    floats.or_else(|| all().find(number)).unwrap_or(DType::I64)
}

/// The shape that the inputs have together.
fn common(w: &Writer<'_>, p: &Pointwise, inputs: &[Node]) -> Result<Vec<Extent>> {
    let mut shape: Vec<Extent> = vec![];
    let read = inputs.iter().enumerate().filter(|(i, n)| p.expr.reads(*i) && constant(n).is_none());
    for (_, node) in read {
        let mut sizes = w.sizes(node)?;
        if sizes.len() > shape.len() {
            std::mem::swap(&mut sizes, &mut shape);
        }
        let lead = shape.len() - sizes.len();
        for (all, own) in shape[lead..].iter_mut().zip(sizes) {
            if *all == Extent::Fixed(1) {
                *all = own;
            }
        }
    }
    Ok(shape)
}

/// A value and its type.
#[derive(Clone, Copy)]
struct Typed {
    value: ValueRef,
    dtype: DType,
}

struct Writing<'a, 'w, 't> {
    w: &'w mut Writer<'t>,
    expr: &'a Expr,
    inputs: &'a [Node],
    /// The type that is computed in.
    of: DType,
    done: HashMap<u32, Typed>,
}

impl Writing<'_, '_, '_> {
    fn line(&mut self, at: u32) -> Result<Typed> {
        if let Some(done) = self.done.get(&at) {
            return Ok(*done);
        }
        let typed = match self.known(at)? {
            Some(value) => Typed { value, dtype: self.of },
            None => self.plain(self.expr.lines()[at as usize])?,
        };
        self.done.insert(at, typed);
        Ok(typed)
    }

    /// The line as an operator that ONNX has for the whole formula.
    fn known(&mut self, at: u32) -> Result<Option<ValueRef>> {
        if !self.of.is_float() {
            return Ok(None);
        }
        for known in &*KNOWN {
            let mut found = [None; 3];
            let whole = (&known.formula, known.formula.outputs()[0]);
            if !matches(whole, (self.expr, at), &mut found) {
                continue;
            }
            let [Some(x), numbers @ ..] = found else { continue };
            let expr = self.expr;
            let numbers = numbers.into_iter().flatten();
            let numbers: Vec<f64> =
                numbers.filter_map(|n| expr.lines()[n as usize].op.constant()).collect();
            let mut inputs = vec![self.of_type(x)?];
            let mut attributes = vec![];
            if known.attributes.is_empty() {
                inputs.extend(numbers.iter().map(|&n| self.w.number(n, self.of)));
            } else {
                let each = known.attributes.iter().zip(&numbers);
                attributes.extend(each.map(|(&name, &n)| Attribute::float(name, n)));
            }
            return Ok(Some(self.w.add(known.op, &inputs, attributes)));
        }
        Ok(None)
    }

    fn plain(&mut self, Line { op, args }: Line) -> Result<Typed> {
        let of = self.of;
        if op.is_mask() {
            return Ok(Typed { value: self.mask(op, args)?, dtype: DType::Bool });
        }
        let value = match op {
            Op::Const(bits) => self.w.number(f64::from_bits(bits), of),
            Op::Input(i) => {
                let node = &self.inputs[i as usize];
                let dtype = node.dtype();
                let value = match constant(node) {
                    Some(c) => self.w.number(c, dtype),
                    None => self.w.value(node)?,
                };
                return Ok(Typed { value, dtype });
            }
            Op::Select => {
                let mask = self.as_mask(args[0])?;
                let (yes, no) = (self.of_type(args[1])?, self.of_type(args[2])?);
                self.w.add("Where", &[mask, yes, no], vec![])
            }
            Op::ExpM1 => {
                let (x, one) = (self.of_type(args[0])?, self.w.number(1.0, of));
                let e = self.w.add("Exp", &[x], vec![]);
                self.w.add("Sub", &[e, one], vec![])
            }
            Op::Ln1p => {
                let (x, one) = (self.of_type(args[0])?, self.w.number(1.0, of));
                let sum = self.w.add("Add", &[x, one], vec![]);
                self.w.add("Log", &[sum], vec![])
            }
            // a − b·⌊a/b⌋
            Op::Rem if of.is_float() => {
                let (a, b) = (self.of_type(args[0])?, self.of_type(args[1])?);
                let quotient = self.w.add("Div", &[a, b], vec![]);
                let floor = self.w.add("Floor", &[quotient], vec![]);
                let whole = self.w.add("Mul", &[b, floor], vec![]);
                self.w.add("Sub", &[a, whole], vec![])
            }
            _ => {
                let name = operator(op)
                    .filter(|_| if of.is_float() { op != Op::Quo } else { op != Op::Div })
                    .ok_or_else(|| {
                        Error::new(format!("{op:?} of {of} has no counterpart in ONNX"))
                    })?;
                let inputs: Vec<ValueRef> =
                    args[..op.arity()].iter().map(|&a| self.of_type(a)).collect::<Result<_>>()?;
                self.w.add(name, &inputs, vec![])
            }
        };
        Ok(Typed { value, dtype: of })
    }

    fn mask(&mut self, op: Op, args: [u32; 3]) -> Result<ValueRef> {
        let logic = matches!(op, Op::And | Op::Or | Op::Not);
        let inputs: Vec<ValueRef> = args[..op.arity()]
            .iter()
            .map(|&a| if logic { self.as_mask(a) } else { self.of_type(a) })
            .collect::<Result<_>>()?;
        let name = operator(op).ok_or_else(|| Error::new(format!("{op:?} is no comparison")))?;
        Ok(self.w.add(name, &inputs, vec![]))
    }

    /// A line in the type that is computed in.
    fn of_type(&mut self, at: u32) -> Result<ValueRef> {
        let typed = self.line(at)?;
        Ok(if typed.dtype == self.of { typed } else { self.cast(typed, self.of) }.value)
    }

    fn as_mask(&mut self, at: u32) -> Result<ValueRef> {
        let typed = self.line(at)?;
        Ok(if typed.dtype == DType::Bool { typed } else { self.cast(typed, DType::Bool) }.value)
    }

    fn cast(&mut self, x: Typed, dtype: DType) -> Typed {
        let value = self.w.add("Cast", &[x.value], vec![Attribute::int("to", number_of(dtype))]);
        Typed { value, dtype }
    }
}

/// The operator that does what a line does.
fn operator(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::Neg => "Neg",
        Op::Abs => "Abs",
        Op::Sqrt => "Sqrt",
        Op::Exp => "Exp",
        Op::Ln => "Log",
        Op::Sin => "Sin",
        Op::Cos => "Cos",
        Op::Atan => "Atan",
        Op::Tanh => "Tanh",
        Op::Logistic => "Sigmoid",
        Op::Erf => "Erf",
        Op::Floor => "Floor",
        Op::Ceil => "Ceil",
        Op::Round => "Round",
        Op::Add => "Add",
        Op::Sub => "Sub",
        Op::Mul => "Mul",
        Op::Div => "Div",
        Op::Min => "Min",
        Op::Max => "Max",
        Op::Pow => "Pow",
        Op::Rem => "Mod",
        // Of integers, which ONNX divides so.
        Op::Quo => "Div",
        Op::Lt => "Less",
        Op::Le => "LessOrEqual",
        Op::Eq => "Equal",
        Op::And => "And",
        Op::Or => "Or",
        Op::Not => "Not",
        _ => return None,
    })
}
