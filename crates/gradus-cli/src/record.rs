//! What a run learned from: its data, its settings, the model it began with. It is written when a run begins and kept in each of
//! its checkpoints and models, and compared with what is found whenever they are used again.

use crate::aim::{Aim, CLASSES};
use crate::bars::grouped;
use crate::datasets::{self, Pictures};
use crate::error::{CliError, Result, shell_word};
use crate::model_file::Description;
use crate::run_dir;
use crate::settings::Settings;
use gradus::data::{Content, CsvOptions, Fingerprint, Split, Splits, label_spelling, named};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What data were that a model learned from, beside the names of their columns and classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// What is learned of them, by which loss.
    #[serde(default = "classes", skip_serializing_if = "Aim::is_default")]
    pub aim: Aim,
    /// The rule by which the test part was held out; none where the data bring one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// All samples.
    pub samples: u64,
    /// Samples of each class to train on; of numbers, all.
    pub train: Vec<u64>,
    /// To choose the best epoch on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<u64>,
    /// To test on.
    pub test: Vec<u64>,
    /// A digest of columns, classes and samples, in their order.
    pub digest: String,
    /// The same, whatever the order.
    pub unordered: String,
    /// What of the samples the digests are of: all that is in them, or the names and sizes of their files.
    pub digest_of: DigestOf,
    /// Some samples of the test part, if it was chosen by content: the beginnings of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}

fn classes() -> Aim {
    CLASSES.clone()
}

/// What of the samples a digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestOf {
    /// All that is in them.
    Contents,
    /// The names and sizes of their files.
    NamesAndSizes,
}

/// How data differ from those that were learned from.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Not at all.
    None,
    /// The same samples come in another order.
    Order,
    /// There are other samples, so many more or fewer.
    Samples(i64),
}

impl Learned {
    /// Of data as they were opened; how many samples of each class are in the parts is told later.
    pub fn of(splits: &Splits, found: &Fingerprint) -> Learned {
        Learned {
            aim: classes(),
            split: splits.rule.as_ref().map(Split::to_string),
            samples: samples(splits),
            train: vec![],
            validation: vec![],
            test: vec![],
            digest: found.ordered.clone(),
            unordered: found.unordered.clone(),
            held: vec![],
            digest_of: match found.content {
                Content::Whole => DigestOf::Contents,
                Content::NamesAndSizes => DigestOf::NamesAndSizes,
            },
        }
    }

    /// The rule by which the test part was held out.
    pub fn rule(&self) -> Result<Option<Split>> {
        let parse = |text: &String| text.parse::<Split>();
        Ok(self.split.as_ref().map(parse).transpose()?)
    }

    /// Keeps some samples of the test part in mind, if it was chosen by content.
    pub fn remember(&mut self, splits: &Splits) -> Result<()> {
        if splits.rule == Some(Split::Hash) {
            self.held = key_beginnings(splits)?.into_iter().take(REMEMBERED).collect();
        }
        Ok(())
    }

    /// How many of the held-out samples in mind there are, and how many of them are still held out.
    fn recognized(&self, splits: &Splits) -> Result<(usize, usize)> {
        let found = key_beginnings(splits)?;
        Ok((self.held.len(), self.held.iter().filter(|key| found.contains(*key)).count()))
    }

    /// Refuses data that were written anew in another form, rounded, say, or coded again: then it is not known which of their
    /// samples were trained on.
    pub fn require_known(&self, name: &str, splits: &Splits, noun: &str) -> Result<()> {
        let (kept, found) = self.recognized(splits)?;
        // Where samples are gone, those in mind are gone in proportion.
        let expected = kept as f64 * (samples(splits) as f64 / self.samples as f64).min(1.0);
        if found as f64 >= 0.5 * expected {
            return Ok(());
        }
        Err(CliError::Work(format!(
            "{name}: it holds other {noun}s than when the model was trained: of {kept} held-out ones that are remembered, {found} are there, so {noun}s that were trained on may be among those tested; put the data back, or name others by --data"
        )))
    }

