//! The networks: what reads words in their order, and what counts them.

use std::sync::Arc;

use gradus_base::{Error, Result, Shape};
use gradus_nn::layers::{
    Conv2d, Dense, Embedding, Merge, Recurrent, conv2d, dense, dropout, embedding, gru, lstm,
};
use gradus_nn::{Context, Init, Initializer, Layer, Module, Padding, State, Visitor};
use gradus_tensor::{DType, Tensor, try_build};
use gradus_text::{Special, Tokenizer, TokenizerOptions};
use gradus_train::Recipe;
use gradus_train::optim::{Adam, Clip};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Texts;
use super::grams::LONGEST;
use super::records::{Encoder, plain};
use crate::{Mode, Steps, Unrolled};

/// What reads the words in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Long short-term memory, from both ends.   Hochreiter and Schmidhuber 1997
    Lstm,
    /// Gated recurrent units, from both ends.   Cho et al. 2014, arXiv:1406.1078
    Gru,
    /// Filters over three, four and five words, of which each gives its largest answer.   Kim 2014, arXiv:1408.5882
    Convolution,
    /// The mean of the words' vectors.   Joulin et al. 2016, arXiv:1607.01759
    Mean,
    /// Nothing: groups of words alone are counted.   Wang and Manning 2012
    Grams,
}

/// What is kept of all that a recurrent net says along a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// What it says at each end.
    Last,
    /// The mean.
    Mean,
    /// Of each unit the largest.
    Max,
}

/// What a classifier of texts is and how text becomes its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentimentModel {
    /// What reads words in their order.
    pub architecture: Architecture,
    /// Units of each direction, or filters of each width.
    pub hidden: usize,
    /// Numbers of a word's vector.
    pub embedding: usize,
    /// What is kept of a recurrent net's units.
    pub pooling: Pooling,
    /// With what probability numbers are dropped while training: of vectors, and of what is read.
    pub dropout: f64,
    /// Buckets of groups of one to three words that are counted beside; 0 where none are.
    pub grams: usize,
    /// Words and signs that are read of a text; of longer ones the first and the last half of it.
    pub longest: usize,
    /// What the classes are called.
    pub classes: Vec<String>,
    /// The tokeniser, as [`Tokenizer::to_json`] has it.
    pub tokenizer: Value,
}

/// No network of these is larger.
const MOST_UNITS: usize = 1 << 14;
const MOST_WORDS: usize = 1 << 22;
const MOST_CLASSES: usize = 1 << 16;
/// Widths of the filters, in words.
const WIDTHS: [usize; 3] = [3, 4, 5];
/// Words that occur less often are not known, and so many are at most.
const LEAST: u64 = 2;
const VOCABULARY: usize = 25_000;

impl SentimentModel {
    /// A network for labelled texts, of a size that learns some ten thousand in minutes on two cores. Which words there are is learned of what is not
    /// only tested on.
    ///
    /// # Errors
    /// When the texts have no word.
    pub fn new(architecture: Architecture, texts: &Texts) -> gradus_data::Result<SentimentModel> {
        let learned = texts.all.train.iter().map(|&at| plain(&texts.texts[at]));
        let special = vec![Special::Pad, Special::Unk];
        let options = TokenizerOptions {
            special,
            lowercase: true,
            min_count: LEAST,
            max_size: Some(VOCABULARY),
        };
        let tokenizer = Tokenizer::words(learned, &options)?;
        Ok(SentimentModel {
            architecture,
            hidden: 64,
            embedding: 64,
            pooling: Pooling::Max,
            dropout: 0.5,
            grams: if architecture == Architecture::Grams { 1 << 18 } else { 0 },
            longest: 400,
            classes: texts.all.classes.clone(),
            tokenizer: serde_json::from_str(&tokenizer.to_json()).unwrap_or_default(),
        })
    }

