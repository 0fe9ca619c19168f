//! L-BFGS on a task: the parameters in a row are one vector; it, its gradient and the history of both are variables, and what moves them
//! are compiled steps. Only the numbers that a line search compares come to the host.

use crate::objective::{ARGUMENTS, Inner, Trace, arguments};
use crate::optim::{LEAST_CURVATURE, Lbfgs, LbfgsPace, Seen, Space};
use crate::updater::Method;
use gradus_base::{Error, Result};
use gradus_nn::{Context, Parameter};
use gradus_tensor::{Compiled, DType, Meta, Plan, Step, Tensor, Variable, compile};
use std::sync::Arc;

/// The compiled parts of a step.
pub(crate) struct QuasiNewton {
    inner: Arc<Inner>,
    lbfgs: Arc<Lbfgs>,
    look: Compiled<Trace>,
    begin: Compiled<Trace>,
    turn: Compiled<Trace>,
    go: Compiled<Trace>,
    /// The paths of the parameters that the state is of.
    moved: Vec<String>,
}

/// The state of one updater.
struct Vectors {
    /// Where the direction begins, the direction, the gradients here and there: `[N]`.
    start: Variable,
    direction: Variable,
    gradient: Variable,
    previous: Variable,
    /// Steps s and the gradient's changes y along them, `[M, N]`, the newest last; 1/(y·s), 0 where there is none yet, `[M]`.
    steps: Variable,
    changes: Variable,
    curvatures: Variable,
    /// y·s/y·y of the newest pair.
    scale: Variable,
    /// Iterations, and the last step along the direction, f64.
    pace: Variable,
}

impl QuasiNewton {
    /// For an objective whose updater is L-BFGS.
    pub(crate) fn of(inner: &Arc<Inner>) -> Option<QuasiNewton> {
        let Method::Lbfgs(lbfgs) = &inner.updater.method else { return None };
        let tracer = |f: fn(&Inner, &[Tensor]) -> Step| -> Compiled<Trace> {
            let inner = inner.clone();
            compile(Box::new(move |args: &[Tensor]| f(&inner, args)) as Trace)
        };
        Some(QuasiNewton {
            lbfgs: lbfgs.clone(),
            look: tracer(look).stop_unless_finite(true),
            begin: tracer(begin),
            turn: tracer(turn),
            go: tracer(go),
            inner: inner.clone(),
            moved: vec![],
        })
    }

    pub(crate) fn retrace(&mut self) {
        [&mut self.look, &mut self.begin, &mut self.turn, &mut self.go]
            .into_iter()
            .for_each(Compiled::retrace);
        if !self.moved.is_empty() {
            self.prepare();
        }
    }

    /// Plans its looks at batches of these shapes and types.
    pub(crate) fn plan(&mut self, metas: &[Meta]) -> Result<&Plan> {
        self.refuse_none()?;
        self.prepare();
        self.look.plan(metas)
    }

    fn refuse_none(&self) -> Result<()> {
        match self.inner.free().is_empty() {
            true => Err(Error::value("lbfgs", "every parameter that it is to move is frozen")),
            false => Ok(()),
        }
    }

    /// Makes the state; anew where it is of other parameters than are free now.
    pub(crate) fn prepare(&mut self) {
        let free: Vec<String> = self.inner.free().into_iter().map(|(path, _)| path).collect();
        if free.is_empty() {
            return;
        }
        if self.moved != free {
            if !self.moved.is_empty() {
                self.inner.traced.lock().slots.forget("lbfgs");
            }
            self.moved = free;
        }
        vectors(&self.inner);
    }

    /// A step of several iterations; gives the numbers before the first.
    pub(crate) fn step(&mut self, fields: &[&Tensor], key: &Tensor, rate: f64) -> Result<Vec<f64>> {
        self.refuse_none()?;
        if self.moved.is_empty() {
            self.prepare();
        }
        let vectors = vectors(&self.inner);
        let kept = vectors.pace.value().to_vec::<f64>();
        let mut pace = LbfgsPace { iterations: kept[0] as u64, step: kept[1] };
        let lbfgs = self.lbfgs.clone();
        let mut space = InGraph { own: self, vectors, fields, key, first: None };
        lbfgs.advance(rate, &mut pace, &mut space)?;
        let kept = Tensor::from([pace.iterations as f64, pace.step]);
        space.vectors.pace.set(&kept)?;
        Ok(space.first.unwrap_or_default())
    }
}

