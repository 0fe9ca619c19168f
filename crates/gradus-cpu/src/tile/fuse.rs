//! Lines that become one instruction: products join the sums that use them, and formulas that occur in every
//! training step (an optimiser's averages and steps, ReLU's gradient) are recognised by
//! their structure and get a kernel of their own, whose values stay in registers from the first operation to the last.

use super::compile::Rate;
use super::kernels::{Code, MAX_ARGS};
use gradus_base::expr::Op;
use gradus_base::{DType, Expr};

/// A line after fusion.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) code: Code,
    pub(super) args: [usize; MAX_ARGS],
    pub(super) arity: usize,
    pub(super) live: bool,
}

/// A formula with a kernel of its own. Letters from a are elements, from s on scalars, in the order of the operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Idiom {
    /// a·s + b·t: a running mean.
    Blend,
    /// a·s + b·b·t: a running mean of squares.
    BlendSquare,
    /// a − s·(b/(√c·t + u)): Adam's step.
    AdamStep,
    /// a/(√b + s): Adagrad's and RMSprop's direction.
    RootQuotient,
    /// a ≤ s ? t : b: ReLU's gradient.
    Gate,
    /// a ≤ s ? t : b + c: ReLU's gradient where two meet.
    GateSum,
    /// max(a + b, s): a bias and ReLU.
    Rectify,
    /// max(a + b + c, s): a bias, a shortcut and ReLU.
    RectifySum,
    /// min(max(a + b, s), t): a bias and a ReLU with a ceiling.
    Clip,
}

impl Idiom {
    const ALL: [Idiom; 9] = [
        Idiom::AdamStep,
        Idiom::BlendSquare,
        Idiom::Blend,
        Idiom::RootQuotient,
        Idiom::GateSum,
        Idiom::Gate,
        Idiom::Clip,
        Idiom::RectifySum,
        Idiom::Rectify,
    ];

    /// As plans list it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Idiom::Blend => "running mean",
            Idiom::BlendSquare => "running mean of squares",
            Idiom::AdamStep => "Adam's step",
            Idiom::RootQuotient => "quotient by a root",
            Idiom::Gate => "ReLU's gradient",
            Idiom::GateSum => "ReLU's gradient of a sum",
            Idiom::Rectify => "bias and ReLU",
            Idiom::RectifySum => "bias, shortcut and ReLU",
            Idiom::Clip => "bias and clipped ReLU",
        }
    }

    /// The structure, its leaves numbered as operands.
    fn tree(self) -> &'static Tree {
        use Tree::{Element as E, One, Scalar as S, Three, Two};
        match self {
            Idiom::Blend => &Two(Op::Add, &Two(Op::Mul, &E(0), &S(1)), &Two(Op::Mul, &E(2), &S(3))),
            Idiom::BlendSquare => &Two(
                Op::Add,
                &Two(Op::Mul, &E(0), &S(1)),
                &Two(Op::Mul, &Two(Op::Mul, &E(2), &E(2)), &S(3)),
            ),
            Idiom::AdamStep => &Two(
                Op::Sub,
                &E(0),
                &Two(
                    Op::Mul,
                    &S(1),
                    &Two(
                        Op::Div,
                        &E(2),
                        &Two(Op::Add, &Two(Op::Mul, &One(Op::Sqrt, &E(3)), &S(4)), &S(5)),
                    ),
                ),
            ),
            Idiom::RootQuotient => {
                &Two(Op::Div, &E(0), &Two(Op::Add, &One(Op::Sqrt, &E(1)), &S(2)))
            }
            Idiom::Gate => &Three(Op::Select, &Two(Op::Le, &E(0), &S(1)), &S(2), &E(3)),
            Idiom::GateSum => {
                &Three(Op::Select, &Two(Op::Le, &E(0), &S(1)), &S(2), &Two(Op::Add, &E(3), &E(4)))
            }
            Idiom::Rectify => &Two(Op::Max, &Two(Op::Add, &E(0), &E(1)), &S(2)),
            Idiom::RectifySum => {
                &Two(Op::Max, &Two(Op::Add, &Two(Op::Add, &E(0), &E(1)), &E(2)), &S(3))
            }
            Idiom::Clip => &Two(Op::Min, &Two(Op::Max, &Two(Op::Add, &E(0), &E(1)), &S(2)), &S(3)),
        }
    }
}

