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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Architecture, Pooling, TextColumns};
    use gradus_train::optim::Adam;
    use gradus_train::{Fit, Progress, Recipe};

    /// Whether a text praises, which no single word tells: `not` turns what follows.
    fn reviews() -> Texts {
        let mut file = "text,label\n".to_owned();
        for n in 0..160usize {
            let (not, word) = (n % 2 == 0, ["good", "bad"][n / 2 % 2]);
            let filling = "so it was ".repeat(1 + n % 3);
            let praises = not != (word == "good");
            file += &format!(
                "{filling}{} {word} {n},{}\n",
                if not { "not" } else { "very" },
                if praises { "up" } else { "down" }
            );
        }
        Texts::parse_csv(file.as_bytes(), "reviews.csv", &TextColumns::default()).unwrap()
    }

    fn model(architecture: Architecture, grams: usize, texts: &Texts) -> SentimentModel {
        let model = SentimentModel::new(architecture, texts).unwrap();
        SentimentModel { hidden: 8, embedding: 8, dropout: 0.1, grams, ..model }
    }

    fn trained(model: &SentimentModel, seed: u64) -> Sentiment {
        let steps = Steps {
            optimizer: Box::new(Adam::new(0.03)),
            recipe: Recipe::default(),
            batch: 16,
            seed,
        };
        let mut system = Sentiment::new(reviews(), model.clone(), steps).unwrap();
        let parts = system.parts();
        let mut fit = Fit { epochs: 30, ..Fit::default() };
        fit.run(parts.task, parts.train, None, &mut Progress::default()).unwrap();
        system
    }

    #[test]
    fn order_and_groups_tell_what_words_alone_do_not() {
        let texts = reviews();
        for (architecture, grams) in [
            (Architecture::Lstm, 0),
            (Architecture::Gru, 1 << 12),
            (Architecture::Convolution, 0),
            (Architecture::Grams, 1 << 12),
        ] {
            let mut system = trained(&model(architecture, grams, &texts), 1);
            let report = system.test(None).unwrap();
            let found = |name: &str| report.numbers[name].as_f64().unwrap();
            assert!(found("test_accuracy") > 0.95, "{architecture:?}: {}", report.table);
            assert!(found("baseline_logistic_regression") < 0.8, "{}", report.headline);
            let mut classifier = system.classifier().unwrap();
            let said = classifier.classify("so it was not good").unwrap();
            assert_eq!((said.class.as_str(), said.words, said.remark), ("down", 5, None));
            let words = classifier.explain("so it was not good").unwrap();
            let spoken: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
            assert_eq!(spoken, ["so", "it", "was", "not", "good"]);
            let strongest = words.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap();
            assert!(strongest.1 != 0.0, "{architecture:?}: {words:?}");
            if architecture == Architecture::Grams {
                // All that tells the classes apart are the groups of these two.
                assert!(
                    strongest.1 > 0.0 && ["not", "good"].contains(&strongest.0.as_str()),
                    "{words:?}"
                );
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_files_are_written() {
        let texts = reviews();
        let model =
            SentimentModel { pooling: Pooling::Last, ..model(Architecture::Gru, 256, &texts) };
        let folder = tempfile::tempdir().unwrap();
        let mut system = trained(&model, 5);
        let report = system.test(Some(folder.path())).unwrap();
        let page = std::fs::read_to_string(&report.files[0].1).unwrap();
        assert!(
            page.contains("taken for")
                && page.contains("background:#")
                && page.ends_with("</html>\n")
        );
        let said = |system: &Sentiment| {
            system.classifier().unwrap().classify("it was very bad").unwrap().probabilities
        };
        assert_eq!(said(&system), said(&trained(&model, 5)));
        assert_ne!(said(&system), said(&trained(&model, 6)));
        let Model::Sentiment(described) = system.model() else { panic!("a model of sentiment") };
        let text = serde_json::to_string(&described).unwrap();
        assert_eq!(serde_json::from_str::<SentimentModel>(&text).unwrap(), model);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let texts = reviews();
        let good = model(Architecture::Gru, 256, &texts);
        for bad in [
            SentimentModel { hidden: 0, ..good.clone() },
            SentimentModel { grams: 1, ..good.clone() },
            SentimentModel { architecture: Architecture::Grams, grams: 0, ..good.clone() },
            SentimentModel { dropout: 1.0, ..good.clone() },
            SentimentModel { longest: 0, ..good.clone() },
            SentimentModel { classes: vec!["one".into()], ..good.clone() },
            SentimentModel { tokenizer: serde_json::Value::Null, ..good.clone() },
        ] {
            assert!(bad.build(&Init::new(0)).is_err(), "{bad:?}");
        }
        let other =
            SentimentModel { classes: vec!["a".into(), "b".into(), "c".into()], ..good.clone() };
        let said = Sentiment::new(texts, other, good.training(0)).err().unwrap().to_string();
        assert_eq!(
            said,
            "classes: found a model of 3 classes, expected one of the 2 of reviews.csv"
        );
        let mut classifier = Classifier::new(&good, good.network(&Init::new(0)).unwrap()).unwrap();
        let said = classifier.classify("совсем другое").unwrap();
        assert_eq!((said.words, said.unknown), (2, 2));
        assert!(said.remark.unwrap().starts_with("none of its 2 words is known"));
    }

    /// A text is what it would be alone, whatever it shares a batch with.
    #[test]
    fn padding_changes_nothing() {
        use gradus_nn::{Context, Layer};
        use gradus_tensor::Tensor;
        let texts = reviews();
        for architecture in [Architecture::Lstm, Architecture::Convolution, Architecture::Mean] {
            for pooling in [Pooling::Last, Pooling::Mean, Pooling::Max] {
                let model = SentimentModel { pooling, ..model(architecture, 64, &texts) };
                let network = model.network(&Init::new(3)).unwrap();
                network.begin(&vec![0.5; 128]).unwrap();
                let row = [3i64, 7, 0, 0, 4, 9, 11, 0, 5, 12, 0, 13];
                let scores = |places: usize| {
                    let mut rows = row.to_vec();
                    rows.resize(places * 4, 0);
                    let x = Tensor::from_slice(&rows, [1, places, 4]);
                    let cx = Context::eval();
                    cx.set_lengths(&x, &Tensor::from([3i64]));
                    network.forward(&x, &cx).to_vec::<f32>()
                };
                let (alone, padded) = (scores(3), scores(20));
                let near = alone.iter().zip(&padded).all(|(a, b)| (a - b).abs() < 1e-5);
                assert!(near, "{architecture:?} {pooling:?}: {alone:?} {padded:?}");
            }
        }
    }
}
