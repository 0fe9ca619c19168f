//! The system: labelled texts, the network, and what it is worth on those that it never learned.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradus_data::{
    Bucketing, HoldOut, Padding, RecordLoader, RecordOptions, Result as Read, count,
};
use gradus_io::atomic_write;
use gradus_nn::Init;
use gradus_nn::losses::cross_entropy;
use gradus_text::Splitter;
use gradus_train::metrics::accuracy;
use gradus_train::{Confusion, Learner, Result};
use serde_json::json;

use super::grams::naive_bayes;
use super::records::{Encoded, plain};
use super::{Classifier, SentimentModel, SentimentNetwork, Texts, as_html};
use crate::labelled::{Baseline, Labelled, confusion, report};
use crate::language::cells::escaped;
use crate::logistic::{Bags, LogisticRegression};
use crate::{Model, Parts, Report, Steps, System};

/// Texts are padded to multiples of this: a program is planned for each length.
const MULTIPLE: usize = 16;
/// So many batches in a row are sorted by length.
const WINDOW: usize = 50;
/// Logistic regression knows words that so many texts have, and tries these strengths.
const LEAST: usize = 3;
const STRENGTHS: [f64; 6] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
/// So many texts of each class are shown with their words coloured.
const SHOWN: usize = 3;

/// A classifier of texts about to be trained.
pub struct Sentiment {
    texts: Texts,
    model: SentimentModel,
    network: Arc<SentimentNetwork>,
    train: RecordLoader,
    test: RecordLoader,
    learner: Learner,
    remarks: Vec<String>,
}

impl Sentiment {
    /// A network for labelled texts.
    ///
    /// ```
    /// use gradus_sequences::text::{Architecture, Sentiment, SentimentModel, TextColumns, Texts};
    /// use gradus_sequences::{Steps, System};
    /// use gradus_train::{Fit, Progress, Recipe, optim::Adam};
    /// let line = |n: usize| format!("{} film number {n},{}\n", ["a good", "no bad"][n % 2], ["yes", "no"][n % 2]);
    /// let file: String = (0..120).map(line).collect();
    /// let texts = Texts::parse_csv(format!("text,label\n{file}").as_bytes(), "films.csv", &TextColumns::default())?;
    /// let model = SentimentModel { hidden: 8, embedding: 8, ..SentimentModel::new(Architecture::Gru, &texts)? };
    /// let steps = Steps { optimizer: Box::new(Adam::new(0.02)), recipe: Recipe::default(), batch: 8, seed: 0 };
    /// let mut system = Sentiment::new(texts, model, steps)?;
    /// let parts = system.parts();
    /// let mut fit = Fit { epochs: 4, ..Fit::default() };
    /// fit.run(parts.task, parts.train, None, &mut Progress::default())?;
    /// let report = system.test(None)?;
    /// assert_eq!(report.numbers["test_accuracy"].as_f64(), Some(1.0));
    /// let said = system.classifier()?.classify("a good one")?;
    /// assert_eq!(said.class, "yes");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the network cannot be built, is of other classes, or no text has a word.
    pub fn new(texts: Texts, model: SentimentModel, training: Steps) -> Result<Sentiment> {
        if model.classes != texts.all.classes {
            let found = format!("a model of {} classes", model.classes.len());
            let expected = format!("one of the {} of {}", texts.all.classes.len(), texts.all.name);
            return Err(gradus_data::DataError::invalid("classes", found, expected).into());
        }
        let network = model.network(&Init::new(training.seed))?;
        let encoder = model.encoder()?;
        let mut remarks = texts.all.remarks.clone();
        let (mut long, mut without) = (0, 0);
        let mut encode = |part: &[usize]| -> Read<Encoded> {
            let mut encoded = Encoded::new(encoder.clone());
            for &at in part {
                let ids = encoder.ids(&texts.texts[at])?;
                long += usize::from(ids.len() > model.longest);
                match ids.is_empty() {
                    true => without += 1,
                    false => encoded.push(&ids, texts.all.labels[at]),
                }
            }
            Ok(encoded)
        };
        let (train, test) = (encode(&texts.all.train)?, encode(&texts.all.test)?);
        if without > 0 {
            remarks.push(format!("{without} texts without a word left out"));
        }
        if long > 0 {
            remarks.push(format!(
                "{long} of {} have more than {} words and signs: their first and their last {} are read",
                count(texts.len(), "text"),
                model.longest,
                model.longest / 2
            ));
        }
        if model.grams > 0 {
            network.begin(&naive_bayes(model.grams, texts.all.classes.len(), train.rows()))?;
        }
        let train = loader(train, training.batch, Some(training.seed))?;
        let test = loader(test, training.batch, None)?;
        let learner = training.learner(network.clone(), cross_entropy, vec![accuracy()]);
        Ok(Sentiment { texts, model, network, train, test, learner, remarks })
    }

    /// The network as it now is, as what says what texts are.
    ///
    /// # Errors
    /// As [`Classifier::new`].
    pub fn classifier(&self) -> Result<Classifier> {
        Classifier::new(&self.model, self.network.clone())
    }

