//! What the data were that a model learned from, and how those that are found later differ.

use crate::aim::{Aim, CLASSES};
use crate::bars::grouped;
use crate::error::{CliError, Result};
use gradus::data::{Content, Fingerprint, Skip, Split, Splits, Unreadable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    /// Pictures or rows that were left out because they could not be read: they are passed over whenever these data are opened again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unread>,
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

/// A picture or a row that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// The picture's path in the folder; the table's name.
    pub file: String,
    /// The line where the row begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Why.
    pub why: String,
}

impl From<&Unreadable> for Unread {
    fn from(one: &Unreadable) -> Unread {
        Unread { file: one.file.clone(), line: one.line, why: one.why.clone() }
    }
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
            unreadable: splits.unreadable.iter().map(Unread::from).collect(),
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

    /// What is passed over when the data are opened again; `look` finds what can no longer be read, too.
    pub fn skip(&self, look: bool) -> Skip {
        let known = |one: &Unread| Unreadable {
            file: one.file.clone(),
            line: one.line,
            why: one.why.clone(),
        };
        Skip { look, known: self.unreadable.iter().map(known).collect() }
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

/// How many samples there are.
pub fn samples(splits: &Splits) -> u64 {
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
