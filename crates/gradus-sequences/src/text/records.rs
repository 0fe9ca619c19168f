//! Texts as the rows that a network reads.

use gradus_base::DType;
use gradus_data::{FieldSpec, Records, Result, Sample};
use gradus_text::{Special, Tokenizer};

use super::grams::{Grams, LONGEST};

/// From a text to the rows of a network: the id of each word, and the buckets of the groups that end with it, if they are read.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    tokenizer: Tokenizer,
    grams: Option<Grams>,
    /// Words that are read at most.
    longest: usize,
    pub(super) unknown: i64,
}

impl Encoder {
    /// With so many buckets of groups; 0 for none.
    pub(super) fn new(tokenizer: Tokenizer, buckets: usize, longest: usize) -> Encoder {
        let unknown = tokenizer.vocabulary().special(Special::Unk).unwrap_or(-1);
        let grams = (buckets > 0).then_some(Grams { buckets, unknown });
        Encoder { tokenizer, grams, longest, unknown }
    }

    /// How many numbers a row has.
    pub(super) fn width(&self) -> usize {
        1 + self.grams.map_or(0, |_| LONGEST)
    }

    /// The ids of a text's words and signs, whole, as `u32` to be kept.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.tokenizer.encode(&plain(text))?.into_iter().map(|id| id as u32).collect())
    }

    /// What is read of a text's words: of longer texts the first and the last half of what is read at most.
    pub(super) fn read<'a, W>(&self, words: &'a [W]) -> impl Iterator<Item = &'a W> + use<'a, W> {
        let half = if words.len() > self.longest { self.longest / 2 } else { 0 };
        words[..self.length(words.len()) - half].iter().chain(&words[words.len() - half..])
    }

    /// How many of so many words are read.
    pub(super) fn length(&self, words: usize) -> usize {
        words.min(self.longest)
    }

    /// The rows of ids.
    pub(super) fn rows(&self, ids: &[u32]) -> Vec<i64> {
        let read: Vec<i64> = self.read(ids).map(|&id| i64::from(id)).collect();
        let Some(grams) = self.grams else { return read };
        let mut rows = Vec::with_capacity(read.len() * self.width());
        grams.rows(&read, &mut rows);
        rows
    }
}

/// A text without the line breaks of HTML, which reviews from the web are full of.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<br") {
        let tag = rest[at + 3..].trim_start().trim_start_matches('/');
        let end = tag.strip_prefix('>');
        plain.push_str(&rest[..at]);
        plain.push_str(if end.is_some() { "\n" } else { "<br" });
        rest = end.unwrap_or(&rest[at + 3..]);
    }
    plain + rest
}

/// Encoded texts, each with its class: `x` i64 `[T, 1 + N]` and `t` i64 `[]`.
pub(super) struct Encoded {
    encoder: Encoder,
    ids: Vec<u32>,
    ends: Vec<usize>,
    labels: Vec<i64>,
    fields: [FieldSpec; 2],
}

impl Encoded {
    pub(super) fn new(encoder: Encoder) -> Encoded {
        let x = FieldSpec::ragged("x", DType::I64, &[encoder.width()]);
        let fields = [x, FieldSpec::new("t", DType::I64, &[])];
        Encoded { encoder, ids: vec![], ends: vec![], labels: vec![], fields }
    }

    pub(super) fn push(&mut self, ids: &[u32], label: i64) {
        self.ids.extend(ids);
        self.ends.push(self.ids.len());
        self.labels.push(label);
    }

    fn of(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[index]]
    }

    /// The rows of each text and its class.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Vec<i64>, i64)> {
        (0..self.len()).map(|index| (self.encoder.rows(self.of(index)), self.labels[index]))
    }
}

impl Records for Encoded {
    fn len(&self) -> usize {
        self.ends.len()
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        sample.put(0, &self.encoder.rows(self.of(index)))?;
        sample.put(1, &[self.labels[index]])
    }
    fn length(&self, index: usize, _field: usize) -> Result<usize> {
        Ok(self.encoder.length(self.of(index).len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_text::TokenizerOptions;

    #[test]
    fn line_breaks_of_html_are_none() {
        assert_eq!(
            plain("good<br /><br/>film<br>here <brand> a <br"),
            "good\n\nfilm\nhere <brand> a <br"
        );
    }

    #[test]
    fn of_long_texts_both_ends_are_read() {
        let special = vec![Special::Pad, Special::Unk];
        let options = TokenizerOptions { special, ..TokenizerOptions::default() };
        let words = Tokenizer::words(["a b c d e f g"], &options).unwrap();
        let encoder = Encoder::new(words, 0, 5);
        let ids = encoder.ids("a b c d e f g").unwrap();
        assert_eq!(encoder.rows(&ids), [2, 3, 4, 7, 8]);
        assert_eq!(encoder.rows(&ids[..5]), [2, 3, 4, 5, 6]);
        assert_eq!((encoder.length(7), encoder.width(), encoder.unknown), (5, 1, 1));
        let with = Encoder { grams: Some(Grams { buckets: 64, unknown: 1 }), ..encoder };
        assert_eq!((with.width(), with.rows(&ids).len()), (4, 20));
    }
}
