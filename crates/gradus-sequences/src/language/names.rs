//! Lists of names, one a line, and networks that make up more of the kind: each line is a sequence of its own, from its begin to its end.
//!
//! Bengio et al. 2003, "A neural probabilistic language model", is the window of the last few letters; the list of names is Karpathy's way to show it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use gradus_data::{
    DataError, Key, Padding, Place, RecordLoader, RecordOptions, UnitsOf, count as counted,
};
use gradus_nn::{Context, Init, Layer, Module, Visitor};
use gradus_tensor::Tensor;
use gradus_text::{
    Counts, LineEnds, NGram, Sampler, Sequences, Special, Text, Tokenizer, TokenizerOptions, bits,
    perplexity, read_text,
};
use gradus_train::optim::Adam;
use gradus_train::{Learner, Recipe, Result, evaluate};
use serde_json::{Map, json};

use super::n_grams::NGrams;
use super::system::at_each_place;
use super::{Architecture, LanguageModel, LanguageNetwork, Reader, Tokens};
use crate::labelled::entropy;
use crate::{Model, Parts, Report, Steps, System};

/// Names that are held out, as a share, and the seed of that draw: who trains anew tests on the same.
const HELD_OUT: f64 = 0.1;
const SEED: u64 = 5_000;
/// A longer line is no name.
const LONGEST: usize = 1_000;
/// The longest n-grams of the models beside which the network is shown.
const MOST_ORDER: usize = 5;
/// Names that are made up to be looked at, and how many times as long as the longest known one they may be.
const SAMPLES: usize = 20;
const LONGER: usize = 2;
/// Rows of a batch are so long or a multiple, so that few plans do for all.
const MULTIPLE: usize = 8;

/// A list of names: those that are learned, and a tenth that is only scored.
#[derive(Clone, Debug)]
pub struct NameList {
    /// What the list is called in messages.
    pub name: String,
    /// From a name to ids and back: its characters, with `<pad>`, `<bos>` and `<eos>`.
    pub tokenizer: Tokenizer,
    /// What is learned.
    pub train: Vec<String>,
    /// What is only scored.
    pub test: Vec<String>,
    /// What is worth knowing of the list.
    pub remarks: Vec<String>,
    /// A digest of the file.
    pub digest: String,
}

impl NameList {
    /// Of a file.
    ///
    /// # Errors
    /// When the file cannot be read, is no text, or is no list of names.
    pub fn read(path: &Path) -> gradus_data::Result<NameList> {
        let text = read_text(path, LineEnds::Newline)?;
        NameList::new(&path.display().to_string(), &text)
    }

    /// Of a text that was read: its lines, without blanks around them; empty ones are none. Which names are held out follows from their letters, so that
    /// one which occurs twice is on one side.
    ///
    /// ```
    /// use gradus_sequences::language::NameList;
    /// use gradus_text::{LineEnds, parse_text};
    /// let text: String = (0..200).map(|i| format!("{}\n", ["anna", "bo", "carl", "dora"][i % 4])).collect();
    /// let text = parse_text(text.as_bytes(), "names.txt", LineEnds::Newline)?;
    /// let wrong = NameList::new("names.txt", &text).unwrap_err().to_string();
    /// assert_eq!(wrong, "names.txt: found 4 names that differ, expected at least 20: nine tenths to learn, a tenth to score");
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When fewer than twenty names differ, none is held out, or a line is longer than a thousand characters.
    pub fn new(name: &str, text: &Text) -> gradus_data::Result<NameList> {
        let wrong = |place, found: String, expected: String| {
            DataError::malformed(name, place, found, expected)
        };
        let mut names = vec![];
        for (line, text) in (1..).zip(text.text.lines()) {
            let characters = text.trim().chars().count();
            if characters > LONGEST {
                let found = format!("a line of {characters} characters");
                let expected = format!("a name of at most {LONGEST}: each line is one");
                return Err(wrong(Place::Line(line), found, expected));
            }
            if characters > 0 {
                names.push(text.trim().to_owned());
            }
        }
        let differ = names.iter().collect::<HashSet<_>>().len();
        if differ < 20 {
            let found = format!(
                "{} that {}",
                counted(differ, "name"),
                if differ == 1 { "differs" } else { "differ" }
            );
            return Err(wrong(
                Place::Whole,
                found,
                "at least 20: nine tenths to learn, a tenth to score".into(),
            ));
        }
        let mut remarks = text.remarks.clone();
        if differ < names.len() {
            let often = names.len() - differ;
            remarks.push(format!(
                "{} of {} occur again: each name is on one side",
                often,
                counted(names.len(), "line")
            ));
        }
        let tokenizer = tokenizer(&names)?;
        let is_held = |name: &String| Key::of(name.as_bytes()).draw("test", SEED) < HELD_OUT;
        let (test, train): (Vec<String>, Vec<String>) = names.into_iter().partition(is_held);
        if test.is_empty() {
            let found = format!("{differ} names, of which none is held out");
            return Err(wrong(Place::Whole, found, "more names".into()));
        }
        let digest = Key::of(text.text.as_bytes()).to_string();
        Ok(NameList { name: name.to_owned(), tokenizer, train, test, remarks, digest })
    }