    /// The tokeniser.
    ///
    /// # Errors
    /// When the description has none.
    pub fn tokenizer(&self) -> gradus_data::Result<Tokenizer> {
        Tokenizer::from_json(&self.tokenizer.to_string(), "the model's tokenizer")
    }

    /// How texts become rows.
    pub(super) fn encoder(&self) -> gradus_data::Result<Encoder> {
        Ok(Encoder::new(self.tokenizer()?, self.grams, self.longest))
    }

    /// How it learns unless something else is asked for.
    pub fn training(&self, seed: u64) -> Steps {
        let recipe = Recipe { clip: Some(Clip::Norm(1.0)), ..Recipe::default() };
        Steps { optimizer: Box::new(Adam::new(2e-3)), recipe, batch: 32, seed }
    }

    /// The network over its words: one answer at the end.
    pub fn unrolled(&self) -> Unrolled {
        let drawn = Unrolled::new(Mode::ManyToOne);
        let vectors = format!("vectors {}", self.embedding);
        match self.architecture {
            Architecture::Lstm | Architecture::Gru => {
                let name = if self.architecture == Architecture::Lstm { "LSTM" } else { "GRU" };
                let name = format!("{name} {}", self.hidden);
                drawn.layer(vectors, false).layer(name, true).both_ways().layer("scores", false)
            }
            Architecture::Convolution => {
                drawn.layer(vectors, false).layer("filters", true).layer("scores", false)
            }
            Architecture::Mean => {
                drawn.layer(vectors, false).layer("mean", true).layer("scores", false)
            }
            Architecture::Grams => drawn.layer("weights", true).layer("sum", false),
        }
    }

    /// The network, its weights as `init` makes them.
    ///
    /// # Errors
    /// When the description is of no network.
    pub fn build(&self, init: &Init) -> Result<Arc<dyn Layer>> {
        Ok(self.network(init)?)
    }

    /// The same, as what reads texts.
    ///
    /// # Errors
    /// As [`SentimentModel::build`].
    pub fn network(&self, init: &Init) -> Result<Arc<SentimentNetwork>> {
        self.check()?;
        let tokenizer = self.tokenizer().map_err(|e| Error::value("tokenizer", e.to_string()))?;
        let words = tokenizer.vocabulary().len();
        if words > MOST_WORDS {
            let what = format!("found {words} words, expected at most {MOST_WORDS}");
            return Err(Error::value("vocabulary", what));
        }
        if tokenizer.vocabulary().special(Special::Unk).is_none() {
            let what = "found no <unk>, expected one: what stands for words that are not known";
            return Err(Error::value("tokenizer", what));
        }
        try_build(|| {
            let reads_order = self.architecture != Architecture::Grams;
            let reader = reads_order.then(|| self.reader(words, init));
            let table = || {
                embedding(self.grams, self.classes.len())
                    .init(Initializer::Constant(0.0))
                    .build(init)
            };
            let grams = (self.grams > 0).then(table);
            Arc::new(SentimentNetwork { reader, grams, dropout: self.dropout })
        })
    }

    fn reader(&self, words: usize, init: &Init) -> WordReader {
        let (units, width) = (self.hidden, self.embedding);
        let last = self.pooling == Pooling::Last;
        let (body, features) = match self.architecture {
            Architecture::Lstm => {
                let net = lstm(units).bidirectional(Merge::Concat).return_sequences(!last);
                (Body::Recurrent(net.build(width, init), self.pooling), 2 * units)
            }
            Architecture::Gru => {
                let net = gru(units).bidirectional(Merge::Concat).return_sequences(!last);
                (Body::Recurrent(net.build(width, init), self.pooling), 2 * units)
            }
            Architecture::Convolution => {
                let filters = |words| conv2d(units, words).kernel(1, words).build(width, init);
                (Body::Convolution(Box::new(WIDTHS.map(filters))), WIDTHS.len() * units)
            }
            _ => (Body::Mean, width),
        };
        let embedding = embedding(words, width).init(Initializer::Uniform(0.05)).build(init);
        WordReader { embedding, body, out: dense(self.classes.len()).build(features, init) }
    }

