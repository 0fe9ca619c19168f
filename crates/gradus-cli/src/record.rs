//! What a run learned from: its data, its settings, the model it began with. It is written when a run begins and kept in each of
//! its checkpoints and models, and compared with what is found whenever they are used again.

use crate::bars::grouped;
use crate::datasets::Opened;
use crate::description::Description;
use crate::error::Result;
use crate::learned::{Change, samples};
use crate::settings::Settings;
use gradus::data::label_spelling;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// Which settings of a `config.toml` decide what is learned and are not those of the record.
    pub fn differing_settings(&self, settings: &Settings) -> Vec<String> {
        let (began, now) = (flat(&self.settings), flat(settings));
        let keys: BTreeSet<&String> = began.keys().chain(now.keys()).collect();
        let show = |value: Option<&Value>| value.map_or("not stated".into(), Value::to_string);
        let differ = keys.into_iter().filter(|key| !MAY_CHANGE.contains(&key.as_str()));
        let differ = differ.filter(|key| began.get(*key) != now.get(*key)).map(|key| {
            let (found, expected) = (show(now.get(key)), show(began.get(key)));
            format!("{key}: {found} in config.toml, {expected} in the checkpoint")
        });
        differ.collect()
    }

    /// How data differ from those that the run learned from.
    pub fn differing_data(&self, opened: &Opened) -> Vec<String> {
        let Some(learned) = &self.model.learned else { return vec![] };
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
        differ
    }

    /// Refuses a record that no network can be built of.
    pub fn verify(&self) -> Result<()> {
        self.model.verify()
    }

    /// Says if the model that the run began with has changed: it goes on with its own weights.
    pub fn remark_on_beginning(&self) {
        let (Some(from), Some(name)) = (&self.from, &self.settings.from) else { return };
        match gradus::data::Key::of_file(&from.path) {
            Ok(found) if found.to_string() != from.digest => say!(
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

/// Settings by their names, `optimizer.name`.
pub fn flat(settings: &Settings) -> BTreeMap<String, Value> {
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

/// Where a file or folder lies, whatever folder a command is called in.
pub fn whole_path(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}
