//! Language models: networks that foresee the next symbol of a text.   ids `[B, T]`   scores `[B, T, V]`
//!
//! [`Corpus`] is a text cut into what is learned and the last tenth, which is only scored; [`LanguageModel`] describes the network; [`Language`] is the
//! system that trains it on streams that go on from batch to batch. A trained network is a [`Reader`]: it says what a text costs, symbol by
//! symbol, goes on writing, and shows what its cells keep in mind ([`cells`]). [`Names`] learns a list of names, each line a sequence of its own. [`Textgenrnn`] is a
//! network that others trained.
//!
//! The usual network is an LSTM over one-hot characters (Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks"); an id that feeds
//! a layer is a row of its table, so that one-hot inputs cost nothing.

pub mod cells;
mod corpus;
mod n_grams;
mod names;
mod network;
mod reader;
mod system;
mod textgenrnn;

pub use corpus::{Corpus, Tokens};
pub use names::{NameList, Names};
pub use network::{Architecture, LanguageModel, LanguageNetwork, Memory, ReaderState};
pub use reader::{Reader, Written};
pub use system::Language;
pub use textgenrnn::Textgenrnn;
