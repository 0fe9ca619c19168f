//! Opening data for a network: by name or path, images brought to the network's size and channels.

use crate::bars::counted;
use crate::error::{CliError, Result};
use crate::suggest;
use gradus::data::{
    CsvOptions, Dataset, Fit, ImageOptions, LabelColumn, OpenOptions, Relabelled, SETS, Splits,
    named,
};
use gradus::models::find;
use std::path::Path;
use std::sync::Arc;

/// What pictures in folders are turned into; data of fixed sizes, such as named sets, stay as they are.
#[derive(Clone, Copy)]
pub struct Pictures {
    channels: usize,
    train: Option<Size>,
    test: Option<Size>,
}

type Size = (usize, usize);

impl Pictures {
    /// As a network of the zoo is published for; RGB of their own size for a network defined in a file.
    pub fn of_model(model: &str) -> Pictures {
        find(model).map_or(Pictures::of_input(&[]), |entry| Pictures::of_input(entry.input))
    }

    /// As a network takes them whose samples have this shape.
    pub fn of_input(shape: &[usize]) -> Pictures {
        match *shape {
            [channels, height, width] => {
                let size = Some((height, width));
                Pictures { channels, train: size, test: size }
            }
            _ => Pictures { channels: 3, train: None, test: None },
        }
    }

    /// As squares of these sides, where they are given.
    pub fn squares(self, train: Option<usize>, test: Option<usize>) -> Pictures {
        let square = |side: Option<usize>, size: Option<Size>| side.map(|n| (n, n)).or(size);
        Pictures { train: square(train, self.train), test: square(test, self.test), ..self }
    }
}

/// Where the label of data is that `--label` names the column of; other data than a CSV file have no columns.
pub fn label(column: Option<&str>, name_or_path: &str) -> Result<LabelColumn> {
    let Some(column) = column else { return Ok(LabelColumn::Auto) };
    let label = parse_label(column)?;
    match Path::new(name_or_path).is_dir() || named(name_or_path).is_ok() {
        false => Ok(label),
        true => Err(CliError::Usage(format!(
            "label: found {column:?} for {name_or_path}, expected a CSV file with it: other data have no columns"
        ))),
    }
}

/// A column by its name or its number from 1.
pub fn parse_label(column: &str) -> Result<LabelColumn> {
    column.parse().map_err(|error: gradus::data::DataError| CliError::Usage(error.to_string()))
}

/// Opens a named set or a path, a CSV file as stated. Pictures of the whole are as those to test on.
pub fn open(name_or_path: &str, pictures: Pictures, csv: &CsvOptions) -> Result<Splits> {
    known_or_there(name_or_path)?;
    let open = |size: Option<Size>| {
        let image = ImageOptions { channels: pictures.channels, size, fit: Fit::Cover };
        let options = OpenOptions { image, csv: csv.clone(), ..OpenOptions::from_environment() };
        gradus::data::open(name_or_path, &options)
    };
    let mut splits = open(pictures.train)?;
    if pictures.test != pictures.train {
        let as_tested = open(pictures.test)?;
        (splits.test, splits.whole) = (as_tested.test, as_tested.whole);
    }
    Ok(splits)
}

/// Refuses data of which there are too few to train and to test on.
pub fn require_both(name_or_path: &str, splits: &Splits) -> Result<()> {
    if splits.train.is_empty() || splits.test.is_empty() {
        let found = counted((splits.train.len() + splits.test.len()) as u64, "sample");
        let what = "at least 5: a fifth of a CSV file, and of a folder without train and test in it, is held out to test";
        return Err(CliError::Work(format!("{name_or_path}: found {found}, expected {what}")));
    }
    Ok(())
}

/// Whether two names or paths mean the same data. Of `trained`, which may have been stated in another folder, the file's name
/// has to do where it is not found.
pub fn is_same(given: &str, trained: &str) -> bool {
    let real = |path: &str| Path::new(path).canonicalize().ok();
    let name = |path: &str| Path::new(path).file_name().map(ToOwned::to_owned);
    given == trained
        || match real(trained) {
            Some(trained) => real(given) == Some(trained),
            None => name(given) == name(trained),
        }
}

/// Samples labelled by the classes of a model, where the names of theirs are among them.
pub fn labelled_as(classes: &[String], data: Arc<dyn Dataset>) -> Result<Arc<dyn Dataset>> {
    let known = data.classes().iter().all(|name| classes.contains(name));
    Ok(if known { Arc::new(Relabelled::new(data, classes)?) } else { data })
}

/// Samples that are all read to see whether they can be.
const READ: usize = 2_000;

/// Looks for samples that cannot be read: a few are read, of more only what can be seen cheaply is looked at.
///
/// # Errors
/// Of the first sample that is bad.
pub fn inspect(data: &dyn Dataset) -> Result<()> {
    let len = data.shape().iter().product();
    let look = |range: std::ops::Range<usize>| {
        let mut sample = vec![0.0; len];
        range.into_iter().try_for_each(|index| match data.len() <= READ {
            true => data.read(index, &mut sample),
            false => data.probe(index),
        })
    };
    let share = data.len().div_ceil(gradus_cpu::threads()).max(1);
    std::thread::scope(|scope| {
        let ranges = (0..data.len()).step_by(share).map(|i| i..(i + share).min(data.len()));
        let threads: Vec<_> = ranges.map(|range| scope.spawn(move || look(range))).collect();
        // All are waited for; of several errors the one of the first samples is given.
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        let panicked = |_| CliError::Work("reading the test data panicked".into());
        results.into_iter().try_for_each(|result| Ok(result.map_err(panicked)??))
    })
}

/// Opens a named set or a path without a network in mind: pictures are RGB and of one size.
pub fn open_as_is(name_or_path: &str, csv: CsvOptions) -> Result<Splits> {
    known_or_there(name_or_path)?;
    let options = OpenOptions { csv, ..OpenOptions::from_environment() };
    Ok(gradus::data::open(name_or_path, &options)?)
}

/// Refuses what is neither a set's name nor a path.
fn known_or_there(name_or_path: &str) -> Result<()> {
    let names: Vec<&str> = SETS.iter().map(|s| s.name).collect();
    if names.contains(&name_or_path) || Path::new(name_or_path).exists() {
        return Ok(());
    }
    if name_or_path == "imagenet" {
        let what = "imagenet: its pictures may not be handed on; give the folder that holds them, --data DIR, with train and val in it";
        return Err(CliError::Usage(what.to_owned()));
    }
    Err(suggest::unknown("data set (and no file or folder of that name)", name_or_path, &names))
}
