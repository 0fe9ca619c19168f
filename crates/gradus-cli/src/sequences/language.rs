//! Language models by name: `char-lstm` and those beside it.

use super::{Known, adam, file, steps, units_and_layers};
use crate::error::{CliError, Result};
use crate::model_file;
use crate::settings::{SequenceSettings, Settings};
use gradus::nn::Init;
use gradus::sequences::language::{
    Architecture, Corpus, Language, LanguageModel, LanguageNetwork, Tokens,
};
use gradus::sequences::{Model, System};
use gradus::text::Tokenizer;
use gradus::train::set_weights;
use std::path::Path;
use std::sync::Arc;

/// Entries of a recurrent one.
const RECURRENT: &[&str] = &["tokens", "vocabulary", "embedding", "steps", "dropout"];

/// An LSTM.
pub const LSTM: Known = Known {
    name: "char-lstm",
    about: "LSTM that foresees the next character of any text, its state carried along",
    source: "Karpathy 2015, char-rnn",
    has: RECURRENT,
    data: None,
    usual: recurrent,
    open: |settings, data| open(Architecture::Lstm, settings, data),
};
/// A GRU.
pub const GRU: Known = Known {
    name: "char-gru",
    about: "the same with gated recurrent units",
    open: |settings, data| open(Architecture::Gru, settings, data),
    ..LSTM
};
/// Elman's.
pub const RNN: Known = Known {
    name: "char-rnn",
    about: "the same with plain tanh units",
    open: |settings, data| open(Architecture::Rnn, settings, data),
    ..LSTM
};
/// A transformer.
pub const TRANSFORMER: Known = Known {
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
    open: |settings, data| open(Architecture::Transformer, settings, data),
    ..LSTM
};
/// A window.
pub const WINDOW: Known = Known {
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
    open: |settings, data| open(Architecture::Window, settings, data),
    ..LSTM
};

fn recurrent(settings: &mut Settings) {
    (settings.epochs, settings.batch) = (8, 64);
    settings.network.hidden = vec![256];
    settings.sequence = SequenceSettings {
        tokens: Some("characters".into()),
        embedding: Some(0),
        steps: Some(64),
        dropout: Some(0.0),
        ..SequenceSettings::default()
    };
    adam(settings, 6e-3, 1.0);
}

/// What symbols are, as it is stated.
fn tokens(settings: &Settings) -> Result<Tokens> {
    let SequenceSettings { tokens, vocabulary, .. } = &settings.sequence;
    let size = |usual: usize| vocabulary.unwrap_or(usual);
    let found = match tokens.as_deref() {
        None | Some("characters") => Tokens::Characters,
        Some("bytes") => Tokens::Bytes,
        Some("words") => Tokens::Words(size(10_000)),
        Some("byte-pairs") => Tokens::BytePairs(size(1_000)),
        Some(other) => {
            let what =
                format!("tokens: found {other:?}, expected characters, bytes, words or byte-pairs");
            return Err(CliError::Usage(what));
        }
    };
    match (vocabulary, found) {
        (Some(n), Tokens::Characters | Tokens::Bytes) => Err(CliError::Usage(format!(
            "vocabulary: found {n} with {}, expected --tokens words or byte-pairs with it",
            found.noun()
        ))),
        _ => Ok(found),
    }
}

/// A text by its name or path.
fn corpus(settings: &Settings, data: &str) -> Result<Corpus> {
    let tokens = tokens(settings)?;
    let path = file(data, &settings.model, "a text of any language, such as book.txt")?;
    Ok(Corpus::read(path, tokens)?)
}

fn open(architecture: Architecture, settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    let corpus = corpus(settings, data)?;
    let sequence = &settings.sequence;
    let usual = LanguageModel::new(architecture, &corpus);
    let (hidden, layers) = units_and_layers(settings).unwrap_or((usual.hidden, usual.layers));
    // Of words there are too many to be one-hot where nobody says so.
    let embedding = sequence.embedding.unwrap_or(0).max(if corpus.symbols() > 512 {
        usual.embedding
    } else {
        0
    });
    let model = LanguageModel {
        hidden,
        layers,
        embedding,
        context: sequence.context.unwrap_or(usual.context),
        heads: sequence.heads.unwrap_or(usual.heads),
        dropout: sequence.dropout.unwrap_or(0.0),
        ..usual
    };
    let piece = sequence.steps.unwrap_or(64);
    Ok(Box::new(Language::new(corpus, model, piece, steps(settings))?))
}

/// A trained language model.
pub struct LanguageRun {
    /// The system's name.
    pub name: String,
    /// What it is.
    pub description: LanguageModel,
    /// From text to ids and back.
    pub tokenizer: Tokenizer,
    /// The network, with its trained weights.
    pub network: Arc<dyn LanguageNetwork>,
}

/// The language model of a run or a file.
///
/// # Errors
/// When there is none, or it is a model of something else.
pub fn language_model(run_or_file: &Path) -> Result<LanguageRun> {
    let path = model_file::locate(run_or_file)?;
    let saved = model_file::read(&path)?;
    let name = saved.description.architecture.clone();
    let Some(Model::Language(description)) = saved.description.sequences.map(|own| own.model)
    else {
        return Err(CliError::Usage(format!(
            "{}: found a model of {name}, expected a language model, such as char-lstm",
            run_or_file.display()
        )));
    };
    let network = description.network(&Init::blank())?;
    set_weights(&*network, &saved.file)?;
    Ok(LanguageRun { name, tokenizer: description.tokenizer()?, description, network })
}
