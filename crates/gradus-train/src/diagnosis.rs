//! Diagnosis: what ails a training run, in plain words. A [`Diagnose`] looks inside a few times an epoch and judges at its end.
//!
//! It remarks on dead ReLUs, saturated units, gradients that vanish or explode from layer to layer, a rate too high or too low,
//! and overfitting; each at most once, and none of a run that goes well. What no longer holds at the end is withdrawn.

use crate::Result;
use crate::callbacks::{Callback, Flow, Moment};
use crate::fit::INTERRUPTED;
use crate::learner::Units;
use gradus_tensor::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    memory: Memory,
    /// The epoch, from 1, and the steps taken.
    now: (u64, u64),
    /// The weights before a step, and how many steps were taken by then.
    before: (u64, Vec<(String, Tensor)>),
    flux: Vec<Flux>,
    dead: BTreeMap<String, Vec<bool>>,
    levelled: BTreeMap<String, Vec<f64>>,
    rates: Vec<f64>,
    /// Looks in this epoch.
    seen: usize,
}

/// What a continued run must know.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Memory {
    said: BTreeSet<Ailment>,
    /// What of it no longer holds, and what is seen instead.
    #[serde(default)]
    gone: BTreeMap<Ailment, String>,
    /// The losses of the first batches, and of the last ones.
    first: Vec<f64>,
    recent: VecDeque<f64>,
    /// The mean losses of the first quarter and of the last quarter of the epoch at hand, as sums and counts.
    early: (f64, usize),
    late: (f64, usize),
}

/// A ReLU layer is remarked on when this part of its units is dead.
const DEAD: f64 = 0.4;
/// Layers are remarked on when this part of their outputs is at a level.
const SATURATED: f64 = 0.8;
/// Gradients vanish or explode when the first and the last layer's norms differ by this factor.
const FACTOR: f64 = 1e3;
/// They also explode when a gradient is this many times as large as its weight. In a ReLU network a gradient that grows
/// backwards meets activations that grow forwards, so that the layers' norms alone would not tell.
const HUGE: f64 = 100.0;
/// The rate is too high when the least loss of the last `RECENT` batches is this many times the middle one of the first `FIRST`.
/// A trained model's losses differ much from batch to batch, but not all in one direction. Of losses above `GUESS` ([`Diagnose::hopeless`]), worse than
/// guessing one of 150 classes, `FIRST` in a row will do: they may fall again once the units have died.
const RISEN: f64 = 1.5;
const FIRST: usize = 3;
const RECENT: usize = 10;
const GUESS: f64 = 5.0;
/// The rate is too low when an epoch lowers the loss by less than this part, in steps that move weights by less than `IDLE`.
const FLAT: f64 = 0.02;
const IDLE: f64 = 1e-4;
/// A validation loss has risen when it is this many times the best, at least `PATIENCE` epochs after it.
const WORSE: f64 = 1.1;
const PATIENCE: usize = 3;
/// A loss has fallen, after all, when it is this part of what it was.
const FALLEN: f64 = 0.8;

