//! The best value so far of a number of the epoch log.

use super::Moment;
use crate::{Result, TrainError};
use gradus_base::Error;

/// A watched number and the best it was.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub(super) watch: String,
    /// Smaller improvements do not count.
    pub(super) min_delta: f64,
    /// Whether larger is better, if not as the metric says.
    pub(super) maximize: Option<bool>,
    pub(super) value: Option<f64>,
}

impl Best {
    pub(super) fn new(watch: &str) -> Best {
        Best { watch: watch.into(), min_delta: 0.0, maximize: None, value: None }
    }

    /// Whether the epoch that just ended is the best so far. What is not finite never is: nothing could beat it.
    pub(super) fn improved(&mut self, moment: &Moment<'_>) -> Result<bool> {
        let value = watched(moment, &self.watch)?;
        let larger = moment.task.larger_is_better(&self.watch);
        let beats = |best| match self.maximize.unwrap_or(larger) {
            true => value > best + self.min_delta,
            false => value < best - self.min_delta,
        };
        let better = value.is_finite() && self.value.is_none_or(beats);
        if better {
            self.value = Some(value);
        }
        Ok(better)
    }
}

/// A number of the epoch that just ended, or an error that names those there are.
pub(super) fn watched(moment: &Moment<'_>, name: &str) -> Result<f64> {
    let log = moment.epoch().expect("called after an epoch");
    log.get(name).ok_or_else(|| {
        let mut there = vec!["loss".to_owned()];
        there.extend(log.metrics.keys().cloned());
        if log.val_loss.is_some() {
            there.push("val_loss".into());
            there.extend(log.val_metrics.keys().map(|m| format!("val_{m}")));
        }
        let what = format!("there is no `{name}` to watch; there are {}", there.join(", "));
        TrainError::Engine(Error::value("callback", what))
    })
}
