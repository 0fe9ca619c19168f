//! A CSV file with a line per epoch.

use super::{Callback, Flow, Moment};
use crate::Result;
use crate::fit::EpochLog;
use gradus_io::atomic_write;
use std::io::Write;
use std::path::PathBuf;

/// Writes the epochs so far to a CSV file after each epoch, whole or not at all.
#[derive(Clone, Debug)]
#[doc(alias = "CSVLogger")]
pub struct CsvLog(Vec<PathBuf>);

impl CsvLog {
    /// To this file.
    pub fn new(path: impl Into<PathBuf>) -> CsvLog {
        CsvLog(vec![path.into()])
    }
    /// To this file as well.
    #[must_use]
    pub fn also(mut self, path: impl Into<PathBuf>) -> CsvLog {
        self.0.push(path.into());
        self
    }
}

impl Callback for CsvLog {
    fn name(&self) -> &'static str {
        "csv"
    }
    fn after_epoch(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let history = &moment.progress.history;
        let names = moment.task.numbers();
        let metrics: Vec<&str> = names.iter().map(|n| &*n.name).filter(|n| *n != "loss").collect();
        for path in &self.0 {
            atomic_write(path, |w| table(w, history, &metrics))?;
        }
        Ok(Flow::Continue)
    }
}

fn table(w: &mut dyn Write, history: &[EpochLog], metrics: &[&str]) -> std::io::Result<()> {
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
}