    /// A network for these names, of a size that learns some ten thousand in minutes on two cores.
    pub fn model(&self, architecture: Architecture) -> LanguageModel {
        let tokenizer = serde_json::from_str(&self.tokenizer.to_json());
        let (hidden, layers, context) = match architecture {
            Architecture::Transformer => (64, 4, self.row()),
            Architecture::Window => (128, 1, 5),
            Architecture::Textgenrnn => (64, 1, self.row()),
            _ => (128, 1, 1),
        };
        let embedding = if architecture == Architecture::Textgenrnn { 32 } else { 0 };
        LanguageModel {
            architecture,
            hidden,
            layers,
            embedding,
            heads: 4,
            dropout: 0.0,
            context,
            streams: 0,
            lines: true,
            tokens: Tokens::Characters,
            tokenizer: tokenizer.unwrap_or_default(),
        }
    }

    /// How such a network learns unless something else is asked for.
    pub fn training(seed: u64) -> Steps {
        let optimizer = Box::new(Adam::new(2e-3));
        Steps { optimizer, recipe: Recipe::default(), batch: 64, seed }
    }

    /// Characters of the longest name.
    fn longest(&self) -> usize {
        let all = self.train.iter().chain(&self.test);
        all.map(|name| name.chars().count()).max().unwrap_or(0)
    }

    /// The longest row of a batch: that name and its end.
    fn row(&self) -> usize {
        (self.longest() + 1).next_multiple_of(MULTIPLE)
    }

    /// Names as ids, from `<bos>` to `<eos>`.
    fn sequences(&self, names: &[String]) -> gradus_data::Result<Sequences> {
        Sequences::of_lines(&names.join("\n"), &self.tokenizer)
    }

    /// Batches of names, in another order every epoch where there is a seed.
    fn loader(
        &self,
        names: &[String],
        batch: usize,
        seed: Option<u64>,
    ) -> gradus_data::Result<RecordLoader> {
        let x = Padding { multiple: MULTIPLE, ..Padding::default() };
        let options = RecordOptions {
            batch_size: batch,
            shuffle: seed.is_some(),
            seed: seed.unwrap_or(0),
            workers: 0,
            padding: vec![("x".into(), x), ("t".into(), Padding::along("x"))],
            units: UnitsOf::Lengths("x".into()),
            ..RecordOptions::default()
        };
        RecordLoader::new(self.sequences(names)?.next_tokens()?, options)
    }

    fn special(&self, special: Special) -> i64 {
        self.tokenizer.vocabulary().special(special).unwrap_or(0)
    }

    /// Names as what an n-gram model sees: ids up to `<eos>`, behind `<bos>`.
    fn each<'a>(
        &'a self,
        names: &'a [String],
    ) -> impl Iterator<Item = gradus_data::Result<Vec<i64>>> + 'a {
        let end = self.special(Special::Eos);
        names.iter().map(move |name| {
            let mut ids = self.tokenizer.encode(name)?;
            ids.push(end);
            Ok(ids)
        })
    }

    /// The n-gram models of what is learned on what is not.
    fn n_grams(&self) -> Result<NGrams> {
        let begin = [self.special(Special::Bos)];
        let mut counts = Counts::new(self.tokenizer.vocabulary().len(), MOST_ORDER)?;
        for ids in self.each(&self.train) {
            counts.add_after(&begin, &ids?)?;
        }
        let nats = |order, smoothing| -> Result<f64> {
            let model = NGram::new(&counts, order, smoothing)?;
            let (mut nats, mut symbols) = (0.0, 0u64);
            for ids in self.each(&self.test) {
                let said = model.score_after(&begin, &ids?)?;
                nats += said.nats;
                symbols += said.symbols;
            }
            Ok(nats / symbols as f64)
        };
        NGrams::of(MOST_ORDER, nats)
    }

    /// The cross-entropy of who knows how frequent each character and the end are, in nats.
    fn guessing(&self) -> gradus_data::Result<f64> {
        let mut counts = vec![0; self.tokenizer.vocabulary().len()];
        for ids in self.each(&self.train) {
            ids?.iter().for_each(|&id| counts[id as usize] += 1);
        }
        Ok(entropy(&counts))
    }
}

fn tokenizer(names: &[String]) -> gradus_data::Result<Tokenizer> {
    let special = vec![Special::Pad, Special::Bos, Special::Eos];
    Tokenizer::characters(names, &TokenizerOptions { special, ..TokenizerOptions::default() })
}

/// A network whose rows are padded: what it foresees at a place depends on those before it alone, so that padding behind changes nothing, and what is
/// said there does not count.
struct Lines(Arc<dyn LanguageNetwork>);

impl Module for Lines {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        self.0.visit(visitor);
    }
}

