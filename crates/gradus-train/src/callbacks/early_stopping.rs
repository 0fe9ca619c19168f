//! Ends training when a watched number stops improving.

use super::best::Best;
use super::{Callback, Flow, Moment};
use crate::Result;
use serde_json::{Value, json};

/// Ends training after `patience` epochs without an improvement of more than `min_delta`. [`BestWeights`](super::BestWeights)
/// brings the best epoch's weights back.
#[derive(Clone, Debug)]
#[doc(alias = "patience")]
pub struct EarlyStopping {
    best: Best,
    patience: u64,
    bad: u64,
}

impl EarlyStopping {
    /// Watches a number of the epoch log, such as `val_loss`. Losses are better when smaller, metrics as they say
    /// ([`Metric::maximize`](crate::metrics::Metric)); what is not finite is no improvement.
    pub fn new(watch: &str, patience: u64) -> EarlyStopping {
        EarlyStopping { best: Best::new(watch), patience, bad: 0 }
    }
    /// Smaller improvements do not count.
    #[must_use]
    pub fn min_delta(mut self, delta: f64) -> EarlyStopping {
        self.best.min_delta = delta;
        self
    }
    /// Whether larger is better, whatever the metric says.
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> EarlyStopping {
        self.best.maximize = Some(maximize);
        self
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "early_stopping"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        if self.best.improved(moment)? {
            self.bad = 0;
            return Ok(Flow::Continue);
        }
        self.bad += 1;
        if self.bad < self.patience {
            return Ok(Flow::Continue);
        }
        let best = self.best.value.unwrap_or(f64::NAN);
        Ok(Flow::Stop(format!(
            "{} did not improve on {best:.4} for {} epoch{}",
            self.best.watch,
            self.bad,
            if self.bad == 1 { "" } else { "s" }
        )))
    }
    fn state(&self) -> Value {
        json!({ "best": self.best.value, "bad": self.bad })
    }
    fn restore(&mut self, state: &Value) {
        self.best.value = state["best"].as_f64();
        self.bad = state["bad"].as_u64().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::{Others, ReduceOnPlateau};
    use crate::metrics::accuracy;
    use crate::optim::Sgd;
    use crate::schedule::Plateau;
    use crate::{EpochLog, Learner, Progress, Recipe};
    use gradus_nn::{Init, Sequential, layers::dense};

    /// Epochs after which a callback ends training, and the rate's scale, for a number of the log by epoch.
    fn watching(watch: &str, values: &[f64], callback: &mut dyn Callback) -> (Option<usize>, f64) {
        let model = Sequential::new([1], &Init::new(0)).add(dense(2));
        let recipe = Recipe { metrics: vec![accuracy()], ..Recipe::default() };
        let mut learner = Learner::with(model.into(), Box::new(Sgd::new(1.0)), recipe, 0);
        let mut progress = Progress::default();
        let mut stopped = None;
        for (epoch, &value) in (1..).zip(values) {
            let log = EpochLog {
                val_loss: Some(value),
                val_metrics: [("accuracy".to_owned(), value)].into(),
                ..EpochLog::default()
            };
            assert!(log.get(watch).is_some());
            progress.history.push(log);
            let others = Others { before: &[], after: &[] };
            let (task, progress) = (&mut learner, &mut progress);
            let mut moment = Moment { task, progress, batch: None, batches: 1, epochs: 9, others };
            if callback.after_epoch(&mut moment).unwrap() != Flow::Continue {
                stopped = stopped.or(Some(epoch));
            }
        }
        (stopped, progress.rate_scale.unwrap_or(1.0))
    }

    #[test]
    fn what_is_no_number_is_never_the_best() {
        let stops =
            |values: &[f64]| watching("val_loss", values, &mut EarlyStopping::new("val_loss", 2)).0;
        assert_eq!(stops(&[f64::NAN, 3.0, 2.0, 1.0, 0.5]), None);
        assert_eq!(stops(&[f64::NEG_INFINITY, 3.0, 2.0, 1.0, 0.5]), None);
        assert_eq!(stops(&[3.0, f64::NAN, f64::NAN, 2.0]), Some(3));
    }

    /// Both callbacks know from the metric that a larger accuracy is better.
    #[test]
    fn the_metric_says_what_is_better() {
        let (rising, falling) = ([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]);
        let mut plateau = Plateau::new();
        plateau.patience = 1;
        for (watch, better, worse) in
            [("val_accuracy", rising, falling), ("val_loss", falling, rising)]
        {
            for (values, stop, scale) in [(better, None, 1.0), (worse, Some(3), 0.1)] {
                let mut early = EarlyStopping::new(watch, 2);
                assert_eq!(watching(watch, &values, &mut early).0, stop, "{watch} {values:?}");
                let mut reduce = ReduceOnPlateau::new(watch, plateau.clone());
                assert_eq!(watching(watch, &values, &mut reduce).1, scale, "{watch} {values:?}");
            }
        }
        let mut other = EarlyStopping::new("val_accuracy", 2).maximize(false);
        assert_eq!(watching("val_accuracy", &falling, &mut other).0, None);
    }
}
