//! Systems of gradus-sequences by name: what they are and their usual settings. How one is made of settings and data is told in `sequences`.

use super::{SequenceSettings, Settings, default_optimizer};
use crate::error::{CliError, Result};

/// A system that is trained by name.
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Where that is from.
    pub source: &'static str,
    /// The entries of `[sequence]` that it has.
    pub has: &'static [&'static str],
    /// Whether it reads tables, whose columns can be named.
    pub tables: bool,
    /// What it learns from where nobody says so; none where data must be named.
    pub data: Option<&'static str>,
    /// Puts what is usual for it into settings.
    usual: fn(&mut Settings),
}

/// All of them.
pub const SYSTEMS: &[Known] =
    &[LSTM, GRU, RNN, TRANSFORMER, WINDOW, NAMES, ADDING, COPY, SENTIMENT, LABELS, SPLICE];

/// The system of a name.
pub fn find_system(name: &str) -> Option<&'static Known> {
    SYSTEMS.iter().find(|known| known.name == name)
}

impl Known {
    /// Puts what is usual for it into the settings of no network.
    pub fn settle(&self, settings: &mut Settings) {
        settings.data = self.data.unwrap_or_default().into();
        settings.augment.clear();
        (self.usual)(settings);
    }

    /// Refuses settings that it does not have, or that cannot work.
    pub fn check(&self, settings: &Settings) -> Result<()> {
        settings.sequence.check(self.name, self.has)?;
        let SequenceSettings { dropout, steps, length, context, heads, .. } = settings.sequence;
        for (name, found) in
            [("steps", steps), ("length", length), ("context", context), ("heads", heads)]
        {
            if found == Some(0) {
                return Err(CliError::Usage(format!("{name}: found 0, expected at least 1")));
            }
        }
        if let Some(p) = dropout.filter(|p| !(0.0..1.0).contains(p)) {
            return Err(CliError::Usage(format!("dropout: found {p}, expected 0 to below 1")));
        }
        let hidden = &settings.network.hidden;
        if hidden.iter().any(|&units| units == 0 || units != hidden[0]) {
            let found = hidden.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            let what = format!(
                "hidden: found {found}, expected as many units in each layer, such as 256,256 for two layers"
            );
            return Err(CliError::Usage(what));
        }
        self.refuse_of_others(settings)
    }

    /// Refuses what is of networks for pictures and tables only, and would change nothing here.
    fn refuse_of_others(&self, settings: &Settings) -> Result<()> {
        let training = &settings.training;
        let of_others = [
            ("width", settings.network.width != 1.0),
            ("from", settings.from.is_some()),
            ("loss", training.loss.is_some()),
            ("metrics", !training.metrics.is_empty()),
            ("class-weights", training.class_weights.is_some()),
            ("freeze", !training.freeze.is_empty()),
            ("unfreeze-every", training.unfreeze_every.is_some()),
            ("layer-decay", training.layer_decay.is_some()),
            ("rate-scale", !training.groups.is_empty()),
            ("augment", !settings.augment.is_empty()),
            ("evaluate", !settings.evaluate.is_empty()),
            ("target", !settings.target.is_empty()),
            ("validation", settings.validation_split > 0.0),
            ("overfit-one-batch", settings.overfit_one_batch),
            ("split", settings.split.is_some()),
            ("skip-unreadable", settings.skip_unreadable),
            ("missing", settings.missing.is_some()),
            ("missing-values", !settings.missing_values.is_empty()),
            ("decimal", settings.decimal.is_some()),
            ("label", settings.label.is_some() && !self.tables),
            ("header", settings.header.is_some() && !self.tables),
            ("leave-out", !settings.leave_out.is_empty() && !self.tables),
        ];
        match of_others.iter().find(|(_, stated)| *stated) {
            Some((option, _)) => {
                let what = format!(
                    "--{option} is of networks for pictures and tables; {} has no such option",
                    self.name
                );
                Err(CliError::Usage(what))
            }
            None => Ok(()),
        }
    }
}

/// Adam at a rate, with gradients whose norm is bounded: what recurrent nets are usually trained by.
fn adam(settings: &mut Settings, rate: f64, clip: f64) {
    settings.optimizer = default_optimizer("adam");
    settings.optimizer.learning_rate = rate;
    settings.training.clip_norm = Some(clip);
}

/// Entries of a recurrent one.
const RECURRENT: &[&str] = &["tokens", "vocabulary", "embedding", "steps", "dropout"];

/// An LSTM.
const LSTM: Known = Known {
    name: "char-lstm",
    about: "LSTM that foresees the next character of any text, its state carried along",
    source: "Karpathy 2015, char-rnn",
    has: RECURRENT,
    tables: false,
    data: None,
    usual: recurrent,
};
/// A GRU.
const GRU: Known = Known { name: "char-gru", about: "the same with gated recurrent units", ..LSTM };
/// Elman's.
const RNN: Known = Known { name: "char-rnn", about: "the same with plain tanh units", ..LSTM };
/// A transformer.
const TRANSFORMER: Known = Known {
    name: "char-transformer",
    about: "causal transformer that foresees the next character, as GPT-2 in small",
    source: "Radford et al. 2019; Karpathy 2022, nanoGPT",
    has: &["tokens", "vocabulary", "steps", "context", "heads", "dropout"],
    usual: |settings| {
        recurrent(settings);
        (settings.batch, settings.epochs) = (16, 8);
        settings.network.hidden = vec![128; 4];
        settings.sequence.embedding = None;
        settings.sequence.context = Some(128);
        settings.sequence.steps = Some(128);
        settings.sequence.heads = Some(4);
        adam(settings, 2e-3, 1.0);
    },
    ..LSTM
};
/// A window.
const WINDOW: Known = Known {
    name: "char-window",
    about: "tanh layer over the last ten characters side by side: what a memory must beat",
    source: "Bengio et al. 2003",
    has: &["tokens", "vocabulary", "steps", "context"],
    usual: |settings| {
        recurrent(settings);
        settings.sequence.embedding = None;
        settings.sequence.dropout = None;
        settings.sequence.context = Some(10);
        adam(settings, 2e-3, 1.0);
    },
    ..LSTM
};

