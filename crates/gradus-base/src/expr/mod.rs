//! `Expr`: a small scalar expression, the body of a pointwise loop.
//!
//! A formula over [`crate::Real`] is traced once into an `Expr`. Fusion composes expressions, gradients differentiate
//! them, the CPU runs them tile by tile and a GPU backend prints them. An `Expr` is in SSA form: each line reads
//! inputs or earlier lines only.

mod derivative;
mod eval;
mod trace;

pub use eval::{apply, remainder};
pub use trace::{Sym, SymMask};

use std::fmt;

/// One scalar operation. Comparisons and logic give a mask, held as 1 or 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[allow(missing_docs)] // each name is its meaning; `Real` documents them
pub enum Op {
    /// A constant, as the bits of an f64.
    Const(u64),
    /// The i-th input.
    Input(u16),
    Neg,
    Abs,
    Sqrt,
    Exp,
    ExpM1,
    Ln,
    Ln1p,
    Sin,
    Cos,
    Atan,
    Tanh,
    /// 1/(1 + e⁻ᵃ)
    Logistic,
    Erf,
    Floor,
    Ceil,
    Round,
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Pow,
    /// a − b·⌊a/b⌋, the remainder with the sign of `b`.
    Rem,
    /// a/b rounded towards 0: how integers are divided.
    Quo,
    Lt,
    Le,
    Eq,
    And,
    Or,
    Not,
    /// args: mask, yes, no.
    Select,
}

impl Op {
    /// How many arguments it reads.
    pub fn arity(self) -> usize {
        match self {
            Op::Const(_) | Op::Input(_) => 0,
            Op::Neg | Op::Abs | Op::Sqrt | Op::Exp | Op::ExpM1 | Op::Ln | Op::Ln1p => 1,
            Op::Sin | Op::Cos | Op::Atan | Op::Tanh | Op::Logistic | Op::Erf => 1,
            Op::Floor | Op::Ceil | Op::Round | Op::Not => 1,
            Op::Select => 3,
            _ => 2,
        }
    }
    /// True when it gives a mask.
    pub fn is_mask(self) -> bool {
        matches!(self, Op::Lt | Op::Le | Op::Eq | Op::And | Op::Or | Op::Not)
    }
    /// The constant, if it is one.
    pub fn constant(self) -> Option<f64> {
        if let Op::Const(bits) = self { Some(f64::from_bits(bits)) } else { None }
    }
}

/// One line of an [`Expr`]: an operation on earlier lines. Unused arguments are 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Line {
    /// What it does.
    pub op: Op,
    /// The lines it reads.
    pub args: [u32; 3],
}

/// A scalar expression of some inputs with one or more outputs.
///
/// ```
/// use gradus_base::{Expr, Real};
/// let e = Expr::trace(2, |x| vec![x[0] * x[1] + x[0].exp()]);
/// assert_eq!(e.eval(&[0.0, 3.0]), [1.0]);
/// let d = e.vjp();                       // inputs x0, x1, dy; outputs dx0, dx1
/// assert_eq!(d.eval(&[0.0, 3.0, 2.0]), [2.0 * 4.0, 0.0]);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Expr {
    inputs: usize,
    lines: Vec<Line>,
    outputs: Vec<u32>,
}

impl Expr {
    /// How many inputs it reads.
    pub fn inputs(&self) -> usize {
        self.inputs
    }
    /// The lines, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
    /// The lines that are outputs.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }
    /// True if the output is a mask.
    pub fn is_mask(&self, output: usize) -> bool {
        self.lines[self.outputs[output] as usize].op.is_mask()
    }
    /// True if the expression reads input `i`.
    pub fn reads(&self, i: usize) -> bool {
        self.lines.iter().any(|l| l.op == Op::Input(i as u16))
    }
    /// Arithmetic operations per element, counting a transcendental as one.
    pub fn flops(&self) -> usize {
        self.lines.iter().filter(|l| l.op.arity() > 0).count()
    }
    /// The constant this expression is, if its only output is one.
    pub fn as_constant(&self) -> Option<f64> {
        match self.outputs[..] {
            [o] => self.lines[o as usize].op.constant(),
            _ => None,
        }
    }
    /// The input this expression passes on unchanged, if that is all it does.
    pub fn as_input(&self) -> Option<usize> {
        match self.outputs[..] {
            [o] => match self.lines[o as usize].op {
                Op::Input(i) => Some(i as usize),
                _ => None,
            },
            _ => None,
        }
    }

    /// The identity of one input.
    pub fn identity() -> Expr {
        Expr::trace(1, |x| vec![x[0]])
    }

    /// Puts this expression's lines into the current trace with `args` for its inputs; gives its outputs.
    pub fn replay(&self, args: &[Sym]) -> Vec<Sym> {
        let value = self.values(args);
        self.outputs.iter().map(|&o| value[o as usize]).collect()
    }

    /// One expression out of several, each reading the result's inputs and the parts before it. `outputs` picks
    /// the result's outputs as (part, output of that part). Operations on constants are done once and for all, in f64, if `fold`:
    /// not for loops over integers, whose arithmetic is another.
    pub fn compose(
        inputs: usize,
        parts: &[Part<'_>],
        outputs: &[(usize, usize)],
        fold: bool,
    ) -> Expr {
        Expr::trace_with(inputs, fold, |x| {
            let mut done: Vec<Vec<Sym>> = Vec::with_capacity(parts.len());
            for part in parts {
                let args: Vec<Sym> = part
                    .args
                    .iter()
                    .map(|a| match *a {
                        Arg::Input(i) => x[i],
                        Arg::Part(p, o) => done[p][o],
                    })
                    .collect();
                done.push(part.expr.replay(&args));
            }
            outputs.iter().map(|&(p, o)| done[p][o]).collect()
        })
    }
}

/// Where a part of a composition takes an argument from.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// The composition's own input.
    Input(usize),
    /// Output `.1` of the earlier part `.0`.
    Part(usize, usize),
}

/// One expression in a composition with where its inputs come from.
pub struct Part<'a> {
    /// The expression.
    pub expr: &'a Expr,
    /// One source per input.
    pub args: Vec<Arg>,
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({self})")
    }
}

impl fmt::Display for Expr {
    /// `%2 = Mul %0 %1; … -> %2`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.lines.iter().enumerate() {
            match line.op {
                Op::Const(bits) => write!(f, "%{i} = {:?}; ", f64::from_bits(bits))?,
                Op::Input(n) => write!(f, "%{i} = x{n}; ")?,
                op => {
                    write!(f, "%{i} = {op:?}")?;
                    for a in &line.args[..op.arity()] {
                        write!(f, " %{a}")?;
                    }
                    f.write_str("; ")?;
                }
            }
        }
        write!(f, "->")?;
        for o in &self.outputs {
            write!(f, " %{o}")?;
        }
        Ok(())
    }
}
