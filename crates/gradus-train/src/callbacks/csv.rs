//! A CSV file with a line per epoch.

use super::{Callback, Flow, Moment};
use crate::Result;
use gradus_io::atomic_write;
use std::path::PathBuf;

/// Writes the epochs so far to a CSV file after each epoch, whole or not at all.
#[derive(Clone, Debug)]
pub struct CsvLog(PathBuf);

impl CsvLog {
    /// To this file.
    pub fn new(path: impl Into<PathBuf>) -> CsvLog {
        CsvLog(path.into())
    }
}

impl Callback for CsvLog {
    fn name(&self) -> &'static str {
        "csv"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let history = &moment.progress.history;
        let metrics = moment.learner.metric_names();
        atomic_write(&self.0, |w| {
            write!(w, "epoch,step,loss")?;
            metrics.iter().try_for_each(|m| write!(w, ",{m}"))?;
            write!(w, ",val_loss")?;
            metrics.iter().try_for_each(|m| write!(w, ",val_{m}"))?;
            writeln!(w, ",learning_rate,seconds")?;
            for log in history {
                write!(w, "{},{},{}", log.epoch, log.step, log.loss)?;
                let mut number = |name: &str| match log.get(name) {
                    Some(v) => write!(w, ",{v}"),
                    None => write!(w, ","),
                };
                metrics.iter().try_for_each(|m| number(m))?;
                number("val_loss")?;
                metrics.iter().try_for_each(|m| number(&format!("val_{m}")))?;
                writeln!(w, ",{},{}", log.learning_rate, log.seconds)?;
            }
            Ok(())
        })?;
        Ok(Flow::Continue)
    }
}
