//! Finding the data again that a model learned from.

use crate::datasets::{Opened, Pictures, STDIN};
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::learned::{Change, Learned};
use crate::record::RunRecord;
use gradus::data::{CsvOptions, Split, named};
use std::path::Path;

/// A model and where the data lay that it learned from, if that is known.
pub struct Trained<'a> {
    /// The model.
    pub description: &'a Description,
    /// Where its data lay.
    data_path: Option<&'a Path>,
    /// Where the file lay that names its test part.
    split_path: Option<&'a Path>,
}

impl<'a> Trained<'a> {
    /// Of a model, and the record of its run if there is one.
    pub fn new(description: &'a Description, record: Option<&'a RunRecord>) -> Trained<'a> {
        Trained {
            description,
            data_path: record.and_then(|record| record.data_path.as_deref()),
            split_path: record.and_then(|record| record.split_path.as_deref()),
        }
    }

    /// The rule by which the test part of its data is held out, which are found by this name.
    ///
    /// # Errors
    /// When they bring a test part that they did not have, or have lost it: nothing tells what was trained on.
    pub fn rule(&self, name: &str) -> Result<Option<Split>> {
        let parted = gradus::data::has_test_part(name);
        let Some(learned) = &self.description.learned else {
            // Those of before went by place.
            return Ok((!parted).then_some(Split::Position));
        };
        let rule = learned.rule()?;
        if rule.is_some() == parted {
            let (now, then) = if parted { ("a", "none") } else { ("no", "one") };
            return Err(CliError::Work(format!(
                "{name}: found {now} test part in it, there was {then} when the model was trained, so which {}s it was trained on is not known; name others by --data",
                self.description.noun()
            )));
        }
        Ok(match (rule, self.split_path) {
            (Some(Split::File(_)), Some(path)) if path.exists() => {
                Some(Split::File(path.to_owned()))
            }
            (rule, _) => rule,
        })
    }

    /// Opens data by its rule, without the pictures that it was trained without.
    pub fn open(&self, name: &str, mut pictures: Pictures, csv: &CsvOptions) -> Result<Opened> {
        if let Some(learned) = &self.description.learned {
            pictures.skip = learned.skip(pictures.skip.look);
        }
        Opened::new(name, pictures, csv, self.rule(name)?.as_ref())
    }

    /// Opens its data again: where they are called as they were, if they are the same, else where they lay.
    pub fn reopen(&self, name: &str, pictures: Pictures, csv: &CsvOptions) -> Result<Opened> {
        let is_here = name == STDIN || named(name).is_ok() || Path::new(name).exists();
        match self.data_path {
            Some(path) if !is_here && !path.exists() => Err(CliError::Work(format!(
                "{name}: it is neither here nor where it lay, {}",
                path.display()
            ))),
            Some(path) if path.exists() && !is_one(path, name) => {
                let same = |opened: &Opened| {
                    let change = |learned: &Learned| {
                        learned.change(&opened.splits, &opened.fingerprint) == Change::None
                    };
                    self.description.learned.as_ref().is_some_and(change)
                };
                let here = is_here.then(|| self.open(name, pictures.clone(), csv));
                match here {
                    Some(Ok(here)) if same(&here) => Ok(here),
                    _ => self.open(&path.display().to_string(), pictures, csv),
                }
            }
            _ => self.open(name, pictures, csv),
        }
    }

    /// Whether a name or path means the data that it learned from. Where it is not known where they lay, or nothing is left
    /// there, the file's name has to do.
    pub fn is_of(&self, given: &str) -> bool {
        // What comes in on stdin is compared when it is there.
        if given == STDIN {
            return false;
        }
        let name = |path: &str| Path::new(path).file_name().map(ToOwned::to_owned);
        let trained = &self.description.data;
        match self.data_path.or(Some(Path::new(trained))).filter(|path| path.exists()) {
            Some(path) => is_one(path, given),
            None => given == trained || name(given) == name(trained),
        }
    }
}

/// Whether a path and a name mean one file or folder.
fn is_one(path: &Path, name: &str) -> bool {
    matches!((path.canonicalize(), Path::new(name).canonicalize()), (Ok(a), Ok(b)) if a == b)
}