/// A formula's structure.
enum Tree {
    /// Operand of every element; the same number is the same line.
    Element(usize),
    /// Operand that is one for all elements.
    Scalar(usize),
    One(Op, &'static Tree),
    Two(Op, &'static Tree, &'static Tree),
    Three(Op, &'static Tree, &'static Tree, &'static Tree),
}

/// The expression's lines, those that others took in no longer live.
pub(super) fn fuse(expr: &Expr, rates: &[Rate], compute: DType) -> Vec<Node> {
    let node = |l: &gradus_base::expr::Line| {
        let mut args = [0; MAX_ARGS];
        args[..3].copy_from_slice(&l.args.map(|a| a as usize));
        Node { code: Code::Line(l.op), args, arity: l.op.arity(), live: true }
    };
    let nodes: Vec<Node> = expr.lines().iter().map(node).collect();
    let mut readers = vec![0; nodes.len()];
    for node in &nodes {
        node.args[..node.arity].iter().for_each(|&a| readers[a] += 1);
    }
    expr.outputs().iter().for_each(|&o| readers[o as usize] += 1);
    let mut fusion = Fusion { nodes, readers, rates };
    if compute != DType::I64 {
        // The largest formulas first, from their last line on.
        for i in (0..fusion.nodes.len()).rev() {
            Idiom::ALL.into_iter().any(|idiom| fusion.take(i, idiom));
        }
        (0..fusion.nodes.len()).for_each(|i| fusion.multiply_add(i));
    }
    fusion.nodes
}

struct Fusion<'a> {
    nodes: Vec<Node>,
    readers: Vec<usize>,
    rates: &'a [Rate],
}

/// What a tree's leaves and inner lines were found to be.
#[derive(Clone, Default)]
struct Found {
    operands: [Option<usize>; MAX_ARGS],
    inner: Vec<usize>,
}

impl Fusion<'_> {
    /// Makes line `i` the idiom if it is one.
    fn take(&mut self, i: usize, idiom: Idiom) -> bool {
        let mut found = Found::default();
        if !self.nodes[i].live || !self.matches(i, idiom.tree(), &mut found) {
            return false;
        }
        found
            .inner
            .iter()
            .filter(|&&line| line != i)
            .for_each(|&line| self.nodes[line].live = false);
        let arity = found.operands.iter().flatten().count();
        let args = found.operands.map(|line| line.unwrap_or(0));
        self.nodes[i] = Node { code: Code::Idiom(idiom), args, arity, live: true };
        true
    }

    /// Whether line `i` has this structure. A line inside it must have no other reader than its parent.
    fn matches(&self, i: usize, tree: &Tree, found: &mut Found) -> bool {
        let element = self.rates[i] == Rate::Element;
        let leaf = |n: usize, found: &mut Found| *found.operands[n].get_or_insert(i) == i;
        let (op, parts) = match *tree {
            Tree::Element(n) => return element && leaf(n, found),
            Tree::Scalar(n) => return !element && leaf(n, found),
            Tree::One(op, a) => (op, vec![a]),
            Tree::Two(op, a, b) => (op, vec![a, b]),
            Tree::Three(op, a, b, c) => (op, vec![a, b, c]),
        };
        let node = &self.nodes[i];
        let own = found.inner.is_empty() || self.readers[i] == 1;
        if !element || !own || !node.live || node.code != Code::Line(op) {
            return false;
        }
        found.inner.push(i);
        let before = found.clone();
        let all = |found: &mut Found, args: &[usize]| {
            args.iter().zip(&parts).all(|(&arg, part)| self.matches(arg, part, found))
        };
        if all(found, &node.args[..node.arity]) {
            return true;
        }
        *found = before;
        matches!(op, Op::Add | Op::Mul) && all(found, &[node.args[1], node.args[0]])
    }

