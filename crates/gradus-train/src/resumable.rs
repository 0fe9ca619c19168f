//! Training in a folder: what was stopped or killed there goes on when it is run again, to the same bits.

use crate::callbacks::{Callback, Checkpoints, Flow, Moment, load_checkpoint};
use crate::fit::{Fit, INTERRUPTED, Progress};
use crate::source::Source;
use crate::task::{Pace, Task};
use crate::{Result, TrainError};
use gradus_base::Error;
use gradus_io::RunLock;
use std::path::Path;
use std::time::Duration;

/// Seconds after which an epoch that lasts longer is saved within.
const SAVED_EVERY: Duration = Duration::from_secs(30);

impl Fit<'_> {
    /// Trains as [`Fit::run`] does, and keeps all that it needs to go on in `folder`, which one process at a time may work in: after
    /// every epoch, and twice a minute within. Where a run was stopped or killed there, it goes on; one that had ended is given as
    /// it was. Without a folder nothing is kept.
    ///
    /// ```
    /// use gradus_nn::{Init, Sequential, layers::dense};
    /// use gradus_tensor::Tensor;
    /// use gradus_train::{Arrays, Fit, Learner, optim::Sgd};
    /// # let folder = tempfile::tempdir()?;
    /// let data = Arrays::new(&Tensor::randn([8, 2], 1), &Tensor::from([0i64, 1, 0, 1, 0, 1, 0, 1]), 4)?;
    /// let learner = || {
    ///     let model = Sequential::new([2], &Init::new(0)).add(dense(2));
    ///     Learner::new(model.into(), Sgd::new(0.1))
    /// };
    /// let fit = |epochs| Fit { epochs, ..Fit::default() };
    /// fit(2).run_in(Some(folder.path()), &mut learner(), &data, None)?; // stopped after two epochs,
    /// let again = fit(5).run_in(Some(folder.path()), &mut learner(), &data, None)?; // as if never stopped
    /// let whole = fit(5).run_in(None, &mut learner(), &data, None)?;
    /// assert_eq!(again.series("loss"), whole.series("loss"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Fit::run`]; and when the folder is another process's, or holds a run of another task.
    pub fn run_in(
        &mut self,
        folder: Option<&Path>,
        task: &mut dyn Task,
        train: &dyn Source,
        validation: Option<&dyn Source>,
    ) -> Result<Progress> {
        let mut progress = Progress::default();
        let Some(folder) = folder else {
            self.run(task, train, validation, &mut progress)?;
            return Ok(progress);
        };
        let failed =
            |e: std::io::Error| TrainError::Run { path: folder.into(), what: e.to_string() };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let _lock = RunLock::acquire(folder)?;
        gradus_io::remove_leftovers(folder)?;
        let Some(first) = train.from(0, 0).next() else {
            return Err(Error::value("fit", "there are no batches to train on").into());
        };
        task.prepare(&first?, &Pace { schedule: &self.schedule, ..Pace::CONSTANT })?;
        if let Some(newest) = Checkpoints::newest(folder)? {
            let (stood, states) = load_checkpoint(&newest, task)?;
            progress = stood;
            for callback in &mut self.callbacks {
                if let Some(state) = states.get(callback.name()) {
                    callback.restore(state);
                }
            }
        }
        // A run that a callback ended has ended: nothing is left of it but what callbacks do at the end.
        let ended = progress.stopped.clone().filter(|why| why != INTERRUPTED);
        let epochs = self.epochs;
        if ended.is_some() {
            self.epochs = progress.epoch;
        }
        // Saved at the end is what training left, before a callback puts the best weights in its place. A run that has ended is saved.
        if ended.is_none() {
            self.callbacks.insert(0, Box::new(AtEnd(Checkpoints::new(folder))));
            self.callbacks.push(Box::new(Meanwhile(Checkpoints::new(folder).every(SAVED_EVERY))));
        }
        let run = self.run(task, train, validation, &mut progress);
        if ended.is_none() {
            self.callbacks.pop();
            self.callbacks.remove(0);
        }
        self.epochs = epochs;
        progress.stopped = progress.stopped.or(ended);
        run.map(|()| progress)
    }
}

/// Saves at the end of a run.
struct AtEnd(Checkpoints);

impl Callback for AtEnd {
    fn name(&self) -> &'static str {
        "checkpoint_at_end"
    }
    fn at_end(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        self.0.at_end(moment)
    }
}

/// Saves within a run.
struct Meanwhile(Checkpoints);

impl Callback for Meanwhile {
    fn name(&self) -> &'static str {
        "checkpoints"
    }
    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.0.after_batch(moment)
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.0.after_epoch(moment)
    }
}