    /// Refuses what no network can be built of: a file may say anything.
    pub(crate) fn check(&self) -> Result<()> {
        let sizes = [
            ("hidden", self.hidden, 1, MOST_UNITS),
            ("embedding", self.embedding, 1, MOST_UNITS),
            ("grams", self.grams, 0, MOST_WORDS),
            ("longest", self.longest, 2, MOST_WORDS),
            ("classes", self.classes.len(), 2, MOST_CLASSES),
        ];
        for (name, found, least, most) in sizes {
            if !(least..=most).contains(&found) {
                let what = format!("found {found}, expected {least} to {most}");
                return Err(Error::value(name, what));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let what = format!("found {}, expected 0 to below 1", self.dropout);
            return Err(Error::value("dropout", what));
        }
        let nothing = self.architecture == Architecture::Grams && self.grams < 2;
        if nothing || self.grams == 1 {
            let what = format!("found {}, expected buckets for groups of words", self.grams);
            return Err(Error::value("grams", what));
        }
        Ok(())
    }
}

/// A network that reads texts: rows `[B, T, 1 + N]` of a word's id and the buckets of groups that end with it → scores `[B, C]`. What reads words and
/// what counts groups each learn to tell the classes apart; the scores are the mean of theirs.
pub struct SentimentNetwork {
    reader: Option<WordReader>,
    grams: Option<Embedding>,
    dropout: f64,
}

/// Words → vectors → what is read of them → scores.
struct WordReader {
    embedding: Embedding,
    body: Body,
    out: Dense,
}

enum Body {
    Recurrent(Recurrent, Pooling),
    Convolution(Box<[Conv2d; 3]>),
    Mean,
}

impl SentimentNetwork {
    /// What counts groups begins as naive Bayes: a row of ratios for each bucket.
    pub(super) fn begin(&self, ratios: &[f32]) -> Result<()> {
        let Some(table) = &self.grams else { return Ok(()) };
        let variable = table.weight.variable();
        variable.set(&Tensor::from_slice(ratios, variable.shape()))
    }
}

/// 1 where a text has a word: `[B, T]`.
fn mask_of(x: &Tensor, cx: &Context<'_>) -> Tensor {
    cx.mask(x).unwrap_or_else(|| Tensor::ones([x.size(0), x.size(1)]))
}

impl Pooling {
    /// What is kept of a recurrent net's units `[B, T, H]` along padded sequences `x [B, T, ..]`: `[B, H]`. Units of the ends are that already.
    #[track_caller]
    pub(crate) fn of(self, y: &Tensor, x: &Tensor, cx: &Context<'_>) -> Tensor {
        let there = mask_of(x, cx).unsqueeze(2); // [B, T, 1]
        match self {
            Pooling::Last => y.clone(),
            Pooling::Mean => (y * &there).sum(1) / there.sum(1),
            // Units are within -1 and 1; behind the end they are 0, and -2 now.
            Pooling::Max => (y + (there - 1.0) * 2.0).max(1),
        }
    }
}

impl WordReader {
    /// Ids `[B, T]` of which so much is there, `[B, T]` → scores `[B, C]`.
    #[track_caller]
    fn scores(&self, ids: &Tensor, mask: &Tensor, p: f64, cx: &Context<'_>) -> Tensor {
        let e = cx.run("embedding", &self.embedding, ids); // [B, T, D]
        let e = dropped(&e, p, cx);
        cx.lengths(ids).inspect(|lengths| cx.set_lengths(&e, lengths));
        let there = mask.unsqueeze(2); // [B, T, 1]
        let read = match &self.body {
            Body::Recurrent(net, pooling) => {
                let y = cx.run("recurrent", net, &e); // [B, T, 2H], or [B, 2H]
                pooling.of(&y, ids, cx)
            }
            Body::Convolution(filters) => {
                let e = (&e * &there).permute([0, 2, 1]).unsqueeze(2); // [B, D, 1, T]
                let answers = filters.iter().enumerate().map(|(at, filter)| {
                    // Zeros before and behind: a text may be shorter than the filter, and each has a window of nothing, which padding is too.
                    let around = WIDTHS[at];
                    let y = cx.run(&format!("filters{at}"), filter, &e.pad(3, around, around));
                    y.relu().max([2, 3]) // [B, F]
                });
                let answers: Vec<Tensor> = answers.collect();
                Tensor::concat(&answers.iter().collect::<Vec<_>>(), 1)
            }
            Body::Mean => (&e * &there).sum(1) / there.sum(1), // [B, D]
        };
        cx.run("out", &self.out, &dropped(&read, p, cx))
    }
}

/// Some numbers dropped while training.
#[track_caller]
fn dropped(x: &Tensor, p: f64, cx: &Context<'_>) -> Tensor {
    if p > 0.0 { dropout(p).forward(x, cx) } else { x.clone() }
}

impl Module for SentimentNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        if let Some(reader) = &self.reader {
            visitor("embedding", State::Child(&reader.embedding));
            match &reader.body {
                Body::Recurrent(net, _) => visitor("recurrent", State::Child(net)),
                Body::Convolution(filters) => {
                    filters.iter().enumerate().for_each(|(at, filter)| {
                        visitor(&format!("filters{at}"), State::Child(filter))
                    })
                }
                Body::Mean => {}
            }
            visitor("out", State::Child(&reader.out));
        }
        if let Some(grams) = &self.grams {
            visitor("grams", State::Child(grams));
        }
    }
}