impl<'a> Diagnose<'a> {
    /// Hands remarks to `say`: `Diagnose::new(|remark| eprintln!("{remark}"))`.
    pub fn new(say: impl FnMut(&Remark) + 'a) -> Diagnose<'a> {
        Diagnose {
            say: Box::new(say),
            show: Box::new(|_| {}),
            withdraw: Box::new(|_| {}),
            looks: 8,
            hopeless: GUESS,
            memory: Memory::default(),
            now: (0, 0),
            before: (0, vec![]),
            flux: vec![],
            dead: BTreeMap::new(),
            levelled: BTreeMap::new(),
            rates: vec![],
            seen: 0,
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
        &self.flux
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
            let (epoch, step) = self.now;
            (self.say)(&Remark { epoch, step, ailment, text });
        }
    }

    fn look(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        let Some(batch) = moment.batch else { return Ok(()) };
        self.seen += 1;
        // Batches whose gradients are only added up move nothing.
        let moved = moment.task.steps() > self.before.0;
        self.flux = flux(moment, batch, if moved { &self.before.1 } else { &[] })?;
        for activity in moment.task.activity(&batch.batch)? {
            match activity.units {
                Units::Rectified(tops) => {
                    let silent =
                        self.dead.entry(activity.path).or_insert_with(|| vec![true; tops.len()]);
                    silent.iter_mut().zip(&tops).for_each(|(dead, &top)| *dead &= top <= 0.0);
                }
                Units::Squashed(part) => {
                    self.levelled.entry(activity.path).or_default().push(part);
                }
            }
        }
        Ok(())
    }

    /// Nothing, if no batch was looked at: a run may go on at the very end of an epoch that was reported before it stopped.
    fn report(&mut self) {
        if self.seen == 0 {
            return; // a run that goes on where only the end of an epoch was missing
        }
        let (epoch, step) = self.now;
        if step == 0 {
            return;
        }
        let rectified = self.dead.iter().map(|(path, silent)| Rectified {
            path: path.clone(),
            dead: silent.iter().filter(|&&dead| dead).count(),
            units: silent.len(),
        });
        let rectified = rectified.collect();
        (self.show)(&Inside { epoch, step, weights: self.flux.clone(), rectified });
    }

    fn judge_units(&mut self) {
        if std::mem::take(&mut self.seen) < 2 {
            // Of a single batch a healthy unit may have nothing to say.
            self.dead.clear();
        }
        let dead = std::mem::take(&mut self.dead).into_iter().map(|(path, units)| {
            let count = units.iter().filter(|&&dead| dead).count();
            (path, count, units.len())
        });
        let worst = dead.max_by(|a, b| (a.1 * b.2).cmp(&(b.1 * a.2)));
        if let Some((path, count, all)) = worst.clone().filter(|w| w.1 as f64 >= DEAD * w.2 as f64)
        {
            let text = format!(
                "{count} of the {all} ReLU units of {path} are dead: they gave zero on every batch looked at, so they no longer \
                 learn. A lower rate, He initialisation or a leaky ReLU may help."
            );
            self.remark(Ailment::DeadUnits, text);
        } else if let Some((path, count, all)) = worst {
            self.gone(Ailment::DeadUnits, || {
                format!("at most {count} of {all} ReLU units of a layer are dead now, in {path}")
            });
        }
        let mean = |parts: Vec<f64>| parts.iter().sum::<f64>() / parts.len() as f64;
        let levelled = std::mem::take(&mut self.levelled).into_iter().map(|(p, v)| (p, mean(v)));
        let worst = levelled.max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((path, part)) = worst.clone().filter(|w| w.1 >= SATURATED) {
            let text = format!(
                "{:.0} % of the outputs of {path} are saturated: its function is flat there and passes no gradient. Smaller \
                 initial weights, normalised inputs or batch norm may help.",
                part * 100.0
            );
            self.remark(Ailment::Saturated, text);
        } else if let Some((path, part)) = worst {
            self.gone(Ailment::Saturated, || {
                format!(
                    "at most {:.0} % of a layer's outputs are saturated now, of {path}",
                    part * 100.0
                )
            });
        }
    }

    fn judge_gradients(&mut self) {
        let [first, .., last] = &self.flux[..] else { return };
        if !(first.gradient.is_finite() && last.gradient > 0.0) {
            return;
        }
        let ratio = first.gradient / last.gradient;
        let (paths, shown) = (
            format!("{} and {}", first.path, last.path),
            format!("{:.1e} against {:.1e}", first.gradient, last.gradient),
        );
        // Behind dead units no gradient arrives; that was said already.
        if ratio < 1.0 / FACTOR && !self.memory.said.contains(&Ailment::DeadUnits) {
            let text = format!(
                "gradients vanish: between {paths} their norms are {shown}, so early layers hardly learn. ReLU, He or Xavier \
                 initialisation, batch norm or residual connections may help."
            );
            self.remark(Ailment::Vanishing, text);
        } else {
            self.gone(Ailment::Vanishing, || {
                format!("the gradients' norms between {paths} are {shown} now")
            });
        }
        self.gone(Ailment::Exploding, || {
            format!("the gradients' norms between {paths} are {shown} now")
        });
        if ratio > FACTOR {
            self.explode(&format!("between {paths} their norms are {shown}"));
        }
        let huge = self.flux.iter().find(|f| f.gradient > HUGE * f.weight);
        if let Some(Flux { path, gradient, weight, .. }) = huge.cloned() {
            self.explode(&format!(
                "that of {path} has norm {gradient:.1e}, {path} itself {weight:.1e}"
            ));
        }
    }

    fn explode(&mut self, seen: &str) {
        let text = format!(
            "gradients explode: {seen}. Smaller initial weights (He, Xavier), batch norm or clipping may help."
        );
        self.remark(Ailment::Exploding, text);
    }

    fn watch_loss(&mut self, loss: f64, moment: &Moment<'_>) {
        let memory = &mut self.memory;
        if memory.first.len() < FIRST {
            memory.first.push(loss);
            memory.first.sort_by(f64::total_cmp);
        }
        memory.recent.push_back(loss);
        if memory.recent.len() > RECENT {
            memory.recent.pop_front();
        }
        let first = memory.first[memory.first.len() / 2];
        let least = |n: usize| {
            let enough = memory.recent.len() >= n;
            let least = memory.recent.iter().rev().take(n).copied().fold(f64::INFINITY, f64::min);
            if enough { least } else { 0.0 }
        };
        let high = RISEN * first.max(f64::MIN_POSITIVE);
        let risen = least(RECENT) > high || least(FIRST) > high.max(self.hopeless);
        let quarter = moment.batches.div_ceil(4);
        let part = match moment.progress.batch {
            b if b <= quarter => Some(&mut memory.early),
            b if b > moment.batches - quarter => Some(&mut memory.late),
            _ => None,
        };
        if let Some((sum, count)) = part {
            (*sum, *count) = (*sum + loss, *count + 1);
        }
        // Before a step has moved anything no rate has a part in a loss.
        let lost = !loss.is_finite() && moment.task.steps_before() > 0;
        if risen || lost {
            let recent = &memory.recent;
            let recent = recent.iter().sum::<f64>() / recent.len() as f64;
            let seen = match lost {
                true => format!("is no longer a number: it was {first:.3} at first and is {loss}"),
                false => format!("rises: it was {first:.3} at first and is about {recent:.3}"),
            };
            let text = format!(
                "the loss {seen} at step {}. The rate {:.1e} may be too high.",
                moment.task.steps(),
                self.rates.last().copied().unwrap_or(f64::NAN)
            );
            self.remark(Ailment::RateTooHigh, text);
        }
    }

    /// Only of an epoch whose rate stayed what it was, as it does not while warming up or at a schedule's end, and of the first:
    /// later a flat loss may be the end.
    fn judge_slowness(&mut self, epoch: u64) {
        let (early, late) = (self.memory.early, self.memory.late);
        (self.memory.early, self.memory.late) = ((0.0, 0), (0.0, 0));
        let rates = std::mem::take(&mut self.rates);
        let [first, .., last] = rates[..] else { return };
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let steady = rates.iter().all(|&rate| rate <= 2.0 * least) && last <= first * 1.01;
        let mut moved: Vec<f64> = self.flux.iter().filter_map(|f| f.update_ratio).collect();
        moved.sort_by(f64::total_cmp);
        let Some(&median) = moved.get(moved.len() / 2) else { return };
        let (early, late) = (early.0 / early.1.max(1) as f64, late.0 / late.1.max(1) as f64);
        // Between small batches the loss differs by chance; where nothing moves at all, that says nothing.
        let noise = if median < IDLE / 100.0 { 5.0 } else { 1.0 };
        let flat = (early - late).abs() < noise * FLAT * early;
        // Dead units or vanishing gradients explain a flat loss better.
        let explained = [Ailment::DeadUnits, Ailment::Vanishing];
        let explained = explained.iter().any(|a| self.memory.said.contains(a));
        if epoch == 1 && !explained && flat && median < IDLE && steady {
            let text = format!(
                "the loss is flat: {early:.4} early in the epoch, {late:.4} late, and a step moves the weights by {median:.0e} of \
                 their size. The rate {last:.1e} may be too low."
            );
            self.remark(Ailment::RateTooLow, text);
        }
    }

    fn judge_generalisation(&mut self, moment: &Moment<'_>) {
        let history = &moment.progress.history;
        let best = history
            .iter()
            .enumerate()
            .filter_map(|(i, log)| Some((i, log, log.val_loss?)))
            .min_by(|a, b| a.2.total_cmp(&b.2));
        let (Some((at, log, best)), Some(now)) = (best, history.last()) else { return };
        let Some(loss) = now.val_loss else { return };
        let late = history.len() > at + PATIENCE;
        if late && loss > WORSE * best && now.loss < log.loss {
            let text = format!(
                "the model overfits: since epoch {} the loss on validation data rose from {best:.4} to {loss:.4}, while that on \
                 training data fell from {:.4} to {:.4}. More data, augmentation, weight decay, dropout or stopping early may help.",
                log.epoch, log.loss, now.loss
            );
            self.remark(Ailment::Overfitting, text);
        } else {
            self.gone(Ailment::Overfitting, || {
                format!("the loss on validation data is {loss:.4} at the end, its best {best:.4}")
            });
        }
    }

    /// A loss that was said to rise, or not to fall, may have fallen since.
    fn judge_fall(&mut self, moment: &Moment<'_>) {
        let history = &moment.progress.history;
        let (Some(first), Some(last)) = (history.first(), history.last()) else { return };
        let began = self.memory.first.get(self.memory.first.len() / 2).copied();
        if let Some(began) = began.filter(|began| last.loss < FALLEN * began) {
            let seen = || format!("the loss, {began:.4} at first, has fallen to {:.4}", last.loss);
            self.gone(Ailment::RateTooHigh, seen);
        }
        if last.loss < FALLEN * first.loss {
            let seen = || {
                format!(
                    "the loss, {:.4} in the first epoch, has fallen to {:.4}",
                    first.loss, last.loss
                )
            };
            self.gone(Ailment::RateTooLow, seen);
        }
    }
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

    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(batch) = moment.batch else { return Ok(Flow::Continue) };
        self.now = (moment.progress.epoch + 1, moment.task.steps());
        self.rates.push(batch.rate);
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
        self.before.1.clear();
        if next.is_multiple_of(every) || next == moment.batches {
            let all = moment.task.parameters();
            let all = all.into_iter().map(|(path, p)| (path, p.variable().value())).collect();
            self.before = (moment.task.steps(), all);
        }
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
