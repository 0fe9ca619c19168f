//! `Objective`: what one updater minimises, as compiled steps: forward, loss, gradients, clipping and update are one graph, traced
//! once per shape of the batch; the rate and the step's number are arguments.

use crate::batch::{Batch, Fields, Name};
use crate::faults::{first_bad_op, in_batch};
use crate::measured::Measured;
use crate::optim::{SCALARS, Slots};
use crate::quasi_newton::QuasiNewton;
use crate::task::{Mean, Numbers, Pace};
use crate::updater::Updater;
use gradus_base::{Error, Result};
use gradus_nn::{Context, Parameter};
use gradus_tensor::{Compiled, DType, Plan, Step, Tensor, Variable, compile};
use parking_lot::Mutex;
use std::sync::Arc;

mod finish;
mod trace;

/// From a batch's fields to what is minimised.
pub(crate) type Measure = dyn Fn(&Fields<'_>, &Context<'_>) -> Measured + Send + Sync;
/// The parameters that an updater moves, by path.
pub(crate) type Moves = dyn Fn() -> Vec<(String, Parameter)> + Send + Sync;
pub(crate) type Trace = Box<dyn FnMut(&[Tensor]) -> Step + Send>;

/// A loss and the updater that minimises it over some parameters, compiled.
pub(crate) struct Objective {
    inner: Arc<Inner>,
    train: Compiled<Trace>,
    hold: Compiled<Trace>,
    /// The end of a step that fewer batches came to.
    finish: Compiled<Trace>,
    gradients: Compiled<Trace>,
    /// Where the updater is L-BFGS: its steps.
    quasi_newton: Option<QuasiNewton>,
    /// The optimiser's numbers, in the parameters' type; then the momentum, if a schedule cycles it.
    scalars: Tensor,
    /// The momentum of the next step, if a schedule cycles it.
    momentum: Option<f64>,
    /// (seed, number of the batch), from which random numbers are drawn.
    key: Tensor,
    /// What each number of the last step weighs, where that is not one for each sample.
    units: Option<Vec<f64>>,
    /// What is watched in steps, by path, as it was in the last one.
    seen: Vec<(String, Tensor)>,
    seed: u64,
    step: u64,
    micro: usize,
    /// The counters when the step began that may be undone, and what is held of before it.
    began: (u64, usize),
    held: Vec<(Variable, Tensor)>,
}

/// What tracing a step reads and writes.
pub(crate) struct Inner {
    pub(crate) updater: Updater,
    /// What is minimised, in messages: `the loss cross_entropy`.
    called: String,
    measure: Box<Measure>,
    moves: Box<Moves>,
    pub(crate) traced: Mutex<Traced>,
}

#[derive(Default)]
pub(crate) struct Traced {
    pub(crate) slots: Slots,
    /// The names of the fields of the batches that steps are traced for.
    fields: Vec<Name>,
    /// The names of the numbers that a step reads.
    pub(crate) numbers: Vec<Name>,
    /// Whether it reads before them what is minimised, which is not the loss that is reported.
    apart: bool,
    /// Whether it reads after them what each of them weighs.
    weighed: bool,
    /// What a look of L-BFGS writes beside its own state.
    pub(crate) writes: Vec<Variable>,
    pub(crate) unreached: Vec<String>,
    /// The paths of what a look at gradients reads.
    reached: Vec<String>,
    /// The paths that are to be watched, and those that the step traced last reads after its numbers.
    watch: Vec<String>,
    watched: Vec<String>,
}

impl Objective {
    pub(crate) fn new(
        updater: Updater,
        called: String,
        measure: Box<Measure>,
        moves: Box<Moves>,
        seed: u64,
    ) -> Objective {
        let dtype = moves().first().map_or(DType::F32, |(_, p)| p.variable().dtype());
        let scalars = match dtype {
            DType::F64 => Tensor::from([0f64; SCALARS]),
            _ => Tensor::from([0f32; SCALARS]),
        };
        let again = updater.recompute;
        let inner = Arc::new(Inner { updater, called, measure, moves, traced: Mutex::default() });
        let tracer = |f: fn(&Inner, &[Tensor]) -> Step| -> Compiled<Trace> {
            let inner = inner.clone();
            compile(Box::new(move |args: &[Tensor]| f(&inner, args)) as Trace)
        };
        let step = |f| tracer(f).recompute(again).stop_unless_finite(true);
        Objective {
            train: step(|inner, args| inner.step(args, true)),
            hold: step(|inner, args| inner.step(args, false)),
            finish: tracer(Inner::finish),
            gradients: tracer(Inner::look),
            quasi_newton: QuasiNewton::of(&inner),
            inner,
            scalars,
            momentum: None,
            key: Tensor::from([0i64, 0]),
            units: None,
            seen: vec![],
            seed,
            step: 0,
            micro: 0,
            began: (0, 0),
            held: vec![],
        }
    }

