//! Diagnosis: what ails a training run, in plain words. A [`Diagnose`] looks inside a few times an epoch and judges at its end.
//!
//! It remarks on dead ReLUs, saturated units, gradients that vanish or explode from layer to layer, a rate too high or too low,
//! and overfitting; each at most once, and none of a run that goes well. What no longer holds at the end is withdrawn.

mod judge;
mod memory;
pub mod words;

use crate::Result;
use crate::callbacks::{Callback, Flow, Moment};
use crate::fit::INTERRUPTED;
use crate::learner::Units;
use gradus_tensor::Tensor;
use memory::Memory;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// What can ail a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ailment {
    /// ReLUs whose output is always zero.
    DeadUnits,
    /// Units that are nearly always at a level of their function.
    Saturated,
    /// Gradients that shrink towards the input.
    Vanishing,
    /// Gradients that grow towards the input.
    Exploding,
    /// The loss rises, or is no number.
    RateTooHigh,
    /// The loss and the weights hardly move.
    RateTooLow,
    /// The validation loss rises while the training loss falls.
    Overfitting,
}

/// A remark on a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remark {
    /// The epoch it was made in, from 1.
    pub epoch: u64,
    /// The steps taken by then.
    pub step: u64,
    /// What it is about.
    pub ailment: Ailment,
    /// What was seen, and what may help.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What was seen inside in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inside {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The steps taken by its end.
    pub step: u64,
    /// Every weight, at the last look.
    pub weights: Vec<Flux>,
    /// Every layer of ReLUs, over all looks.
    pub rectified: Vec<Rectified>,
}

/// A layer of ReLUs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rectified {
    /// Its path.
    pub path: String,
    /// How many of its units gave zero at every look.
    pub dead: usize,
    /// How many there are.
    pub units: usize,
}

/// A layer's weights and what a step does to them, as Euclidean norms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flux {
    /// The path of the weight.
    pub path: String,
    /// The norm of its gradient.
    pub gradient: f64,
    /// The norm of the weight.
    pub weight: f64,
    /// How much a step moved it, as a part of its norm, if that was seen.
    pub update_ratio: Option<f64>,
}

/// A callback that looks inside a few times an epoch and hands its remarks to a function.
pub struct Diagnose<'a> {
    say: Box<dyn FnMut(&Remark) + 'a>,
    show: Box<dyn FnMut(&Inside) + 'a>,
    withdraw: Box<dyn FnMut(&Remark) + 'a>,
    looks: usize,
    hopeless: f64,
    guessing: f64,
    memory: Memory,
    /// The weights before a step, if it is to be looked at.
    before: Vec<(String, Tensor)>,
}

/// A loss worse than that of guessing one of 150 classes: see [`Diagnose::hopeless`].
const GUESS: f64 = 5.0;

impl<'a> Diagnose<'a> {
    /// Hands remarks to `say`: `Diagnose::new(|remark| eprintln!("{remark}"))`.
    pub fn new(say: impl FnMut(&Remark) + 'a) -> Diagnose<'a> {
        Diagnose {
            say: Box::new(say),
            show: Box::new(|_| {}),
            withdraw: Box::new(|_| {}),
            looks: 8,
            hopeless: GUESS,
            guessing: f64::INFINITY,
            memory: Memory::default(),
            before: vec![],
        }
    }

    /// How often to look inside in an epoch, 8 times unless said otherwise. A look costs about as much as two steps.
    #[must_use]
    pub fn looks(mut self, looks: usize) -> Diagnose<'a> {
        self.looks = looks.max(1);
        self
    }

