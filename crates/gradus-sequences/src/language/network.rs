//! The networks: recurrent ones, a transformer, and the window of the last few symbols that all others must beat.

use std::sync::Arc;

use gradus_base::{DType, Error, Result};
use gradus_nn::layers::{
    Dense, Embedding, Recurrent, RecurrentState, dense, dropout, embedding, gelu, gru, layer_norm,
    lstm, position_embedding, rnn, transformer_encoder, transformer_encoder_layer,
};
use gradus_nn::{Context, Init, Initializer, Layer, Module, Sequential, Spec, State, Visitor};
use gradus_tensor::{Tensor, Variable, try_build};
use gradus_text::{Special, Tokenizer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::textgenrnn::{Textgenrnn, TextgenrnnNetwork};
use super::{Corpus, Tokens};
use crate::{Mode, Unrolled};

/// What foresees the next symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Long short-term memory.   Hochreiter and Schmidhuber 1997
    Lstm,
    /// Gated recurrent units.   Cho et al. 2014, arXiv:1406.1078
    Gru,
    /// tanh units.   Elman 1990
    Rnn,
    /// Causal self-attention with norms first and learned positions, as in GPT-2.   Vaswani et al. 2017, arXiv:1706.03762
    Transformer,
    /// A layer of tanh units that sees the last few symbols side by side: a "flattened" window without a memory.
    Window,
    /// LSTMs above each other over a window, whose places an attention weighs: see [`Textgenrnn`](super::Textgenrnn).
    Textgenrnn,
}

/// What a language model is and how text becomes its ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModel {
    /// What foresees.
    pub architecture: Architecture,
    /// Units of a layer; of a transformer the width.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Numbers of a symbol's vector; 0 where symbols are one-hot.
    pub embedding: usize,
    /// Heads of a transformer's attention.
    pub heads: usize,
    /// With what probability units are dropped while training.
    pub dropout: f64,
    /// Symbols that a transformer, a window or textgenrnn sees at once.
    pub context: usize,
    /// Streams whose state is carried along from batch to batch while training; 0 where each sequence begins anew.
    pub streams: usize,
    /// Whether each line is a sequence of its own, as in a list of names.
    pub lines: bool,
    /// What symbols are.
    pub tokens: Tokens,
    /// The tokeniser, as [`Tokenizer::to_json`] has it.
    pub tokenizer: Value,
}

/// No network of these is larger.
const MOST_UNITS: usize = 1 << 14;
const MOST_LAYERS: usize = 64;
const MOST_SYMBOLS: usize = 1 << 22;

impl LanguageModel {
    /// A network for a text, of a size that learns a book in minutes on two cores.
    pub fn new(architecture: Architecture, corpus: &Corpus) -> LanguageModel {
        let tokenizer = serde_json::from_str(&corpus.tokenizer.to_json());
        let (hidden, layers, context) = match architecture {
            Architecture::Transformer => (128, 4, 128),
            Architecture::Window => (256, 1, 10),
            Architecture::Textgenrnn => (128, 2, Textgenrnn::WINDOW),
            _ => (256, 1, 0),
        };
        LanguageModel {
            architecture,
            hidden,
            layers,
            embedding: 128,
            heads: 4,
            dropout: 0.0,
            context: context.max(1),
            streams: 0,
            lines: false,
            tokens: corpus.tokens,
            tokenizer: tokenizer.unwrap_or_default(),
        }
    }

    /// The network over its steps: an output at each, for the symbol there; of textgenrnn one for the whole window.
    pub fn unrolled(&self) -> Unrolled {
        let mode = match self.architecture {
            Architecture::Textgenrnn => Mode::ManyToOne,
            _ => Mode::Synced,
        };
        let mut drawn = Unrolled::new(mode);
        if self.embedding > 0 && self.architecture != Architecture::Window {
            drawn = drawn.layer(format!("vectors {}", self.embedding.max(1)), false);
        }
        let (name, is_recurrent) = match self.architecture {
            Architecture::Lstm => ("LSTM", true),
            Architecture::Gru => ("GRU", true),
            Architecture::Rnn => ("RNN", true),
            // What was before is looked at again, which is drawn the same way.
            Architecture::Transformer => ("attention", true),
            Architecture::Window => ("window", true),
            Architecture::Textgenrnn => ("LSTM", true),
        };
        for _ in 0..self.layers {
            drawn = drawn.layer(format!("{name} {}", self.hidden), is_recurrent);
        }
        if self.architecture == Architecture::Textgenrnn {
            drawn = drawn.layer("weighted mean", false);
        }
        drawn.layer("scores", false)
    }

