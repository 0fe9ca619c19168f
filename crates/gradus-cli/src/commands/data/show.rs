//! `gradus data show`: what data hold.

use super::pictures::{self, Found, preview, save};
use crate::bars::{bar, figure, grouped, shortened};
use crate::columns;
use crate::commands::join;
use crate::datasets;
use crate::error::Result;
use crate::experiment::counts;
use crate::table_form::{HeaderIs, MissingRule};
use gradus::data::{ColumnNames, CsvOptions, Dataset, target_of};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Show a data set: its classes, how many samples of each, and a few pictures
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gradus data show mnist-5k\n  gradus data show mnist-5k --save digits.png --save-samples digits\n  gradus data show houses.csv --target price"
)]
pub struct ShowArgs {
    /// A data set's name, a folder or a CSV file; - is one on stdin
    #[arg(value_name = "NAME|DIR|CSV")]
    pub(super) data: String,
    /// The column of a CSV file that holds the label: its name, or its number from 1 [default: the one called label, class or
    /// target, or else the last]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Columns of a CSV file whose numbers are to be learned instead of a label: as in `gradus train`
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', conflicts_with = "label")]
    target: Vec<String>,
    /// Columns of a CSV file that are passed over, such as names: as in `gradus train`
    #[arg(long, visible_alias = "drop", value_name = "COLUMNS", value_delimiter = ',')]
    leave_out: Vec<String>,
    /// Whether the first line of a CSV file is a header: as in `gradus train`
    #[arg(long, value_name = "YES|NO")]
    header: Option<HeaderIs>,
    /// What becomes of rows that lack a value: as in `gradus train`
    #[arg(long, value_name = "DROP|MEAN")]
    missing: Option<MissingRule>,
    /// Which samples are held out to test, of data without a test part: as in `gradus train` [default: hash]
    #[arg(long, value_name = "RULE")]
    split: Option<String>,
    /// Draw some pictures of each class into this file
    #[arg(long, value_name = "FILE.png")]
    pub(super) save: Option<PathBuf>,
    /// Write a picture of each class, one that is not trained on, into a new folder: to try gradus predict on
    #[arg(long, value_name = "DIR")]
    pub(super) save_samples: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Shows.
pub fn show(args: &ShowArgs) -> Result<()> {
    let label = columns::label(args.label.as_deref(), &args.data)?;
    let split = columns::split(args.split.as_deref(), &args.data)?;
    columns::target(&args.target, &args.data)?;
    columns::leave_out(&args.leave_out, &args.data)?;
    columns::of_a_table(args.header, args.missing, &args.data)?;
    let csv = CsvOptions {
        label,
        targets: args.target.clone(),
        leave_out: args.leave_out.clone(),
        header: HeaderIs::stated(args.header),
        missing: MissingRule::stated(args.missing),
        ..CsvOptions::default()
    };
    let mut splits = datasets::open_as_is(&args.data, csv.clone(), split.clone(), None)?;
    let found = Found::of(&splits)?;
    if let Some(side) = found.as_ref().and_then(Found::shown_at) {
        splits = datasets::open_as_is(&args.data, csv, split, Some(side))?;
    }
    // Files first: stdout may be closed.
    let saved = save(args, &splits)?;
    let mut out = std::io::stdout().lock();
    let (train, test) = (&*splits.train, &*splits.test);
    let samples = match &found {
        Some(found) => found.text(),
        None => format!("samples {:?}", train.shape()),
    };
    writeln!(
        out,
        "{}: {} to train and {} to test, {samples}",
        datasets::called(&args.data),
        grouped(train.len() as u64),
        grouped(test.len() as u64),
    )?;
    if let Some(ColumnNames { features, label }) = train.columns() {
        let features = shortened(&features.join(", "), 100);
        match label {
            Some(label) => writeln!(out, "label {label:?}, features {features}")?,
            None => writeln!(
                out,
                "targets {}, features {features}",
                shortened(&train.targets().names().join(", "), 100)
            )?,
        }
    }
    let mut remarks = [&splits.remarks_on_training[..], &splits.remarks].concat();
    remarks.extend(datasets::remarks_on_classes(&splits));
    for remark in &remarks {
        writeln!(out, "remark: {}", shortened(remark, 400))?;
    }
    let facts = json!({ "remarks": remarks, "left_out": splits.left_out });
    if !train.targets().names().is_empty() {
        return show_targets(&mut out, args, train, test, facts);
    }
    let (kept, held) = (counts(train), counts(test));
    let names: Vec<String> =
        train.classes().iter().map(|class| shortened(class, WIDEST_NAME)).collect();
    let width = names.iter().map(|c| c.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "\n{:<width$} {:>8} {:>8}", "class", "train", "test")?;
    let most = kept.iter().copied().max().unwrap_or(1).max(1);
    for (k, class) in names.iter().enumerate() {
        let line = bar(kept[k] as f64 / most as f64, 30);
        writeln!(out, "{class:<width$} {:>8} {:>8}  {line}", kept[k], held[k])?;
    }
    preview(&mut out, train)?;
    for line in &saved {
        writeln!(out, "{line}")?;
    }
    if let Some(hint) = pictures::hint(&args.data, &splits, args.save_samples.is_some()) {
        writeln!(out, "{hint}")?;
    }
    if args.json {
        // Pictures of several sizes have no one shape.
        let mixed = found.as_ref().is_some_and(Found::is_mixed);
        let shape = if mixed {
            None
        } else {
            Some(found.as_ref().map_or(train.shape().to_vec(), Found::shape))
        };
        let mut record = json!({
            "data": args.data, "shape": shape, "classes": train.classes(),
            "train": train.len(), "test": test.len(), "label": train.columns().and_then(|columns| columns.label.as_ref()),
            "features": train.columns().map(|columns| &columns.features), "train_counts": kept, "test_counts": held,
        });
        if let Some(found) = &found {
            record["pictures"] = found.record();
        }
        join(&mut record, facts);
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// The least, the mean and the greatest of each target.
fn show_targets(
    out: &mut impl Write,
    args: &ShowArgs,
    train: &dyn Dataset,
    test: &dyn Dataset,
    facts: Value,
) -> Result<()> {
    let names = train.targets().names();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = width.clamp(6, WIDEST_NAME);
    writeln!(out, "\n{:<width$} {:>12} {:>12} {:>12}", "target", "least", "mean", "greatest")?;
    let of = |data: &dyn Dataset, at: usize| -> Vec<f64> {
        (0..data.len()).map(|index| target_of(data, index)[at]).collect()
    };
    let mut records = vec![];
    for (at, name) in names.iter().enumerate() {
        let all = [of(train, at), of(test, at)].concat();
        let (least, greatest) = (
            all.iter().copied().fold(f64::MAX, f64::min),
            all.iter().copied().fold(f64::MIN, f64::max),
        );
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let [a, b, c] = [least, mean, greatest].map(|x| figure(x, 6));
        let name = shortened(name, width);
        writeln!(out, "{name:<width$} {a:>12} {b:>12} {c:>12}")?;
        records.push(json!({ "target": name, "least": least, "mean": mean, "greatest": greatest }));
    }
    if args.json {
        let mut record = json!({
            "data": args.data, "shape": train.shape(), "targets": records,
            "train": train.len(), "test": test.len(),
            "features": train.columns().map(|columns| &columns.features),
        });
        join(&mut record, facts);
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Letters of a class's name in a table.
const WIDEST_NAME: usize = 40;
