//! `gradus predict`: what a trained model sees in images, or takes rows of a table for.

mod kept;
mod numbers;
mod rows;

use crate::augmentation::{self, Evaluation, Shown, kinds};
use crate::bars::{bar, shortened};
use crate::csv_file::Dialect;
use crate::datasets::called;
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::experiment::in_order;
use crate::inputs::{self, Taken};
use crate::model_file::{self, Unfinished};
use crate::scores::{largest, mean_probabilities};
use crate::table_form::HeaderIs;
use gradus::data::Loader;
use gradus::train::optim::Sgd;
use gradus::train::{Learner, Source};
use kept::{Kept, class_cells, class_columns};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// At most so many classes are shown for an image.
const SHOWN: usize = 10;
/// Of very many classes fewer are of interest.
const SHOWN_OF_MANY: usize = 5;

/// Say what a trained model sees in pictures, or in the rows of a CSV file
///
/// Images are shown as the model was tested: brought to its size, or as --evaluate says, as in gradus eval. Networks that were imported
/// from PyTorch are shown the middle 224 pixels of an image whose shorter side is 256, as torchvision does. Colour becomes grey, where a
/// model wants that, by .299 R + .587 G + .114 B; what is transparent is laid on white. If the model was trained on light things on dark ground, such as
/// MNIST's digits, and an image's corners are light, it is inverted.
///
/// Of a folder every file in it and below that holds a picture, whatever it is called, or whose name ends in .csv, is predicted; others are
/// counted. One that cannot be read is named, counted and passed over, and all others are predicted. Where a file or a row gave no
/// prediction, the exit code is 1 in the end.
///
/// A model of a table is given CSV files. Its columns are found by their names if it was trained on a file with a header; others
/// are passed over. If the label's column is there, too, it is shown beside the prediction, and the accuracy is told. A model of numbers
/// gives them in the units of the data, and of yes and no how probable a yes is; where the file has the true ones, too, its metrics
/// are told. Rows that lack a value, hold a text that training did not see, or have another number of fields than the others, are named
/// and not predicted: the exit code is 1, as with a picture that cannot be read.
///
/// The file of --out has a line for each row of a CSV file, in their order: after --keep's columns the prediction or, in the column
/// not_predicted, why there is none. It is written as the first input is: with its separator (commas for blanks) and, unless that is
/// a comma, its decimal commas. A column of its own whose name one of --keep's has begins with gradus_.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus predict runs/mlp-1 digit.png\n  gradus predict runs/mlp-2 flowers.csv --json\n  gradus predict runs/mlp-2 flowers.csv --out named.csv --keep id,garden\n  gradus predict runs/resnet20-1 photos --out photos.csv --top 5\n  cat digit.png | gradus predict runs/lenet-1 -"
)]
pub struct Args {
    /// A run directory, a model's file, or the name of a network that was imported
    #[arg(value_name = "RUN|MODEL_FILE|NAME")]
    model: PathBuf,
    /// Pictures (PNG, JPEG, GIF, BMP, TIFF, WebP), or CSV files for a model of a table; folders of such; - is one on stdin
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// Whether the first line of a CSV file is a header [default: as in training]
    #[arg(long, value_name = "YES|NO")]
    header: Option<HeaderIs>,
    /// Write the predictions into this CSV file, a row for each image or row, instead of showing them
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Columns of CSV files that are carried on into that file, such as who a row is of: names, or numbers from 1, with commas between
    /// them, or all
    #[arg(long, value_name = "COLUMNS|all", value_delimiter = ',', requires = "out")]
    keep: Vec<String>,
    /// So many of the most probable classes are in that file
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100_000), requires = "out")]
    top: u32,
    #[arg(long, value_name = "NAMES", help = format!(
        "How images are shown: some of {}, such as \"resize(256),centre-crop(224)\" [default: as when it was trained, or as those who \
         trained it do]",
        kinds::<Shown>().join(", ")))]
    evaluate: Option<String>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Predicts.