impl Layer for Lines {
    #[track_caller]
    fn forward(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let scores = self.0.forward(ids, cx); // [B, T, V]
        if let Some(lengths) = cx.lengths(ids).filter(|_| cx.lengths(&scores).is_none()) {
            cx.set_lengths(&scores, &lengths);
        }
        scores
    }
    fn describe(&self) -> String {
        self.0.describe()
    }
}

/// A network that makes up names, about to be trained.
pub struct Names {
    list: NameList,
    model: LanguageModel,
    network: Arc<dyn LanguageNetwork>,
    source: RecordLoader,
    test: RecordLoader,
    learner: Learner,
    guessing: f64,
    seed: u64,
}

impl Names {
    /// A network for a list, whose names it learns in another order every epoch.
    ///
    /// # Errors
    /// When the network cannot be built, or sees fewer symbols than a name has.
    pub fn new(list: NameList, model: LanguageModel, training: Steps) -> Result<Names> {
        let needed = list.row();
        if model.architecture == Architecture::Transformer && model.context < needed {
            let found = format!("a transformer that sees {} symbols", model.context);
            let expected = format!(
                "{needed} at least: rows are as long as the longest name and its end, or a multiple of {MULTIPLE}"
            );
            return Err(DataError::invalid("context", found, expected).into());
        }
        let model = LanguageModel { streams: 0, lines: true, ..model };
        let network = model.network(&Init::new(training.seed))?;
        let seed = training.seed;
        let source = list.loader(&list.train, training.batch, Some(seed))?;
        let test = list.loader(&list.test, training.batch, None)?;
        let guessing = list.guessing()?;
        let lines = Arc::new(Lines(network.clone()));
        let learner = training.learner(lines, at_each_place, vec![]);
        Ok(Names { list, model, network, source, test, learner, guessing, seed })
    }

    /// Names that the network makes up.
    fn made_up(&self) -> Result<Vec<String>> {
        let mut reader = Reader::new(self.network.clone());
        let mut sampler = Sampler::new(self.seed);
        let (begin, end) = (self.list.special(Special::Bos), self.list.special(Special::Eos));
        let most = LONGER * self.list.longest() + 1;
        let mut names = vec![];
        for _ in 0..SAMPLES {
            let mut ids = reader.write(&[begin], most, &mut sampler, |id| id != end)?;
            ids.retain(|&id| id != begin && id != end);
            names.push(self.list.tokenizer.decode(&ids)?);
        }
        Ok(names)
    }
}

impl System for Names {
    fn parts(&mut self) -> Parts<'_> {
        Parts { task: &mut self.learner, train: &self.source, validation: None }
    }
    fn noun(&self) -> &'static str {
        "name"
    }
    fn about(&self) -> String {
        let NameList { name, train, test, tokenizer, .. } = &self.list;
        // Beside the characters there are three signs.
        let symbols = tokenizer.vocabulary().len() - 3;
        format!(
            "{name}: names of {symbols} characters, {} to learn, {} to score",
            train.len(),
            test.len()
        )
    }
    fn guessing(&self) -> f64 {
        self.guessing
    }
    fn identity(&self) -> Vec<(String, String)> {
        let list = &self.list;
        let names = (list.train.len() + list.test.len()).to_string();
        [("names", names), ("list", list.digest.clone())]
            .map(|(name, found)| (name.to_owned(), found))
            .into()
    }
    fn remarks(&self) -> &[String] {
        &self.list.remarks
    }
    fn model(&self) -> Model {
        Model::Language(self.model.clone())
    }

    fn test(&mut self, _: Option<&Path>) -> Result<Report> {
        let nats = evaluate(&mut self.learner, &self.test)?.loss;
        let n_grams = self.list.n_grams()?;
        let mut table = n_grams.table("character");
        let best = n_grams.best();
        let made_up = self.made_up()?;
        let known: HashSet<&String> = self.list.train.iter().collect();
        let new = made_up.iter().filter(|name| !known.contains(name)).count();
        table += &format!("\n{}\n\n", made_up.join("  "));
        let mut numbers = Map::new();
        for (name, value) in [
            ("val_nats", nats),
            ("val_bits", bits(nats)),
            ("val_perplexity", perplexity(nats)),
            ("best_ngram_nats", best),
        ] {
            numbers.insert(name.into(), json!(value));
        }
        numbers.insert("ngrams".into(), n_grams.record());
        numbers.insert("samples".into(), json!(made_up));
        numbers.insert("new".into(), json!(new));
        let headline = format!(
            "{nats:.4} nats a character   perplexity {:.2}   best n-gram {best:.4}   {new} of {SAMPLES} made-up names are new",
            perplexity(nats)
        );
        let remark = (nats >= best).then(|| {
            format!("it foresees names no better than counting n-grams does ({best:.4} nats): train it longer, or shorter if its loss on what it learns is far below")
        });
        Ok(Report { table, headline, numbers, files: vec![], remark })
    }
}