    pub(crate) fn updater(&self) -> &Updater {
        &self.inner.updater
    }
    /// What a run that goes on must have as it began.
    pub(crate) fn terms(&self) -> Vec<(String, String)> {
        let mut all = self.inner.updater.terms();
        all.push(("seed".into(), self.seed.to_string()));
        all
    }
    /// (steps taken, batches accumulated since).
    pub(crate) fn counters(&self) -> (u64, usize) {
        (self.step, self.micro)
    }
    pub(crate) fn set_counters(&mut self, (step, micro): (u64, usize)) {
        (self.step, self.micro) = (step, micro);
    }
    /// The updater's state, by path.
    pub(crate) fn slots(&self) -> Vec<(String, Variable)> {
        self.inner.traced.lock().slots.named()
    }
    /// The same, whose steps can be undone.
    pub(crate) fn undoable(self) -> Objective {
        let (train, hold) = (self.train.undoable(true), self.hold.undoable(true));
        Objective { train, hold, finish: self.finish.undoable(true), ..self }
    }
    /// A step begins that may be undone.
    pub(crate) fn begin(&mut self) {
        self.began = self.counters();
        // Steps of L-BFGS are many runs: what they write is held, and they write to copies.
        self.held.clear();
        if self.quasi_newton.is_some() {
            let moved = self.moves().into_iter().map(|(_, p)| p.variable().clone());
            let all = moved.chain(self.slots().into_iter().map(|(_, slot)| slot));
            let all: Vec<Variable> = all.chain(self.inner.traced.lock().writes.clone()).collect();
            self.held.extend(all.into_iter().map(|v| (v.clone(), v.value())));
        }
    }
    /// Undoes the step taken since, of which this was the last.
    pub(crate) fn undo(&mut self) -> Result<()> {
        let applied = self.counters().1 == 0;
        self.set_counters(self.began);
        for (variable, value) in self.held.drain(..) {
            variable.set(&value)?;
        }
        if self.quasi_newton.is_none() {
            let undone = if applied { self.train.undo() } else { self.hold.undo() };
            assert!(undone, "a step that was taken can be undone");
        }
        Ok(())
    }
    /// The random key of the last step.
    pub(crate) fn key(&self) -> &Tensor {
        &self.key
    }
    pub(crate) fn unreached(&self) -> Vec<String> {
        self.inner.traced.lock().unreached.clone()
    }
    /// Steps keep the outputs of the layers at these paths, or what layers show there; empty for none.
    pub(crate) fn watch(&mut self, paths: Vec<String>) {
        self.inner.traced.lock().watch = paths;
        self.seen.clear();
        self.retrace();
    }
    /// What was watched in the last step, by path.
    pub(crate) fn seen(&self) -> &[(String, Tensor)] {
        &self.seen
    }
    /// The names of the numbers that the step traced last reads.
    pub(crate) fn number_names(&self) -> Vec<Name> {
        self.inner.traced.lock().numbers.clone()
    }
    pub(crate) fn moves(&self) -> Vec<(String, Parameter)> {
        (self.inner.moves)()
    }

    /// Plans the training step anew: for after parameters were frozen or unfrozen.
    pub(crate) fn retrace(&mut self) {
        self.train.retrace();
        self.hold.retrace();
        self.finish.retrace();
        self.gradients.retrace();
        self.quasi_newton.iter_mut().for_each(QuasiNewton::retrace);
    }

    /// Steps are traced for fields of these names from now on.
    fn expect(&mut self, names: &[Name]) {
        if self.inner.traced.lock().fields != names {
            self.inner.traced.lock().fields = names.to_vec();
            self.retrace();
        }
    }