/// A step at work.
struct InGraph<'a> {
    own: &'a mut QuasiNewton,
    vectors: Vectors,
    fields: &'a [&'a Tensor],
    key: &'a Tensor,
    /// The numbers of the first look.
    first: Option<Vec<f64>>,
}

impl Space for InGraph<'_> {
    /// A snapshot of the gradient: the next look writes to another buffer while it is held.
    type Gradient = Tensor;

    fn look(&mut self) -> Result<Seen<Tensor>> {
        let mut args = [self.key; ARGUMENTS];
        let used = arguments(&mut args, self.fields, &[self.key]);
        let out = self.own.look.run(&args[..used])?;
        // What is minimised, three numbers of its gradient, and what is reported.
        let loss = out.item(0);
        // A run that ended there has not come to what is read after it.
        let read = |i: usize| if loss.is_finite() { out.item(i) } else { f64::NAN };
        let [slope, largest, sum] = [1, 2, 3].map(read);
        if self.first.is_none() {
            let reported = (4..out.len()).map(read);
            self.first = Some(reported.collect());
        }
        Ok(Seen { loss, gradient: self.vectors.gradient.value(), slope, largest, sum })
    }

    fn turn(&mut self, gradient: &Tensor, step: Option<f64>) -> Result<(f64, f64)> {
        let out = match step {
            None => self.own.begin.run(&[gradient])?,
            Some(step) => {
                let step = Tensor::full_of((), step, gradient.dtype());
                self.own.turn.run(&[gradient, &step])?
            }
        };
        Ok((out.item(0), out.item(1)))
    }

    fn go(&mut self, step: f64) -> Result<()> {
        let step = Tensor::full_of((), step, self.vectors.direction.dtype());
        self.own.go.run(&[&step]).map(|_| ())
    }
}

/// The updater's state, made when it is first asked for.
fn vectors(inner: &Inner) -> Vectors {
    let free = inner.free();
    let n: usize = free.iter().map(|(_, p)| p.variable().shape().len()).sum();
    let dtype = free.first().map_or(DType::F32, |(_, p)| p.variable().dtype());
    let Method::Lbfgs(lbfgs) = &inner.updater.method else { unreachable!("it is L-BFGS") };
    let pairs = lbfgs.pairs().max(1);
    let mut traced = inner.traced.lock();
    let slots = traced.slots.at("lbfgs");
    let mut row = |name: &str| slots.get_or(name, || Tensor::full_of([n], 0.0, dtype));
    let [start, direction] = ["start", "direction"].map(&mut row);
    let [gradient, previous] = ["gradient", "previous"].map(&mut row);
    let mut table = |name: &str| slots.get_or(name, || Tensor::full_of([pairs, n], 0.0, dtype));
    let [steps, changes] = ["steps", "changes"].map(&mut table);
    let curvatures = slots.get_or("curvatures", || Tensor::full_of([pairs], 0.0, dtype));
    let scale = slots.get_or("scale", || Tensor::full_of((), 1.0, dtype));
    let pace = slots.get_or("pace", || Tensor::from([0.0f64, 0.0]));
    Vectors { start, direction, gradient, previous, steps, changes, curvatures, scale, pace }
}

/// The parameters in a row.
fn in_a_row(free: &[(String, Parameter)]) -> Tensor {
    let flat: Vec<Tensor> = free.iter().map(|(_, p)| flat(&p.tensor())).collect();
    Tensor::concat(&flat.iter().collect::<Vec<_>>(), 0)
}

fn flat(t: &Tensor) -> Tensor {
    t.reshape([t.len()])
}

fn dot(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b).sum(..)
}

