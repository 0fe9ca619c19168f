//! Language models by name: `char-lstm` and those beside it.

use super::{file, steps, units_and_layers};
use crate::bars::bytes;
use crate::error::{CliError, Result};
use crate::model_file;
use crate::room;
use crate::settings::{SequenceSettings, Settings};
use gradus::nn::Init;
use gradus::sequences::language::{
    Architecture, Corpus, Language, LanguageModel, LanguageNetwork, NameList, Names, Tokens,
};
use gradus::sequences::{Model, System};
use gradus::text::Tokenizer;
use gradus::train::set_weights;
use std::path::Path;
use std::sync::Arc;

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

/// So many bytes of memory a byte of text takes: itself, and ids that are learned in streams and counted in n-grams.
const EACH: u64 = 24;

/// Refuses a text that does not fit into memory as ids.
fn require_room(path: &Path) -> Result<()> {
    let size = path.metadata().map_or(0, |about| about.len());
    match room::bytes().filter(|room| size.saturating_mul(EACH) > *room) {
        Some(room) => Err(CliError::Work(format!(
            "{}: found a text of {}, which takes {} of memory, expected less than the {} there are: train on a part of it",
            path.display(),
            bytes(size),
            bytes(size.saturating_mul(EACH)),
            bytes(room)
        ))),
        None => Ok(()),
    }
}

/// A text by its name or path.
fn corpus(settings: &Settings, data: &str) -> Result<Corpus> {
    let tokens = tokens(settings)?;
    let path = file(data, &settings.model, "a text of any language, such as book.txt")?;
    require_room(path)?;
    Ok(Corpus::read(path, tokens)?)
}

/// A network of the size that settings state; where they state none, as it is.
fn sized(usual: LanguageModel, settings: &Settings) -> LanguageModel {
    let sequence = &settings.sequence;
    let (hidden, layers) = units_and_layers(settings).unwrap_or((usual.hidden, usual.layers));
    LanguageModel {
        hidden,
        layers,
        embedding: sequence.embedding.unwrap_or(usual.embedding),
        context: sequence.context.unwrap_or(usual.context),
        heads: sequence.heads.unwrap_or(usual.heads),
        dropout: sequence.dropout.unwrap_or(usual.dropout),
        ..usual
    }
}

/// A language model for a text.
pub(super) fn open(
    architecture: Architecture,
    settings: &Settings,
    data: &str,
) -> Result<Box<dyn System>> {
    let corpus = corpus(settings, data)?;
    let sequence = &settings.sequence;
    let usual = LanguageModel::new(architecture, &corpus);
    let model = sized(usual, settings);
    let piece = sequence.steps.unwrap_or(64);
    Ok(Box::new(Language::new(corpus, model, piece, steps(settings))?))
}

/// A network for a list of names.
pub(super) fn open_names(settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    let path = file(data, &settings.model, "a text with a name in each line, such as names.txt")?;
    let list = NameList::read(path)?;
    let sequence = &settings.sequence;
    let architecture = match sequence.cell.as_deref() {
        None | Some("lstm") => Architecture::Lstm,
        Some("gru") => Architecture::Gru,
        Some("rnn") => Architecture::Rnn,
        Some("transformer") => Architecture::Transformer,
        Some(other) => {
            let what = format!("cell: found {other:?}, expected lstm, gru, rnn or transformer");
            return Err(CliError::Usage(what));
        }
    };
    let usual = list.model(architecture);
    let model = sized(usual, settings);
    Ok(Box::new(Names::new(list, model, steps(settings))?))
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
