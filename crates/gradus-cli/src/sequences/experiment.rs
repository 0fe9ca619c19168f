//! A system about to be trained, with the description that its file will have.

use crate::description::Description;
use crate::error::Result;
use crate::experiment::{Begin, Trainee};
use crate::record::{self, RunRecord, whole_path};
use crate::run_dir;
use crate::settings::Settings;
use gradus::io::Checkpoint;
use gradus::nn::parameters;
use gradus::sequences::System;
use gradus::train::{Pace, Task, set_weights};
use std::path::Path;

/// A system about to be trained.
pub struct SequenceExperiment {
    /// The system.
    pub system: Box<dyn System>,
    description: Description,
    /// The record of the run that goes on.
    begun: Option<RunRecord>,
    /// How many numbers training adjusts.
    pub parameters: usize,
    /// Batches of all that is trained on.
    batches: usize,
}

impl SequenceExperiment {
    /// Of settings and the data that they name, or of those that a run began with.
    ///
    /// # Errors
    /// When the data cannot be read or are others than the run began with, or the network cannot be built.
    pub fn new(settings: &Settings, begin: &Begin<'_>) -> Result<SequenceExperiment> {
        let record = begin.record();
        let data = found(&settings.data, record);
        let mut system = super::open(settings, &data)?;
        let identity = system.identity();
        let description =
            Description::of_sequences(&settings.model, &settings.data, system.model(), identity);
        if let (Begin::Again { run, .. }, Some(record)) = (begin, record) {
            run_dir::require_same(
                run,
                &record.model.differing_identity(&description),
                "put the data back",
            )?;
        }
        let model = system.task().model().cloned();
        let parameters = model.map_or(0, |model| {
            parameters(&*model).iter().map(|(_, p)| p.variable().shape().len()).sum()
        });
        let all = system.parts().train.batches();
        let batches = all.min(settings.limit_batches.unwrap_or(usize::MAX));
        let schedule = settings.schedule(batches as u64);
        // Planning a step makes the optimiser's state, which a checkpoint is read into.
        let parts = system.parts();
        if let Some(batch) = parts.train.from(0, 0).next() {
            parts.task.prepare(&batch?, &Pace { schedule: &schedule, ..Pace::CONSTANT })?;
        }
        Ok(SequenceExperiment {
            system,
            description,
            begun: record.cloned(),
            parameters,
            batches: all,
        })
    }
}

impl SequenceExperiment {
    /// Takes up the weights of a file.
    ///
    /// # Errors
    /// When they are those of another network.
    pub fn take_up(&mut self, file: &Checkpoint) -> Result<()> {
        match self.system.task().model() {
            Some(model) => Ok(set_weights(&**model, file)?),
            None => Ok(()),
        }
    }
}

/// The data where they are: as they are named, or where they lay when the run began.
fn found(data: &str, record: Option<&RunRecord>) -> String {
    let kept =
        record.and_then(|record| record.data_path.as_ref()).filter(|_| !Path::new(data).exists());
    kept.map_or(data.to_owned(), |path| path.display().to_string())
}

impl Trainee for SequenceExperiment {
    fn description(&self) -> &Description {
        &self.description
    }
    fn task(&mut self) -> &mut dyn Task {
        self.system.task()
    }
    fn batches_per_epoch(&self, settings: &Settings) -> u64 {
        self.batches.min(settings.limit_batches.unwrap_or(usize::MAX)) as u64
    }
    fn record(&self, settings: &Settings) -> RunRecord {
        if let Some(begun) = &self.begun {
            return RunRecord { settings: settings.clone(), ..begun.clone() };
        }
        RunRecord {
            version: record::VERSION,
            settings: settings.clone(),
            model: self.description.clone(),
            data_path: whole_path(Path::new(&settings.data)),
            split_path: None,
            from: None,
        }
    }
}
