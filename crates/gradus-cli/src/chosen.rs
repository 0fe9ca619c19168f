//! Which samples a model is tested on, or looked at with: the test part of its own data, or of others.

use crate::datasets::{self, Opened, Pictures};
use crate::description::Description;
use crate::error::{CliError, Result};
use crate::learned::{Change, Learned};
use crate::trained::Trained;
use crate::unreadable;
use gradus::data::{CsvOptions, Dataset, Split, Splits, Unreadable, has_test_part};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// The data that are meant: those that are named, or those that the model was trained on.
///
/// # Errors
/// When none are named, and those of the model are not known or not kept.
pub fn data_of<'a>(
    model: &Path,
    description: &'a Description,
    named: Option<&'a str>,
) -> Result<&'a str> {
    let refused = |what: &str, remedy: &str| {
        Err(CliError::Usage(format!("{}: {what}: {remedy}", model.display())))
    };
    match named {
        Some(data) => Ok(data),
        // What an imported model was trained on is not known.
        None if description.epoch == 0 => {
            refused("it was imported, not trained here", "name the data to test it on by --data")
        }
        None if description.data == datasets::STDIN => refused(
            "it was trained on what came in on stdin, which is not kept",
            "give it again (--data - < FILE.csv) or name other data by --data",
        ),
        None => Ok(&description.data),
    }
}

/// What is to be tested of data; `is_own` says that they were not named, so they are those that the model was trained on.
///
/// # Errors
/// When data cannot be read, hold nothing to test, or what the model was trained on can no longer be told from what was held out.
pub fn choose(
    trained: &Trained<'_>,
    data: &str,
    is_own: bool,
    pictures: Pictures,
    csv: &CsvOptions,
) -> Result<Chosen> {
    let chosen = match is_own || trained.is_of(data) {
        true => held_out(trained, trained.reopen(data, pictures, csv)?)?,
        false => other(trained, data, pictures, csv)?,
    };
    match chosen.test.is_empty() {
        true => Err(CliError::Work(format!("{}: found no samples to test on", chosen.name))),
        false => Ok(chosen),
    }
}

/// Which part of data is tested.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// The test part that they have.
    Test,
    /// What training held out of them.
    HeldOut,
    /// All of them: they have no parts, and the model has not seen them.
    Whole,
}

/// What is to be tested.
pub struct Chosen {
    /// Which part that is.
    pub part: Tested,
    /// Its samples.
    pub test: Arc<dyn Dataset>,
    /// The samples to train on; none where all of the data are to be tested.
    pub train: Option<Arc<dyn Dataset>>,
    /// What the data are called where they were found.
    pub name: String,
    /// How they have changed since the model learned from them, if they have.
    pub changed: Option<String>,
    /// What is worth knowing of how they were read.
    pub remarks: Vec<String>,
    /// Pictures that are left out because they cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Chosen {
    /// Of samples of data as they were opened.
    fn new(part: Tested, test: Arc<dyn Dataset>, name: String, splits: &Splits) -> Chosen {
        let (mut remarks, unreadable) = (splits.remarks.clone(), splits.unreadable.clone());
        remarks.extend(unreadable::remark(&unreadable));
        let train = (part != Tested::Whole).then(|| splits.train.clone());
        Chosen { part, test, train, name, changed: None, remarks, unreadable }
    }
}

/// The test part of the data that the model was trained on.
///
/// # Errors
/// When what was trained on can no longer be told from what was held out.
fn held_out(trained: &Trained<'_>, opened: Opened) -> Result<Chosen> {
    let Opened { name, splits, fingerprint } = opened;
    let noun = trained.description.noun();
    let change = match (&trained.description.learned, &splits.rule) {
        (None, None) => Change::None,
        (None, Some(_)) => {
            say!(
                "remark: an older version trained the model, which did not keep what it learned from: if {name} has changed since, {noun}s that were trained on may be among those held out"
            );
            Change::None
        }
        (Some(learned), rule) => {
            let change = learned.change(&splits, &fingerprint);
            if change != Change::None {
                remark_on_change(learned, rule.as_ref(), &name, &splits, &change.text(noun), noun)?;
            }
            change
        }
    };
    let changed = (change != Change::None).then(|| change.text(noun));
    // How data are read that are as they were has been said by the training.
    let is_known = trained.description.learned.is_some() && changed.is_none();
    let part = if splits.rule.is_none() { Tested::Test } else { Tested::HeldOut };
    let mut chosen = Chosen { changed, ..Chosen::new(part, splits.test.clone(), name, &splits) };
    if is_known {
        let unreadable = unreadable::remark(&chosen.unreadable);
        chosen.remarks = splits.others.iter().cloned().chain(unreadable).collect();
    }
    Ok(chosen)
}

/// Says that data have changed, or refuses them where that may have moved what was trained on into the test part.
fn remark_on_change(
    learned: &Learned,
    rule: Option<&Split>,
    name: &str,
    splits: &Splits,
    text: &str,
    noun: &str,
) -> Result<()> {
    let changed = format!("{name} has changed since training: {text}");
    match rule {
        None | Some(Split::File(_)) => say!("remark: {changed}"),
        Some(rule) if rule.is_by_content() => {
            learned.require_known(name, splits, noun)?;
            say!("remark: {changed}; the held-out {noun}s are chosen by content, none moved");
        }
        Some(rule) => {
            return Err(CliError::Work(format!(
                "{changed}; its held-out {noun}s were chosen by {rule}, so which of them were trained on is not known; put the data back, or name others by --data"
            )));
        }
    }
    Ok(())
}

/// The part to test of data that the model was not trained on, or was under another name.
fn other(
    trained: &Trained<'_>,
    name: &str,
    pictures: Pictures,
    csv: &CsvOptions,
) -> Result<Chosen> {
    if has_test_part(name) {
        let splits = datasets::open(name, pictures, csv, None)?;
        return Ok(Chosen::new(Tested::Test, splits.test.clone(), name.into(), &splits));
    }
    let opened = Opened::new(name, pictures.clone(), csv, Some(&Split::Position))?;
    if let Some(learned) = &trained.description.learned {
        let change = learned.change(&opened.splits, &opened.fingerprint);
        if matches!(change, Change::None | Change::Order) {
            let (given, known) =
                (datasets::called(name), datasets::called(&trained.description.data));
            say!("remark: {given} holds the same as {known}");
            return held_out(trained, trained.open(name, pictures, csv)?);
        }
    }
    let splits = opened.splits;
    let test = splits.whole.clone().unwrap_or(splits.test.clone());
    Ok(Chosen::new(Tested::Whole, test, name.into(), &splits))
}
