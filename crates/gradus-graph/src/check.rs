//! Checking: every step of a run against the reference device, on the run's own inputs.
//!
//! A fused step is one step here too, and so is an update. What a step should have computed is
//! worked out in plain arrays from what it read; where the two differ by more than rounding
//! explains, the run ends with an error that names the op.

use crate::build::{call_all, data};
use crate::device::Device;
use crate::mistake::try_build;
use crate::node::Node;
use crate::plan::{Lowered, PlanStep, Work};
use crate::rule::{Effect, Meta, Rule};
use crate::strategy::Epilogue;
use gradus_base::exec::Args;
use gradus_base::{Buffer, DType, Error, Expr, ReduceOp, Result, Shape, View};
use gradus_reference::{Array, Values, pointwise, reduce};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

static ALWAYS: AtomicBool = AtomicBool::new(false);
static SEEN: Mutex<Checked> = Mutex::new(Checked { compared: 0, not: BTreeMap::new() });

/// From now on everything that is planned in this process is checked, as with
/// [`Options::check`](crate::Options).
pub fn check_everything(on: bool) {
    ALWAYS.store(on, Ordering::Relaxed);
}

pub(crate) fn is_on() -> bool {
    ALWAYS.load(Ordering::Relaxed)
}

/// What was checked in this process.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Steps whose values were compared, each as often as it ran.
    pub compared: u64,
    /// By its name, an op that was not, how often, and why.
    pub not: BTreeMap<String, (u64, &'static str)>,
}

/// What was checked in this process so far.
pub fn checked() -> Checked {
    SEEN.lock().clone()
}

/// What a step should compute.
pub(crate) struct Twin {
    what: What,
    /// As which of the step's inputs each is read, and how it lies there.
    inputs: Vec<(usize, DType, View)>,
    outputs: Vec<(DType, View)>,
}

enum What {
    Loop {
        expr: Arc<Expr>,
        compute: DType,
        shape: Shape,
    },
    Reduce {
        expr: Arc<Expr>,
        compute: DType,
        op: ReduceOp,
        shape: Shape,
        reduced: Vec<bool>,
    },
    Call {
        rule: Arc<dyn Rule>,
        epilogue: Option<Epilogue>,
    },
    /// What it packs is compared where it is read.
    Pack,
    /// It is not compared.
    Not(&'static str),
}

impl Twin {
    pub(crate) fn of(step: &Lowered) -> Twin {
        let what = match &step.work {
            Work::Loop { expr, compute } => What::Loop {
                expr: expr.clone(),
                compute: *compute,
                shape: step.outputs[0].view.shape,
            },
            Work::Reduce { expr, compute, op, shape, reduced } => What::Reduce {
                expr: expr.clone(),
                compute: *compute,
                op: *op,
                shape: *shape,
                reduced: reduced.clone(),
            },
            Work::Call { rule, .. } if rule.effect() != Effect::None => {
                What::Not("it reaches outside: it cannot be done twice")
            }
            Work::Call { rule, .. } if !can(rule, step) => {
                What::Not("the reference device has no way to compute it")
            }
            Work::Call { rule, spec } => {
                What::Call { rule: rule.clone(), epilogue: spec.epilogue.clone() }
            }
            Work::Pack(_) => What::Pack,
        };
        let lies = |i: usize| match &step.work {
            Work::Call { spec, .. } => (spec.inputs[i].dtype, spec.inputs[i].view),
            _ => step.inputs[i].typed(),
        };
        let place = |i: usize| {
            let original = step.originals.iter().position(|(of, _)| *of == i);
            original.map_or(i, |n| step.inputs.len() + n)
        };
        let input = |i: usize| {
            let (dtype, view) = lies(i);
            (place(i), dtype, view)
        };
        Twin {
            what,
            inputs: (0..step.inputs.len()).map(input).collect(),
            outputs: step.outputs.iter().map(|o| o.typed()).collect(),
        }
    }

    /// What the step is about to read.
    pub(crate) fn look(&self, args: &Args<'_>) -> Vec<Array> {
        if matches!(self.what, What::Pack | What::Not(_)) {
            return vec![];
        }
        let input = |(i, dtype, view): &(usize, DType, View)| {
            let (bytes, first) = args.input_bytes(*i);
            Array::gather(*dtype, view, bytes, first)
        };
        self.inputs.iter().map(input).collect()
    }

