//! A text as ids: what is learned, and the last tenth that is only scored.

use std::path::Path;

use gradus_data::{DataError, Key, Result, count};
use gradus_text::{LineEnds, Special, Text, Tokenizer, TokenizerOptions, read_text};
use serde::{Deserialize, Serialize};

use crate::labelled::entropy;

/// What symbols of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// Characters (Unicode scalar values), all that occur.
    Characters,
    /// The bytes of UTF-8.
    Bytes,
    /// Words and marks, so many of the most frequent; others are `<unk>`.
    Words(usize),
    /// Pieces learned by byte-pair encoding, so many.
    BytePairs(usize),
}

impl Tokens {
    /// What symbols are called, as many.
    pub fn noun(self) -> &'static str {
        match self {
            Tokens::Characters => "characters",
            Tokens::Bytes => "bytes",
            Tokens::Words(_) => "words",
            Tokens::BytePairs(_) => "pieces",
        }
    }

    /// The tokeniser of a text, of which `learned` is what may be learned from.
    fn tokenizer(self, whole: &str, learned: &str) -> Result<Tokenizer> {
        let options =
            |size| TokenizerOptions { max_size: Some(size), ..TokenizerOptions::default() };
        match self {
            // Which characters there are is no secret: scores of other people's models know it, too.
            Tokens::Characters => Tokenizer::characters([whole], &TokenizerOptions::default()),
            Tokens::Bytes => Tokenizer::bytes(&[]),
            Tokens::Words(size) => {
                let special = vec![Special::Unk];
                Tokenizer::words([learned], &TokenizerOptions { special, ..options(size) })
            }
            Tokens::BytePairs(size) => Tokenizer::byte_pairs([learned], &options(size)),
        }
    }
}

/// A text as ids.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// What the text is called in messages.
    pub name: String,
    /// What its symbols are.
    pub tokens: Tokens,
    /// From text to ids and back.
    pub tokenizer: Tokenizer,
    /// What is learned.
    pub train: Vec<i64>,
    /// What is only scored: the last tenth.
    pub test: Vec<i64>,
    /// How many characters that is.
    pub test_characters: u64,
    /// What is worth knowing of the text.
    pub remarks: Vec<String>,
    /// A digest of the file.
    pub digest: String,
}

impl Corpus {
    /// Of a file.
    ///
    /// # Errors
    /// When the file cannot be read, is no text, or is too short to be cut.
    pub fn read(path: &Path, tokens: Tokens) -> Result<Corpus> {
        let text = read_text(path, LineEnds::Keep)?;
        let name = path.display().to_string();
        Corpus::new(&name, &text, tokens)
    }

    /// Of a text that was read: the first nine tenths of its characters are learned, the whole rest is scored.
    ///
    /// ```
    /// use gradus_sequences::language::{Corpus, Tokens};
    /// use gradus_text::{LineEnds, parse_text};
    /// let text = parse_text("abc abc ".repeat(10).as_bytes(), "abc", LineEnds::Keep)?;
    /// let corpus = Corpus::new("abc", &text, Tokens::Characters)?;
    /// assert_eq!((corpus.train.len(), corpus.test.len(), corpus.symbols()), (72, 8, 4));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When there are fewer than two symbols in either part.
    pub fn new(name: &str, text: &Text, tokens: Tokens) -> Result<Corpus> {
        let whole = &text.text;
        let characters = whole.chars().count();
        let learned = characters * 9 / 10;
        let at = whole.char_indices().nth(learned).map_or(whole.len(), |(at, _)| at);
        let (learned, scored) = whole.split_at(at);
        let short = |found: String, expected: &str| {
            DataError::malformed(name, gradus_data::Place::Whole, found, expected)
        };
        if characters < 20 {
            return Err(short(
                count(characters, "character"),
                "at least 20: nine tenths to learn, the last tenth to score",
            ));
        }
        let tokenizer = tokens.tokenizer(whole, learned)?;
        let (train, test) = (tokenizer.encode(learned)?, tokenizer.encode(scored)?);
        if train.len() < 2 || test.len() < 2 {
            let found =
                format!("{} {} to learn and {} to score", train.len(), tokens.noun(), test.len());
            return Err(short(found, "at least 2 of each"));
        }
        let mut remarks = text.remarks.clone();
        if tokenizer.vocabulary().len() < 2 {
            remarks.push("the text has one symbol only: there is nothing to foresee".to_owned());
        }
        if let Some(unknown) = tokenizer.vocabulary().special(Special::Unk) {
            let share =
                train.iter().filter(|&&id| id == unknown).count() as f64 / train.len() as f64;
            if share > 0.05 {
                remarks.push(format!(
                    "{:.0} % of the words are not among the {} known ones",
                    100.0 * share,
                    tokenizer.vocabulary().len()
                ));
            }
        }
        Ok(Corpus {
            name: name.to_owned(),
            tokens,
            tokenizer,
            train,
            test,
            test_characters: scored.chars().count() as u64,
            remarks,
            digest: Key::of(whole.as_bytes()).to_string(),
        })
    }

    /// How many different symbols there are.
    pub fn symbols(&self) -> usize {
        self.tokenizer.vocabulary().len()
    }

    /// The cross-entropy of who knows how frequent each symbol is, in nats: what a network that has learned nothing comes to.
    pub fn guessing(&self) -> f64 {
        let mut counts = vec![0; self.symbols()];
        self.train.iter().for_each(|&id| counts[id as usize] += 1);
        entropy(&counts)
    }
}
