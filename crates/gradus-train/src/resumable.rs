//! Training in a folder: what was stopped or killed there goes on when it is run again, to the same bits.

use crate::callbacks::{Callback, Checkpoints, Flow, Moment, restore_checkpoint};
use crate::faults::Told;
use crate::fit::{Fit, INTERRUPTED, Progress};
use crate::source::Source;
use crate::task::{Pace, Task};
use crate::{Result, TrainError};
use gradus_base::Error;
use gradus_io::checkpoint::Checkpoint;
use gradus_io::{Kind, RunLock};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds after which an epoch that lasts longer is saved within.
const SAVED_EVERY: Duration = Duration::from_secs(30);

impl Fit<'_> {
    /// Trains as [`Fit::run`] does, and keeps all that it needs to go on in `folder`, which one process at a time may work in: after
    /// every epoch, and twice a minute within. Where a run was stopped or killed there, it goes on; one that had ended is given as
    /// it was. Without a folder nothing is kept.
    ///
    /// A damaged checkpoint is put aside as `damaged-…` and the one before it taken; [`Progress::remarks`] says so. A run goes on with what
    /// it began with: as many samples and batches in an epoch, the schedule, the optimiser and its rate; only its epochs may be others.
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
    /// As [`Fit::run`]; and when the folder is a file or another process's, holds a run of another task or one that began with something
    /// else, each of which is named, or all its checkpoints are damaged.
    #[track_caller]
    pub fn run_in(
        &mut self,
        folder: Option<&Path>,
        task: &mut dyn Task,
        train: &dyn Source,
        validation: Option<&dyn Source>,
    ) -> Result<Progress> {
        self.all_in(folder, task, train, validation).told()
    }

    fn all_in(
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
        if folder.is_file() {
            let what = "is a file, expected a folder to keep a run in".to_owned();
            return Err(TrainError::Run { path: folder.into(), what });
        }
        std::fs::create_dir_all(folder).map_err(failed)?;
        let _lock = RunLock::acquire(folder)?;
        gradus_io::remove_leftovers(folder)?;
        let Some(first) = train.from(0, 0).next() else {
            return Err(Error::value("fit", "there are no batches to train on").into());
        };
        task.prepare(&first?, &Pace { schedule: &self.schedule, ..Pace::CONSTANT })?;
        progress.terms = self.terms(task, train);
        let mut remarks = vec![];
        if let Some((path, file)) = newest_whole(folder, &mut remarks)? {
            let stood: Progress = file.get("progress")?;
            expect_same(&path, &stood.terms, &progress.terms)?;
            let terms = std::mem::take(&mut progress.terms);
            let (stood, states) = restore_checkpoint(&file, task)?;
            progress = Progress { terms, ..stood };
            for callback in &mut self.callbacks {
                if let Some(state) = states.get(callback.name()) {
                    callback.restore(state);
                }
            }
            if progress.epoch > self.epochs {
                let (done, asked) = (progress.epoch, self.epochs);
                remarks.push(format!(
                    "nothing is left to train: {done} epochs are done, {asked} were asked for"
                ));
            }
        }
        progress.remarks = remarks;
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

    /// What this run begins with.
    fn terms(&self, task: &dyn Task, train: &dyn Source) -> BTreeMap<String, String> {
        let batches = self.limit_batches.unwrap_or(usize::MAX).min(train.batches());
        let own = [
            ("batches in an epoch".to_owned(), batches.to_string()),
            ("samples in an epoch".to_owned(), train.samples().to_string()),
            ("schedule".to_owned(), format!("{:?}", self.schedule)),
        ];
        own.into_iter().chain(task.terms()).collect()
    }
}

/// The newest checkpoint that is whole. Damaged ones are put aside.
fn newest_whole(folder: &Path, remarks: &mut Vec<String>) -> Result<Option<(PathBuf, Checkpoint)>> {
    let mut damaged: Vec<(PathBuf, gradus_io::Error)> = vec![];
    for path in Checkpoints::all(folder)?.into_iter().rev() {
        match Checkpoint::load(&path) {
            Ok(file) => {
                for (path, error) in damaged {
                    remarks.push(format!("{error}; the run goes on from the checkpoint before it"));
                    put_aside(&path);
                }
                return Ok(Some((path, file)));
            }
            Err(error) if error.kind == Kind::Format => damaged.push((path, error)),
            Err(error) => return Err(error.into()),
        }
    }
    let Some((path, error)) = damaged.into_iter().next() else { return Ok(None) };
    let why = error.what;
    let what = format!(
        "no checkpoint of this run is whole, and this is the newest: {why}\n  put back a copy of one, or remove them to begin anew"
    );
    Err(TrainError::Run { path, what })
}

/// Renames a file that is no checkpoint, so that it is not taken for one. If it cannot be renamed, it is met and passed over again.
fn put_aside(path: &Path) {
    if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
        let _ = std::fs::rename(path, path.with_file_name(format!("damaged-{name}")));
    }
}

/// Refuses to go on with a run that began with something else; of an older version it is not known what it began with.
fn expect_same(
    path: &Path,
    began: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Result<()> {
    let of = |all: &BTreeMap<String, String>, name: &str| {
        all.get(name).map_or("none".to_owned(), String::clone)
    };
    let names = began.keys().chain(now.keys().filter(|name| !began.contains_key(*name)));
    let other =
        names.filter(|_| !began.is_empty()).filter(|name| began.get(*name) != now.get(*name));
    let told = other
        .map(|name| format!("\n  {name}: found {}, expected {}", of(now, name), of(began, name)));
    let told: String = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the run began with something else:{told}\n  go on with those, or choose another folder"
    );
    Err(TrainError::Run { path: path.into(), what })
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