    /// How data that were opened by the same rule differ.
    pub fn change(&self, splits: &Splits, found: &Fingerprint) -> Change {
        match (found.ordered == self.digest, found.unordered == self.unordered) {
            (true, _) => Change::None,
            (false, true) => Change::Order,
            (false, false) => Change::Samples(samples(splits) as i64 - self.samples as i64),
        }
    }
}

/// So many held-out samples are kept in mind.
const REMEMBERED: usize = 64;

/// The beginnings of the keys of the test part, sorted.
fn key_beginnings(splits: &Splits) -> Result<BTreeSet<String>> {
    let beginning = |index| Ok(splits.test.key(index)?.to_string()[..16].to_owned());
    (0..splits.test.len()).map(beginning).collect()
}

fn samples(splits: &Splits) -> u64 {
    (splits.train.len() + splits.test.len()) as u64
}

impl Change {
    /// `40 rows more`; `noun` is what samples are called.
    pub fn text(&self, noun: &str) -> String {
        let counted = |n: i64| {
            format!("{} {noun}{}", grouped(n.unsigned_abs()), if n.abs() == 1 { "" } else { "s" })
        };
        match *self {
            Change::None => "nothing else".into(),
            Change::Order => format!("the {noun}s are in another order"),
            Change::Samples(0) => format!("as many {noun}s, but others"),
            Change::Samples(n) if n > 0 => format!("{} more", counted(n)),
            Change::Samples(n) => format!("{} fewer", counted(n)),
        }
    }
}

/// All that is known of what a run learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of this format.
    pub version: u32,
    /// As it began.
    pub settings: Settings,
    /// The network for these data, how it is fed, and what the data were.
    pub model: Description,
    /// Where the data lie, if not in this program or among its sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_path: Option<PathBuf>,
    /// Where the file lies that the rule of the split names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_path: Option<PathBuf>,
    /// The trained model it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Beginning>,
}

/// The trained model that a run began with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// Where its file lies.
    pub path: PathBuf,
    /// The SHA-256 of the file.
    pub digest: String,
    /// The paths of the parameters that were made anew.
    pub fresh: Vec<String>,
}

/// The version of the record that this program writes.
pub const VERSION: u32 = 1;

/// Settings that a run may go on without: how long it goes on, what it writes down, how it is computed. The rest decides what
/// it learns.
const MAY_CHANGE: &[&str] = &[
    "version",
    "recipe",
    // Data are compared, not their names.
    "data",
    "epochs",
    "device",
    "checkpoint_every",
    "training.checkpoint_steps",
    "training.early_stopping",
    "training.recompute",
    "training.tensorboard",
    "training.diagnose",
];

impl RunRecord {
    /// Refuses settings of a `config.toml` that decide what is learned and are not those of the record.
    pub fn compare_settings(&self, run: &Path, settings: &Settings) -> Result<()> {
        let (began, now) = (flat(&self.settings), flat(settings));
        let keys: BTreeSet<&String> = began.keys().chain(now.keys()).collect();
        let show = |value: Option<&Value>| value.map_or("not stated".into(), Value::to_string);
        let differ = keys.into_iter().filter(|key| !MAY_CHANGE.contains(&key.as_str()));
        let differ = differ.filter(|key| began.get(*key) != now.get(*key)).map(|key| {
            let (found, expected) = (show(now.get(key)), show(began.get(key)));
            format!("{key}: {found} in config.toml, {expected} in the checkpoint")
        });
        let differ: Vec<String> = differ.collect();
        match differ.is_empty() {
            true => Ok(()),
            false => Err(refusal(run, &differ.join("; "), "put it back")),
        }
    }