    /// Compares what the step has written with what it should have.
    ///
    /// # Errors
    /// The first value that differs, or what the reference device finds wrong, in words.
    pub(crate) fn compare(
        &self,
        step: &PlanStep,
        read: &[Array],
        args: &Args<'_>,
    ) -> std::result::Result<(), String> {
        match self.what {
            What::Pack => return Ok(()),
            What::Not(why) => {
                let mut seen = SEEN.lock();
                seen.not.entry(step.name.clone()).or_insert((0, why)).0 += 1;
                return Ok(());
            }
            _ => SEEN.lock().compared += 1,
        }
        let says = |e: Error| format!("the reference device does not compute it: {e}");
        let expected = self.expected(read).map_err(says)?;
        for (n, ((dtype, view), expected)) in self.outputs.iter().zip(&expected).enumerate() {
            if view.shape.is_empty() {
                continue;
            }
            let expected = &stored(expected, *dtype);
            let (bytes, first) = args.output_bytes(n);
            let found = Array::gather(*dtype, view, bytes, first);
            let tolerance = self.tolerance(*dtype, read, expected);
            let mut off = differing(&found, expected, &tolerance);
            if !off.is_empty() {
                let slack = self.slack(read, n, expected).map_err(says)?;
                off.retain(|&i| {
                    let gap = (real(&found, i) - real(expected, i)).abs();
                    // NaN is no excuse.
                    gap.is_nan() || gap > tolerance[i] + slack[i]
                });
            }
            if let Some(&at) = off.first() {
                return Err(self.deviation(step, n, [&found, expected], at, off.len()));
            }
        }
        Ok(())
    }

    /// The outputs for these inputs.
    fn expected(&self, read: &[Array]) -> Result<Vec<Array>> {
        Ok(match &self.what {
            What::Loop { expr, compute, shape } => pointwise(expr, *compute, read, *shape),
            What::Reduce { expr, compute, op, shape, reduced } => {
                let values = pointwise(expr, *compute, read, *shape).swap_remove(0);
                vec![reduce(&values, *compute, *op, reduced)]
            }
            What::Call { rule, epilogue } => {
                let own = read.len() - epilogue.as_ref().map_or(0, |e| e.inputs);
                let mut outputs = self.call(rule, &read[..own])?;
                if let Some(e) = epilogue {
                    let mut all = vec![outputs.swap_remove(0)];
                    all.extend_from_slice(&read[own..]);
                    let (dtype, shape) = (self.outputs[0].0.compute(), self.outputs[0].1.shape);
                    outputs = pointwise(&e.expr, dtype, &all, shape);
                }
                outputs
            }
            What::Pack | What::Not(_) => vec![],
        })
    }

    fn call(&self, rule: &Arc<dyn Rule>, read: &[Array]) -> Result<Vec<Array>> {
        let types: Vec<DType> = self.inputs.iter().map(|(_, dtype, _)| *dtype).collect();
        plainly(read, &types, |inputs| call_all(rule.clone(), inputs))
    }

    /// By how much every element may differ from rounding alone. A loop's value is as exact as the largest number that goes into it,
    /// sums are as exact as the largest of their results.
    fn tolerance(&self, dtype: DType, read: &[Array], expected: &Array) -> Vec<f64> {
        let Values::Real(values) = &expected.values else { return vec![0.0; expected.len()] };
        // What is read in f32 is summed in f32 for a while, whatever holds the result.
        let types = self.inputs.iter().map(|(_, dtype, _)| *dtype).chain([dtype]);
        let rounded = types.filter(|d| d.is_float()).map(relative);
        let (each, all) = rounded.fold((0.0, 0.0), |a, b| (f64::max(a.0, b.0), f64::max(a.1, b.1)));
        match self.what {
            What::Loop { shape, .. } => {
                let largest = |i: usize| {
                    let inputs = read.iter().filter(|x| x.shape == shape).map(|x| real(x, i).abs());
                    inputs.filter(|x| x.is_finite()).fold(values[i].abs(), f64::max)
                };
                (0..values.len()).map(|i| each * largest(i)).collect()
            }
            _ => {
                let finite = values.iter().map(|x| x.abs()).filter(|x| x.is_finite());
                vec![all * finite.fold(0.0, f64::max); values.len()]
            }
        }
    }

    /// By how much every element of output `n` moves when the inputs are moved by some roundings: much where terms cancel, or where a
    /// comparison tips over.
    fn slack(&self, read: &[Array], n: usize, expected: &Array) -> Result<Vec<f64>> {
        let mut slack = vec![0.0f64; expected.len()];
        for draw in 0..DRAWS {
            let moved: Vec<Array> = (read.iter().zip(&self.inputs).enumerate())
                .map(|(i, (x, (_, dtype, _)))| moved(x, *dtype, draw * 31 + i as u64))
                .collect();
            let other = self.expected(&moved)?.swap_remove(n);
            for (i, slack) in slack.iter_mut().enumerate() {
                let gap = (real(&other, i) - real(expected, i)).abs();
                *slack = slack.max(if gap.is_nan() { 0.0 } else { SPREAD * gap });
            }
        }
        Ok(slack)
    }

