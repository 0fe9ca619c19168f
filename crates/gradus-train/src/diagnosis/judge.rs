//! What is made of what was seen: remarks, and what no longer holds of them.

use super::memory::Rates;
use super::words::{self, DEAD, FACTOR, HUGE, IDLE, RISEN, SATURATED};
use super::{Ailment, Diagnose, Flux};
use crate::callbacks::Moment;
use gradus_base::words::figure;

/// The rate is too high when the least loss of the last `RECENT` batches is this many times the middle one of the first `FIRST`.
/// A trained model's losses differ much from batch to batch, but not all in one direction. Of losses above `GUESS` ([`Diagnose::hopeless`]), worse than
/// guessing one of 150 classes, `FIRST` in a row will do: they may fall again once the units have died.
const FIRST: usize = 3;
const RECENT: usize = 10;
/// The rate is too low when an epoch lowers the loss by less than this part, in steps that move weights by less than `IDLE`.
const FLAT: f64 = 0.02;
/// A validation loss has risen when it is this many times the best, at least `PATIENCE` epochs after it.
const WORSE: f64 = 1.1;
const PATIENCE: usize = 3;
/// A loss has fallen, after all, when it is this part of what it was.
const FALLEN: f64 = 0.8;

impl Diagnose<'_> {
    pub(super) fn judge_units(&mut self) {
        if std::mem::take(&mut self.memory.seen) < 2 {
            // Of a single batch a healthy unit may have nothing to say.
            self.memory.dead.clear();
        }
        let dead = std::mem::take(&mut self.memory.dead).into_iter().map(|(path, units)| {
            let count = units.iter().filter(|&&dead| dead).count();
            (path, count, units.len())
        });
        let worst = dead.max_by(|a, b| (a.1 * b.2).cmp(&(b.1 * a.2)));
        if let Some((path, count, all)) = worst.clone().filter(|w| w.1 as f64 >= DEAD * w.2 as f64)
        {
            self.remark(Ailment::DeadUnits, words::dead_units(&path, count, all));
        } else if let Some((path, count, all)) = worst {
            self.gone(Ailment::DeadUnits, || {
                format!("at most {count} of {all} ReLU units of a layer are dead now, in {path}")
            });
        }
        let mean = |parts: Vec<f64>| parts.iter().sum::<f64>() / parts.len() as f64;
        let levelled =
            std::mem::take(&mut self.memory.levelled).into_iter().map(|(p, v)| (p, mean(v)));
        let worst = levelled.max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((path, part)) = worst.clone().filter(|w| w.1 >= SATURATED) {
            self.remark(Ailment::Saturated, words::saturated(&path, part));
        } else if let Some((path, part)) = worst {
            self.gone(Ailment::Saturated, || {
                format!(
                    "at most {:.0} % of a layer's outputs are saturated now, of {path}",
                    part * 100.0
                )
            });
        }
    }

    pub(super) fn judge_gradients(&mut self) {
        let [first, .., last] = &self.memory.flux[..] else { return };
        if !(first.gradient.is_finite() && last.gradient > 0.0) {
            return;
        }
        let ratio = first.gradient / last.gradient;
        let (paths, shown) = (
            format!("{} and {}", first.path, last.path),
            format!("{} against {}", figure(first.gradient, 2), figure(last.gradient, 2)),
        );
        // Behind dead units no gradient arrives; that was said already.
        if ratio < 1.0 / FACTOR && !self.memory.said.contains(&Ailment::DeadUnits) {
            self.remark(Ailment::Vanishing, words::vanishing(&paths, &shown));
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
        let huge = self.memory.flux.iter().find(|f| f.gradient > HUGE * f.weight);
        if let Some(Flux { path, gradient, weight, .. }) = huge.cloned() {
            self.explode(&format!(
                "that of {path} has norm {}, {path} itself {}",
                figure(gradient, 2),
                figure(weight, 2)
            ));
        }
    }

    fn explode(&mut self, seen: &str) {
        self.remark(Ailment::Exploding, words::exploding(seen));
    }

    pub(super) fn watch_loss(&mut self, loss: f64, moment: &Moment<'_>) {
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
            let text = words::rate_too_high(&seen, moment.task.steps(), self.memory.rates.last);
            self.remark(Ailment::RateTooHigh, text);
        }
    }

    /// Only of an epoch whose rate stayed what it was, as it does not while warming up or at a schedule's end, and of the first:
    /// later a flat loss may be the end.
    pub(super) fn judge_slowness(&mut self, epoch: u64) {
        let (early, late) = (self.memory.early, self.memory.late);
        (self.memory.early, self.memory.late) = ((0.0, 0), (0.0, 0));
        let rates = std::mem::take(&mut self.memory.rates);
        if rates.count < 2 {
            return;
        }
        let Rates { first, last, least, most, .. } = rates;
        let steady = most <= 2.0 * least && last <= first * 1.01;
        let mut moved: Vec<f64> = self.memory.flux.iter().filter_map(|f| f.update_ratio).collect();
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
            let seen = format!("{early:.4} early in the epoch, {late:.4} late");
            self.remark(Ailment::RateTooLow, words::rate_too_low(&seen, median, last));
        }
    }

    pub(super) fn judge_generalisation(&mut self, moment: &Moment<'_>) {
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
    pub(super) fn judge_fall(&mut self, moment: &Moment<'_>) {
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
