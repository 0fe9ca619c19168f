//! What a network of sequences is made of: `[sequence]` in a recipe. Each system has some of these entries; see `sequences::System`.

use crate::error::{CliError, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The heading of these options.
const HEADING: &str = "Networks of sequences";

/// A network of sequences and how its data are read. An entry that a system has not is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = HEADING)]
pub struct SequenceSettings {
    /// What it reads with: lstm, gru or rnn; of names transformer, too, of sentiment convolution, mean or grams, and gru+grams
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "CELL")]
    pub cell: Option<String>,
    /// What symbols of a text are: characters, bytes, words or byte-pairs (pieces that are learned)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "KIND")]
    pub tokens: Option<String>,
    /// So many words or pieces at most
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub vocabulary: Option<usize>,
    /// Numbers of a symbol's vector; 0 for one-hot symbols
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub embedding: Option<usize>,
    /// Symbols that are learned at a time: so far gradients go back
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// Symbols that a transformer or a window sees
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub context: Option<usize>,
    /// Heads of a transformer's attention
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "N")]
    pub heads: Option<usize>,
    /// The share of units that are dropped while training
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "P")]
    pub dropout: Option<f64>,
    /// How long sequences are
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "T")]
    pub length: Option<usize>,
    /// The column of a CSV file that says which sequence a row is a step of [default: the one called id, sequence, series or sample]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "COLUMN")]
    pub sequence_id: Option<String>,
    /// The column of a CSV file that holds the texts [default: the one of the longest texts]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,
}

impl SequenceSettings {
    /// Whether nothing is stated, as for all other networks.
    pub fn is_empty(&self) -> bool {
        *self == SequenceSettings::default()
    }

    /// Refuses entries that a system has not; `has` are those it has.
    pub fn check(&self, system: &str, has: &[&str]) -> Result<()> {
        let Value::Object(stated) = json!(self) else { unreachable!("settings are a table") };
        for (name, found) in stated {
            if !has.contains(&&*name) {
                let known = match has {
                    [] => "which has no such settings".to_owned(),
                    has => format!("which has only {}", has.join(", ")),
                };
                return Err(CliError::Usage(format!(
                    "{name}: found {found} with {system}, {known}"
                )));
            }
        }
        Ok(())
    }
}
