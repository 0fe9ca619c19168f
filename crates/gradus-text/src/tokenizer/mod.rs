//! Tokenisers: from a text to ids and back. One type for all: a rule by which a text falls into pieces, what a piece is made of (bytes, characters,
//! a word, pieces learned by byte-pair encoding), and how tokens become a text again.

mod alphabet;
mod classes;
mod decode;
mod encode;
mod hugging_face;
mod hugging_face_out;
mod learn;
mod merges;
mod pairs;
mod saved;
mod split;
mod word_index;

use gradus_data::Result;

pub use learn::TokenizerOptions;
pub use split::Splitter;

use crate::special::Special;
use crate::vocabulary::Vocabulary;
use merges::Merges;

pub(crate) use encode::Origin;

/// From a text to ids and back.
///
/// ```
/// use gradus_text::{Special, Tokenizer, TokenizerOptions};
/// let plain = TokenizerOptions::default();
/// let characters = Tokenizer::characters(["hello"], &plain)?; // e h l o
/// assert_eq!(characters.encode("hole")?, [1, 3, 2, 0]);
/// assert_eq!(characters.decode(&[1, 3, 2, 0])?, "hole");
/// let wrong = characters.encode("he\nld").unwrap_err().to_string();
/// assert_eq!(wrong, "text, byte 2 (line 1): found '\\n' (U+000A), expected one of the 4 tokens of the vocabulary");
/// // What is not known is a token of its own, if there is one.
/// let known = TokenizerOptions { special: vec![Special::Unk], ..plain };
/// let words = Tokenizer::words(["the cat", "the dog"], &known)?;
/// assert_eq!(words.vocabulary().tokens(), ["<unk>", "the", "cat", "dog"]);
/// assert_eq!(words.encode("the cow")?, [1, 0]);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
///
/// Bytes, characters and byte-pair encoding give back every text they take, to the byte:
///
/// ```
/// use gradus_text::{Tokenizer, TokenizerOptions};
/// let options = TokenizerOptions { max_size: Some(258), ..TokenizerOptions::default() };
/// let learned = Tokenizer::byte_pairs(["low lower lowest"], &options)?; // 256 bytes, "lo" and "low"
/// assert_eq!(learned.encode("low")?, [257]);
/// let any = "😀 naïve\r\n";
/// assert_eq!(learned.decode(&learned.encode(any)?)?, any);
/// assert_eq!(Tokenizer::bytes(&[])?.encode("é")?, [0xC3, 0xA9]);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    model: Model,
    split: Splitter,
    /// Whether letters are made small before they are looked up.
    lowercase: bool,
    /// Whether a text that does not begin with a blank gets one in front.
    leading_blank: bool,
    join: Join,
    /// Tokens that are found in a text wherever they stand, the longest first.
    marked: Vec<(String, i64)>,
}

/// What pieces are made of.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    /// Bytes, whose ids are their values.
    Bytes,
    /// Characters.
    Characters,
    /// A piece is a token.
    Words,
    /// Tokens that byte-pair encoding learned; of bytes, or else of characters.
    BytePairs { merges: Merges, of_bytes: bool },
}

/// How tokens become a text.
#[derive(Debug, Clone, PartialEq)]
enum Join {
    /// One after the other.
    Nothing,
    /// With a blank between them.
    Blanks,
    /// As bytes, each a character of an alphabet.
    Bytes,
    /// With a blank where a token ends with this.
    Suffix(String),
}

impl Tokenizer {
    /// The 256 bytes, then special tokens: nothing is ever unknown.
    ///
    /// # Errors
    /// When a special token is named twice.
    pub fn bytes(special: &[Special]) -> Result<Tokenizer> {
        let bytes = (0..=255).map(|byte| alphabet::character(byte).to_string());
        let tokens = bytes.chain(special.iter().map(|special| special.text().to_owned()));
        Ok(Tokenizer {
            vocabulary: Vocabulary::new(tokens, special)?,
            model: Model::Bytes,
            split: Splitter::None,
            lowercase: false,
            leading_blank: false,
            join: Join::Bytes,
            marked: vec![],
        })
    }

    /// The tokens and their ids.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What tokens are: `bytes`, `characters`, `words` or `byte pairs`.
    pub fn kind(&self) -> &'static str {
        match self.model {
            Model::Bytes => "bytes",
            Model::Characters => "characters",
            Model::Words => "words",
            Model::BytePairs { .. } => "byte pairs",
        }
    }
}