    /// How often texts that are only tested on are of each class and taken for each, by the network as it now is.
    ///
    /// # Errors
    /// When computing meets a bad value.
    pub fn confusion(&mut self) -> Result<Confusion> {
        confusion(&mut self.learner, &self.test, self.texts.all.classes.len())
    }

    /// How many of the texts to test on logistic regression over the words that occur takes for what they are. Its strength is chosen by a tenth of
    /// what is learned.
    fn logistic_regression(&self) -> f64 {
        let Texts { texts, all: Labelled { labels, keys, classes, train, test, .. } } = &self.texts;
        let words = |text: &str| -> Vec<String> {
            let text = plain(text).to_lowercase();
            let mut words: Vec<String> = Splitter::Words.pieces(&text).map(str::to_owned).collect();
            words.sort_unstable();
            words.dedup();
            words
        };
        let mut counts: HashMap<String, usize> = HashMap::new();
        for &at in train {
            words(&texts[at]).into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let mut known: Vec<String> =
            counts.into_iter().filter(|&(_, n)| n >= LEAST).map(|(word, _)| word).collect();
        known.sort_unstable();
        let number: HashMap<&str, u32> = known.iter().map(String::as_str).zip(0..).collect();
        let features = |text: &String| -> Vec<u32> {
            words(text).iter().filter_map(|word| number.get(word.as_str()).copied()).collect()
        };
        let bags = Bags::new(texts.iter().map(features), known.len());
        let held = HoldOut::Validation { share: 0.1, seed: 0 };
        let (chosen_by, fitted): (Vec<usize>, Vec<usize>) =
            train.iter().partition(|&&at| held.takes(&keys[at]));
        let fit = |samples: &[usize], strength: f64| {
            LogisticRegression::fit(&bags, samples, labels, classes.len(), strength)
        };
        let tried = STRENGTHS.map(|c| (fit(&fitted, c).accuracy(&bags, &chosen_by, labels), c));
        let best = tried.into_iter().rev().max_by(|a, b| a.0.total_cmp(&b.0));
        let strength = best.map_or(1.0, |(_, strength)| strength);
        fit(train, strength).accuracy(&bags, test, labels)
    }

    /// A page of some texts that were never learned, their words coloured by what they speak for the class that they are taken for.
    fn page(&self) -> Result<String> {
        let mut classifier = self.classifier()?;
        let mut page = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>What words speak for</title>\n\
            <style>body{font:16px/1.6 Georgia,serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222;background:#fff}\
            h2{font-size:1.05em;margin-top:2em}</style></head>\n<body><h1>What words speak for</h1>\n\
            <p>Blue words speak for the class that the text is taken for, red ones against it.</p>\n"
            .to_owned();
        for class in 0..self.texts.all.classes.len() as i64 {
            let of_class =
                self.texts.all.test.iter().filter(|&&at| self.texts.all.labels[at] == class);
            for &at in of_class.take(SHOWN) {
                let Ok(said) = classifier.classify(&self.texts.texts[at]) else { continue };
                let share = said.probabilities.iter().copied().fold(0.0, f64::max);
                let (is, taken) = (escaped(self.texts.class(at)), escaped(&said.class));
                page += &format!("<h2>{is}, taken for {taken} ({:.0} %)</h2>\n", 100.0 * share);
                page += &as_html(&classifier.explain(&self.texts.texts[at])?);
            }
        }
        Ok(page + "</body></html>\n")
    }
}

/// Batches of texts of like length.
fn loader(texts: Encoded, batch: usize, shuffled: Option<u64>) -> Read<RecordLoader> {
    let padding = Padding { multiple: MULTIPLE, ..Padding::default() };
    let options = RecordOptions {
        batch_size: batch,
        shuffle: shuffled.is_some(),
        seed: shuffled.unwrap_or(0),
        padding: vec![("x".into(), padding)],
        bucketing: Some(Bucketing::windows("x", WINDOW)),
        ..RecordOptions::default()
    };
    RecordLoader::new(texts, options)
}

impl System for Sentiment {
    fn parts(&mut self) -> Parts<'_> {
        Parts { task: &mut self.learner, train: &self.train, validation: None }
    }
    fn noun(&self) -> &'static str {
        "text"
    }
    fn about(&self) -> String {
        self.texts.all.about("text")
    }
    fn guessing(&self) -> f64 {
        self.texts.all.guessing()
    }
    fn identity(&self) -> Vec<(String, String)> {
        self.texts.all.identity()
    }
    fn remarks(&self) -> &[String] {
        &self.remarks
    }
    fn model(&self) -> Model {
        Model::Sentiment(self.model.clone())
    }

    fn test(&mut self, folder: Option<&Path>) -> Result<Report> {
        let found = self.confusion()?;
        let regression = Baseline {
            key: "baseline_logistic_regression",
            words: "logistic regression".to_owned(),
            accuracy: self.logistic_regression(),
        };
        let all = &self.texts.all;
        let mut report = report("texts", &all.classes, &found, &[regression, all.majority()]);
        report.numbers.insert("test_texts".into(), json!(self.test.records().len()));
        if let Some(folder) = folder {
            let path: PathBuf = folder.join("words.html");
            let page = self.page()?;
            atomic_write(&path, |w| w.write_all(page.as_bytes()))?;
            report.files.push(("words", path));
        }
        Ok(report)
    }
}
