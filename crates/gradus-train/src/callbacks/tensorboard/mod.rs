//! TensorBoard: a run's numbers, distributions, pictures and graph as event files.

mod graph;
mod mosaic;

pub use graph::layer_graph;
pub use mosaic::{Mosaic, mosaic};

use super::{Callback, Flow, Moment};
use crate::Batch;
use crate::Result;
use gradus_io::png;
use gradus_io::tfevents::{EventWriter, Histogram, Position};
use gradus_tensor::DType;
use serde_json::{Value, json};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// Writes a run for TensorBoard: `loss`, metrics, `val_…` and `learning_rate` after every epoch; the same as `batch/…` every so
/// many steps; histograms `weights/…` and `gradients/…` (of the epoch's last batch) after every epoch; the first layer's
/// kernels, or some inputs where it has none, as `kernels/…` and `inputs`; the graph of the layers.
///
/// A continued run opens another file, and what the earlier ones say beyond its checkpoint is cut off. TensorBoard, if it is open
/// meanwhile, drops what it has read of later steps.
#[doc(alias = "SummaryWriter")]
pub struct TensorBoard {
    folder: PathBuf,
    every_steps: u64,
    histograms: bool,
    writer: Option<EventWriter>,
    batch: Option<Batch>,
    /// The steps that were taken when this process began, and how far events went by then.
    begun: u64,
    position: Option<Position>,
}

impl TensorBoard {
    /// Into this folder, with the numbers of every tenth step.
    pub fn new(folder: impl Into<PathBuf>) -> TensorBoard {
        TensorBoard {
            folder: folder.into(),
            every_steps: 10,
            histograms: true,
            writer: None,
            batch: None,
            begun: 0,
            position: None,
        }
    }
    /// The numbers of every `steps`-th step; 0 leaves only epochs.
    #[must_use]
    pub fn every_steps(mut self, steps: u64) -> TensorBoard {
        self.every_steps = steps;
        self
    }
    /// Whether to write histograms.
    #[must_use]
    pub fn histograms(mut self, histograms: bool) -> TensorBoard {
        self.histograms = histograms;
        self
    }

    /// The event file, which the first event of a run, or of a continued one, opens.
    fn open(&mut self, moment: &Moment<'_>) -> Result<&mut EventWriter> {
        if self.writer.is_none() {
            let continued = has_events(&self.folder);
            // Not the step at hand: where gradients of several batches are added up, it is one that was told of before.
            let next = self.begun.saturating_add(1) as i64;
            let mut writer = EventWriter::resume(&self.folder, next, self.position.as_ref())?;
            // TensorBoard expects one graph a run.
            let x = self.batch.as_ref().filter(|_| !continued).and_then(|batch| batch.find("x"));
            if let Some((x, model)) = x.zip(moment.task.model()) {
                writer.graph(layer_graph(&**model, x))?;
            }
            self.writer = Some(writer);
        }
        Ok(self.writer.as_mut().expect("opened above"))
    }

    fn numbers_of_epoch(&mut self, moment: &Moment<'_>) -> Result<()> {
        let log = moment.epoch().expect("called after an epoch").clone();
        let writer = self.open(moment)?;
        let step = log.step as i64;
        writer.scalar("loss", step, log.loss as f32)?;
        if let Some(loss) = log.val_loss {
            writer.scalar("val_loss", step, loss as f32)?;
        }
        for (name, &value) in &log.metrics {
            writer.scalar(name, step, value as f32)?;
        }
        for (name, &value) in &log.val_metrics {
            writer.scalar(&format!("val_{name}"), step, value as f32)?;
        }
        writer.scalar("learning_rate", step, log.learning_rate as f32)?;
        Ok(())
    }

    fn distributions(&mut self, moment: &mut Moment<'_>) -> Result<()> {
        let step = moment.task.steps() as i64;
        let gradients = match &self.batch {
            Some(batch) => moment.task.gradients(batch)?,
            None => vec![],
        };
        let writer = self.open(moment)?;
        for (path, p) in moment.task.parameters() {
            let histogram = Histogram::of(p.variable().value().cast(DType::F32).to_vec());
            writer.histogram(&format!("weights/{path}"), step, histogram)?;
        }
        for (path, gradient) in gradients {
            let histogram = Histogram::of(gradient.cast(DType::F32).to_vec());
            writer.histogram(&format!("gradients/{path}"), step, histogram)?;
        }
        Ok(())
    }

    fn pictures(&mut self, moment: &Moment<'_>) -> Result<()> {
        let step = moment.task.steps() as i64;
        let all = moment.task.parameters();
        let kernels = all.into_iter().find(|(_, p)| p.variable().shape().rank() == 4);
        let inputs = self.batch.as_ref().and_then(|batch| batch.find("x"));
        let picture = match (kernels, inputs) {
            (Some((path, p)), _) => Some((format!("kernels/{path}"), p.variable().value())),
            (None, Some(x)) if x.rank() == 4 => Some(("inputs".to_owned(), x.clone())),
            _ => None,
        };
        let Some((tag, tiles)) = picture else { return Ok(()) };
        let Some(m) = mosaic(&tiles) else { return Ok(()) };
        let png = png::encode(m.width, m.height, m.channels, &m.pixels)?;
        Ok(self.open(moment)?.image(&tag, step, &png)?)
    }
}

/// Whether a folder holds event files.
fn has_events(folder: &Path) -> bool {
    let is_event = |entry: std::io::Result<DirEntry>| {
        entry.is_ok_and(|e| e.file_name().to_string_lossy().starts_with("events.out.tfevents."))
    };
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.any(is_event))
}

impl Callback for TensorBoard {
    fn name(&self) -> &'static str {
        "tensorboard"
    }

    fn at_begin(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.begun = moment.task.steps();
        Ok(Flow::Continue)
    }

    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(batch) = moment.batch else { return Ok(Flow::Continue) };
        self.batch = Some(batch.batch.clone());
        let step = moment.task.steps();
        // A step that only adds up gradients does not count, nor does the first write wait for a round number.
        let due = self.every_steps > 0 && step.is_multiple_of(self.every_steps);
        let due = due && moment.task.open_batches() == 0;
        if self.writer.is_some() && !due {
            return Ok(Flow::Continue);
        }
        let names = moment.task.numbers();
        let writer = self.open(moment)?;
        if due {
            let step = step as i64;
            for (number, mean) in names.iter().zip(&batch.numbers.means) {
                if mean.units > 0.0 {
                    writer.scalar(&format!("batch/{}", number.name), step, mean.value as f32)?;
                }
            }
            writer.scalar("batch/learning_rate", step, batch.rate as f32)?;
        }
        writer.flush()?;
        Ok(Flow::Continue)
    }

    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        self.numbers_of_epoch(moment)?;
        if self.histograms {
            self.distributions(moment)?;
        }
        self.pictures(moment)?;
        self.open(moment)?.flush()?;
        Ok(Flow::Continue)
    }

    fn last_batch(&mut self, batch: &Batch) {
        self.batch = Some(batch.clone());
    }

    fn sync(&self) -> Result<()> {
        Ok(self.writer.as_ref().map_or(Ok(()), EventWriter::sync)?)
    }

    fn state(&self) -> Value {
        let now = self.writer.as_ref().map(EventWriter::position);
        json!(now.as_ref().or(self.position.as_ref()))
    }
    fn restore(&mut self, state: &Value) {
        self.position = serde_json::from_value(state.clone()).unwrap_or(None);
    }
}
