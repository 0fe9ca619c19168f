//! The system: streams of a text that go on from batch to batch, the network, and what it is worth on the last tenth.

use std::path::Path;
use std::sync::Arc;

use gradus_data::{DataError, RecordLoader};
use gradus_io::atomic_write;
use gradus_nn::Init;
use gradus_tensor::Tensor;
use gradus_text::{Counts, NGram, Sampler, Streams, bits, perplexity};
use gradus_train::{Learner, Result};
use serde_json::{Map, json};

use super::n_grams::NGrams;
use super::{Architecture, Corpus, LanguageModel, LanguageNetwork, Reader, cells};
use crate::{Model, Parts, Report, Steps, System};

/// The longest n-grams of the models beside which the network is shown.
const LONGEST: usize = 6;
/// So many symbols at the end of what is learned the n-gram models count; of longer texts they would fill the memory.
const COUNTED: usize = 20_000_000;
/// How much is written as a sample, and from how likely tokens.
const SAMPLE: usize = 400;
const TEMPERATURE: f64 = 0.8;
/// So much of the test part is coloured.
const COLOURED: usize = 4_000;

/// A language model about to be trained.
pub struct Language {
    corpus: Corpus,
    model: LanguageModel,
    network: Arc<dyn LanguageNetwork>,
    source: RecordLoader,
    learner: Learner,
    seed: u64,
}

impl Language {
    /// A network for a text: it learns pieces of so many symbols, so many streams of the text side by side, and carries what it keeps in mind from
    /// piece to piece.
    ///
    /// ```
    /// use gradus_nn::parameters;
    /// use gradus_sequences::language::{Architecture, Corpus, Language, LanguageModel, Tokens};
    /// use gradus_sequences::{Steps, System};
    /// use gradus_text::{LineEnds, parse_text};
    /// use gradus_train::{Fit, Progress, Recipe, optim::Adam};
    /// let text = parse_text("to be or not to be, ".repeat(60).as_bytes(), "t", LineEnds::Keep)?;
    /// let corpus = Corpus::new("t", &text, Tokens::Characters)?;
    /// let steps = Steps { optimizer: Box::new(Adam::new(0.02)), recipe: Recipe::default(), batch: 4, seed: 0 };
    /// let model = LanguageModel { hidden: 24, ..LanguageModel::new(Architecture::Lstm, &corpus) };
    /// let mut system = Language::new(corpus, model, 20, steps)?;
    /// let parts = system.parts();
    /// let mut fit = Fit { epochs: 12, ..Fit::default() };
    /// fit.run(parts.task, parts.train, None, &mut Progress::default())?;
    /// let report = system.test(None)?;
    /// assert!(report.numbers["val_nats"].as_f64() < Some(0.3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the text is too short for the streams, or the network cannot be built.
    pub fn new(
        corpus: Corpus,
        model: LanguageModel,
        steps: usize,
        training: Steps,
    ) -> Result<Language> {
        let streams = training.batch;
        let needed = streams.saturating_mul(steps);
        if corpus.train.len() <= needed {
            let noun = corpus.tokens.noun();
            let found = format!("{} {noun} to learn in {}", corpus.train.len(), corpus.name);
            let expected = format!(
                "more than {needed}, for {streams} streams of {steps} {noun}: fewer streams (batch) or shorter pieces (steps)"
            );
            return Err(DataError::invalid("text", found, expected).into());
        }
        let model = match model.architecture {
            Architecture::Transformer | Architecture::Window | Architecture::Textgenrnn => {
                LanguageModel { streams: 0, ..model }
            }
            _ => LanguageModel { streams, ..model },
        };
        if model.architecture == Architecture::Transformer && steps > model.context {
            let found = format!("{steps} with a transformer that sees {} symbols", model.context);
            return Err(DataError::invalid("steps", found, "as many at most").into());
        }
        let network = model.network(&Init::new(training.seed))?;
        let source = Streams::new(corpus.train.clone(), streams, steps)?.loader()?;
        let seed = training.seed;
        let learner = training.learner(network.clone(), at_each_place, vec![]);
        Ok(Language { corpus, model, network, source, learner, seed })
    }

    /// The n-gram models of what is learned on what is not.
    fn n_grams(&self) -> Result<NGrams> {
        let learned = &self.corpus.train;
        let learned = &learned[learned.len().saturating_sub(COUNTED)..];
        let mut counts = Counts::new(self.corpus.symbols(), LONGEST)?;
        counts.add(learned)?;
        let test = &self.corpus.test;
        let nats = |order, smoothing| -> Result<f64> {
            Ok(NGram::new(&counts, order, smoothing)?.score(test)?.nats_per_symbol())
        };
        NGrams::of(LONGEST, nats)
    }
}

