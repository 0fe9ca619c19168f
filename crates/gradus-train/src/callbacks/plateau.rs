//! Lowers the rate when a watched number stops improving.

use super::best::watched;
use super::{Callback, Flow, Moment};
use crate::Result;
use crate::schedule::Plateau;
use serde_json::{Value, json};

/// Multiplies the rate when a number of the epoch log stops improving, by the rules of [`Plateau`].
#[derive(Clone, Debug)]
#[doc(alias = "ReduceLROnPlateau")]
pub struct ReduceOnPlateau {
    watch: String,
    plateau: Plateau,
}

impl ReduceOnPlateau {
    /// Watches a number of the epoch log, such as `val_loss`. Larger is better where the plateau says so or the metric that is
    /// watched ([`Metric::maximize`](crate::metrics::Metric)).
    pub fn new(watch: &str, plateau: Plateau) -> ReduceOnPlateau {
        ReduceOnPlateau { watch: watch.into(), plateau }
    }
}

impl Callback for ReduceOnPlateau {
    fn name(&self) -> &'static str {
        "reduce_on_plateau"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let value = watched(moment, &self.watch)?;
        self.plateau.maximize |= moment.task.larger_is_better(&self.watch);
        let base = moment.task.learning_rate();
        let scale = moment.progress.rate_scale.unwrap_or(1.0);
        moment.progress.rate_scale = Some(self.plateau.observe(value, base * scale) / base);
        Ok(Flow::Continue)
    }
    fn state(&self) -> Value {
        json!(self.plateau.memory())
    }
    fn restore(&mut self, state: &Value) {
        if let Ok(memory) = serde_json::from_value(state.clone()) {
            self.plateau.set_memory(memory);
        }
    }
}
