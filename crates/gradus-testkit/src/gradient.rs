//! Gradients in f64, first and second order, in random directions against central differences.
//!
//! What is differentiated is L(x) = Σ c·sin(1.3·op(x) + 0.4) with random c, so that linear ops have a second
//! derivative too (and so has arcsin, whose sine has none). Every input has a direction of its own. A direction along
//! which the numeric derivative is about 0 is refused: any gradient that vanishes there would pass.

use crate::Array;
use crate::session::Session;
use crate::tolerance::{GRADIENT, VACUOUS};
use gradus_base::ReduceOp;
use gradus_base::philox::Rng;
use gradus_base::{DType, Expr, Kind, Real};
use gradus_graph::{Meta, Node, Pointwise, constant, gradients, pointwise};
use std::sync::Arc;

/// Truncation grows with its square, cancellation with its inverse: both are near 1e-10 here.
const STEP: f64 = 1e-5;
/// How many points and directions are tried.
const DRAWS: u32 = 2;

/// The orders that were checked.
pub(crate) fn verify(session: &Session<'_>) -> Result<Vec<usize>, String> {
    if !session.case.differentiable {
        says_it_has_none(session)?;
        return Ok(vec![]);
    }
    let (of_value, of_slope): (&Differentiated, &Differentiated) =
        (&|probe, x| Ok(probe.loss(x, DType::F64)), &|probe, x| probe.slope(x, DType::F64));
    let orders = [(1, "gradient", of_value), (2, "second-order gradient", of_slope)];
    for (_, what, f) in orders {
        for draw in 0..DRAWS {
            let probe = Probe::new(session, draw);
            for input in session.case.float_inputs() {
                let verified = probe.verify(input, |x| f(&probe, x));
                verified.map_err(|e| format!("{what} of input {input}: {e}"))?;
            }
        }
    }
    Ok(orders.map(|(order, ..)| order).to_vec())
}