    /// Puts a product with one reader, a sum or difference of the same rate, into that reader.
    fn multiply_add(&mut self, i: usize) {
        // A sum inside a formula takes no product: the formula reads it.
        let Node {
            code: Code::Line(op @ (Op::Add | Op::Sub)), args: [x, y, ..], live: true, ..
        } = self.nodes[i]
        else {
            return;
        };
        let product = |a: usize| {
            let node = &self.nodes[a];
            node.live
                && node.code == Code::Line(Op::Mul)
                && self.readers[a] == 1
                && self.rates[a] == self.rates[i]
        };
        let (code, m, other) = match (product(x), product(y), op) {
            (true, _, Op::Add) => (Code::MulAdd, x, y),
            (true, _, _) => (Code::MulSub, x, y),
            (_, true, Op::Add) => (Code::MulAdd, y, x),
            (_, true, _) => (Code::NegMulAdd, y, x),
            _ => return,
        };
        self.nodes[m].live = false;
        let mut args = self.nodes[m].args;
        args[2] = other;
        self.nodes[i] = Node { code, args, arity: 3, live: true };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_base::Real;
    use gradus_base::expr::Sym;

    /// The codes of the live operations on elements; the inputs from `scalars` on are scalars.
    fn codes(expr: &Expr, scalars: usize) -> Vec<Code> {
        let mut rates: Vec<Rate> = vec![];
        for line in expr.lines() {
            rates.push(match line.op {
                Op::Const(_) => Rate::Once,
                Op::Input(i) if usize::from(i) < scalars => Rate::Element,
                Op::Input(_) => Rate::Once,
                op => line.args[..op.arity()].iter().map(|&a| rates[a as usize]).max().unwrap(),
            });
        }
        let nodes = fuse(expr, &rates, DType::F32);
        let operation = |(n, r): &(&Node, &Rate)| n.live && n.arity > 0 && **r == Rate::Element;
        nodes.iter().zip(&rates).filter(operation).map(|(n, _)| n.code).collect()
    }

    #[test]
    fn an_adam_update_is_three_instructions() {
        let c = Sym::constant;
        let expr = Expr::trace(5, |x| {
            let (w, g, m, v, rate) = (x[0], x[1], x[2], x[3], x[4]);
            let m = m * c(0.9) + g * c(0.1);
            let v = v * c(0.999) + g * g * c(0.001);
            vec![m, v, w - rate * c(2.0) * (m / (v.sqrt() * c(3.0) + c(1e-8)))]
        });
        let expected = [Idiom::Blend, Idiom::BlendSquare, Idiom::AdamStep].map(Code::Idiom);
        assert_eq!(codes(&expr, 4), expected);
    }

    #[test]
    fn operands_may_be_exchanged() {
        let c = Sym::constant;
        let blend = Expr::trace(2, |x| vec![c(3.0) * x[0] + x[1] * c(2.0)]);
        assert_eq!(codes(&blend, 2), [Code::Idiom(Idiom::Blend)]);
        let quotient = Expr::trace(2, |x| vec![x[0] / (c(2.0) + x[1].sqrt())]);
        assert_eq!(codes(&quotient, 2), [Code::Idiom(Idiom::RootQuotient)]);
    }

    #[test]
    fn a_bias_and_an_activation_are_one_instruction() {
        let c = Sym::constant;
        let idiom = |i| [Code::Idiom(i)];
        let relu = Expr::trace(2, |x| vec![(x[0] + x[1]).max(c(0.0))]);
        assert_eq!(codes(&relu, 2), idiom(Idiom::Rectify));
        let shortcut = Expr::trace(3, |x| vec![(x[2] + (x[0] + x[1])).max(c(0.0))]);
        assert_eq!(codes(&shortcut, 3), idiom(Idiom::RectifySum));
        let relu6 = Expr::trace(2, |x| vec![(x[0] + x[1]).max(c(0.0)).min(c(6.0))]);
        assert_eq!(codes(&relu6, 2), idiom(Idiom::Clip));
        // A product in the sum stays an instruction of its own.
        let scaled = Expr::trace(3, |x| vec![(x[0] * x[1] + x[2]).max(c(0.0))]);
        assert_eq!(codes(&scaled, 3), [Code::Line(Op::Mul), Code::Idiom(Idiom::Rectify)]);
    }

    #[test]
    fn the_gradient_behind_a_shortcut_is_one_instruction() {
        let c = Sym::constant;
        let expr = Expr::trace(3, |x| vec![Sym::select(x[2].le(c(0.0)), c(0.0), x[0] + x[1])]);
        assert_eq!(codes(&expr, 3), [Code::Idiom(Idiom::GateSum)]);
    }

    #[test]
    fn a_line_that_others_read_stays() {
        let c = Sym::constant;
        let expr = Expr::trace(2, |x| {
            let root = x[1].sqrt() + c(1.0);
            vec![x[0] / root, root]
        });
        let line = Code::Line;
        assert_eq!(codes(&expr, 2), [line(Op::Sqrt), line(Op::Add), line(Op::Div)]);
        let square = Expr::trace(2, |x| {
            let y = x[1] * c(2.0);
            vec![x[0] * c(3.0) + y, y]
        });
        assert_eq!(codes(&square, 2), [line(Op::Mul), Code::MulAdd]);
    }
}
