//! Text of Gradus: everything between a text file and integer ids, and what language models are measured by.
//!
//! The walk of a text: a file becomes characters, whatever its encoding ([`read_text`], or [`TextFile`] where it is larger than memory); a [`Tokenizer`]
//! makes ids of them (bytes, characters, words, pieces learned by byte-pair encoding), each of a token of its [`Vocabulary`]; [`Sequences`] and
//! [`Streams`] are samples of them, which the loaders of gradus-data make batches of. What a network says of the next id a [`Sampler`] draws from;
//! n-gram models ([`NGram`]) say what it should be better than. Vectors that others trained for words are [`WordVectors`].
//!
//! Invariants: no tensors here; ids are i64, as tensors have them; what a tokeniser gives does not depend on how a text is cut into chunks; nothing is
//! allocated by the word of a file's head; whatever a format says that is not known is refused by its name.
//!
//! ```
//! use gradus_text::{Counts, NGram, Sampler, Smoothing, Tokenizer, TokenizerOptions};
//! let text = "the cat sat on the mat, the rat sat on the cat, ".repeat(20);
//! let characters = Tokenizer::characters([&text], &TokenizerOptions::default())?;
//! let ids = characters.encode(&text)?;
//! let (train, test) = ids.split_at(ids.len() * 9 / 10);
//! let mut counts = Counts::new(characters.vocabulary().len(), 4)?;
//! counts.add(train)?;
//! let model = NGram::new(&counts, 4, Smoothing::WittenBell)?;
//! assert!(model.score(test)?.nats_per_symbol() < 0.5); // of 13 characters: 2.56 without a model
//! let (mut sampler, mut written) = (Sampler::new(1), characters.encode("the ")?);
//! for _ in 0..20 {
//!     written.push(sampler.sample(&model.logits(&written)?)?);
//! }
//! assert!(characters.decode(&written)?.starts_with("the "));
//! # Ok::<(), gradus_text::DataError>(())
//! ```

mod batches;
mod hash;
mod json;
mod measure;
mod ngram;
mod read;
mod sample;
mod special;
mod stream;
mod tokenizer;
mod vectors;
mod vocabulary;

pub use batches::{Sequences, Streams};
pub use gradus_data::{DataError, Encoding, Place, Result, TextForm};
pub use measure::{Likelihood, bits, perplexity};
pub use ngram::{Counts, Discounts, NGram, Smoothing};
pub use read::{Chunk, Chunks, LineEnds, Text, TextFile, parse_text, read_text};
pub use sample::Sampler;
pub use special::Special;
pub use stream::{TokenPosition, TokenStream};
pub use tokenizer::{Splitter, Tokenizer, TokenizerOptions};
pub use vectors::{Coverage, WordVectors};
pub use vocabulary::Vocabulary;
