//! `gradus data show`: what data hold.

use super::pictures::{self, preview, save};
use super::table::Table;
use super::text;
use crate::bars::{bar, counted, figure, grouped, shortened};
use crate::columns;
use crate::commands::join;
use crate::datasets;
use crate::error::{CliError, Result, shell_word};
use crate::experiment::counts;
use crate::picture_sizes::Found;
use crate::table_form::{Cells, DecimalIs, HeaderIs, MissingRule};
use crate::unreadable;
use gradus::data::{
    ColumnNames, CsvOptions, DataError, Dataset, Skip, Splits, Unreadable, target_of,
};
use gradus::io::visible;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

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
    /// Texts that stand for a missing value in a CSV file, too: as in `gradus train`
    #[arg(long, value_name = "TEXTS", value_delimiter = ',', allow_hyphen_values = true)]
    missing_values: Vec<String>,
    /// Which mark is before decimals in a CSV file: as in `gradus train`
    #[arg(long, value_name = "COMMA|POINT")]
    decimal: Option<DecimalIs>,
    /// Leave out pictures of a folder that cannot be read, and rows of a CSV file with another number of fields than most: as in
    /// `gradus train`. Without it they are named
    #[arg(long)]
    skip_unreadable: bool,
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
    if let Some(text) = text::of(&args.data)? {
        return text::show(&args.data, &text, args.json);
    }
    let csv = reading(args)?;
    let split = columns::split(args.split.as_deref(), &args.data)?;
    let open = |csv: &CsvOptions, side: Option<usize>, skip: &Skip| {
        datasets::open_as_is(&args.data, csv.clone(), split.clone(), side, skip)
    };
    let table = Table::of(&args.data, datasets::called(&args.data), &csv)?;
    if let Some(table) = &table {
        let open = |csv: &CsvOptions| open(csv, None, &Skip::default());
        if let Err(error @ CliError::Data(DataError::Malformed { .. })) = open(&csv) {
            return refused(args, table, error, &csv, &open);
        }
    }
    let seen = Seen::of(args, &|side, skip| open(&csv, side, skip))?;
    // Files first: stdout may be closed.
    let saved = save(args, &seen.splits)?;
    let mut out = std::io::stdout().lock();
    seen.head(&mut out, args)?;
    let remarks = seen.remarks(args)?;
    for remark in &remarks {
        writeln!(out, "remark: {}", shortened(remark, 400))?;
    }
    if let Some(table) = &table {
        table.show(&mut out)?;
    }
    let facts = json!({
        "remarks": remarks, "left_out": seen.splits.left_out,
        "unreadable": unreadable::record(&seen.unreadable), "table": table.as_ref().map(Table::record),
    });
    let (train, test) = (&*seen.splits.train, &*seen.splits.test);
    if !train.targets().names().is_empty() {
        return show_targets(&mut out, args, train, test, facts);
    }
    show_classes(&mut out, train, test)?;
    preview(&mut out, train)?;
    for line in &saved {
        writeln!(out, "{line}")?;
    }
    if let Some(hint) = pictures::hint(&args.data, &seen.splits, args.save_samples.is_some()) {
        writeln!(out, "{hint}")?;
    }
    if args.json {
        let mut record = seen.record(args);
        join(&mut record, facts);
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// How a CSV file is read, as it is stated.
fn reading(args: &ShowArgs) -> Result<CsvOptions> {
    let label = columns::label(args.label.as_deref(), &args.data)?;
    columns::target(&args.target, &args.data)?;
    columns::leave_out(&args.leave_out, &args.data)?;
    let cells = Cells {
        header: args.header,
        missing: args.missing,
        missing_values: args.missing_values.clone(),
        decimal: args.decimal,
    };
    columns::of_a_table(&cells, &args.data)?;
    columns::of_pictures(args.skip_unreadable, &args.data)?;
    let (targets, leave_out) = (args.target.clone(), args.leave_out.clone());
    let skip_unreadable = args.skip_unreadable;
    let mut csv =
        CsvOptions { label, targets, leave_out, skip_unreadable, ..CsvOptions::default() };
    cells.put_on(&mut csv);
    Ok(csv)
}

/// Data as they are shown.
struct Seen {
    splits: Splits,
    /// What pictures in files are.
    found: Option<Found>,
    /// Those that cannot be read.
    unreadable: Vec<Unreadable>,
}

impl Seen {
    fn of(args: &ShowArgs, open: &dyn Fn(Option<usize>, &Skip) -> Result<Splits>) -> Result<Seen> {
        // Pictures of many sizes are first opened at one.
        let side = Path::new(&args.data).is_dir().then_some(1);
        let mut splits = open(side, &Skip { look: args.skip_unreadable, known: vec![] })?;
        let unreadable = match args.skip_unreadable {
            true => splits.unreadable.clone(),
            false => unreadable::of_folder(&args.data, &splits)?,
        };
        let found = Found::of(&[&*splits.train, &*splits.test]);
        if let Some(found) = &found {
            splits = open(found.shown_at(), &unreadable::known(&unreadable))?;
        }
        Ok(Seen { splits, found, unreadable })
    }

    /// How many samples there are of which shape, and the columns of a table.
    fn head(&self, out: &mut impl Write, args: &ShowArgs) -> Result<()> {
        let (train, test) = (&*self.splits.train, &*self.splits.test);
        let samples = match &self.found {
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
        Ok(())
    }

    fn remarks(&self, args: &ShowArgs) -> Result<Vec<String>> {
        let splits = &self.splits;
        let mut remarks = [&splits.remarks_on_training[..], &splits.remarks].concat();
        remarks.extend(remark_on_unreadable(&self.unreadable, args.skip_unreadable));
        remarks.extend(datasets::remarks_on_classes(&self.splits));
        remarks.extend(datasets::remark_on_test_part(&self.splits)?);
        Ok(remarks)
    }

    /// For `--json`, of classes.
    fn record(&self, args: &ShowArgs) -> Value {
        let (train, test) = (&*self.splits.train, &*self.splits.test);
        let found = self.found.as_ref();
        // Pictures of several sizes have no one shape.
        let shape = match found {
            Some(found) => (!found.is_mixed()).then(|| found.shape()),
            None => Some(train.shape().to_vec()),
        };
        let mut record = json!({
            "data": args.data, "shape": shape, "classes": train.classes(),
            "train": train.len(), "test": test.len(), "label": train.columns().and_then(|columns| columns.label.as_ref()),
            "features": train.columns().map(|columns| &columns.features), "train_counts": counts(train), "test_counts": counts(test),
        });
        if let Some(found) = found {
            record["pictures"] = found.record();
        }
        record
    }
}

/// How many samples there are of each class.
fn show_classes(out: &mut impl Write, train: &dyn Dataset, test: &dyn Dataset) -> Result<()> {
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
    Ok(())
}

/// What a table holds that training would refuse, why, and which options would change that.
fn refused(
    args: &ShowArgs,
    table: &Table,
    error: CliError,
    csv: &CsvOptions,
    open: &dyn Fn(&CsvOptions) -> Result<Splits>,
) -> Result<()> {
    let (obstacles, remedy) = match &error {
        CliError::Data(error) => table.obstacles(csv, error, open),
        _ => (vec![], None),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {}", datasets::called(&args.data), table.head())?;
    table.show(&mut out)?;
    let error = error.to_string();
    match &obstacles[..] {
        [] | [_] => writeln!(out, "\ntraining would refuse it: {}", visible(&error))?,
        all => {
            writeln!(out, "\ntraining would refuse it, for {} reasons:", all.len())?;
            for one in all {
                writeln!(out, "  {}", visible(one))?;
            }
        }
    }
    let options = remedy.map(|options| {
        let data = shell_word(Path::new(&args.data));
        format!("gradus train mlp --data {data} {options}")
    });
    if let Some(options) = &options {
        writeln!(out, "it would take it with:  {options}")?;
    }
    if args.json {
        let record = json!({
            "data": args.data, "table": table.record(), "refused": error, "obstacles": obstacles, "remedy": options,
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// What is said of pictures that cannot be read, which this command passes over in any case.
fn remark_on_unreadable(unreadable: &[Unreadable], skip: bool) -> Option<String> {
    if skip || unreadable.is_empty() {
        return unreadable::remark(unreadable);
    }
    let pictures = counted(unreadable.len() as u64, "picture");
    let named = unreadable::named(unreadable);
    Some(format!(
        "{pictures} cannot be read, which training refuses and --skip-unreadable leaves out: {named}"
    ))
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