    /// The tokeniser.
    ///
    /// # Errors
    /// When the description has none.
    pub fn tokenizer(&self) -> gradus_data::Result<Tokenizer> {
        Tokenizer::from_json(&self.tokenizer.to_string(), "the model's tokenizer")
    }

    /// The network, its weights as `init` makes them.
    ///
    /// # Errors
    /// When the description is of no network.
    pub fn build(&self, init: &Init) -> Result<Arc<dyn Layer>> {
        Ok(self.network(init)?)
    }

    /// The same, as what reads text.
    ///
    /// # Errors
    /// As [`LanguageModel::build`].
    pub fn network(&self, init: &Init) -> Result<Arc<dyn LanguageNetwork>> {
        self.check()?;
        let tokenizer = self.tokenizer().map_err(|e| Error::value("tokenizer", e.to_string()))?;
        let symbols = tokenizer.vocabulary().len();
        if symbols > MOST_SYMBOLS {
            return Err(Error::value(
                "vocabulary",
                format!("found {symbols} symbols, expected at most {MOST_SYMBOLS}"),
            ));
        }
        let nothing = tokenizer.vocabulary().special(Special::Pad);
        if self.architecture == Architecture::Textgenrnn && nothing != Some(0) {
            let what = "found symbol 0 that is one of the text, expected <pad>, which fills windows: Tokenizer::of_word_index makes it so";
            return Err(Error::value("vocabulary", what));
        }
        try_build(|| match self.architecture {
            Architecture::Lstm | Architecture::Gru | Architecture::Rnn => {
                Arc::new(self.recurrent(symbols, init)) as Arc<dyn LanguageNetwork>
            }
            Architecture::Transformer => Arc::new(self.transformer(symbols, init)),
            Architecture::Window => Arc::new(self.window(symbols, init)),
            Architecture::Textgenrnn => Arc::new(TextgenrnnNetwork::new(self, symbols, init)),
        })
    }

    fn recurrent(&self, symbols: usize, init: &Init) -> RecurrentNetwork {
        let width = if self.embedding == 0 { symbols } else { self.embedding };
        let (units, layers) = (self.hidden, self.layers);
        // Behind the last layer it is dropped by `forward`.
        let p = if layers > 1 { self.dropout } else { 0.0 };
        let cell = match self.architecture {
            Architecture::Gru => gru(units).layers(layers).dropout(p).build(width, init),
            Architecture::Rnn => rnn(units).layers(layers).dropout(p).build(width, init),
            _ => lstm(units).layers(layers).dropout(p).build(width, init),
        };
        let carried = |(name, state): (String, Tensor)| (name, Variable::new("state", &state));
        RecurrentNetwork {
            embedding: (self.embedding > 0).then(|| embedding(symbols, width).build(init)),
            carried: match self.streams {
                0 => vec![],
                streams => cell.initial_state(streams).into_iter().map(carried).collect(),
            },
            cell,
            out: dense(symbols).build(units, init),
            symbols,
            dropout: self.dropout,
        }
    }

    fn transformer(&self, symbols: usize, init: &Init) -> TransformerNetwork {
        let small = Initializer::Normal(0.02);
        let layer = transformer_encoder_layer(self.heads, 4 * self.hidden)
            .activation(gelu())
            .norm_first()
            .causal();
        let model = Sequential::new(Spec::new([self.context], DType::I64), init)
            .add(embedding(symbols, self.hidden).init(small))
            .add(position_embedding(self.context))
            .add(dropout(self.dropout))
            .add(transformer_encoder(self.layers, layer.dropout(self.dropout)))
            .add(layer_norm())
            .add(dense(symbols).init(small));
        TransformerNetwork { model, context: self.context }
    }

    fn window(&self, symbols: usize, init: &Init) -> WindowNetwork {
        // A unit sums one row of each table: as wide as one-hot vectors side by side, of which so many are not 0.
        let table = || {
            let each = Initializer::Normal(1.0 / (self.context as f64).sqrt());
            embedding(symbols, self.hidden).init(each).build(init)
        };
        WindowNetwork {
            tables: (0..self.context).map(|_| table()).collect(),
            out: dense(symbols).build(self.hidden, init),
        }
    }

