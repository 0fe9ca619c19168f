//! `gradus data`: which data sets there are, getting them, looking at them.

use crate::bars::{bar, bytes, figure, grouped, shortened};
use crate::columns;
use crate::datasets;
use crate::error::Result;
use crate::suggest::unknown;
use gradus::data::{
    ColumnNames, CsvOptions, Dataset, NamedSet, Places, SETS, fetch, labels_of, target_of,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// List, download and look at data sets
///
/// Data of your own are a CSV file or a folder. A CSV file has a row of numbers for each sample and a column with its label, which
/// may be text: the column that the header calls label, class or target, or else the last one; --label names another. A folder
/// of pictures (PNG, JPEG) has a folder for each class, either directly or in train and test (or val). A folder of MNIST's IDX
/// files or CIFAR-10's binary files is known by their names. Of a CSV file, and of a folder without train and test, about a fifth of
/// the samples is held out to test; what a sample holds says whether it is one of them, unless `gradus train --split` has another rule.
#[derive(clap::Subcommand)]
#[command(
    after_help = "Examples:\n  gradus data list\n  gradus data fetch fashion-mnist\n  gradus data show mnist-5k"
)]
pub enum Args {
    List(ListArgs),
    Fetch(FetchArgs),
    Show(ShowArgs),
}

