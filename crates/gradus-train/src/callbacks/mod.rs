//! Callbacks: what happens after each batch and each epoch. A callback is a struct of its own; none is built into the loop.

pub(crate) mod checkpoints;
mod csv;
mod early_stopping;
mod plateau;
pub mod tensorboard;
mod terminate_on_nan;

pub use checkpoints::{Checkpoints, load_checkpoint, save_checkpoint};
pub use csv::CsvLog;
pub use early_stopping::EarlyStopping;
pub use plateau::ReduceOnPlateau;
pub use tensorboard::TensorBoard;
pub use terminate_on_nan::TerminateOnNan;

use crate::Result;
use crate::fit::{BatchEnd, EpochLog, Progress};
use crate::learner::Learner;
use serde_json::Value;
use std::collections::BTreeMap;

/// Whether training goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Continue,
    /// It ends after this, for the reason given.
    Stop(String),
}

/// What a callback sees and may change.
pub struct Moment<'a> {
    /// The learner.
    pub learner: &'a mut Learner,
    /// Where training stands.
    pub progress: &'a mut Progress,
    /// The batch just trained on; `None` after an epoch.
    pub batch: Option<&'a BatchEnd>,
    /// Batches in an epoch.
    pub batches: usize,
    /// Epochs in all.
    pub epochs: u64,
    /// Every callback's state, for checkpoints.
    pub callback_states: &'a BTreeMap<String, Value>,
}

impl Moment<'_> {
    /// The epoch that just ended.
    pub fn epoch(&self) -> Option<&EpochLog> {
        self.progress.history.last()
    }
}

/// Something to do during training.
pub trait Callback {
    /// A name no other callback of the run has.
    fn name(&self) -> &'static str;
    /// After each training step.
    ///
    /// # Errors
    /// What should end training as a failure.
    fn after_batch(&mut self, _moment: &mut Moment<'_>) -> Result<Flow> {
        Ok(Flow::Continue)
    }
    /// After each epoch, its validation included.
    ///
    /// # Errors
    /// What should end training as a failure.
    fn after_epoch(&mut self, _moment: &mut Moment<'_>) -> Result<Flow> {
        Ok(Flow::Continue)
    }
    /// When training ends, also when interrupted.
    ///
    /// # Errors
    /// What should make training a failure.
    fn at_end(&mut self, _moment: &mut Moment<'_>) -> Result<()> {
        Ok(())
    }
    /// What a continued run must know.
    fn state(&self) -> Value {
        Value::Null
    }
    /// Takes up what [`Callback::state`] gave.
    fn restore(&mut self, _state: &Value) {}
}

/// A function as a callback after each epoch.
pub struct Lambda<F>(pub F);

impl<F: FnMut(&mut Moment<'_>) -> Result<Flow>> Callback for Lambda<F> {
    fn name(&self) -> &'static str {
        "lambda"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        (self.0)(moment)
    }
}