    /// Refuses what no network can be built of: a file may say anything.
    pub(crate) fn check(&self) -> Result<()> {
        let least_embedding = usize::from(self.architecture == Architecture::Textgenrnn);
        let sizes = [
            ("hidden", self.hidden, 1, MOST_UNITS),
            ("layers", self.layers, 1, MOST_LAYERS),
            ("embedding", self.embedding, least_embedding, MOST_UNITS),
            ("heads", self.heads, 1, MOST_UNITS),
            ("context", self.context, 1, MOST_UNITS),
            ("streams", self.streams, 0, MOST_UNITS),
        ];
        for (name, found, least, most) in sizes {
            if !(least..=most).contains(&found) {
                return Err(Error::value(
                    name,
                    format!("found {found}, expected {least} to {most}"),
                ));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::value(
                "dropout",
                format!("found {}, expected 0 to below 1", self.dropout),
            ));
        }
        if self.architecture == Architecture::Transformer && !self.hidden.is_multiple_of(self.heads)
        {
            let what = format!(
                "found {} units and {} heads, expected units that the heads divide",
                self.hidden, self.heads
            );
            return Err(Error::value("heads", what));
        }
        Ok(())
    }
}

/// What a network keeps in mind of one sequence after some symbols; nothing where it looks at the symbols themselves.
pub type ReaderState = Vec<Tensor>;

/// What a network knows of the symbols before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// All, in a state.
    State,
    /// The last few, which it looks at again.
    Last {
        /// How many.
        symbols: usize,
        /// How long a row of ids may be.
        row: usize,
    },
    /// The last so many, all of which it looks at again for what comes next. A window that is not full has symbol 0, which stands for nothing and never
    /// comes, before its first.
    Window {
        /// How many.
        symbols: usize,
    },
}

/// A network that foresees: ids `[B, T]` → scores `[B, T, V]`.
pub trait LanguageNetwork: Layer {
    /// What it knows of the symbols before.
    fn memory(&self) -> Memory;
    /// What is kept in mind of a sequence before its first symbol.
    fn begin(&self) -> ReaderState;
    /// Ids `[1, T]` after what is kept in mind → scores `[1, T, V]`, what its last layer's units say `[1, T, H]`, and what is kept in mind after them.
    /// Of a [`Memory::Window`] ids are whole windows `[N, T]`, and scores and units those after each, `[N, 1, V]` and `[N, 1, H]`.
    fn read(&self, ids: &Tensor, state: &[Tensor]) -> (Tensor, Tensor, ReaderState);
}

/// Symbols → a recurrent net → scores.
pub(super) struct RecurrentNetwork {
    embedding: Option<Embedding>,
    cell: Recurrent,
    out: Dense,
    symbols: usize,
    dropout: f64,
    /// What is kept in mind of each stream while training, by its name in the cell; nothing where each sequence begins anew.
    carried: Vec<(String, Variable)>,
}

/// So often a stream is forgotten while training. A network that never begins at nothing may lose its way there for good: its cells have a second way of
/// going on, mirrored to the first, that nothing corrects where it is never met.
const FORGOTTEN: f64 = 0.02;

impl RecurrentNetwork {
    /// Ids `[B, T]` → what the cells are fed, `[B, T, I]`. An id is a one-hot row: its product with weights is a row of these.
    fn symbols(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        match &self.embedding {
            Some(table) => cx.run("embedding", table, ids),
            None => ids.one_hot(self.symbols),
        }
    }
    /// Of one sequence before its first symbol.
    fn nothing_read(&self) -> RecurrentState {
        self.cell.initial_state(1)
    }

    /// What each stream has in mind before a batch.
    fn kept_in_mind(&self, cx: &Context<'_>) -> RecurrentState {
        let (_, first) = &self.carried[0];
        let kept = cx.is_training().then(|| {
            let kept = cx.key().bernoulli([first.shape()[0], 1], 1.0 - FORGOTTEN);
            kept.cast(first.dtype()) // [streams, 1]
        });
        let of = |(name, variable): &(String, Variable)| {
            let state = cx.value(variable);
            (name.clone(), kept.as_ref().map_or(state.clone(), |kept| state * kept))
        };
        self.carried.iter().map(of).collect()
    }
}

impl Module for RecurrentNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        if let Some(table) = &self.embedding {
            visitor("embedding", State::Child(table));
        }
        visitor("cell", State::Child(&self.cell));
        visitor("out", State::Child(&self.out));
        for (name, variable) in &self.carried {
            visitor(&format!("carried_{name}"), State::Buffer(variable));
        }
    }
}