/// A number that inputs determine.
type Differentiated = dyn Fn(&Probe<'_>, &[Node]) -> Result<Node, String>;

fn says_it_has_none(session: &Session<'_>) -> Result<(), String> {
    let probe = Probe::new(session, 0);
    let x = session.case.nodes(&probe.at, DType::F64);
    let y = (session.case.op)(&x);
    // Masks and integers carry no gradient by their type.
    if !y.iter().any(|y| y.dtype().is_float()) {
        return Ok(());
    }
    match gradients(&probe.loss_of(&y, DType::F64), &one(DType::F64), &x) {
        Err(e) if e.kind == Kind::Gradient => Ok(()),
        Err(e) => Err(format!("its gradient fails for another reason: {e}")),
        // Of integers alone none is asked for.
        Ok(found)
            if found.iter().all(Option::is_none) && session.case.float_inputs().is_empty() =>
        {
            Ok(())
        }
        Ok(_) => Err("it is declared not differentiable and has a gradient".into()),
    }
}

/// A point, weights and directions.
pub(crate) struct Probe<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) at: Vec<Array>,
    directions: Vec<Array>,
    draw: u32,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(session: &'a Session<'a>, draw: u32) -> Probe<'a> {
        let at = session.case.sample(10 + draw);
        let one = |(i, x): (usize, &Array)| normal(x, draw, 100 + i as u32);
        let directions = at.iter().enumerate().map(one).collect();
        Probe { session, at, directions, draw }
    }

    /// The loss, for inputs of a float type.
    pub(crate) fn loss(&self, x: &[Node], dtype: DType) -> Node {
        self.loss_of(&(self.session.case.op)(x), dtype)
    }

    /// Σ c·sin(1.3·y + 0.4) over all outputs of that type.
    fn loss_of(&self, outputs: &[Node], dtype: DType) -> Node {
        let floats = outputs.iter().enumerate().filter(|(_, y)| y.dtype() == dtype);
        let parts = floats.map(|(i, y)| {
            let shape = Array { shape: y.shape(), values: vec![0.0; y.shape().len()] };
            let c = normal(&shape, self.draw, 200 + 1000 * i as u32).node(dtype);
            sum(&zip("c·sin", y, &c, |y, c| {
                (y * Real::constant(1.3) + Real::constant(0.4)).sin() * c
            }))
        });
        let total = parts.reduce(|a, b| zip("add", &a, &b, |a, b| a + b));
        total.unwrap_or_else(|| constant(0.0, Meta::new((), dtype)))
    }

    /// ⟨dL/dx, v⟩ for fixed random v: its gradient is the second derivative along v.
    pub(crate) fn slope(&self, x: &[Node], dtype: DType) -> Result<Node, String> {
        let wanted = self.session.case.float_inputs();
        let xs: Vec<Node> = wanted.iter().map(|&i| x[i].clone()).collect();
        let found = gradients(&self.loss(x, dtype), &one(dtype), &xs).map_err(|e| e.to_string())?;
        let mut total: Option<Node> = None;
        for (&i, dx) in wanted.iter().zip(found) {
            let dx = dx.ok_or(format!("no gradient reaches input {i}"))?;
            let v = normal(&self.at[i], self.draw, 300 + i as u32).node(dtype);
            let part = sum(&zip("mul", &dx, &v, |a, b| a * b));
            total = Some(match total {
                Some(t) => zip("add", &t, &part, |a, b| a + b),
                None => part,
            });
        }
        total.ok_or("no input has a gradient".into())
    }

    /// The gradients of the loss, or of the loss's slope along a direction, by all float inputs; none where none reaches.
    pub(crate) fn slopes(&self, order: usize, dtype: DType) -> Result<Vec<Node>, String> {
        let case = self.session.case;
        let x = case.nodes(&self.at, dtype);
        let wanted: Vec<_> = case.float_inputs().into_iter().map(|i| x[i].clone()).collect();
        let y = if order == 1 { self.loss(&x, dtype) } else { self.slope(&x, dtype)? };
        let found = gradients(&y, &one(dtype), &wanted).map_err(|e| e.to_string())?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Compares the gradient of `f` in the direction of one input with central differences.
    fn verify(
        &self,
        input: usize,
        f: impl Fn(&[Node]) -> Result<Node, String>,
    ) -> Result<(), String> {
        let (mut plus, mut minus) = (self.at.clone(), self.at.clone());
        for (j, u) in self.directions[input].values.iter().enumerate() {
            plus[input].values[j] += STEP * u;
            minus[input].values[j] -= STEP * u;
        }
        let value = |x: &[Array]| -> Result<f64, String> {
            let y = f(&self.session.case.nodes(x, DType::F64))?;
            Ok(self.session.read(&[y])?[0].values[0])
        };
        let numeric = (value(&plus)? - value(&minus)?) / (2.0 * STEP);

        let x = self.session.case.nodes(&self.at, DType::F64);
        let found =
            gradients(&f(&x)?, &one(DType::F64), &x[input..=input]).map_err(|e| e.to_string())?;
        let dx = found.into_iter().next().flatten().ok_or("no gradient reaches it")?;
        let dx = self.session.watch(&[dx])?.remove(0);
        if dx.shape != self.at[input].shape {
            return Err(format!("its shape is {}, not {}", dx.shape, self.at[input].shape));
        }
        // The step as it was realised in floating point, not as it was asked for.
        let step = plus[input].values.iter().zip(&minus[input].values).map(|(p, m)| p - m);
        let parts: Vec<f64> =
            dx.values.iter().zip(step).map(|(d, s)| d * s / (2.0 * STEP)).collect();
        judge(numeric, &parts)
    }
}

fn judge(numeric: f64, parts: &[f64]) -> Result<(), String> {
    let exact: f64 = parts.iter().sum();
    let size: f64 = parts.iter().map(|p| p.abs()).sum();
    if !numeric.is_finite() {
        return Err(format!("the numeric derivative is {numeric}: the domain leaves the op's own"));
    }
    if numeric.abs() < VACUOUS && exact.abs() < VACUOUS {
        return Err(format!(
            "refused: the numeric derivative is {numeric:.1e}, any gradient near 0 would pass; choose another domain"
        ));
    }
    // A NaN fails too.
    let close = (numeric - exact).abs() <= GRADIENT * size.max(numeric.abs());
    if !close {
        return Err(format!(
            "{exact:.9e} along a random direction, central differences {numeric:.9e}"
        ));
    }
    Ok(())
}

fn normal(like: &Array, draw: u32, stream: u32) -> Array {
    let mut random = Rng::new(2027, stream, draw);
    let values = like.values.iter().map(|_| random.normal()).collect();
    Array { shape: like.shape, values }
}

/// The gradient of a loss by itself.
fn one(dtype: DType) -> Node {
    constant(1.0, Meta::new((), dtype))
}

fn sum(x: &Node) -> Node {
    let axes: Vec<usize> = (0..x.shape().rank()).collect();
    x.reduce(ReduceOp::Sum, &axes)
}

fn zip(
    name: &'static str,
    a: &Node,
    b: &Node,
    f: impl FnOnce(gradus_base::expr::Sym, gradus_base::expr::Sym) -> gradus_base::expr::Sym,
) -> Node {
    let expr = Arc::new(Expr::trace(2, |x| vec![f(x[0], x[1])]));
    let p = Pointwise { name: name.into(), expr, vjp: None, constant: None };
    pointwise(p, vec![a.clone(), b.clone()], a.dtype())
}