impl Layer for SentimentNetwork {
    #[track_caller]
    fn forward(&self, x: &Tensor, cx: &Context<'_>) -> Tensor {
        let words = x.select(2, 0); // [B, T]
        cx.lengths(x).inspect(|lengths| cx.set_lengths(&words, lengths));
        let mask = mask_of(x, cx);
        let read =
            self.reader.as_ref().map(|reader| reader.scores(&words, &mask, self.dropout, cx));
        let counted = self.grams.as_ref().map(|table| {
            let buckets = x.slice(2, 1..1 + LONGEST); // [B, T, N]
            let is_group = buckets.ne(0.0).cast(DType::F32); // 0 stands for none, and for padding
            let is_group = dropped(&is_group, self.dropout, cx);
            let rows = cx.run("grams", table, &buckets); // [B, T, N, C]
            let count = is_group.sum([1, 2]).maximum(1.0).sqrt().unsqueeze(1); // [B, 1]
            (rows * is_group.unsqueeze(3)).sum([1, 2]) / count
        });
        match (read, counted) {
            (Some(read), Some(counted)) => {
                if cx.is_training() {
                    cx.add_auxiliary(&read, 1.0);
                    cx.add_auxiliary(&counted, 1.0);
                }
                (read + counted) * 0.5
            }
            (Some(scores), None) | (None, Some(scores)) => scores,
            (None, None) => Tensor::refuse(Error::value("sentiment", "the network reads nothing")),
        }
    }
    fn padding(&self, _: &Shape) -> Padding {
        Padding::Known
    }
    fn describe(&self) -> String {
        let read = match self.reader.as_ref().map(|reader| &reader.body) {
            Some(Body::Recurrent(net, _)) => net.describe(),
            Some(Body::Convolution(_)) => "filters over words".to_owned(),
            Some(Body::Mean) => "mean of words".to_owned(),
            None => String::new(),
        };
        let groups = if self.grams.is_some() { "groups of words" } else { "" };
        let and = if read.is_empty() || groups.is_empty() { "" } else { ", " };
        format!("Sentiment({read}{and}{groups})")
    }
}
