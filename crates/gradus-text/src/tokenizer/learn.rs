//! Tokenisers made of texts: which characters, words or pairs there are.

use std::collections::HashMap;

use gradus_data::{DataError, Result};

use super::encode::lowercase;
use super::merges::Merges;
use super::pairs::Pairs;
use super::{Join, Model, Splitter, Tokenizer, alphabet};
use crate::special::Special;
use crate::vocabulary::Vocabulary;

/// What a tokeniser is made of beside texts.
///
/// ```
/// use gradus_text::{Special, Tokenizer, TokenizerOptions};
/// let options = TokenizerOptions {
///     special: vec![Special::Pad, Special::Unk],
///     lowercase: true,
///     min_count: 2,
///     ..TokenizerOptions::default()
/// };
/// let words = Tokenizer::words(["The cat and the dog.", "A cat."], &options)?;
/// assert_eq!(words.vocabulary().tokens(), ["<pad>", "<unk>", ".", "cat", "the"]);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerOptions {
    /// Special tokens, whose ids come first. With `<unk>` among them, what is not in the vocabulary is encoded as that; without it, it is refused by name
    /// and place.
    pub special: Vec<Special>,
    /// Whether letters are made small; of words only.
    pub lowercase: bool,
    /// How often a character, a word or a pair must occur to be a token.
    pub min_count: u64,
    /// How many tokens there are at most, special ones included; the most frequent ones are kept.
    pub max_size: Option<usize>,
}

impl Default for TokenizerOptions {
    /// All that occurs, nothing special.
    fn default() -> TokenizerOptions {
        TokenizerOptions { special: vec![], lowercase: false, min_count: 1, max_size: None }
    }
}

impl TokenizerOptions {
    /// How many tokens there may be beside `own` that are there in any case.
    fn room(&self, own: usize, what: &str) -> Result<usize> {
        let room = self.max_size.unwrap_or(usize::MAX).checked_sub(own);
        room.filter(|&room| room > 0 || what == "byte pairs").ok_or_else(|| {
            let found = self.max_size.unwrap_or_default().to_string();
            let least = if what == "byte pairs" { own } else { own + 1 };
            DataError::invalid("max_size", found, format!("at least {least} for {what}"))
        })
    }

    fn refuse_lowercase(&self, what: &str) -> Result<()> {
        match self.lowercase {
            true => {
                let expected = format!("words; {what} are as they are");
                Err(DataError::invalid("lowercase", what, expected))
            }
            false => Ok(()),
        }
    }

    fn special_texts(&self) -> impl Iterator<Item = String> {
        self.special.iter().map(|special| special.text().to_owned())
    }

    /// What occurs often enough, the most frequent first, of equally frequent ones by their order.
    fn most_frequent<T: Ord>(&self, counts: HashMap<T, u64>, what: &str) -> Result<Vec<T>> {
        let room = self.room(self.special.len(), what)?;
        let enough = counts.into_iter().filter(|&(_, count)| count >= self.min_count);
        let mut all: Vec<(T, u64)> = enough.collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(room);
        if all.is_empty() {
            let found = format!("no {what} that occur {} times or more", self.min_count);
            return Err(DataError::invalid("texts", found, "at least one"));
        }
        Ok(all.into_iter().map(|(token, _)| token).collect())
    }
}

impl Tokenizer {
    /// The characters (Unicode scalar values) of texts, in the order of their codes.
    ///
    /// # Errors
    /// When there is no character, or an option does not suit.
    pub fn characters<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
        options: &TokenizerOptions,
    ) -> Result<Tokenizer> {
        options.refuse_lowercase("characters")?;
        let mut counts = HashMap::new();
        for text in texts {
            text.as_ref().chars().for_each(|c| *counts.entry(c).or_default() += 1);
        }
        let mut kept = options.most_frequent(counts, "characters")?;
        kept.sort_unstable();
        let tokens = options.special_texts().chain(kept.into_iter().map(String::from));
        let vocabulary = Vocabulary::new(tokens, &options.special)?;
        Ok(Tokenizer::plain(vocabulary, Model::Characters, Splitter::None, Join::Nothing))
    }

    /// The words and signs of texts ([`Splitter::Words`]), the most frequent first. What is between them is lost.
    ///
    /// # Errors
    /// When there is no word, or an option does not suit.
    pub fn words<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
        options: &TokenizerOptions,
    ) -> Result<Tokenizer> {
        let mut counts = count_pieces(texts, Splitter::Words);
        if options.lowercase {
            let mut small = HashMap::new();
            for (word, count) in counts {
                *small.entry(lowercase(&word)).or_default() += count;
            }
            counts = small;
        }
        let kept = options.most_frequent(counts, "words")?;
        // A word that is called like a special token is that token.
        let is_new = |word: &String| options.special.iter().all(|special| special.text() != word);
        let tokens = options.special_texts().chain(kept.into_iter().filter(is_new));
        let vocabulary = Vocabulary::new(tokens, &options.special)?;
        let own = Tokenizer::plain(vocabulary, Model::Words, Splitter::Words, Join::Blanks);
        Ok(Tokenizer { lowercase: options.lowercase, ..own })
    }

    /// Byte-pair encoding as GPT-2 has it, learned of texts: the 256 bytes, and what their most frequent pairs become, again and again, within the
    /// pieces of [`Splitter::Gpt2`]. `max_size` says how many tokens there are; without it all pairs that occur `min_count` times are merged, up to
    /// whole words.
    ///
    /// # Errors
    /// When there is no text, or an option does not suit.
    pub fn byte_pairs<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
        options: &TokenizerOptions,
    ) -> Result<Tokenizer> {
        options.refuse_lowercase("byte pairs")?;
        options.room(256 + options.special.len(), "byte pairs")?;
        let mut counts: Vec<(String, u64)> =
            count_pieces(texts, Splitter::Gpt2).into_iter().collect();
        if counts.is_empty() {
            return Err(DataError::invalid("texts", "no text", "at least one character"));
        }
        counts.sort_unstable();
        let alphabet = alphabet::all();
        let first = options.special.len() as u32;
        let symbol = |byte: u8| {
            let c = alphabet::character(byte);
            first + alphabet.binary_search(&c).expect("all bytes have one") as u32
        };
        let words =
            counts.into_iter().map(|(word, often)| (word.bytes().map(symbol).collect(), often));
        let tokens = options.special_texts().chain(alphabet.iter().map(|&c| c.into()));
        let pairs = Pairs::new(words.collect(), tokens.collect());
        let (tokens, merged) =
            pairs.learn(options.max_size.unwrap_or(usize::MAX), options.min_count);
        let vocabulary = Vocabulary::new(tokens, &options.special)?;
        let mut merges = Merges::default();
        merged.into_iter().for_each(|(left, right, whole)| merges.push(left, right, whole));
        let model = Model::BytePairs { merges, of_bytes: true };
        Ok(Tokenizer::plain(vocabulary, model, Splitter::Gpt2, Join::Bytes))
    }

    pub(super) fn plain(
        vocabulary: Vocabulary,
        model: Model,
        split: Splitter,
        join: Join,
    ) -> Tokenizer {
        let (lowercase, leading_blank, marked) = (false, false, vec![]);
        Tokenizer { vocabulary, model, split, lowercase, leading_blank, join, marked }
    }
}

/// How often each piece occurs.
fn count_pieces<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
    split: Splitter,
) -> HashMap<String, u64> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for text in texts {
        for piece in split.pieces(text.as_ref()) {
            match counts.get_mut(piece) {
                Some(count) => *count += 1,
                None => _ = counts.insert(piece.to_owned(), 1),
            }
        }
    }
    counts
}
