//! `Objectives`: a task of losses, each minimised by an updater of its own: networks that play against each other, a picture that is
//! painted, a student with its teacher, a policy.

use crate::batch::{Batch, Fields, Name};
use crate::faults::in_batch;
use crate::forward::Forward;
use crate::learner::{averages, bad_field, bad_parameter, module_state};
use crate::measured::{Measured, scalar};
use crate::objective::Objective;
use crate::task::{Mean, NumberName, Numbers, Pace, Task, other_counters};
use crate::updater::Updater;
use crate::{Result, TrainError};
use gradus_base::Error;
use gradus_nn::{Context, Module, Parameter, parameters};
use gradus_tensor::{Meta, Tensor, Variable, report};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

mod watch;

/// Losses over named modules, each minimised by an updater of its own, on the same batches in the order they were added. Each sees the
/// modules as the ones before it left them. A batch on which one of them fails, or is no finite number, moves nothing.
///
/// ```
/// use gradus_nn::{Init, Layer, Sequential, layers::*};
/// use gradus_tensor::Tensor;
/// use gradus_train::{Arrays, Fit, Objectives, Progress, Updater, optim::Adam};
/// use std::sync::Arc;
/// // Two numbers of one line: its slope is learned by one updater, its height by another.
/// let model = |seed| Arc::new(Sequential::new([1], &Init::new(seed)).add(dense(1)));
/// let (slope, height) = (model(1), model(2));
/// let (a, b) = (slope.clone(), height.clone());
/// let line = move |x: &Tensor, cx: &gradus_nn::Context<'_>| a.forward(x, cx) + b.forward(&x.zeros_like(), cx);
/// let other = line.clone();
/// let mut task = Objectives::new(0)
///     .module("slope", slope)
///     .module("height", height)
///     .minimize("loss", Updater::new(Adam::new(0.1)), &["slope"], move |batch, cx| {
///         (line(&batch["x"], cx) - &batch["t"]).square().into()
///     })
///     .minimize("late", Updater::new(Adam::new(0.1)).every(2), &["height"], move |batch, cx| {
///         (other(&batch["x"], cx) - &batch["t"]).square().into()
///     });
/// let x = Tensor::randn([64, 1], 3);
/// let data = Arrays::new(&x, &(&x * 2.0 + 1.0), 16)?;
/// let mut progress = Progress::default();
/// Fit { epochs: 80, ..Fit::default() }.run(&mut task, &data, None, &mut progress)?;
/// let last = progress.history.last().unwrap();
/// assert!(last.loss < 0.01 && last.get("late").unwrap() < 0.01, "{last:?}");
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
pub struct Objectives {
    seed: u64,
    modules: Vec<(String, Arc<dyn Module>)>,
    parts: Vec<Part>,
    evaluate: Option<Forward>,
    predict: Option<Forward>,
    /// Batches trained on.
    batches: u64,
    /// Evaluations since the last of them.
    evaluations: u64,
    /// What the fields of the batch that was last found to suit all parts are, by name.
    suits: Vec<(Name, Meta)>,
}

/// A loss with its updater.
struct Part {
    name: Name,
    objective: Objective,
}

impl Part {
    fn is_due(&self, batch: u64) -> bool {
        (batch + 1).is_multiple_of(self.objective.updater().every)
    }
}

/// What a continued run must know beside the variables.
#[derive(Serialize, Deserialize)]
struct Counters {
    batches: u64,
    /// (steps, batches accumulated since) of each updater.
    updaters: Vec<(u64, usize)>,
}

impl Objectives {
    /// No loss yet; `seed` is that of the random numbers of steps.
    pub fn new(seed: u64) -> Objectives {
        Objectives {
            seed,
            modules: vec![],
            parts: vec![],
            evaluate: None,
            predict: None,
            batches: 0,
            evaluations: 0,
            suits: vec![],
        }
    }

    /// With a module whose state is part of checkpoints, and whose parameters updaters may move.
    ///
    /// # Panics
    /// If there is a module of that name.
    #[must_use]
    #[track_caller]
    pub fn module(mut self, name: &str, module: Arc<dyn Module>) -> Objectives {
        if self.modules.iter().any(|(n, _)| n == name) {
            refuse(format!("found two modules named {name}, expected a name for each"));
        }
        self.modules.push((name.to_owned(), module));
        self
    }

