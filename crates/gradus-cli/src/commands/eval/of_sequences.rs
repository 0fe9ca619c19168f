//! `gradus eval` of a network of sequences.

use crate::commands::join;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::Begin;
use crate::model_file::SavedModel;
use crate::record::RunRecord;
use crate::sequences::SequenceExperiment;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Tests a trained system again, on the part of its data that it was not trained on.
pub fn evaluate(
    loaded: &SavedModel,
    record: Option<RunRecord>,
    path: &Path,
    as_json: bool,
) -> Result<()> {
    let Some(record) = record else {
        let what = match loaded.description.epoch {
            0 => format!(
                "it was imported, not trained here; gradus sample {} --cells page.html --text FILE says what a text costs",
                shell_word(path)
            ),
            _ => "a network of sequences is tested as a run, whose settings say what it was tested on; name the run's folder".into(),
        };
        return Err(CliError::Usage(format!("{}: {what}", path.display())));
    };
    let begin = Begin::Again { run: path, record: Some(&record), has_weights: true };
    let mut e = SequenceExperiment::new(&record.settings, &begin)?;
    e.take_up(&loaded.file)?;
    let report = e.system.test(None)?;
    let mut out = std::io::stdout().lock();
    write!(out, "{}", report.table)?;
    writeln!(
        out,
        "{}   ({}; the model of epoch {})",
        report.headline,
        e.system.about(),
        loaded.description.epoch
    )?;
    if let Some(remark) = &report.remark {
        writeln!(out, "remark         {remark}")?;
    }
    if as_json {
        let mut record = json!({
            "model": record.settings.model, "data": record.settings.data, "epoch": loaded.description.epoch,
            "params": e.parameters, "guessing_loss": e.system.guessing(),
        });
        join(&mut record, Value::Object(report.numbers));
        writeln!(out, "{record}")?;
    }
    Ok(())
}
