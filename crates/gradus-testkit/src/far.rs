//! Far from 0: pointwise ops at arguments up to the ends of f32 and f64, where exponentials over- and underflow. Values and
//! derivatives of first and second order, mixed ones too, in both types, against differences of the case's own oracle in f64.
//!
//! Each float input in turn is far away, the others are where the case draws them. Where the oracle or a number next to it is
//! not finite nothing is asked, but an op may not be finite where its oracle is not: the oracle then hides what it should
//! judge. What is compared is compared absolutely below 1 and relatively above: a NaN, an infinity and a missing or a wrong
//! branch show, the digits of a derivative that is nearly 0 do not.

use crate::case::Oracle;
use crate::input::Input;
use crate::session::Session;
use crate::{Array, Case};
use gradus_base::ReduceOp;
use gradus_base::{DType, Expr, Real, Shape};
use gradus_graph::{Meta, Node, Pointwise, constant, gradients, pointwise};
use std::sync::Arc;

/// Both sides of where functions of f32 level off, overflow, and have overflowing squares.
const F32: [f64; 16] = [
    20.0, 50.0, 87.0, 88.0, 89.0, 95.0, 103.0, 104.0, 110.0, 1e3, 1e4, 1e10, 1e13, 1e19, 1e20, 1e30,
];
/// The same for f64.
const F64: [f64; 18] = [
    20.0, 50.0, 88.0, 104.0, 350.0, 700.0, 708.0, 710.0, 745.0, 750.0, 1e4, 1e10, 1e30, 1e100,
    1e150, 1e155, 1e200, 1e300,
];
/// The step of differences, relative to the argument.
const STEP: f64 = 1e-4;
/// Rounding errors of sums of five numbers, relative to these.
const NOISE: f64 = 2e-15;

pub(crate) fn verify(session: &Session<'_>) -> Result<(), String> {
    let case = session.case;
    let Some(Oracle::Element(oracle)) = case.oracle.as_ref().filter(|_| case.any_shape()) else {
        return Ok(());
    };
    for (dtype, points) in [(DType::F64, F64.as_slice()), (DType::F32, F32.as_slice())] {
        if !case.dtypes_under_test().contains(&dtype) {
            continue;
        }
        let points: Vec<f64> = points.iter().copied().filter(|&x| x <= case.reach).collect();
        for input in case.float_inputs() {
            let far = Far { session, oracle, dtype, at: inputs(case, input, &points, dtype) };
            far.verify().map_err(|e| format!("far from 0, input {input} in {dtype}: {e}"))?;
        }
    }
    Ok(())
}

/// The points and their negatives for one input, draws for the others, as `dtype` holds them.
fn inputs(case: &Case, far: usize, points: &[f64], dtype: DType) -> Vec<Array> {
    let shape = Shape::from(2 * points.len());
    let one = |(i, input): (usize, &Input)| {
        let dtype = input.dtype.unwrap_or(dtype);
        if i == far {
            let values: Vec<f64> = points.iter().flat_map(|&x| [x, -x]).collect();
            return Array { shape, values }.rounded(dtype);
        }
        input.sample(shape, 20, i as u32).rounded(dtype)
    };
    case.inputs.iter().enumerate().map(one).collect()
}

/// An op and its oracle at some points.
struct Far<'a> {
    session: &'a Session<'a>,
    oracle: &'a dyn Fn(&[f64]) -> f64,
    dtype: DType,
    at: Vec<Array>,
}