/// What is lost at each place, `[B, T]`.
pub(super) fn at_each_place(scores: &Tensor, t: &Tensor) -> Tensor {
    scores.softmax_cross_entropy(t)
}

impl System for Language {
    fn parts(&mut self) -> Parts<'_> {
        Parts { task: &mut self.learner, train: &self.source, validation: None }
    }
    fn noun(&self) -> &'static str {
        "piece"
    }
    fn about(&self) -> String {
        let (noun, name) = (self.corpus.tokens.noun(), &self.corpus.name);
        let (symbols, train, test) =
            (self.corpus.symbols(), self.corpus.train.len(), self.corpus.test.len());
        format!("{name}: {symbols} {noun} that differ, {train} to learn, the last {test} to score")
    }
    fn guessing(&self) -> f64 {
        self.corpus.guessing()
    }
    fn identity(&self) -> Vec<(String, String)> {
        let corpus = &self.corpus;
        [
            ("symbols", corpus.symbols().to_string()),
            ("length", (corpus.train.len() + corpus.test.len()).to_string()),
            ("text", corpus.digest.clone()),
        ]
        .map(|(name, found)| (name.to_owned(), found))
        .into()
    }
    fn remarks(&self) -> &[String] {
        &self.corpus.remarks
    }
    fn model(&self) -> Model {
        Model::Language(self.model.clone())
    }

    fn test(&mut self, folder: Option<&Path>) -> Result<Report> {
        let mut reader = Reader::new(self.network.clone());
        let said = reader.costs(&self.corpus.test, false)?.likelihood();
        let nats = said.nats_per_symbol();
        let one = self.corpus.tokens.noun().trim_end_matches('s');
        let n_grams = self.n_grams()?;
        let mut table = n_grams.table(one);
        let best = n_grams.best();
        let mut numbers = Map::new();
        for (name, value) in [
            ("val_nats", nats),
            ("val_bits", bits(nats)),
            ("val_bits_per_character", said.bits_per(self.corpus.test_characters)),
            ("val_perplexity", perplexity(nats)),
            ("best_ngram_nats", best),
        ] {
            numbers.insert(name.into(), json!(value));
        }
        numbers.insert("ngrams".into(), n_grams.record());
        numbers.insert("scored".into(), json!(said.symbols));
        let prime = &self.corpus.test[..1];
        let mut sampler = Sampler::new(self.seed).temperature(TEMPERATURE);
        let written = reader.write(prime, SAMPLE, &mut sampler, |_| true)?;
        let sample = self.corpus.tokenizer.decode(&written)?;
        table += &format!("\n{}\n\n", sample.trim_end());
        numbers.insert("sample".into(), json!(sample));
        let mut files = vec![];
        if let Some(folder) = folder {
            let (page, found) = self.coloured(&mut reader)?;
            let path = folder.join("cells.html");
            atomic_write(&path, |w| w.write_all(page.as_bytes()))?;
            files.push(("cells", path));
            for cell in found.iter().take(3) {
                table += &format!(
                    "unit {:<5} {} (correlation {:+.2})\n",
                    cell.unit, cell.follows, cell.correlation
                );
            }
            numbers.insert("cells".into(), json!(found));
        }
        let is_beaten = nats >= best;
        let remark = is_beaten.then(|| {
            format!("it foresees the text no better than counting n-grams does ({best:.4} nats): train it longer, or a larger one")
        });
        let headline = format!(
            "{nats:.4} nats a {one}   {:.3} bits   perplexity {:.2}   best n-gram {best:.4}",
            bits(nats),
            perplexity(nats)
        );
        Ok(Report { table, headline, numbers, files, remark })
    }
}

impl Language {
    /// The beginning of the test part, coloured by the units that follow something.
    fn coloured(&self, reader: &mut Reader) -> Result<(String, Vec<cells::Cell>)> {
        let ids = &self.corpus.test[..self.corpus.test.len().min(COLOURED)];
        let seen = reader.costs(ids, true)?;
        let texts: Result<Vec<String>, DataError> = ids
            .iter()
            .take(seen.nats.len())
            .map(|&id| self.corpus.tokenizer.decode(&[id]))
            .collect();
        let texts = texts?;
        let found = cells::find(&texts, &seen.units);
        let title = format!("What the units of {} keep in mind", self.network.describe());
        Ok((cells::page(&title, &texts, &seen.units, &found), found))
    }
}
