//! `gradus eval`: tests a trained model.

use crate::bars::grouped;
use crate::datasets;
use crate::error::Result;
use crate::experiment::in_order;
use crate::model_file;
use crate::scores::Scores;
use gradus::train::Learner;
use gradus::train::optim::Sgd;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Test a trained model
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus eval runs/mlp-1\n  gradus eval runs/mlp-1 --data mnist"
)]
pub struct Args {
    /// A run directory or a model's file
    #[arg(value_name = "RUN|MODEL_FILE")]
    model: PathBuf,
    /// A data set's name, a folder or a CSV file [default: what it was trained on]
    #[arg(long, value_name = "NAME|DIR")]
    data: Option<String>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Tests.
pub fn run(args: &Args) -> Result<()> {
    let loaded = model_file::load(&args.model)?;
    let description = &loaded.description;
    let data = args.data.as_ref().unwrap_or(&description.data);
    let test = datasets::open(data, &description.architecture)?.test;
    description.check(data, &*test)?;
    let test = in_order(test, &description.normalization()?)?;
    // Nothing is trained: the learner is asked for predictions only.
    let mut learner = Learner::new(Arc::new(loaded.model), Sgd::new(0.0));
    let start = Instant::now();
    let scores = Scores::measure(&mut learner, &test)?;
    let seconds = start.elapsed().as_secs_f64();
    let speed = scores.samples as f64 / seconds;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", scores.table())?;
    writeln!(
        out,
        "test accuracy  {:.4}   loss {:.4}   ({} images of {data}, {} images/s)",
        scores.accuracy(),
        scores.loss,
        grouped(scores.samples),
        grouped(speed as u64)
    )?;
    if args.json {
        let record = json!({
            "model": description.architecture, "file": loaded.path, "data": data,
            "test_accuracy": scores.accuracy(), "test_loss": scores.loss,
            "samples": scores.samples, "seconds": seconds, "images_per_second": speed,
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}
