//! TensorBoard: a run's numbers, distributions, pictures and graph as event files.

mod graph;
mod mosaic;

pub use graph::layer_graph;
pub use mosaic::{Mosaic, mosaic};

use super::{Callback, Flow, Moment};
use crate::Result;
use gradus_io::png;
use gradus_io::tfevents::{EventWriter, Histogram};
use gradus_nn::parameters;
use gradus_tensor::{DType, Tensor};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// Writes a run for TensorBoard: `loss`, metrics, `val_…` and `learning_rate` after every epoch; the same as `batch/…` every so
/// many steps; histograms `weights/…` and `gradients/…` (of the epoch's last batch) after every epoch; the first layer's
/// kernels, or some inputs where it has none, as `kernels/…` and `inputs`; the graph of the layers.
///
/// A continued run opens another file, and TensorBoard drops what the earlier one says of later steps.
pub struct TensorBoard {
    folder: PathBuf,
    every_steps: u64,
    histograms: bool,
    writer: Option<EventWriter>,
    batch: Option<(Tensor, Tensor)>,
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
            let mut writer = EventWriter::resume(&self.folder, moment.learner.step() as i64)?;
            // TensorBoard expects one graph a run.
            if let Some((x, _)) = self.batch.as_ref().filter(|_| !continued) {
                writer.graph(layer_graph(&**moment.learner.model(), x))?;
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
        let step = moment.learner.step() as i64;
        let gradients = match &self.batch {
            Some((x, t)) => moment.learner.gradients(x, t)?,
            None => vec![],
        };
        let writer = self.open(moment)?;
        for (path, p) in parameters(&**moment.learner.model()) {
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
        let step = moment.learner.step() as i64;
        let all = parameters(&**moment.learner.model());
        let kernels = all.into_iter().find(|(_, p)| p.variable().shape().rank() == 4);
        let picture = match (kernels, &self.batch) {
            (Some((path, p)), _) => Some((format!("kernels/{path}"), p.variable().value())),
            (None, Some((x, _))) if x.rank() == 4 => Some(("inputs".to_owned(), x.clone())),
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

    fn after_batch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let Some(batch) = moment.batch else { return Ok(Flow::Continue) };
        self.batch = Some((batch.x.clone(), batch.t.clone()));
        let step = moment.learner.step();
        // A step that only adds up gradients does not count, nor does the first write wait for a round number.
        let due = self.every_steps > 0 && step.is_multiple_of(self.every_steps);
        if self.writer.is_some() && !(due && moment.learner.counters().1 == 0) {
            return Ok(Flow::Continue);
        }
        let names = moment.learner.metric_names();
        let writer = self.open(moment)?;
        if due {
            let step = step as i64;
            writer.scalar("batch/loss", step, batch.result.loss as f32)?;
            for (name, &value) in names.iter().zip(&batch.result.metrics) {
                writer.scalar(&format!("batch/{name}"), step, value as f32)?;
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
}
