//! scan: a cell of the user's own, applied along a sequence.   (c₀, x [T, ..]) -> (c_T, y [T, ..]) with (c_{t+1}, y_t) = cell(c_t, x_t)
//!
//! The cell is traced once, whatever T is, and is a subgraph with a plan of its own. Its gradient is a scan from the other end,
//! whose cell is the gradient of the cell: it computes each step again from what was carried into it.

#[cfg(test)]
pub(crate) mod cases;
mod cpu;
mod gradient;
mod options;
mod reference;
#[cfg(test)]
mod tests;

pub use options::Scan;

use crate::Tensor;
use crate::ops::kernel::expect_i64;
use gradus_base::{Error, Result};
use gradus_graph::{
    self as graph, Backward, Body, Device, Meta, Node, Plain, Rule, Strategy, report,
};
use std::sync::Arc;

/// The body's inputs are what is carried, a step of each sequence, and what is captured; its outputs what is carried on, and what is
/// given. The op's outputs are what is carried in the end, what was given at all steps, and what was carried into each step, which its
/// gradient reads.
#[derive(Clone, Debug)]
struct Scanned {
    body: Body,
    carried: usize,
    sequences: usize,
    steps: usize,
    reverse: bool,
}

impl Scanned {
    /// How many values a step gives.
    fn given(&self) -> usize {
        self.body.outputs().len() - self.carried
    }
    /// Which step is the n-th.
    fn step(&self, n: usize) -> usize {
        if self.reverse { self.steps - 1 - n } else { n }
    }
}

impl Rule for Scanned {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn infer(&self, inputs: &[Meta]) -> Result<Vec<Meta>> {
        for (i, (found, one)) in inputs.iter().zip(self.body.inputs()).enumerate() {
            let walked = (self.carried..self.carried + self.sequences).contains(&i);
            let expected = if walked { stacked(self.steps, *one)? } else { *one };
            if *found != expected {
                let what = format!("input {i} is {found}, expected {expected}");
                return Err(Error::shape("scan", what));
            }
        }
        let made = self.body.outputs();
        let (carried, given) = made.split_at(self.carried);
        let rows = given.iter().chain(carried).map(|one| stacked(self.steps, *one));
        carried.iter().map(|one| Ok(*one)).chain(rows).collect()
    }

    fn grad(&self, backward: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        gradient::gradient(self, backward)
    }

    /// Step after step, each with nodes of its own.
    fn expand(&self, inputs: &[Node]) -> Option<Vec<Node>> {
        let (mut carried, rest) = (inputs[..self.carried].to_vec(), &inputs[self.carried..]);
        let (sequences, captured) = rest.split_at(self.sequences);
        let mut rows: Vec<Vec<Option<Node>>> =
            vec![vec![None; self.steps]; self.given() + self.carried];
        for step in (0..self.steps).map(|n| self.step(n)) {
            let slice = |x: &Node| x.slice(0, step, 1, 1).reshape(x.shape().without(0));
            let mut inputs = carried.clone();
            inputs.extend(sequences.iter().map(slice));
            inputs.extend_from_slice(captured);
            let mut made = self.body.at(&inputs);
            let given = made.split_off(self.carried);
            for (row, value) in rows.iter_mut().zip(given.into_iter().chain(carried)) {
                row[step] = Some(value.reshape(value.shape().inserted(0, 1)));
            }
            carried = made;
        }
        let metas: Vec<Meta> = inputs.iter().map(Node::meta).collect();
        let outputs = self.infer(&metas).ok()?;
        for (row, meta) in rows.into_iter().zip(&outputs[self.carried..]) {
            let row: Vec<Node> = row.into_iter().flatten().collect();
            carried.push(match row.is_empty() {
                true => graph::constant(0.0, *meta),
                false => graph::concat(&row, 0),
            });
        }
        Some(carried)
    }

    fn strategy(&self, device: Device) -> Option<Box<dyn Strategy + '_>> {
        match device {
            Device::Cpu if self.body.runs_on(device) => Some(Box::new(cpu::InRounds(self))),
            Device::Reference if self.body.runs_on(device) => {
                let scanned = self.clone();
                Some(Plain::of(move |x: &[_]| reference::scan(&scanned, x)))
            }
            _ => None,
        }
    }

    fn flops(&self, _inputs: &[Meta], _outputs: &[Meta]) -> u64 {
        self.body.flops() * self.steps as u64
    }
}

/// So many of one, along a new first axis.
fn stacked(steps: usize, one: Meta) -> Result<Meta> {
    let shape = one.shape.try_inserted(0, steps);
    let named = |e: Error| Error::shape("scan", format!("{steps} steps of {one}: {}", e.what));
    Ok(Meta { shape: shape.map_err(named)?, ..one })
}