impl Layer for RecurrentNetwork {
    #[track_caller]
    fn forward(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let x = self.symbols(ids, cx);
        let y = match self.carried.first() {
            // A trial has other batches: the state of none of these.
            Some((_, state)) if state.shape()[0] == ids.size(0) => {
                let (y, after) = self.cell.forward_from(&x, &self.kept_in_mind(cx), cx);
                for ((_, variable), (_, after)) in self.carried.iter().zip(&after) {
                    cx.update(variable, &after.stop_gradient());
                }
                y
            }
            _ => cx.run("cell", &self.cell, &x), // [B, T, H]
        };
        let y = if self.dropout > 0.0 { dropout(self.dropout).forward(&y, cx) } else { y };
        cx.run("out", &self.out, &y)
    }
    fn describe(&self) -> String {
        format!("Language({}, {})", self.symbols, self.cell.describe())
    }
}

impl LanguageNetwork for RecurrentNetwork {
    fn memory(&self) -> Memory {
        Memory::State
    }
    fn begin(&self) -> ReaderState {
        self.nothing_read().into_iter().map(|(_, tensor)| tensor).collect()
    }
    fn read(&self, ids: &Tensor, state: &[Tensor]) -> (Tensor, Tensor, ReaderState) {
        let cx = Context::eval();
        let names = self.nothing_read().into_iter().map(|(name, _)| name);
        let state: RecurrentState = names.zip(state.iter().cloned()).collect();
        let (y, next) = self.cell.forward_from(&self.symbols(ids, &cx), &state, &cx);
        (self.out.forward(&y, &cx), y, next.into_iter().map(|(_, tensor)| tensor).collect())
    }
}

/// Symbols and their places → blocks of attention → scores.
pub(super) struct TransformerNetwork {
    model: Sequential,
    context: usize,
}

impl Module for TransformerNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        visitor("transformer", State::Child(&self.model));
    }
}

impl Layer for TransformerNetwork {
    #[track_caller]
    fn forward(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        cx.run("transformer", &self.model, ids)
    }
    fn describe(&self) -> String {
        format!("Language(transformer, {} symbols in sight)", self.context)
    }
}

impl LanguageNetwork for TransformerNetwork {
    fn memory(&self) -> Memory {
        Memory::Last { symbols: self.context, row: self.context }
    }
    fn begin(&self) -> ReaderState {
        vec![]
    }
    fn read(&self, ids: &Tensor, _: &[Tensor]) -> (Tensor, Tensor, ReaderState) {
        let y = self.model.forward(ids, &Context::eval());
        (y.clone(), y, vec![])
    }
}

/// The last few symbols side by side → tanh units → scores. The product of one-hot vectors side by side with a matrix is a sum of its rows.
pub(super) struct WindowNetwork {
    /// For each place before the next symbol, the nearest first.
    tables: Vec<Embedding>,
    out: Dense,
}

impl WindowNetwork {
    /// Units `[B, T, H]`: of the first symbols of a row those before them are not known and count nothing.
    #[track_caller]
    fn units(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let steps = ids.size(1);
        let mut sum: Option<Tensor> = None;
        for (back, table) in self.tables.iter().enumerate().take(steps) {
            let rows = cx.run(&format!("table{back}"), table, &ids.slice(1, ..steps - back));
            let rows = match back {
                0 => rows,
                _ => {
                    let unknown =
                        Tensor::full_of([ids.size(0), back, rows.size(2)], 0.0, rows.dtype());
                    Tensor::concat(&[&unknown, &rows], 1)
                }
            };
            sum = Some(sum.map_or(rows.clone(), |sum| sum + &rows));
        }
        sum.map_or_else(|| ids.clone(), |sum| sum.tanh())
    }
}

impl Module for WindowNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a, '_>) {
        for (back, table) in self.tables.iter().enumerate() {
            visitor(&format!("table{back}"), State::Child(table));
        }
        visitor("out", State::Child(&self.out));
    }
}

impl Layer for WindowNetwork {
    #[track_caller]
    fn forward(&self, ids: &Tensor, cx: &Context<'_>) -> Tensor {
        let units = self.units(ids, cx);
        cx.run("out", &self.out, &units)
    }
    fn describe(&self) -> String {
        format!("Language(window of {})", self.tables.len())
    }
}

impl LanguageNetwork for WindowNetwork {
    fn memory(&self) -> Memory {
        Memory::Last { symbols: self.tables.len(), row: usize::MAX }
    }
    fn begin(&self) -> ReaderState {
        vec![]
    }
    fn read(&self, ids: &Tensor, _: &[Tensor]) -> (Tensor, Tensor, ReaderState) {
        let cx = Context::eval();
        let units = self.units(ids, &cx);
        (self.out.forward(&units, &cx), units, vec![])
    }
}