fn recurrent(settings: &mut Settings) {
    (settings.epochs, settings.batch) = (10, 64);
    settings.network.hidden = vec![384];
    settings.sequence = SequenceSettings {
        tokens: Some("characters".into()),
        embedding: Some(128),
        steps: Some(64),
        dropout: Some(0.2),
        ..SequenceSettings::default()
    };
    adam(settings, 5e-3, 1.0);
}

/// A list of names.
const NAMES: Known = Known {
    name: "names",
    about: "makes up names like those of a list, one a line: lstm, gru, rnn or transformer",
    source: "Karpathy 2022, makemore",
    has: &["cell", "embedding", "context", "heads", "dropout"],
    tables: false,
    data: None,
    usual: |settings| {
        (settings.epochs, settings.batch) = (12, 32);
        settings.network.hidden = vec![128];
        settings.sequence = SequenceSettings {
            cell: Some("lstm".into()),
            embedding: Some(0),
            dropout: Some(0.2),
            ..SequenceSettings::default()
        };
        adam(settings, 4e-3, 1.0);
    },
};

/// Two numbers among a hundred.
const ADDING: Known = Known {
    name: "adding",
    about: "adds two marked numbers among a hundred: what gates are for; lstm, gru or rnn",
    source: "Hochreiter and Schmidhuber 1997",
    has: &["cell", "length"],
    tables: false,
    data: Some(GENERATED),
    usual: |settings| memory(settings, 64, 100),
};

/// Ten symbols after fifty steps.
const COPY: Known = Known {
    name: "copy",
    about: "repeats ten symbols after fifty steps of nothing; lstm, gru or rnn",
    source: "Hochreiter and Schmidhuber 1997; Arjovsky et al. 2016",
    usual: |settings| {
        memory(settings, 64, 50);
        settings.epochs = 45;
        settings.sequence.cell = Some("gru".into());
        settings.optimizer.learning_rate = 4e-3;
    },
    ..ADDING
};

/// What data are called that are made on the way.
pub const GENERATED: &str = "generated";

fn memory(settings: &mut Settings, units: usize, length: usize) {
    (settings.epochs, settings.batch) = (10, 50);
    settings.network.hidden = vec![units];
    settings.schedule.name = "constant".into();
    settings.sequence = SequenceSettings {
        cell: Some("lstm".into()),
        length: Some(length),
        ..SequenceSettings::default()
    };
    adam(settings, 2e-3, 1.0);
}

/// Borders of exons.
const SPLICE: Known = Known {
    name: "splice",
    about: "convolutions that tell sequences of nucleotides apart, such as the borders of exons (FASTA)",
    source: "Noordewier et al. 1991; Alipanahi et al. 2015",
    has: &["length", "dropout"],
    tables: false,
    data: None,
    usual: |settings| {
        (settings.epochs, settings.batch) = (30, 64);
        settings.network.hidden = vec![64];
        settings.sequence = SequenceSettings { dropout: Some(0.4), ..SequenceSettings::default() };
        settings.optimizer = default_optimizer("adamw");
        settings.optimizer.learning_rate = 2e-3;
        settings.optimizer.weight_decay = 0.02;
    },
};

/// Texts and what they are.
const SENTIMENT: Known = Known {
    name: "sentiment",
    about: "tells texts apart, such as praise and blame: a CSV file of texts and labels, or folders of texts",
    source: "Cho et al. 2014; Wang and Manning 2012",
    has: &["cell", "embedding", "dropout", "length", "text"],
    tables: true,
    data: None,
    usual: |settings| {
        (settings.epochs, settings.batch) = (3, 32);
        settings.network.hidden = vec![64];
        settings.sequence = SequenceSettings {
            cell: Some("gru".into()),
            embedding: Some(64),
            dropout: Some(0.5),
            length: Some(400),
            ..SequenceSettings::default()
        };
        adam(settings, 2e-3, 1.0);
    },
};

/// Signals and what they are.
const LABELS: Known = Known {
    name: "sequence-labels",
    about: "tells sequences of numbers apart, or each of their steps: a .ts file, or a CSV file of a row a step",
    source: "Graves and Schmidhuber 2005",
    has: &["cell", "dropout", "sequence_id"],
    tables: true,
    data: None,
    usual: |settings| {
        (settings.epochs, settings.batch) = (60, 16);
        settings.network.hidden = vec![64];
        settings.sequence = SequenceSettings {
            cell: Some("gru".into()),
            dropout: Some(0.3),
            ..SequenceSettings::default()
        };
        adam(settings, 5e-3, 1.0);
    },
};
