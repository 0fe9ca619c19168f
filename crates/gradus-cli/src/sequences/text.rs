//! Classifiers of texts by name: `sentiment`.

use super::{named, steps, units_and_layers};
use crate::error::{CliError, Result};
use crate::model_file;
use crate::settings::Settings;
use crate::table_form::HeaderIs;
use gradus::nn::Init;
use gradus::sequences::text::{
    Architecture, Classifier, Sentiment, SentimentModel, TextColumns, Texts,
};
use gradus::sequences::{Model, System};
use gradus::train::set_weights;
use std::path::Path;

/// What reads words, by name.
const READERS: [(&str, Architecture); 5] = [
    ("gru", Architecture::Gru),
    ("lstm", Architecture::Lstm),
    ("convolution", Architecture::Convolution),
    ("mean", Architecture::Mean),
    ("grams", Architecture::Grams),
];

/// Groups of words that are counted beside a network that reads in order.
const GRAMS: usize = 1 << 18;

/// A classifier of the texts of a table, or of folders of texts.
pub(super) fn open(settings: &Settings, data: &str) -> Result<Box<dyn System>> {
    let path =
        named(data, &settings.model, "a CSV file of texts and labels, or a folder of texts")?;
    let sequence = &settings.sequence;
    let columns = TextColumns {
        text: sequence.text.clone(),
        label: settings.label.clone(),
        header: HeaderIs::stated(settings.header),
        ..TextColumns::default()
    };
    let texts = Texts::read(path, &columns)?;
    let cell = sequence.cell.as_deref().unwrap_or("gru");
    // `gru+grams`: groups of words are counted, too.
    let (cell, with_grams) = match cell.strip_suffix("+grams") {
        Some(cell) => (cell, true),
        None => (cell, false),
    };
    let Some(&(_, architecture)) = READERS.iter().find(|(name, _)| *name == cell) else {
        let known = READERS.map(|(name, _)| name).join(", ");
        let what = format!(
            "cell: found {cell:?}, expected one of {known}; gru+grams counts groups of words, too"
        );
        return Err(CliError::Usage(what));
    };
    let usual = SentimentModel::new(architecture, &texts)?;
    let hidden = match units_and_layers(settings) {
        Some((_, layers @ 2..)) => {
            let what = format!("hidden: found {layers} layers, expected one, such as 64");
            return Err(CliError::Usage(what));
        }
        found => found.map_or(usual.hidden, |(units, _)| units),
    };
    let model = SentimentModel {
        hidden,
        embedding: sequence.embedding.unwrap_or(usual.embedding),
        dropout: sequence.dropout.unwrap_or(usual.dropout),
        longest: sequence.length.unwrap_or(usual.longest),
        grams: if with_grams { GRAMS } else { usual.grams },
        ..usual
    };
    Ok(Box::new(Sentiment::new(texts, model, steps(settings))?))
}

/// A trained classifier of texts.
pub struct TextRun {
    /// The system's name.
    pub name: String,
    /// What the classes are called.
    pub classes: Vec<String>,
    /// The network at work.
    pub classifier: Classifier,
}

/// The classifier of texts of a run or a file; none of another network.
///
/// # Errors
/// When there is no such file, or it cannot be read.
pub fn text_model(run_or_file: &Path) -> Result<Option<TextRun>> {
    let path = model_file::locate(run_or_file)?;
    let saved = model_file::read(&path)?;
    let name = saved.description.architecture.clone();
    let Some(Model::Sentiment(model)) = saved.description.sequences.map(|own| own.model) else {
        return Ok(None);
    };
    let network = model.network(&Init::blank())?;
    set_weights(&*network, &saved.file)?;
    let classifier = Classifier::new(&model, network)?;
    Ok(Some(TextRun { name, classes: model.classes.clone(), classifier }))
}