    fn deviation(
        &self,
        step: &PlanStep,
        n: usize,
        [found, expected]: [&Array; 2],
        at: usize,
        count: usize,
    ) -> String {
        let shape = found.shape;
        let inputs: Vec<String> =
            self.inputs.iter().map(|(_, dtype, view)| format!("{dtype} {}", view.shape)).collect();
        let which = if self.outputs.len() > 1 { format!(" {n}") } else { String::new() };
        let how = match &*step.algorithm {
            "" => String::new(),
            algorithm => format!(" by {algorithm}"),
        };
        format!(
            "differs from the reference device: output{which}, {} {shape} from {}, is {}{how} at {:?} and {} there; {count} of {} elements differ by more than rounding",
            self.outputs[n].0,
            inputs.join(" and "),
            real(found, at),
            position(shape, at),
            real(expected, at),
            shape.len()
        )
    }
}

/// What the reference device makes of arrays that are held in these types.
pub(crate) fn plainly(
    read: &[Array],
    types: &[DType],
    build: impl FnOnce(Vec<Node>) -> Result<Vec<Node>>,
) -> Result<Vec<Array>> {
    let node = |(array, &dtype): (&Array, &DType)| {
        data(Meta::new(array.shape, dtype), Arc::new(dense(array, dtype)))
    };
    let outputs = build(read.iter().zip(types).map(node).collect())?;
    let values = Device::Reference.scope(|| unchecked(|| crate::run::read(&outputs, &[])))?;
    let array = |(n, b): (&Node, &Arc<Buffer>)| {
        Array::gather(n.dtype(), &View::dense(n.shape()), b.as_bytes(), 0)
    };
    Ok(outputs.iter().zip(&values).map(array).collect())
}

/// Whether the reference device computes a call.
fn can(rule: &Arc<dyn Rule>, step: &Lowered) -> bool {
    let expands = || try_build(|| rule.expand(step.label.node.inputs()).is_some()).unwrap_or(true);
    rule.strategy(Device::Reference).is_some() || expands()
}

/// How often inputs are moved, and how much farther than that a value may lie.
const DRAWS: u64 = 4;
const SPREAD: f64 = 16.0;

/// What an element of a loop may be off by, relative to the largest number that goes into it; and what an element of a sum may, relative
/// to the largest sum.
fn relative(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (1e-13, 1e-11),
        DType::F16 => (2e-3, 4e-3),
        DType::BF16 => (1.6e-2, 3.2e-2),
        _ => (4e-6, 1e-4),
    }
}

/// The elements by number that are farther from what is expected than they may be.
fn differing(found: &Array, expected: &Array, tolerance: &[f64]) -> Vec<usize> {
    let off = |i: &usize| {
        let (a, b) = (real(found, *i), real(expected, *i));
        let same = a == b || a.is_nan() && b.is_nan();
        let gap = (a - b).abs();
        !same && (gap.is_nan() || gap > tolerance[*i])
    };
    (0..found.len()).filter(off).collect()
}

fn real(array: &Array, i: usize) -> f64 {
    match &array.values {
        Values::Real(v) => v[i],
        Values::Integer(v) => v[i] as f64,
    }
}

fn position(shape: Shape, flat: usize) -> Vec<usize> {
    let mut left = flat;
    let mut at: Vec<usize> =
        shape.iter().rev().map(|&size| (left % size, left /= size).0).collect();
    at.reverse();
    at
}

/// Dense and row-major in memory.
fn dense(array: &Array, dtype: DType) -> Buffer {
    let mut buffer = Buffer::zeroed(array.len() * dtype.size());
    array.scatter(dtype, &View::dense(array.shape), buffer.as_mut_bytes(), 0);
    buffer
}

/// As the type holds it.
fn stored(array: &Array, dtype: DType) -> Array {
    Array::gather(dtype, &View::dense(array.shape), dense(array, dtype).as_bytes(), 0)
}

/// Every number up or down by some roundings, as it falls out.
fn moved(x: &Array, dtype: DType, draw: u64) -> Array {
    let Values::Real(values) = &x.values else { return x.clone() };
    let by = relative(dtype).0 / 8.0;
    let mut state = draw.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let sign = |x: &f64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 1 == 0 { x * (1.0 + by) } else { x * (1.0 - by) }
    };
    Array::new(x.shape, values.iter().map(sign).collect())
}

thread_local! {
    static INSIDE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread works out what a step should compute: that is not checked itself.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

pub(crate) fn unchecked<R>(f: impl FnOnce() -> R) -> R {
    let before = INSIDE.replace(true);
    let result = f();
    INSIDE.set(before);
    result
}