/// Applies a cell of your own along sequences, whose first axis is time: `cell(carry, x)` gives what is carried on to the next step, and
/// what is given at this one, which is stacked. It is a loop that is planned once, however many steps there are; it has gradients of every
/// order, and it may hold another scan.
///
/// The cell is called once, on tensors without values. What else it reads, weights and other tensors of around it, it captures; what it
/// makes of those alone is computed once and not at every step. So numbers drawn from a [`Key`](crate::Key) of outside are the same at all
/// steps. For others let the cell take a key as a sequence, [`Key::of`](crate::Key::of) a step of `i64 [T, 2]` whose rows are (seed, step).
///
/// **Shape** carry `[..]`, which keeps its shape and type; x `[T, ..]`, of which the cell sees `[..]`; what the cell gives as `[..]` comes
/// as `[T, ..]`. With [`Scan::lengths`] all that is carried and given has N rows.
///
/// # Panics
/// If sequences differ in their number of steps or nothing says it, what is carried changes its shape or type, a length is not `i64 [N]`
/// or not one for each row, or the cell makes a call with an effect.
///
/// ```
/// use gradus_tensor::{Scan, Tensor, grad, scan};
/// let (h, x) = (Tensor::zeros([2]), Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]));
/// let decay = Tensor::from(0.5f32);
/// let ([last], [all]) = scan([&h], [&x], Scan::new(), |[h], [x]| {
///     let next = h * &decay + x;
///     ([next.clone()], [next])
/// });
/// assert_eq!(all.to_vec::<f32>(), [1.0, 2.0, 3.5, 5.0, 6.75, 8.5]);
/// assert_eq!(last.to_vec::<f32>(), [6.75, 8.5]);
/// assert_eq!(grad(&last.sum(..), [&x])[0].select(0, 0).to_vec::<f32>(), [0.25, 0.25]);
/// ```
#[track_caller]
#[doc(alias("foldl", "fori_loop"))]
pub fn scan<const C: usize, const X: usize, const Y: usize>(
    carry: [&Tensor; C],
    xs: [&Tensor; X],
    options: Scan,
    cell: impl FnOnce([Tensor; C], [Tensor; X]) -> ([Tensor; C], [Tensor; Y]),
) -> ([Tensor; C], [Tensor; Y]) {
    let arrays = |carry: &[Tensor], x: &[Tensor]| {
        let (carry, y) = cell(array(carry), array(x));
        (carry.to_vec(), y.to_vec())
    };
    match of_any(&carry, &xs, options, Box::new(arrays)) {
        Ok((carry, ys)) => (array(&carry), array(&ys)),
        Err(e) => {
            report(e);
            let poisoned = Tensor::poisoned();
            (std::array::from_fn(|_| poisoned.clone()), std::array::from_fn(|_| poisoned.clone()))
        }
    }
}

/// As [`scan`], for numbers of tensors that a program does not know when it is compiled.
///
/// **Shape** as [`scan`]; as many are carried on as are carried.
///
/// # Errors
/// Where [`scan`] panics, or the cell carries on more or fewer than it gets; the first mistake in the cell, inside of
/// [`crate::try_build`].
///
/// ```
/// use gradus_tensor::{Scan, Tensor, scan_all};
/// let x = Tensor::from([1.0f32, 2.0, 3.0]);
/// let (carry, ys) = scan_all(&[&Tensor::from(1.0f32)], &[&x], Scan::new(), |c, x| {
///     let product = &c[0] * &x[0];
///     (vec![product.clone()], vec![product])
/// })?;
/// assert_eq!((carry[0].item(), ys[0].to_vec::<f32>()), (6.0, vec![1.0, 2.0, 6.0]));
/// # Ok::<(), gradus_tensor::Error>(())
/// ```
#[track_caller]
pub fn scan_all(
    carry: &[&Tensor],
    xs: &[&Tensor],
    options: Scan,
    cell: impl FnOnce(&[Tensor], &[Tensor]) -> (Vec<Tensor>, Vec<Tensor>),
) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    of_any(carry, xs, options, Box::new(cell))
}

fn array<const N: usize>(tensors: &[Tensor]) -> [Tensor; N] {
    std::array::from_fn(|i| tensors[i].clone())
}

type Cell<'a> = Box<dyn FnOnce(&[Tensor], &[Tensor]) -> (Vec<Tensor>, Vec<Tensor>) + 'a>;

