//! Keeps the weights of the best epoch in a file.

use super::best::Best;
use super::{Callback, Flow, Moment};
use crate::{INTERRUPTED, Result, Task, load_weights, save_weights};
use gradus_base::Error;
use gradus_nn::Layer;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Writes the model's weights to a file after each epoch that is the best so far, and brings the best back when training ends.
/// What Keras has as `ModelCheckpoint(save_best_only=True)` and `EarlyStopping(restore_best_weights=True)`.
///
/// ```
/// use gradus_nn::{Init, Sequential, layers::dense};
/// use gradus_tensor::{DType, Tensor};
/// use gradus_train::callbacks::{BestWeights, EarlyStopping};
/// use gradus_train::{Arrays, Fit, Learner, Progress, optim::Sgd};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("best.safetensors");
/// let x = Tensor::randn([64, 2], 1);
/// let labels = x.select(1, 0).gt(0.0).cast(DType::I64);
/// let (train, validation) = Arrays::new(&x, &labels, 8)?.split(0.25, 0)?;
/// let model = Sequential::new([2], &Init::new(0)).add(dense(2));
/// let mut learner = Learner::new(model.into(), Sgd::new(60.0)); // far too high a rate
/// let mut fit = Fit { epochs: 20, ..Fit::default() };
/// fit.callbacks.push(Box::new(EarlyStopping::new("val_loss", 3)));
/// fit.callbacks.push(Box::new(BestWeights::new(&path, "val_loss")));
/// let mut progress = Progress::default();
/// fit.run(&mut learner, &train, Some(&validation), &mut progress)?;
/// let best = progress.best("val_loss", false).unwrap().val_loss.unwrap();
/// assert_eq!(learner.evaluate(&validation)?.loss, best);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BestWeights {
    path: PathBuf,
    best: Best,
    restore_best: bool,
}

impl BestWeights {
    /// Into a safetensors file, that [`load_weights`] reads. Watches a number of the epoch log, such as `val_loss`; losses are better
    /// when smaller, metrics as they say ([`Metric::maximize`](crate::metrics::Metric)). With averages of the weights it is these that
    /// are kept, since they are what is validated.
    pub fn new(path: impl Into<PathBuf>, watch: &str) -> BestWeights {
        BestWeights { path: path.into(), best: Best::new(watch), restore_best: true }
    }
    /// Whether larger is better, whatever the metric says.
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> BestWeights {
        self.best.maximize = Some(maximize);
        self
    }
    /// Whether the model has the best epoch's weights when training has ended, as it does unless told. After an interruption
    /// it has the last ones, with which training goes on; so does a checkpoint that an earlier callback writes.
    #[must_use]
    pub fn restore_best(mut self, restore: bool) -> BestWeights {
        self.restore_best = restore;
        self
    }
}

/// The model whose weights are kept.
fn modelled(task: &dyn Task) -> Result<&Arc<dyn Layer>> {
    let none = || {
        Error::value("best_weights", "this task has no single model whose weights it could keep")
    };
    Ok(task.model().ok_or_else(none)?)
}

impl Callback for BestWeights {
    fn name(&self) -> &'static str {
        "best_weights"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        if self.best.improved(moment)? {
            moment.task.with_averages(|task| save_weights(&self.path, &**modelled(task)?))??;
        }
        Ok(Flow::Continue)
    }
    fn at_end(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        let interrupted = moment.progress.stopped.as_deref() == Some(INTERRUPTED);
        if self.restore_best && self.best.value.is_some() && !interrupted {
            load_weights(&self.path, &**modelled(moment.task)?)?;
        }
        Ok(())
    }
    fn state(&self) -> Value {
        json!(self.best.value)
    }
    fn restore(&mut self, state: &Value) {
        self.best.value = state.as_f64();
    }
}