    /// Plans the training step for batches like this at this pace.
    pub(crate) fn prepare_on(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<()> {
        self.keep_pace(pace)?;
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        self.prepare(batch.names(), &fields).map(|_| ())
    }
    /// Takes up the momentum of the next step.
    pub(crate) fn keep_pace(&mut self, pace: &Pace<'_>) -> Result<()> {
        let base = self.inner.updater.learning_rate();
        if !(base.is_finite() && base > 0.0) {
            let what = format!(
                "found {base} as the rate of {}, expected a finite number above 0",
                self.inner.updater.name()
            );
            return Err(Error::value("learning rate", what));
        }
        let schedule = self.inner.updater.schedule.as_ref().unwrap_or(pace.schedule);
        self.set_momentum(schedule.momentum(self.step))
    }

    /// Plans the training step for batches of these fields.
    pub(crate) fn prepare(&mut self, names: &[Name], fields: &[&Tensor]) -> Result<&Plan> {
        self.expect(names);
        if let Some(quasi_newton) = &mut self.quasi_newton {
            let args = fields.iter().copied().chain([&self.key]);
            return quasi_newton.plan(&args.map(|t| t.node().meta()).collect::<Vec<_>>());
        }
        let args = fields.iter().copied().chain([&self.scalars, &self.key]);
        let metas: Vec<_> = args.map(|t| t.node().meta()).collect();
        if self.inner.updater.accumulate > 1 {
            self.hold.plan(&metas)?;
        }
        self.train.plan(&metas)
    }

    /// A picture of the training step.
    pub(crate) fn draw(
        &mut self,
        names: &[Name],
        fields: &[&Tensor],
        updates: bool,
    ) -> gradus_tensor::Drawing {
        self.expect(names);
        let args = fields.iter().copied().chain([&self.scalars, &self.key]);
        let metas: Vec<_> = args.map(|t| t.node().meta()).collect();
        let names: Vec<&str> = names.iter().map(|n| &**n).chain(["rate", "random key"]).collect();
        self.train.draw(&metas, &names, updates)
    }

    /// One step at a rate on these fields, or the adding up of their gradients; gives the numbers to `take`. A batch whose loss is
    /// not finite changes nothing that is learned; it counts as a step, and its other numbers are NaN.
    pub(crate) fn step<R>(
        &mut self,
        names: &[Name],
        fields: &[&Tensor],
        rate: f64,
        take: impl FnOnce(&mut dyn Iterator<Item = f64>) -> R,
    ) -> Result<R> {
        self.expect(names);
        require_rate(rate)?;
        if let Some(quasi_newton) = &mut self.quasi_newton {
            self.key.refill(&[self.seed as i64, self.step as i64]);
            let numbers = quasi_newton.step(fields, &self.key, rate)?;
            self.step += 1;
            return Ok(take(&mut numbers.into_iter()));
        }
        let last = self.micro + 1 >= self.inner.updater.accumulate;
        self.write_arguments(rate);
        let mut args = [&self.key; ARGUMENTS];
        let used = arguments(&mut args, fields, &[&self.scalars, &self.key]);
        let step = if last { &mut self.train } else { &mut self.hold };
        let out = step.run(&args[..used])?;
        let minimized = out.item(0);
        let whole = minimized.is_finite();
        let (count, first, weighed, watches) = {
            let traced = self.inner.traced.lock();
            let first = usize::from(traced.apart);
            (traced.numbers.len(), first, traced.weighed, !traced.watched.is_empty())
        };
        let value = |i: usize| match (whole, i) {
            (true, i) => out.item(first + i),
            (false, 0) => minimized,
            (false, _) => f64::NAN,
        };
        let past = first + count;
        self.units = weighed.then(|| (past..past + count).map(|i| out.item(i)).collect());
        let taken = take(&mut (0..count).map(value));
        if watches {
            let past = past + if weighed { count } else { 0 };
            let traced = self.inner.traced.lock();
            let seen = traced.watched.iter().zip(past..).filter(|_| whole);
            self.seen = seen.map(|(path, i)| (path.clone(), out.tensor(i))).collect();
        }
        if weighed && !whole {
            self.units = Some(self.weigh_again(fields, count)?);
        }
        match whole {
            true => self.count(),
            false => self.pass()?,
        }
        Ok(taken)
    }

    /// What each number weighs of a batch whose run may have ended before it came to that; of one in which nothing counts it is 0.
    fn weigh_again(&mut self, fields: &[&Tensor], count: usize) -> Result<Vec<f64>> {
        let mut args = [&self.key; ARGUMENTS];
        let used = arguments(&mut args, fields, &[&self.key]);
        let out = self.gradients.run(&args[..used])?;
        Ok((out.len() - count..out.len()).map(|i| out.item(i)).collect())
    }

    /// Counts a batch that changed nothing. If it is the last of a step, the gradients that were added up are not used: they are not
    /// those of the next one.
    pub(crate) fn pass(&mut self) -> Result<()> {
        let accumulate = self.inner.updater.accumulate;
        if accumulate > 1 && self.micro + 1 >= accumulate {
            for (path, sum) in self.slots() {
                if path.ends_with(".accumulated") {
                    sum.set(&sum.value().zeros_like())?;
                }
            }
        }
        self.count();
        Ok(())
    }
    fn count(&mut self) {
        let last = self.micro + 1 >= self.inner.updater.accumulate;
        (self.step, self.micro) =
            if last { (self.step + 1, 0) } else { (self.step, self.micro + 1) };
    }

    /// [`Objective::step`] on a batch, at the rate of its pace. Its numbers weigh `units`, unless it is known what they weigh.
    pub(crate) fn step_on(
        &mut self,
        batch: &Batch,
        units: f64,
        pace: &Pace<'_>,
    ) -> Result<Numbers> {
        let rate = self.rate(pace);
        self.keep_pace(pace)?;
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        let means = self.step(batch.names(), &fields, rate, |numbers| {
            numbers.map(|value| Mean { value, units }).collect()
        });
        let means: Result<Vec<Mean>> = means;
        let mut means = means.map_err(|error| in_batch(error, &batch.fields(), &self.moves()))?;
        for (mean, units) in means.iter_mut().zip(self.units.iter().flatten()) {
            mean.units = *units;
        }
        Ok(Numbers { means, rows: vec![], samples: batch.samples() })
    }

    /// The momentum of the steps to come, in place of the optimiser's own. An argument of the step, as the rate is: only beginning or
    /// ending to give one plans the step anew.
    pub(crate) fn set_momentum(&mut self, momentum: Option<f64>) -> Result<()> {
        if momentum.is_some() && !self.inner.updater.has_momentum() {
            let what = format!(
                "{} has none that changes from step to step; sgd, adam and adamw have",
                self.inner.updater.name()
            );
            return Err(Error::value("momentum", what));
        }
        if momentum.is_some() != self.momentum.is_some() {
            let numbers = vec![0.0; SCALARS + usize::from(momentum.is_some())];
            let dtype = self.scalars.dtype();
            self.scalars = Tensor::from_slice(&numbers, [numbers.len()]).cast(dtype);
        }
        self.momentum = momentum;
        Ok(())
    }

    /// The rate of the next step.
    pub(crate) fn rate(&self, pace: &Pace<'_>) -> f64 {
        let updater = &self.inner.updater;
        pace.rate(updater.learning_rate(), updater.schedule.as_ref(), self.step)
    }

    /// The gradient of what is minimised for every parameter that trains, by path. Nothing is updated; dropout draws as the next
    /// step would.
    pub(crate) fn gradients(
        &mut self,
        names: &[Name],
        fields: &[&Tensor],
    ) -> Result<Vec<(String, Tensor)>> {
        self.expect(names);
        self.write_arguments(self.inner.updater.learning_rate());
        let mut args = [&self.key; ARGUMENTS];
        let used = arguments(&mut args, fields, &[&self.key]);
        let out = self.gradients.run(&args[..used])?;
        let paths = &self.inner.traced.lock().reached;
        Ok(paths.iter().enumerate().map(|(i, path)| (path.clone(), out.tensor(i))).collect())
    }

    /// The first op of a training pass on these fields whose result is not finite.
    pub(crate) fn first_bad_op(
        &mut self,
        names: &[Name],
        fields: &[&Tensor],
    ) -> Result<Option<String>> {
        self.expect(names);
        let mut args = [&self.key; ARGUMENTS];
        let used = arguments(&mut args, fields, &[&self.key]);
        first_bad_op(&mut self.gradients, &args[..used])
    }

    /// Writes the arguments of the next batch.
    fn write_arguments(&mut self, rate: f64) {
        let updater = &self.inner.updater;
        let mut values = [self.momentum.unwrap_or(0.0); SCALARS + 1];
        values[..SCALARS].copy_from_slice(&updater.scalars(self.step + 1, rate));
        let given = self.scalars.len();
        match self.scalars.dtype() {
            DType::F64 => self.scalars.refill(&values[..given]),
            _ => self.scalars.refill(&values.map(|v| v as f32)[..given]),
        }
        let draw = self.step * updater.accumulate as u64 + self.micro as u64;
        self.key.refill(&[self.seed as i64, draw as i64]);
    }
}

/// Refuses a rate that no step can be taken at.
fn require_rate(rate: f64) -> Result<()> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(());
    }
    let what = format!("found {rate} as the rate of a step, expected a finite number, 0 or more");
    Err(Error::value("learning rate", what))
}

/// So many arguments a step may have: a batch's fields, the optimiser's numbers, the random key.
pub(crate) const ARGUMENTS: usize = Batch::MOST + 2;

/// Puts a step's arguments side by side without allocating; gives their number.
pub(crate) fn arguments<'a>(
    args: &mut [&'a Tensor; ARGUMENTS],
    fields: &[&'a Tensor],
    rest: &[&'a Tensor],
) -> usize {
    let all = fields.iter().chain(rest);
    args.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    fields.len() + rest.len()
}
