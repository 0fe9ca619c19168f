//! Callbacks: what happens after each batch and each epoch. A callback is a struct of its own; none is built into the loop.

mod best;
mod best_weights;
pub(crate) mod checkpoints;
mod csv;
mod early_stopping;
mod plateau;
pub mod tensorboard;
mod terminate_on_nan;
mod unfreezing;

pub use best_weights::BestWeights;
pub use checkpoints::{Checkpoints, load_checkpoint, restore_checkpoint, save_checkpoint};
pub use csv::CsvLog;
pub use early_stopping::EarlyStopping;
pub use plateau::ReduceOnPlateau;
pub use tensorboard::TensorBoard;
pub use terminate_on_nan::TerminateOnNan;
pub use unfreezing::GradualUnfreezing;

use crate::Result;
use crate::batch::Batch;
use crate::fit::{BatchEnd, EpochLog, Progress};
use crate::task::Task;
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
    /// What is trained.
    pub task: &'a mut dyn Task,
    /// Where training stands.
    pub progress: &'a mut Progress,
    /// The batch just trained on; `None` after an epoch.
    pub batch: Option<&'a BatchEnd>,
    /// Batches in an epoch.
    pub batches: usize,
    /// Epochs in all.
    pub epochs: u64,
    /// The other callbacks.
    pub others: Others<'a>,
}

/// The callbacks beside the one that is called: those before it have had their turn, those after it have not.
#[derive(Clone, Copy)]
pub struct Others<'a> {
    pub(crate) before: &'a [Box<dyn Callback + 'a>],
    pub(crate) after: &'a [Box<dyn Callback + 'a>],
}

impl Others<'_> {
    /// What each of them must be told when the run is continued, by name. They are asked only when this is called.
    pub fn states(&self) -> BTreeMap<String, Value> {
        let all = self.before.iter().chain(self.after);
        all.map(|callback| (callback.name().to_owned(), callback.state())).collect()
    }

    /// Returns when what each of them has written is on the medium ([`Callback::sync`]).
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<()> {
        self.before.iter().chain(self.after).try_for_each(|callback| callback.sync())
    }
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
    /// Before the first step of a run, also of one that goes on.
    ///
    /// # Errors
    /// What should end training as a failure.
    fn at_begin(&mut self, _moment: &mut Moment<'_>) -> Result<Flow> {
        Ok(Flow::Continue)
    }
    /// Before each epoch, also before what is left of one that was interrupted.
    ///
    /// # Errors
    /// What should end training as a failure.
    fn before_epoch(&mut self, _moment: &mut Moment<'_>) -> Result<Flow> {
        Ok(Flow::Continue)
    }
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
    /// When a run goes on at the end of an epoch, all of whose batches were trained on before: the last of them.
    fn last_batch(&mut self, _batch: &Batch) {}
    /// Returns when what it has written is on the medium. Called before a checkpoint takes the place of the one before, which knows
    /// less: what is written anew from there on must not be missing when the power goes.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync(&self) -> Result<()> {
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
///
/// ```
/// use gradus_train::callbacks::{Flow, Lambda};
/// use gradus_train::{Fit, Progress};
/// # use gradus_nn::{Init, Sequential, layers::dense};
/// # use gradus_tensor::Tensor;
/// # use gradus_train::{Arrays, Learner, Recipe, optim::Sgd};
/// # let model = Sequential::new([2], &Init::new(0)).add(dense(2));
/// # let mut learner = Learner::new(model.into(), Sgd::new(0.1));
/// # let data = Arrays::new(&Tensor::ones([4, 2]), &Tensor::from([0i64, 1, 0, 1]), 2)?;
/// let mut losses = vec![];
/// let watch = Lambda::new(|moment| {
///     let log = moment.epoch().expect("called after an epoch");
///     losses.push(log.loss);
///     Ok(if log.epoch == 3 { Flow::Stop("three are enough".into()) } else { Flow::Continue })
/// });
/// let mut fit = Fit { epochs: 10, callbacks: vec![Box::new(watch)], ..Fit::default() };
/// fit.run(&mut learner, &data, None, &mut Progress::default())?;
/// drop(fit);
/// assert_eq!(losses.len(), 3);
/// # Ok::<(), gradus_train::TrainError>(())
/// ```
#[doc(alias = "LambdaCallback")]
pub struct Lambda<F>(F);

impl<F: FnMut(&mut Moment<'_>) -> Result<Flow>> Lambda<F> {
    /// Calls `after_epoch` after each epoch.
    pub fn new(after_epoch: F) -> Lambda<F> {
        Lambda(after_epoch)
    }
}

impl<F: FnMut(&mut Moment<'_>) -> Result<Flow>> Callback for Lambda<F> {
    fn name(&self) -> &'static str {
        "lambda"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        (self.0)(moment)
    }
}
