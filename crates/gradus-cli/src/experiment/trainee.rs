//! What a run trains, whatever that is: what resuming, watching and keeping need to know of it.

use super::Experiment;
use crate::datasets;
use crate::description::Description;
use crate::record::{self, RunRecord, whole_path};
use crate::settings::Settings;
use gradus::data::{Split, named};
use gradus::train::{Source, Task};
use std::path::Path;

/// What a run trains, whatever that is.
pub trait Trainee {
    /// The network, for the file it will be in.
    fn description(&self) -> &Description;
    /// What is trained, step by step.
    fn task(&mut self) -> &mut dyn Task;
    /// Batches of an epoch.
    fn batches_per_epoch(&self, settings: &Settings) -> u64;
    /// What this run learns from.
    fn record(&self, settings: &Settings) -> RunRecord;
    /// Steps of an epoch: each takes several batches if they are accumulated, the last those that are left.
    fn steps_per_epoch(&self, settings: &Settings) -> u64 {
        self.batches_per_epoch(settings).div_ceil(settings.training.accumulate as u64)
    }
}

impl Trainee for Experiment {
    fn description(&self) -> &Description {
        &self.description
    }
    fn task(&mut self) -> &mut dyn Task {
        &mut self.learner
    }
    fn batches_per_epoch(&self, settings: &Settings) -> u64 {
        self.train.batches().min(settings.limit_batches.unwrap_or(usize::MAX)) as u64
    }
    fn record(&self, settings: &Settings) -> RunRecord {
        let is_path = named(&self.data).is_err();
        let is_path = is_path && self.data != datasets::STDIN;
        let data_path = is_path.then(|| whole_path(Path::new(&self.data))).flatten();
        if let Some(begun) = &self.begun {
            return RunRecord { settings: settings.clone(), data_path, ..begun.clone() };
        }
        RunRecord {
            version: record::VERSION,
            settings: settings.clone(),
            model: self.description.clone(),
            data_path,
            split_path: match settings.rule() {
                Ok(Some(Split::File(file))) => whole_path(&file),
                _ => None,
            },
            from: self.beginning.clone(),
        }
    }
}