    /// With a loss that an updater minimises by moving the modules of these names. The loss is called `name` in logs.
    ///
    /// # Panics
    /// If there is no such module, or a loss of that name already.
    #[must_use]
    #[track_caller]
    pub fn minimize(
        mut self,
        name: &'static str,
        updater: Updater,
        modules: &[&str],
        measure: impl Fn(&Fields<'_>, &Context<'_>) -> Measured + Send + Sync + 'static,
    ) -> Objectives {
        if self.parts.iter().any(|p| p.name == name) {
            refuse(format!("found two losses named {name}, expected a name for each"));
        }
        let mut moved: Vec<(String, Arc<dyn Module>)> = vec![];
        for &wanted in modules {
            match self.modules.iter().find(|(n, _)| n == wanted) {
                Some(module) => moved.push(module.clone()),
                None => {
                    let there: Vec<&str> = self.modules.iter().map(|(n, _)| &**n).collect();
                    let there = there.join(", ");
                    refuse(format!(
                        "the loss {name} is to move {wanted}, expected one of the modules {there}"
                    ));
                }
            }
        }
        let moves = move || moved.iter().flat_map(|(n, m)| named(n, &**m)).collect::<Vec<_>>();
        // Each loss draws random numbers of its own.
        let seed = self.seed ^ (self.parts.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let called = format!("the loss {name}");
        let objective = Objective::new(updater, called, Box::new(measure), Box::new(moves), seed);
        // A loss that comes after another one may fail when that one's step is taken.
        if let Some(Part { name, objective }) = self.parts.pop() {
            self.parts.push(Part { name, objective: objective.undoable() });
        }
        self.parts.push(Part { name: name.into(), objective });
        self.suits.clear();
        self
    }

    /// With numbers that an evaluation gives, each the mean of a tensor; unless this is called it gives none.
    #[must_use]
    pub fn evaluate(
        mut self,
        report: impl Fn(&Fields<'_>, &Context<'_>) -> Vec<(Name, Tensor)> + Send + Sync + 'static,
    ) -> Objectives {
        let means = move |fields: &Fields<'_>, cx: &Context<'_>| {
            let each = report(fields, cx).into_iter();
            each.map(|(name, value)| (name, scalar(&value))).collect()
        };
        self.evaluate = Some(Forward::new(Arc::new(means)));
        self
    }

    /// With what the task gives for a batch: see [`Objectives::predict_batch`].
    #[must_use]
    pub fn predict(
        mut self,
        predict: impl Fn(&Fields<'_>, &Context<'_>) -> Tensor + Send + Sync + 'static,
    ) -> Objectives {
        let report =
            move |fields: &Fields<'_>, cx: &Context<'_>| vec![("y".into(), predict(fields, cx))];
        self.predict = Some(Forward::new(Arc::new(report)));
        self
    }

    /// What the task gives for a batch.
    ///
    /// # Errors
    /// When it was not told by [`Objectives::predict`], or the batch does not suit it.
    pub fn predict_batch(&mut self, batch: &Batch) -> Result<Tensor> {
        let key = self.key();
        let Some(predict) = &mut self.predict else {
            return Err(Error::value("predict", "this task was not told what to predict").into());
        };
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        match predict.run(batch.names(), &fields, &key) {
            Ok(out) => Ok(out.tensor(0)),
            Err(error) => Err(in_batch(error, &batch.fields(), &[]).into()),
        }
    }

    /// A key that no step and no other evaluation has: (seed, a number from the end downwards).
    fn key(&mut self) -> Tensor {
        self.evaluations += 1;
        let number = -((self.batches as i64) << 24) - self.evaluations as i64;
        Tensor::from([self.seed as i64, number])
    }

    /// Refuses two updaters over one parameter, and a batch that does not suit all parts, before any part has moved.
    fn check(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<()> {
        batch.check()?;
        for part in &mut self.parts {
            part.objective.keep_pace(pace).map_err(|e| in_loss(e, &part.name))?;
        }
        let fields = || batch.names().iter().zip(batch.tensors());
        let as_before = |((name, meta), (n, t)): (&(Name, Meta), (&Name, &Tensor))| {
            name == n && *meta == t.node().meta()
        };
        if self.suits.len() == batch.names().len() && self.suits.iter().zip(fields()).all(as_before)
        {
            return Ok(());
        }
        if self.parts.is_empty() {
            return Err(Error::value("objectives", "there is no loss to minimise").into());
        }
        let mut owners: Vec<(u64, &str, String)> = vec![];
        for part in &self.parts {
            for (path, p) in part.objective.moves() {
                let id = p.variable().id();
                if let Some((_, owner, first)) = owners.iter().find(|(known, ..)| *known == id) {
                    let what = format!(
                        "{owner} and {} both move {first}: each parameter has one updater",
                        part.name
                    );
                    return Err(Error::value("objectives", what).into());
                }
                owners.push((id, &part.name, path));
            }
        }
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        for part in &mut self.parts {
            let planned = part.objective.prepare(batch.names(), &fields).map(|_| ());
            planned.map_err(|e| of_part(e, &part.name, batch, &part.objective))?;
        }
        self.suits = batch
            .names()
            .iter()
            .cloned()
            .zip(batch.tensors().iter().map(|t| t.node().meta()))
            .collect();
        Ok(())
    }

    /// Steps of all parts that are due, or of none: gives their numbers, which weigh nothing where a part took no step.
    fn step_together(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<Vec<Mean>> {
        let batches = self.batches;
        let due: Vec<usize> =
            (0..self.parts.len()).filter(|&i| self.parts[i].is_due(batches)).collect();
        // Nothing comes after the last one.
        let early = due.split_last().map_or(&[][..], |(_, early)| early);
        early.iter().for_each(|&i| self.parts[i].objective.begin());
        let (mut means, mut stopped_by) = (vec![], None);
        for i in 0..self.parts.len() {
            let part = &mut self.parts[i];
            if stopped_by.is_some() || !due.contains(&i) {
                let none = Mean { value: 0.0, units: 0.0 };
                means.extend(part.objective.number_names().iter().map(|_| none));
                continue;
            }
            match part.objective.step_on(batch, batch.units(), pace) {
                Ok(numbers) => {
                    let finite = numbers.means.first().is_none_or(|loss| loss.value.is_finite());
                    stopped_by = (!finite).then_some(i);
                    means.extend(numbers.means);
                }
                Err(error) => {
                    let error = in_loss(error, &part.name);
                    // The last first: each brings back what it was given.
                    for &moved in early.iter().rev().filter(|&&moved| moved < i) {
                        self.parts[moved].objective.undo()?;
                    }
                    return Err(error);
                }
            }
        }
        if let Some(stopped_by) = stopped_by {
            // As a single loss that is no number it counts as a step, which moved nothing.
            for &i in due.iter().rev().filter(|&&i| i != stopped_by) {
                let objective = &mut self.parts[i].objective;
                if i < stopped_by {
                    objective.undo()?;
                }
                objective.pass()?;
            }
        }
        Ok(means)
    }

    /// The names of the numbers of a part's steps.
    fn part_numbers(part: &Part) -> Vec<NumberName> {
        let mut names = part.objective.number_names();
        match names.first_mut() {
            Some(first) => *first = part.name.clone(),
            None => names.push(part.name.clone()),
        }
        let mut names: Vec<NumberName> = names.into_iter().map(NumberName::smaller).collect();
        names[0].is_loss = true;
        names
    }
}

/// Reports a mistake in building a task, at the line that builds it.
#[track_caller]
fn refuse(what: String) {
    report(Error::value("objectives", what));
}

/// The error with the part and the batch that it is about.
fn of_part(error: Error, part: &str, batch: &Batch, objective: &Objective) -> TrainError {
    in_loss(in_batch(error, &batch.fields(), &objective.moves()), part)
}

/// A module's parameters, their paths below its name.
fn named(name: &str, module: &dyn Module) -> Vec<(String, Parameter)> {
    let below = |(path, p): (String, Parameter)| match &*path {
        "" => (name.to_owned(), p),
        path => (format!("{name}.{path}"), p),
    };
    parameters(module).into_iter().map(below).collect()
}

impl Task for Objectives {
    fn numbers(&self) -> Vec<NumberName> {
        let mut all: Vec<NumberName> = self.parts.iter().flat_map(Self::part_numbers).collect();
        let reported = self.evaluate.iter().flat_map(|evaluate| evaluate.given());
        for name in reported {
            if !all.iter().any(|n| n.name == name) {
                all.push(NumberName::smaller(name));
            }
        }
        all
    }

    fn train_step(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<Numbers> {
        self.check(batch, pace)?;
        let means = self.step_together(batch, pace)?;
        (self.batches, self.evaluations) = (self.batches + 1, 0);
        Ok(Numbers { means, rows: vec![], samples: batch.samples() })
    }

    fn evaluates(&self) -> bool {
        self.evaluate.is_some()
    }
    fn evaluate_step(&mut self, batch: &Batch) -> Result<Numbers> {
        batch.check()?;
        let key = self.key();
        let mut means = vec![];
        let units = batch.units();
        if let Some(evaluate) = &mut self.evaluate {
            let fields: Vec<&Tensor> = batch.tensors().iter().collect();
            let values = match evaluate.run(batch.names(), &fields, &key) {
                Ok(out) => (0..).map_while(|i| (i < out.len()).then(|| out.item(i))).collect(),
                Err(error) => return Err(in_batch(error, &batch.fields(), &[]).into()),
            };
            let values: Vec<f64> = values;
            let found: Vec<(Name, f64)> = evaluate.given().into_iter().zip(values).collect();
            for number in self.numbers() {
                let value = found.iter().find(|(name, _)| *name == number.name);
                let units = if value.is_some() { units } else { 0.0 };
                means.push(Mean { value: value.map_or(0.0, |v| v.1), units });
            }
        }
        Ok(Numbers { means, rows: vec![], samples: batch.samples() })
    }

    fn prepare(&mut self, batch: &Batch, pace: &Pace<'_>) -> Result<()> {
        self.check(batch, pace)
    }

    fn state(&self) -> Vec<(String, Variable)> {
        let modules = self.modules.iter();
        let mut all: Vec<_> = modules.flat_map(|(n, m)| module_state(n, &**m)).collect();
        for part in &self.parts {
            let slots = part.objective.slots().into_iter();
            all.extend(slots.map(|(path, v)| (format!("optimizer.{}.{path}", part.name), v)));
        }
        all
    }

    fn counters(&self) -> Value {
        let updaters = self.parts.iter().map(|p| p.objective.counters()).collect();
        json!(Counters { batches: self.batches, updaters })
    }

    fn set_counters(&mut self, counters: &Value) -> Result<()> {
        let read: Option<Counters> = serde_json::from_value(counters.clone()).ok();
        let suits = read.filter(|c| c.updaters.len() == self.parts.len());
        let expected = format!("batches and the steps of {} updaters", self.parts.len());
        let Counters { batches, updaters } =
            suits.ok_or_else(|| other_counters(counters, &expected))?;
        (self.batches, self.evaluations) = (batches, 0);
        for (part, own) in self.parts.iter_mut().zip(updaters) {
            part.objective.set_counters(own);
        }
        Ok(())
    }

    fn steps(&self) -> u64 {
        self.parts.first().map_or(0, |p| p.objective.counters().0)
    }
    fn open_batches(&self) -> usize {
        self.parts.first().map_or(0, |p| p.objective.counters().1)
    }
    fn finish_step(&mut self, pace: &Pace<'_>) -> Result<()> {
        // All of them or none, as a batch's steps; nothing comes after the last one.
        for i in 0..self.parts.len() {
            if let Err(error) = self.parts[i].objective.finish(pace) {
                self.parts[..i].iter_mut().rev().for_each(|p| p.objective.unfinish());
                return Err(in_loss(error, &self.parts[i].name));
            }
        }
        Ok(())
    }
    fn learning_rate(&self) -> f64 {
        self.parts.first().map_or(0.0, |p| p.objective.updater().learning_rate())
    }
    fn rate(&self, pace: &Pace<'_>, step: u64) -> f64 {
        let own = self.parts.first().and_then(|p| p.objective.updater().schedule.as_ref());
        pace.rate(self.learning_rate(), own, step)
    }
    fn terms(&self) -> Vec<(String, String)> {
        let mut all = vec![];
        for Part { name, objective } in &self.parts {
            let own = objective.terms().into_iter();
            all.extend(own.map(|(term, value)| (format!("{term} of {name}"), value)));
        }
        all
    }
    fn parameters(&self) -> Vec<(String, Parameter)> {
        self.modules.iter().flat_map(|(name, module)| named(name, &**module)).collect()
    }
    fn retrace(&mut self) {
        self.parts.iter_mut().for_each(|p| p.objective.retrace());
        self.suits.clear();
    }
    fn averages(&self) -> Vec<(String, Variable)> {
        self.parts.iter().flat_map(|p| averages(&p.objective)).collect()
    }
    fn gradients(&mut self, batch: &Batch) -> Result<Vec<(String, Tensor)>> {
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        let mut all = vec![];
        for part in &mut self.parts {
            let found = part.objective.gradients(batch.names(), &fields);
            all.extend(found.map_err(|e| of_part(e, &part.name, batch, &part.objective))?);
        }
        Ok(all)
    }
    fn first_not_finite(&mut self, batch: &Batch) -> Result<String> {
        let fields = batch.names().iter().zip(batch.tensors());
        let bad = fields.clone().find_map(|(name, t)| bad_field(&format!("values of {name}"), t));
        if let Some(bad) = bad.or_else(|| bad_parameter(self)) {
            return Ok(bad);
        }
        let fields: Vec<&Tensor> = batch.tensors().iter().collect();
        for part in &mut self.parts {
            if let Some(op) = part.objective.first_bad_op(batch.names(), &fields)? {
                return Ok(format!(
                    "in the loss {} the first op that is not finite is {op}",
                    part.name
                ));
            }
        }
        Ok("every op is finite now".to_owned())
    }
}

/// The error with the loss that it is about.
fn in_loss(mut error: Error, part: &str) -> TrainError {
    error.what += &format!("\n  in the loss {part}");
    error.into()
}