    /// The loss that is worse than any guess: once a few batches in a row are above it and have risen, the rate is blamed without waiting
    /// for more. That of cross-entropy unless said otherwise; infinity where no loss tells, as of numbers, which a network may miss
    /// by any length before its first steps.
    #[must_use]
    pub fn hopeless(mut self, loss: f64) -> Diagnose<'a> {
        self.hopeless = loss;
        self
    }

    /// What guessing costs, infinity unless said otherwise: as long as the loss is no lower, nothing that was remarked is withdrawn.
    #[must_use]
    pub fn guessing(mut self, loss: f64) -> Diagnose<'a> {
        self.guessing = loss;
        self
    }

    /// Also hands over what was seen, after each epoch: gradient norms, update ratios, dead units.
    #[must_use]
    pub fn show(mut self, show: impl FnMut(&Inside) + 'a) -> Diagnose<'a> {
        self.show = Box::new(show);
        self
    }

    /// Also hands over, when training ends, the remarks that were made and no longer hold by then; each says what is seen instead. One
    /// that goes on later judges anew.
    #[must_use]
    pub fn withdraw(mut self, withdraw: impl FnMut(&Remark) + 'a) -> Diagnose<'a> {
        self.withdraw = Box::new(withdraw);
        self
    }

    /// Gradient norms and update ratios per weight, from the last look inside.
    pub fn flux(&self) -> &[Flux] {
        &self.memory.flux
    }

    /// What was said and is not so, as far as is seen now.
    fn gone(&mut self, ailment: Ailment, seen: impl FnOnce() -> String) {
        if self.memory.said.contains(&ailment) {
            self.memory.gone.insert(ailment, seen());
        }
    }

    fn remark(&mut self, ailment: Ailment, text: String) {
        self.memory.gone.remove(&ailment);
        if self.memory.said.insert(ailment) {
            let (epoch, step) = self.memory.now;
            (self.say)(&Remark { epoch, step, ailment, text });
        }
    }

    fn look(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        let Some(batch) = moment.batch else { return Ok(()) };
        self.memory.seen += 1;
        // Batches whose gradients are only added up move nothing.
        let moved = self.memory.before.is_some_and(|before| moment.task.steps() > before);
        self.memory.flux = flux(moment, batch, if moved { &self.before } else { &[] })?;
        for activity in moment.task.activity(&batch.batch)? {
            match activity.units {
                Units::Rectified(tops) => {
                    let dead = &mut self.memory.dead;
                    let silent =
                        dead.entry(activity.path).or_insert_with(|| vec![true; tops.len()]);
                    silent.iter_mut().zip(&tops).for_each(|(dead, &top)| *dead &= top <= 0.0);
                }
                Units::Squashed(part) => {
                    self.memory.levelled.entry(activity.path).or_default().push(part);
                }
            }
        }
        Ok(())
    }

    /// Nothing, if no batch was looked at: a checkpoint of an older version may be of the very end of an epoch.
    fn report(&mut self) {
        let (epoch, step) = self.memory.now;
        if self.memory.seen == 0 || step == 0 {
            return;
        }
        let rectified = self.memory.dead.iter().map(|(path, silent)| Rectified {
            path: path.clone(),
            dead: silent.iter().filter(|&&dead| dead).count(),
            units: silent.len(),
        });
        let rectified = rectified.collect();
        (self.show)(&Inside { epoch, step, weights: self.memory.flux.clone(), rectified });
    }
}

/// The parameters as they are.
fn weights(moment: &Moment<'_>) -> Vec<(String, Tensor)> {
    let all = moment.task.parameters();
    all.into_iter().map(|(path, p)| (path, p.variable().value())).collect()
}

/// Gradient, size and last movement of every weight (biases say little).
fn flux(
    moment: &mut Moment<'_>,
    batch: &crate::fit::BatchEnd,
    before: &[(String, Tensor)],
) -> Result<Vec<Flux>> {
    let gradients: BTreeMap<String, Tensor> =
        moment.task.gradients(&batch.batch)?.into_iter().collect();
    let weights = moment.task.parameters();
    let weights = weights.iter().filter(|(_, p)| p.decays() && p.variable().shape().rank() > 1);
    let flux = |(path, p): &(String, gradus_nn::Parameter)| {
        let now = p.variable().value();
        let weight = now.norm_l2(..).item();
        let old = before.iter().find(|(name, _)| name == path);
        Some(Flux {
            gradient: gradients.get(path)?.norm_l2(..).item(),
            weight,
            update_ratio: old.map(|(_, w)| (&now - w).norm_l2(..).item() / weight.max(1e-30)),
            path: path.clone(),
        })
    };
    Ok(weights.filter_map(flux).collect())
}

impl Callback for Diagnose<'_> {
    fn name(&self) -> &'static str {
        "diagnose"
    }

    fn at_begin(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        // What is to be kept of them is the weights of the checkpoint that was made at that time.
        if self.memory.before.is_some() {
            self.before = weights(moment);
        }
        Ok(Flow::Continue)
    }

    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(batch) = moment.batch else { return Ok(Flow::Continue) };
        self.memory.now = (moment.progress.epoch + 1, moment.task.steps());
        self.memory.rates.add(batch.rate);
        if let Some(loss) = batch.loss() {
            self.watch_loss(loss, moment);
        }
        let every = moment.batches.div_ceil(self.looks).max(1);
        let at = moment.progress.batch;
        if at.is_multiple_of(every) || at == moment.batches {
            self.look(moment)?;
        }
        // The weights before the step that is looked at next.
        let next = at + 1;
        let due = next.is_multiple_of(every) || next == moment.batches;
        self.memory.before = due.then(|| moment.task.steps());
        self.before = if due { weights(moment) } else { vec![] };
        Ok(Flow::Continue)
    }

    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.report();
        self.judge_units();
        self.judge_gradients();
        self.judge_slowness(moment.progress.history.len() as u64);
        self.judge_generalisation(moment);
        self.judge_fall(moment);
        Ok(Flow::Continue)
    }

    fn at_end(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        if moment.progress.stopped.as_deref() == Some(INTERRUPTED) {
            return Ok(()); // it may hold again before the end
        }
        // What has fallen and is still no better than a guess is not well.
        if !moment.progress.history.last().is_some_and(|last| last.loss < self.guessing) {
            return Ok(());
        }
        let (epoch, step) = (moment.progress.epoch, moment.task.steps());
        for (&ailment, text) in &self.memory.gone {
            (self.withdraw)(&Remark { epoch, step, ailment, text: text.clone() });
        }
        Ok(())
    }

    fn state(&self) -> Value {
        json!(self.memory)
    }
    fn restore(&mut self, state: &Value) {
        if let Ok(memory) = serde_json::from_value(state.clone()) {
            self.memory = memory;
        }
    }
}