pub fn run(args: &Args) -> Result<()> {
    let loaded = model_file::load(&args.model)?;
    loaded.remark(&args.model);
    let (description, unfinished) = (loaded.description, loaded.unfinished);
    // Nothing is trained: the learner is asked for predictions only.
    let mut learner = Learner::new(Arc::new(loaded.model), Sgd::new(0.0));
    let mut out = std::io::stdout().lock();
    if description.is_of_rows() {
        if args.evaluate.is_some() {
            let what = "--evaluate is for images; this model takes rows of a table";
            return Err(CliError::Usage(what.into()));
        }
        return match description.aim().is_of_classes() {
            true => rows::run(args, &description, unfinished, &mut learner, &mut out),
            false => numbers::run(args, &description, unfinished, &mut learner, &mut out),
        };
    }
    if args.header.is_some() || !args.keep.is_empty() {
        let option = if args.keep.is_empty() { "--header" } else { "--keep" };
        let what = format!("{option} is for CSV files; this model takes images");
        return Err(CliError::Usage(what));
    }
    let evaluation = match &args.evaluate {
        Some(text) => Evaluation::of(&augmentation::list(text)?)?,
        None => description.evaluation()?,
    };
    images(args, &description, &evaluation, unfinished, &mut learner, &mut out)
}

/// Predicts all images.
fn images(
    args: &Args,
    description: &Description,
    evaluation: &Evaluation,
    unfinished: Option<Unfinished>,
    learner: &mut Learner,
    out: &mut impl Write,
) -> Result<()> {
    let inputs = inputs::files(&args.inputs, args.out.as_deref(), Taken::Pictures)?;
    let classes = &description.classes;
    let top = (args.top as usize).min(classes.len());
    let mut kept = Kept::new(args, unfinished, inputs.len(), &["file"], class_columns(top));
    let mut records = vec![];
    for path in &inputs {
        let found = probabilities_of(path, description, evaluation, learner);
        let Some(p) = kept.of(path, found)? else { continue };
        if kept.is_file() {
            let file = [path.display().to_string()].into_iter();
            let cells = class_cells(classes, &p, top, Dialect::default());
            kept.row(file.chain(cells).collect());
        } else {
            show(out, path, classes, &p)?;
        }
        records.push(record(path, classes, &p));
    }
    kept.finish(out, json!({ "model": description.architecture, "predictions": records }))
}

/// How probable each class is of an image.
fn probabilities_of(
    path: &Path,
    description: &Description,
    evaluation: &Evaluation,
    learner: &mut Learner,
) -> Result<Vec<f64>> {
    let views = prepare(path, description, evaluation)?;
    let batch = Source::from(&views, 0, 0).next().expect("there is an image")?;
    let logits = learner.predict_batch(batch.get("x")?)?.to_vec::<f32>();
    let p = mean_probabilities(&logits, description.classes.len());
    if p.iter().any(|p| p.is_nan()) {
        let what = "the model's scores of the classes are not finite; it says nothing";
        return Err(CliError::Work(format!("{}: {what}", path.display())));
    }
    Ok(p)
}

/// An image as the model wants it: a batch of its views.
fn prepare(path: &Path, description: &Description, evaluation: &Evaluation) -> Result<Loader> {
    let one = inputs::picture(path, description, evaluation)?;
    let views =
        in_order(Arc::new(one), &description.normalization()?, evaluation, description.aim())?;
    description.check(called(&path.display().to_string()), &views)?;
    Ok(views)
}

/// The most probable classes, in the order of the classes if all are shown.
fn shown(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    if p.len() > SHOWN {
        order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
        order.truncate(if p.len() > 100 { SHOWN_OF_MANY } else { SHOWN });
    }
    order
}

fn show(out: &mut impl Write, path: &Path, classes: &[String], p: &[f64]) -> Result<()> {
    let best = largest(p);
    let seen = shortened(&classes[best], 200);
    writeln!(out, "{}: {seen} ({:.1} %)", path.display(), 100.0 * p[best])?;
    let width = classes.iter().map(|c| c.chars().count()).max().unwrap_or(0).min(20);
    for k in shown(p) {
        let (name, percent) = (shortened(&classes[k], width), 100.0 * p[k]);
        writeln!(out, "  {name:>width$} {percent:5.1} %  {}", bar(p[k], 40))?;
    }
    Ok(())
}

fn record(path: &Path, classes: &[String], p: &[f64]) -> Value {
    let best = largest(p);
    let all: serde_json::Map<String, Value> =
        classes.iter().cloned().zip(p.iter().map(|&p| json!(p))).collect();
    json!({ "input": path, "class": classes[best], "probability": p[best], "probabilities": all })
}