/// Forward, loss, gradient. Reads the numbers, the gradient along the direction, its largest element and the sum of all.
fn look(inner: &Inner, args: &[Tensor]) -> Step {
    let [fields @ .., key] = args else { unreachable!("a look has a key") };
    let vectors = vectors(inner);
    let cx = Context::train(key);
    let measured = inner.measured(fields, &cx);
    let slopes = inner.slopes(&measured);
    let of = |(path, p): &(String, Parameter)| {
        let found = slopes.reached.iter().find(|(reached, ..)| reached == path);
        found.map_or_else(|| flat(&p.tensor().zeros_like()), |(_, _, g)| flat(g))
    };
    let row: Vec<Tensor> = inner.free().iter().map(of).collect();
    let gradient = Tensor::concat(&row.iter().collect::<Vec<_>>(), 0);
    let step = Step::new()
        .read(&measured.minimize)
        .read(&dot(&gradient, &vectors.direction.tensor()))
        .read(&gradient.abs().max(..))
        .read(&gradient.abs().sum(..));
    let step = measured.numbers.iter().fold(step, |step, (_, n)| step.read(n));
    let updates = cx.take_updates();
    let mut traced = inner.traced.lock();
    traced.writes = updates.iter().map(|(variable, _)| variable.clone()).collect();
    traced.numbers = measured.numbers.into_iter().map(|(name, _)| name).collect();
    traced.unreached = slopes.unreached;
    step.update(&vectors.gradient, &gradient).updates(updates)
}

/// Down the gradient, at first.
fn begin(inner: &Inner, args: &[Tensor]) -> Step {
    let vectors = vectors(inner);
    turned(inner, &vectors, &args[0], &-&args[0])
}

/// The two-loop recursion, after a step along the direction.
fn turn(inner: &Inner, args: &[Tensor]) -> Step {
    let [g, step] = args else { unreachable!("a turn has both") };
    let v = vectors(inner);
    let pairs = v.steps.shape()[0];
    let moved = v.direction.tensor() * step;
    let change = g - v.previous.tensor();
    let product = dot(&change, &moved);
    let curved = product.gt(LEAST_CURVATURE);
    let keep = |table: &Variable, newest: &Tensor| {
        let old = table.tensor();
        let next = Tensor::concat(&[&old.slice(0, 1..), &newest.unsqueeze(0)], 0);
        Tensor::select_where(&curved, &next, &old)
    };
    let (steps, changes) = (keep(&v.steps, &moved), keep(&v.changes, &change));
    let curvatures = keep(&v.curvatures, &product.recip());
    let scale =
        Tensor::select_where(&curved, &(&product / dot(&change, &change)), &v.scale.tensor());
    let mut q = -g;
    let mut alphas = vec![];
    for i in (0..pairs).rev() {
        let alpha = dot(&steps.select(0, i), &q) * curvatures.select(0, i);
        q -= changes.select(0, i) * &alpha;
        alphas.push(alpha);
    }
    q *= &scale;
    for (i, alpha) in alphas.iter().rev().enumerate() {
        let beta = dot(&changes.select(0, i), &q) * curvatures.select(0, i);
        q += steps.select(0, i) * (alpha - beta);
    }
    turned(inner, &v, g, &q)
        .update(&v.steps, &steps)
        .update(&v.changes, &changes)
        .update(&v.curvatures, &curvatures)
        .update(&v.scale, &scale)
}

/// Takes a direction; it starts where the parameters are.
fn turned(inner: &Inner, v: &Vectors, g: &Tensor, direction: &Tensor) -> Step {
    Step::new()
        .read(&dot(g, direction))
        .read(&direction.abs().max(..))
        .update(&v.direction, direction)
        .update(&v.previous, g)
        .update(&v.start, &in_a_row(&inner.free()))
}

/// Parameters so far along the direction.
fn go(inner: &Inner, args: &[Tensor]) -> Step {
    let v = vectors(inner);
    let there = v.start.tensor() + v.direction.tensor() * &args[0];
    let mut at = 0;
    inner.free().iter().fold(Step::new(), |step, (_, p)| {
        let shape = p.variable().shape();
        let own = there.slice(0, at..at + shape.len()).reshape(shape);
        at += shape.len();
        step.update(p.variable(), &own)
    })
}