/// List the data sets that have a name, and where copies lie
#[derive(clap::Args)]
#[command(after_help = "Example:\n  gradus data list")]
pub struct ListArgs {
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Download a data set, unless a copy is there
///
/// It goes to $GRADUS_DATA/NAME or the user's cache folder, or where --to says. An interrupted download goes on where it
/// stopped; every file's SHA-256 is checked.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  gradus data fetch fashion-mnist")]
pub struct FetchArgs {
    /// The data set
    name: String,
    /// The folder to download to
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Show a data set: its classes, how many samples of each, and a few pictures
#[derive(clap::Args)]
#[command(after_help = "Example:\n  gradus data show mnist-5k")]
pub struct ShowArgs {
    /// A data set's name, a folder or a CSV file
    #[arg(value_name = "NAME|DIR|CSV")]
    data: String,
    /// The column of a CSV file that holds the label: its name, or its number from 1 [default: the one called label, class or
    /// target, or else the last]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Columns of a CSV file whose numbers are to be learned instead of a label: as in `gradus train`
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', conflicts_with = "label")]
    target: Vec<String>,
    /// Columns of a CSV file that are passed over, such as texts: as in `gradus train`
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    leave_out: Vec<String>,
    /// Which samples are held out to test, of data without a test part: as in `gradus train` [default: hash]
    #[arg(long, value_name = "RULE")]
    split: Option<String>,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

/// Lists, fetches or shows.
pub fn run(args: &Args) -> Result<()> {
    match args {
        Args::List(args) => list(args),
        Args::Fetch(args) => get(args),
        Args::Show(args) => show(args),
    }
}

fn list(args: &ListArgs) -> Result<()> {
    let places = Places::from_environment(None);
    let mut out = std::io::stdout().lock();
    let mut records = vec![];
    for set in SETS {
        let (place, found) = place_of(set, &places);
        let size: u64 = set.files.iter().map(|f| f.bytes).sum();
        writeln!(out, "{:<16} {}", set.name, set.about)?;
        writeln!(out, "{:<16} licence: {}; {place}", "", set.licence)?;
        records.push(json!({
            "name": set.name, "about": set.about, "licence": set.licence,
            "classes": set.classes, "download_bytes": size, "path": found,
        }));
    }
    if args.json {
        writeln!(out, "{}", json!({ "data": records }))?;
    }
    Ok(())
}

/// Where a set lies, in words and as a path.
fn place_of(set: &NamedSet, places: &Places) -> (String, Option<PathBuf>) {
    if set.files.is_empty() {
        return ("in the program".into(), None);
    }
    match set.find(places) {
        Ok(path) => (format!("in {}", path.display()), Some(path)),
        Err(_) => {
            let size: u64 = set.files.iter().map(|f| f.bytes).sum();
            (format!("not here; gradus data fetch {} ({})", set.name, bytes(size)), None)
        }
    }
}

fn get(args: &FetchArgs) -> Result<()> {
    let names: Vec<&str> = SETS.iter().map(|s| s.name).collect();
    let Some(set) = SETS.iter().find(|s| s.name == args.name) else {
        return Err(unknown("data set", &args.name, &names));
    };
    let places = Places::from_environment(args.to.as_deref());
    let mut out = std::io::stdout().lock();
    if set.files.is_empty() {
        writeln!(out, "{} is in the program; there is nothing to download", set.name)?;
    } else {
        let path = download(set, &places)?;
        writeln!(out, "{}", path.display())?;
    }
    if args.json {
        let path = place_of(set, &places).1;
        writeln!(out, "{}", json!({ "name": set.name, "path": path }))?;
    }
    Ok(())
}

/// Downloads with a bar on a terminal, else a line per file.
fn download(set: &NamedSet, places: &Places) -> Result<PathBuf> {
    let style = "{msg} [{bar:24}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template(style).expect("the template is sound"));
    let mut file = String::new();
    let path = fetch(set, places, &mut |progress| {
        if file != progress.file {
            file = progress.file.to_owned();
            bar.set_message(file.clone());
            if bar.is_hidden() {
                say!("{file}: {}", bytes(progress.total));
            }
        }
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    Ok(path?)
}

fn show(args: &ShowArgs) -> Result<()> {
    let label = columns::label(args.label.as_deref(), &args.data)?;
    let split = columns::split(args.split.as_deref(), &args.data)?;
    columns::target(&args.target, &args.data)?;
    columns::leave_out(&args.leave_out, &args.data)?;
    let (targets, leave_out) = (args.target.clone(), args.leave_out.clone());
    let csv = CsvOptions { label, targets, leave_out, ..CsvOptions::default() };
    let splits = datasets::open_as_is(&args.data, csv, split)?;
    let mut out = std::io::stdout().lock();
    let (train, test) = (&*splits.train, &*splits.test);
    writeln!(
        out,
        "{}: {} to train and {} to test, samples {:?}",
        args.data,
        grouped(train.len() as u64),
        grouped(test.len() as u64),
        train.shape()
    )?;
    if let Some(ColumnNames { features, label }) = train.columns() {
        let features = shortened(&features.join(", "), 100);
        match label {
            Some(label) => writeln!(out, "label {label:?}, features {features}")?,
            None => writeln!(
                out,
                "targets {}, features {features}",
                train.targets().names().join(", ")
            )?,
        }
    }
    if !train.targets().names().is_empty() {
        return show_targets(&mut out, args, train, test);
    }
    let (kept, held) = (counts(train), counts(test));
    let width = train.classes().iter().map(|c| c.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "\n{:<width$} {:>8} {:>8}", "class", "train", "test")?;
    let most = kept.iter().copied().max().unwrap_or(1).max(1);
    for (k, class) in train.classes().iter().enumerate() {
        let line = bar(kept[k] as f64 / most as f64, 30);
        writeln!(out, "{class:<width$} {:>8} {:>8}  {line}", kept[k], held[k])?;
    }
    pictures(&mut out, train)?;
    if args.json {
        let record = json!({
            "data": args.data, "shape": train.shape(), "classes": train.classes(),
            "train": train.len(), "test": test.len(), "label": train.columns().and_then(|columns| columns.label.as_ref()),
            "features": train.columns().map(|columns| &columns.features), "train_counts": kept, "test_counts": held,
        });
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
) -> Result<()> {
    let names = train.targets().names();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
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
        writeln!(out, "{name:<width$} {a:>12} {b:>12} {c:>12}")?;
        records.push(json!({ "target": name, "least": least, "mean": mean, "greatest": greatest }));
    }
    if args.json {
        let record = json!({
            "data": args.data, "shape": train.shape(), "targets": records,
            "train": train.len(), "test": test.len(),
            "features": train.columns().map(|columns| &columns.features),
        });
        writeln!(out, "{record}")?;
    }
    Ok(())
}

/// Samples of each class.
fn counts(data: &dyn Dataset) -> Vec<u64> {
    let mut counts = vec![0; data.classes().len()];
    for label in labels_of(data) {
        counts[label as usize] += 1;
    }
    counts
}

/// Columns and rows of a picture in characters, which are about twice as high as wide.
const COLUMNS: usize = 28;
const ROWS: usize = 14;
/// From dark to light, for light letters on a dark terminal.
const RAMP: &[u8] = b" .:-=+*#%@";

/// The first image of the first three classes, side by side.
fn pictures(out: &mut impl Write, data: &dyn Dataset) -> Result<()> {
    let &[channels, height, width] = data.shape() else { return Ok(()) };
    let labels = labels_of(data);
    let first = |k: i64| labels.iter().position(|&l| l == k);
    let chosen: Vec<usize> = (0..data.classes().len() as i64).filter_map(first).take(3).collect();
    let mut drawn = vec![];
    let mut sample = vec![0.0; channels * height * width];
    for &index in &chosen {
        data.read(index, &mut sample)?;
        drawn.push(draw(&sample, channels, height, width));
    }
    writeln!(out)?;
    for row in 0..ROWS {
        let line: Vec<&str> = drawn.iter().map(|d| &*d[row]).collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    let name = |&index: &usize| shortened(&data.classes()[labels[index] as usize], COLUMNS);
    let names: Vec<String> = chosen.iter().map(|i| format!("{:<COLUMNS$}", name(i))).collect();
    writeln!(out, "{}", names.join("  ").trim_end())?;
    Ok(())
}

/// An image in characters: each the mean brightness of its part, over all channels.
fn draw(sample: &[f32], channels: usize, height: usize, width: usize) -> Vec<String> {
    let part = |i: usize, n: usize, size: usize| {
        let start = i * size / n;
        start..((i + 1) * size / n).max(start + 1)
    };
    let cell = |row: usize, column: usize| {
        let (mut sum, mut count) = (0.0, 0);
        for c in 0..channels {
            for y in part(row, ROWS, height) {
                for x in part(column, COLUMNS, width) {
                    sum += sample[(c * height + y) * width + x];
                    count += 1;
                }
            }
        }
        let level = sum / count as f32 * (RAMP.len() - 1) as f32;
        char::from(RAMP[(level.round().max(0.0) as usize).min(RAMP.len() - 1)])
    };
    (0..ROWS).map(|r| (0..COLUMNS).map(|c| cell(r, c)).collect()).collect()
}
