//! Checkpoints: everything a continued run needs, in one file, written whole or not at all.

use super::{Callback, Flow, Moment};
use crate::fit::Progress;
use crate::task::Task;
use crate::{Result, TrainError};
use gradus_base::{Buffer, Stopwatch};
use gradus_io::NamedArray;
use gradus_io::checkpoint::{Checkpoint, Expected};
use gradus_tensor::{Tensor, Variable};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Saves after every epoch, every so many steps and every so many seconds; keeps the last few files.
#[derive(Debug)]
#[doc(alias("save", "ModelCheckpoint"))]
pub struct Checkpoints {
    folder: PathBuf,
    every_steps: Option<u64>,
    every: Option<Duration>,
    keep: usize,
    last: Stopwatch,
}

const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

impl Checkpoints {
    /// Into `folder`, as `step-00000042.safetensors`, after every epoch and at the end.
    pub fn new(folder: impl Into<PathBuf>) -> Checkpoints {
        Checkpoints {
            folder: folder.into(),
            every_steps: None,
            every: None,
            keep: 2,
            last: Stopwatch::start(),
        }
    }
    /// Also every `steps` steps.
    #[must_use]
    pub fn every_steps(mut self, steps: u64) -> Checkpoints {
        self.every_steps = Some(steps.max(1));
        self
    }
    /// Also when so much time has passed since the last.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Checkpoints {
        self.every = Some(time);
        self
    }
    /// How many files to keep.
    #[must_use]
    pub fn keep(mut self, files: usize) -> Checkpoints {
        self.keep = files.max(1);
        self
    }

    /// The checkpoints of a folder, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn all(folder: &Path) -> Result<Vec<PathBuf>> {
        list(folder)
    }

    /// The newest checkpoint of a folder, if there is one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(folder: &Path) -> Result<Option<PathBuf>> {
        Ok(list(folder)?.pop())
    }

    fn save(&mut self, moment: &Moment<'_>) -> Result<()> {
        moment.others.sync()?;
        let name = format!("{PREFIX}{:08}{SUFFIX}", moment.task.steps());
        save_checkpoint(
            &self.folder.join(name),
            moment.task,
            moment.progress,
            &moment.others.states(),
        )?;
        self.last = Stopwatch::start();
        let files = list(&self.folder)?;
        for old in &files[..files.len().saturating_sub(self.keep)] {
            // A file that cannot be removed costs space, not correctness.
            let _ = std::fs::remove_file(old);
        }
        Ok(())
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| TrainError::Run { path: folder.into(), what: e.to_string() };
    if !folder.exists() {
        return Ok(vec![]);
    }
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        let step = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(step) = step {
            files.push((step.parse::<u64>().unwrap_or(0), path));
        }
    }
    // By number: names of nine digits come before those of eight.
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

impl Callback for Checkpoints {
    fn name(&self) -> &'static str {
        "checkpoints"
    }
    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let (step, open) = (moment.task.steps(), moment.task.open_batches());
        // A batch whose gradients are only added up is no step, and before the first there is nothing to keep.
        if open > 0 || step == 0 {
            return Ok(Flow::Continue);
        }
        let by_step = self.every_steps.is_some_and(|n| step.is_multiple_of(n));
        let by_time = self.every.is_some_and(|t| self.last.elapsed() >= Some(t));
        if by_step || by_time {
            self.save(moment)?;
        }
        Ok(Flow::Continue)
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.save(moment)?;
        Ok(Flow::Continue)
    }
    fn at_end(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        self.save(moment)
    }
}

/// Writes all state of a task and where training stands.
///
/// # Errors
/// When the file cannot be written; an older file of that name is then intact.
pub fn save_checkpoint(
    path: &Path,
    task: &dyn Task,
    progress: &Progress,
    callbacks: &BTreeMap<String, Value>,
) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|e| TrainError::Run { path: folder.into(), what: e.to_string() })?;
    }
    let arrays = task.state().iter().map(|(name, v)| array(name, v)).collect();
    let mut file = Checkpoint::new(arrays);
    file.set("progress", progress)?;
    file.set("counters", &task.counters())?;
    file.set("callbacks", callbacks)?;
    file.save(path)?;
    Ok(())
}

/// Reads a checkpoint into a task of the same kind and architecture, whose training step was prepared
/// ([`Task::prepare`]); gives where training stood and the callbacks' states.
///
/// # Errors
/// When the file cannot be read, is damaged, or belongs to another architecture; the task is then as before.
pub fn load_checkpoint(
    path: &Path,
    task: &mut dyn Task,
) -> Result<(Progress, BTreeMap<String, Value>)> {
    restore_checkpoint(&Checkpoint::load(path)?, task)
}

/// [`load_checkpoint`] of a file that was read before.
///
/// # Errors
/// When it belongs to another architecture; the task is then as before.
pub fn restore_checkpoint(
    file: &Checkpoint,
    task: &mut dyn Task,
) -> Result<(Progress, BTreeMap<String, Value>)> {
    let state = task.state();
    let expected: Vec<Expected> = state
        .iter()
        .map(|(name, v)| Expected {
            name: name.clone(),
            dtype: v.dtype(),
            shape: v.shape().to_vec(),
        })
        .collect();
    file.expect(&expected)?;
    let progress: Progress = file.get("progress")?;
    let counters: Value = file.get("counters")?;
    let callbacks = file.get("callbacks")?;
    task.set_counters(&counters)?;
    for (name, variable) in &state {
        let array = file.array(name).expect("checked against what is expected");
        variable.set(&tensor(array, variable))?;
    }
    Ok((progress, callbacks))
}

/// A variable's value as an array of a file.
pub(crate) fn array(name: &str, v: &Variable) -> NamedArray {
    let value = v.value();
    let bytes = v.shape().len() * v.dtype().size();
    let buffer = value.node().value().expect("a snapshot has its value");
    NamedArray {
        name: name.to_owned(),
        dtype: v.dtype(),
        shape: v.shape().to_vec(),
        data: buffer.as_bytes()[..bytes].to_vec(),
    }
}

/// An array of a file as a variable's value; the file was checked against the variable.
pub(crate) fn tensor(array: &NamedArray, v: &Variable) -> Tensor {
    let mut buffer = Buffer::zeroed(array.data.len());
    buffer.as_mut_bytes().copy_from_slice(&array.data);
    Tensor::from_buffer(buffer, v.shape(), v.dtype())
}