impl Far<'_> {
    fn verify(&self) -> Result<(), String> {
        let x = self.session.case.nodes(&self.at, self.dtype);
        let y = (self.session.case.op)(&x).swap_remove(0);
        self.values(&y)?;
        if !self.session.case.differentiable || !y.dtype().is_float() {
            return Ok(());
        }
        let inputs = self.session.case.float_inputs();
        let slopes = self.slopes(&y, &x, &inputs)?;
        for (&j, slope) in inputs.iter().zip(&slopes) {
            let what = format!("the derivative by input {j}");
            self.derivatives(&what, slope, |at| self.first(at, j))?;
            for (&k, second) in inputs.iter().zip(self.slopes(slope, &x, &inputs)?) {
                let what = format!("the second derivative by inputs {j} and {k}");
                self.derivatives(&what, &second, |at| self.second(at, j, k))?;
            }
        }
        Ok(())
    }

    /// The derivatives of Σy by some inputs; 0 of those it does not read.
    fn slopes(&self, y: &Node, x: &[Node], inputs: &[usize]) -> Result<Vec<Node>, String> {
        let all: Vec<Node> = inputs.iter().map(|&i| x[i].clone()).collect();
        let one = constant(1.0, Meta::new((), y.dtype()));
        let axes: Vec<usize> = (0..y.shape().rank()).collect();
        let found = gradients(&y.reduce(ReduceOp::Sum, &axes), &one, &all);
        let found = found.map_err(|e| e.to_string())?.into_iter().zip(&all);
        Ok(found.map(|(dx, x)| dx.unwrap_or_else(|| zeros(x))).collect())
    }

    /// The points, each with what a node holds there.
    fn found(&self, node: &Node) -> Result<Vec<(Vec<f64>, f64)>, String> {
        let found = self.session.read(std::slice::from_ref(node))?.remove(0).values;
        let at = |i: usize| self.at.iter().map(|x| x.values[i]).collect();
        Ok(found.into_iter().enumerate().map(|(i, y)| (at(i), y)).collect())
    }

    fn values(&self, y: &Node) -> Result<(), String> {
        let tolerance = if self.dtype == DType::F32 { 1e-5 } else { 1e-9 };
        for (at, got) in self.found(y)? {
            let want = (self.oracle)(&at);
            if !want.is_finite() && got.is_finite() && self.dtype == DType::F64 {
                return Err(format!("at {at:?} it is {got:e}, but its oracle is {want}"));
            }
            let wanted = if self.dtype == DType::F32 { f64::from(want as f32) } else { want };
            let near = (got - wanted).abs() <= tolerance * (1.0 + wanted.abs());
            if want.is_finite() && !near && got != wanted {
                return Err(format!("the value at {at:?} is {got:e}, not {want:e}"));
            }
        }
        Ok(())
    }

    fn derivatives(
        &self,
        what: &str,
        node: &Node,
        want: impl Fn(&[f64]) -> Differences,
    ) -> Result<(), String> {
        // On the way to a number so near to the end of the range a factor of 2 may be taken too early.
        let most = if self.dtype == DType::F32 { f32::MAX.into() } else { f64::MAX } / 4.0;
        for (at, got) in self.found(node)? {
            let Differences { value: want, noise } = want(&at);
            if want.is_finite() && noise.is_finite() && want.abs() < most {
                let near = (got - want).abs() <= 1e-4 * (1.0 + want.abs()) + noise;
                if !near {
                    return Err(format!("{what} at {at:?} is {got:e}, not {want:e}"));
                }
            }
        }
        Ok(())
    }

    /// ∂/∂xⱼ by differences of fourth order.
    fn first(&self, at: &[f64], j: usize) -> Differences {
        let f = |steps| (self.oracle)(&moved(at, j, steps));
        let (value, h) = (slope(f), step(at[j]));
        Differences { value: value / h, noise: NOISE * size(f) / h }
    }

    /// ∂²/∂xⱼ∂xₖ by differences of fourth order.
    fn second(&self, at: &[f64], j: usize, k: usize) -> Differences {
        let f = |steps| (self.oracle)(&moved(at, j, steps));
        let (h, other) = (step(at[j]), step(at[k]));
        let value = if j == k {
            (16.0 * (f(1.0) + f(-1.0)) - (f(2.0) + f(-2.0)) - 30.0 * f(0.0)) / 12.0
        } else {
            slope(|steps| {
                let at = moved(at, k, steps);
                slope(|steps| (self.oracle)(&moved(&at, j, steps)))
            })
        };
        Differences { value: value / h / other, noise: NOISE * size(f) / h / other }
    }
}

/// What differences say, and how much of it may be the oracle's rounding.
struct Differences {
    value: f64,
    noise: f64,
}

/// The width of a step.
fn step(x: f64) -> f64 {
    STEP * x.abs().max(1.0)
}

fn moved(at: &[f64], j: usize, steps: f64) -> Vec<f64> {
    let mut at = at.to_vec();
    at[j] += steps * step(at[j]);
    at
}

/// The slope of `f` of a number of steps.
fn slope(f: impl Fn(f64) -> f64) -> f64 {
    (8.0 * (f(1.0) - f(-1.0)) - (f(2.0) - f(-2.0))) / 12.0
}

/// The largest of the numbers that differences were taken of.
fn size(f: impl Fn(f64) -> f64) -> f64 {
    f(2.0).abs().max(f(-2.0).abs()).max(f(0.0).abs())
}

fn zeros(x: &Node) -> Node {
    let expr = Arc::new(Expr::trace(1, |_| vec![Real::constant(0.0)]));
    let p = Pointwise { name: "zeros".into(), expr, vjp: None, constant: None };
    pointwise(p, vec![x.clone()], x.dtype())
}