    /// Refuses data that are not those the run learned from.
    pub fn compare_data(&self, run: &Path, opened: &Opened) -> Result<()> {
        let Some(learned) = &self.model.learned else { return Ok(()) };
        let noun = self.model.noun();
        let name = &opened.name;
        let mut differ = vec![];
        let classes = opened.splits.train.classes();
        if !are_same(classes, &self.model.classes) {
            let (found, expected) = (classes.join(", "), self.model.classes.join(", "));
            differ.push(format!("classes: {found} in {name}, {expected} in the checkpoint"));
        }
        match learned.change(&opened.splits, &opened.fingerprint) {
            Change::None => {}
            Change::Samples(n) if n != 0 => {
                let (found, expected) = (samples(&opened.splits), learned.samples);
                differ.push(format!(
                    "{noun}s: {} in {name}, {} in the checkpoint",
                    grouped(found),
                    grouped(expected)
                ));
            }
            Change::Samples(_) => {
                differ.push(format!("{noun}s: as many in {name} as in the checkpoint, but others"));
            }
            Change::Order => {
                differ
                    .push(format!("{noun}s: those of the checkpoint, in another order in {name}"));
            }
        }
        match differ.is_empty() {
            true => Ok(()),
            false => Err(refusal(run, &differ.join("; "), "put the data back")),
        }
    }

    /// Refuses a record that no network can be built of.
    pub fn verify(&self) -> Result<()> {
        self.model.verify()
    }

    /// Says if the model that the run began with has changed: it goes on with its own weights.
    pub fn remark_on_beginning(&self) {
        let (Some(from), Some(name)) = (&self.from, &self.settings.from) else { return };
        match gradus::data::Key::of_file(&from.path) {
            Ok(found) if found.to_string() != from.digest => eprintln!(
                "remark: {name} is another model than when the run began; it goes on with its own weights"
            ),
            _ => {}
        }
    }
}

/// Whether two lists have the same names, in any order and spelling.
pub fn are_same(classes: &[String], others: &[String]) -> bool {
    let spelled = |list: &[String]| -> Vec<String> {
        let mut names: Vec<_> = list.iter().map(|name| label_spelling(name).into_owned()).collect();
        names.sort();
        names
    };
    classes == others || spelled(classes) == spelled(others)
}

/// Why a run cannot go on.
fn refusal(run: &Path, differ: &str, remedy: &str) -> CliError {
    let config = shell_word(&run_dir::config(run));
    CliError::Work(format!(
        "{}: not what the run began with: {differ}; {remedy}, or begin a new run: gradus train {config}",
        run.display()
    ))
}

/// Settings by their names, `optimizer.name`.
fn flat(settings: &Settings) -> BTreeMap<String, Value> {
    fn walk(path: &str, value: Value, all: &mut BTreeMap<String, Value>) {
        let below = |key: &str| if path.is_empty() { key.into() } else { format!("{path}.{key}") };
        match value {
            Value::Object(fields) => {
                fields.into_iter().for_each(|(key, value)| walk(&below(&key), value, all));
            }
            value => drop(all.insert(path.into(), value)),
        }
    }
    let mut all = BTreeMap::new();
    walk("", serde_json::to_value(settings).expect("settings are plain data"), &mut all);
    all
}

/// Data as they were found.
pub struct Opened {
    /// Their name or path.
    pub name: String,
    /// Their parts.
    pub splits: Splits,
    /// What they are.
    pub fingerprint: Fingerprint,
}

impl Opened {
    /// Opens data, and sees what they are.
    pub fn new(
        name: &str,
        pictures: Pictures,
        csv: &CsvOptions,
        rule: Option<&Split>,
    ) -> Result<Opened> {
        let splits = datasets::open(name, pictures, csv, rule)?;
        let fingerprint = datasets::fingerprint(&splits)?;
        Ok(Opened { name: name.into(), splits, fingerprint })
    }
}

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

    /// Opens data by its rule.
    pub fn open(&self, name: &str, pictures: Pictures, csv: &CsvOptions) -> Result<Opened> {
        Opened::new(name, pictures, csv, self.rule(name)?.as_ref())
    }

    /// Opens its data again: where they are called as they were, if they are the same, else where they lay.
    pub fn reopen(&self, name: &str, pictures: Pictures, csv: &CsvOptions) -> Result<Opened> {
        let is_here = named(name).is_ok() || Path::new(name).exists();
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
                let here = is_here.then(|| self.open(name, pictures, csv));
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

/// Where a file or folder lies, whatever folder a command is called in.
pub fn whole_path(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}