#[track_caller]
fn of_any(
    carry: &[&Tensor],
    xs: &[&Tensor],
    options: Scan,
    cell: Cell<'_>,
) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    let given: Vec<Node> = carry.iter().chain(xs).map(|t| t.0.clone()).collect();
    graph::sound(&given)?;
    let steps = steps_of(xs, options.steps)?;
    let metas: Vec<Meta> = carry.iter().map(|t| t.0.meta()).collect();
    let mut symbols = metas.clone();
    symbols.extend(xs.iter().map(|x| Meta::new(x.shape().without(0), x.dtype())));
    let mut inputs = given;
    if let Some(lengths) = &options.lengths {
        let runs = running(lengths, steps, carry)?;
        symbols.push(Meta::new(lengths.shape(), crate::DType::Bool));
        inputs.push(runs.0);
    }
    let (carried, sequences) = (carry.len(), symbols.len() - carry.len());
    let (body, captured) = Body::trace(&symbols, |symbols| {
        let symbols: Vec<Tensor> = symbols.iter().cloned().map(Tensor).collect();
        let (c, x) = symbols.split_at(carried);
        let (mut next, mut ys) = cell(c, &x[..xs.len()]);
        check_carried(&metas, &next)?;
        if let Some(runs) = x.get(xs.len()) {
            check_rows(&ys, runs)?;
            next = next
                .iter()
                .zip(c)
                .map(|(next, c)| rows(runs, next).select_where(next, c))
                .collect();
            ys = ys.iter().map(|y| rows(runs, y).select_where(y, 0.0)).collect();
        }
        Ok(next.into_iter().chain(ys).map(|t| t.0).collect())
    })?;
    inputs.extend(captured);
    let rule = Scanned { body, carried, sequences, steps, reverse: options.reverse };
    let count = carried + rule.given();
    if count == 0 {
        return Ok((vec![], vec![]));
    }
    let mut outputs: Vec<Tensor> =
        graph::call_all(Arc::new(rule), inputs)?.into_iter().take(count).map(Tensor).collect();
    let ys = outputs.split_off(carried);
    Ok((outputs, ys))
}

/// How many steps all sequences have.
fn steps_of(xs: &[&Tensor], said: Option<usize>) -> Result<usize> {
    let mut steps = said.map(|steps| (steps, "Scan::steps says so".to_owned()));
    for (i, x) in xs.iter().enumerate() {
        let x = x.0.meta();
        let Some(&size) = x.shape.first() else {
            let what = format!("sequence {i} is {x}, expected a first axis, of its steps");
            return Err(Error::shape("scan", what));
        };
        match &steps {
            Some((steps, why)) if *steps != size => {
                let what = format!("sequence {i} is {x}, expected {steps} steps: {why}");
                return Err(Error::shape("scan", what));
            }
            Some(_) => {}
            None => steps = Some((size, format!("sequence {i} is {x}"))),
        }
    }
    let unknown = "there is no sequence, so nothing says how many steps; Scan::steps does";
    steps.map(|(steps, _)| steps).ok_or_else(|| Error::value("scan", unknown))
}

fn check_carried(before: &[Meta], after: &[Tensor]) -> Result<()> {
    if after.len() != before.len() {
        let what = format!("the cell carries {} on, expected {}", after.len(), before.len());
        return Err(Error::value("scan", what));
    }
    for (i, (before, after)) in before.iter().zip(after).enumerate() {
        graph::sound([&after.0])?;
        if after.0.meta() != *before {
            let what = format!(
                "carry {i} is {} after a step, expected {before}, as it was before",
                after.0.meta()
            );
            return Err(Error::shape("scan", what));
        }
    }
    Ok(())
}

/// Which samples run at which step.   [N] -> [T, N]
#[track_caller]
fn running(lengths: &Tensor, steps: usize, carry: &[&Tensor]) -> Result<Tensor> {
    expect_i64("scan", "lengths", lengths)?;
    if lengths.rank() != 1 {
        let what = format!("lengths are {}, expected one axis, of samples", lengths.shape());
        return Err(Error::shape("scan", what));
    }
    let n = lengths.len();
    for (i, c) in carry.iter().enumerate() {
        if c.shape().first() != Some(&n) {
            let what =
                format!("carry {i} is {}, expected {n} rows, one for each length", c.0.meta());
            return Err(Error::shape("scan", what));
        }
    }
    Ok(Tensor::arange(steps).unsqueeze(1).lt(&lengths.unsqueeze(0)))
}

/// Errs unless all that a step gives has a row for each sample.
fn check_rows(ys: &[Tensor], runs: &Tensor) -> Result<()> {
    for (i, y) in ys.iter().enumerate() {
        graph::sound([&y.0])?;
        if y.shape().first() != Some(&runs.len()) {
            let (y, n) = (y.0.meta(), runs.len());
            let what =
                format!("what a step gives, {i}, is {y}, expected {n} rows, one for each length");
            return Err(Error::shape("scan", what));
        }
    }
    Ok(())
}

/// Whether a row runs, beside values of so many axes.
fn rows(runs: &Tensor, like: &Tensor) -> Tensor {
    let mut sizes = vec![1; like.rank()];
    sizes[0] = runs.len();
    runs.reshape(sizes)
}
