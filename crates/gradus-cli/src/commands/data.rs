//! `gradus data`: which data sets there are, getting them, looking at them.

mod pictures;
mod show;
mod table;
mod text;

use crate::bars::bytes;
use crate::error::Result;
use crate::suggest::unknown;
use gradus::data::{NamedSet, Places, SETS, fetch};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// List, download and look at data sets
///
/// Data of your own are a CSV file or a folder. A CSV file has a row for each sample and a column with its label: the column
/// that the header calls label, class or target, or else the last one; --label names another. Columns of texts become a
/// feature of 0 and 1 for each of their values. Separators, decimal commas, encodings and headers are found by looking; what is
/// unusual is said. `gradus data show` describes each column of any file, also of one that training refuses: then it says why, and which
/// options would change that. A folder of pictures (PNG, JPEG, GIF, BMP, TIFF, WebP, whatever their files are called) has a folder for
/// each class, either directly or in train and test (or val); those that cannot be read are named, as are rows of a CSV file with another
/// number of fields than most, and --skip-unreadable leaves them out. A folder of MNIST's IDX files
/// or CIFAR-10's binary files is known by their names. Of a CSV file, and of a folder without train and test, about a fifth of the samples
/// is held out to test; what a sample holds says whether it is one of them, unless `gradus train --split` has another rule.
#[derive(clap::Subcommand)]
#[command(
    after_help = "Examples:\n  gradus data list\n  gradus data show flowers.csv\n  gradus data fetch fashion-mnist\n  gradus data show mnist-5k --save digits.png"
)]
pub enum Args {
    List(ListArgs),
    Fetch(FetchArgs),
    Show(show::ShowArgs),
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

/// Lists, fetches or shows.
pub fn run(args: &Args) -> Result<()> {
    match args {
        Args::List(args) => list(args),
        Args::Fetch(args) => get(args),
        Args::Show(args) => show::show(args),
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
