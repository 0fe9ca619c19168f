//! Ends training when a watched number stops improving.

use super::{Callback, Flow, Moment};
use crate::{Result, TrainError};
use gradus_base::Error;
use serde_json::{Value, json};

/// Ends training after `patience` epochs without an improvement of more than `min_delta`.
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    watch: String,
    patience: u64,
    min_delta: f64,
    maximize: bool,
    best: Option<f64>,
    bad: u64,
}

impl EarlyStopping {
    /// Watches a number of the epoch log, such as `val_loss`; accuracies are better when larger.
    pub fn new(watch: &str, patience: u64) -> EarlyStopping {
        let maximize = watch.contains("accuracy");
        EarlyStopping {
            watch: watch.into(),
            patience,
            min_delta: 0.0,
            maximize,
            best: None,
            bad: 0,
        }
    }
    /// Smaller improvements do not count.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> EarlyStopping {
        self.min_delta = delta;
        self
    }
    /// Whether larger is better.
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> EarlyStopping {
        self.maximize = maximize;
        self
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

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "early_stopping"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let value = watched(moment, &self.watch)?;
        let better = self.best.is_none_or(|best| match self.maximize {
            true => value > best + self.min_delta,
            false => value < best - self.min_delta,
        });
        if better {
            (self.best, self.bad) = (Some(value), 0);
            return Ok(Flow::Continue);
        }
        self.bad += 1;
        if self.bad < self.patience {
            return Ok(Flow::Continue);
        }
        let best = self.best.unwrap_or(f64::NAN);
        Ok(Flow::Stop(format!(
            "{} did not improve on {best:.4} for {} epochs",
            self.watch, self.bad
        )))
    }
    fn state(&self) -> Value {
        json!({ "best": self.best, "bad": self.bad })
    }
    fn restore(&mut self, state: &Value) {
        self.best = state["best"].as_f64();
        self.bad = state["bad"].as_u64().unwrap_or(0);
    }
}
