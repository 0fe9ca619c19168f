//! Word vectors that others trained: GloVe's text, word2vec's text and binary. A file is gone through word by word; only what is wanted is kept.

mod binary;
mod read;
mod text;

use std::collections::HashMap;

use gradus_data::{DataError, Result, count};

use crate::vocabulary::Vocabulary;

/// Vectors of words, all of one width.
///
/// ```
/// use gradus_text::{Vocabulary, WordVectors};
/// let file = b"the 0.1 0.2 0.3\ncat 1 0 -1\ndog 1 0.5 -1\n";
/// let all = WordVectors::parse(file, "v.txt", None)?;
/// assert_eq!((all.len(), all.width(), all.get("cat")), (3, 3, Some(&[1.0, 0.0, -1.0][..])));
/// let words = Vocabulary::new(["dog", "the", "platypus"], &[])?;
/// let (rows, coverage) = WordVectors::parse(file, "v.txt", Some(&words))?.rows(&words);
/// assert_eq!(rows, [1.0, 0.5, -1.0, 0.1, 0.2, 0.3, 0.0, 0.0, 0.0]); // zeros where nothing is known
/// assert_eq!(coverage.to_string(), "2 of 3 words have a vector");
/// assert_eq!(coverage.missing, ["platypus"]);
/// # Ok::<(), gradus_text::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    words: Vec<String>,
    places: HashMap<String, usize>,
    width: usize,
    values: Vec<f32>,
}

/// Which words of a vocabulary have a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// How many have one.
    pub found: usize,
    /// Those that have none, by their ids.
    pub missing: Vec<String>,
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = count(self.found + self.missing.len(), "word");
        write!(f, "{} of {all} have a vector", self.found)
    }
}

impl WordVectors {
    fn new(width: usize) -> WordVectors {
        WordVectors { words: vec![], places: HashMap::new(), width, values: vec![] }
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True without words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Numbers of each vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The words, in the file's order.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The vector of a word.
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        let place = *self.places.get(word)?;
        Some(&self.values[place * self.width..][..self.width])
    }

    /// A row for each token of a vocabulary, `[tokens, width]`, as an embedding's weights are; zeros where there is no vector. Special tokens are words like
    /// others.
    pub fn rows(&self, vocabulary: &Vocabulary) -> (Vec<f32>, Coverage) {
        let mut rows = vec![0.0; vocabulary.len() * self.width];
        let mut missing = vec![];
        for (token, row) in vocabulary.tokens().iter().zip(rows.chunks_exact_mut(self.width)) {
            match self.get(token) {
                Some(own) => row.copy_from_slice(own),
                None => missing.push(token.clone()),
            }
        }
        let found = vocabulary.len() - missing.len();
        (rows, Coverage { found, missing })
    }

    /// The cosine of the angle between two words' vectors.
    ///
    /// ```
    /// use gradus_text::WordVectors;
    /// let all = WordVectors::parse(b"a 1 0\nb 1 1\n", "v.txt", None)?;
    /// assert!((all.cosine("a", "b")? - 0.5f64.sqrt()).abs() < 1e-7);
    /// assert!(all.cosine("a", "c").unwrap_err().to_string().contains("found \"c\", expected one of the 2 words"));
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When a word has no vector, or one of only zeros.
    pub fn cosine(&self, one: &str, other: &str) -> Result<f64> {
        let vector = |word: &str| {
            let expected = || format!("one of the {}", count(self.len(), "word"));
            let own = self.get(word);
            own.ok_or_else(|| DataError::invalid("word", gradus_data::quote(word), expected()))
        };
        let (a, b) = (vector(one)?, vector(other)?);
        let dot = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
        };
        let lengths = libm::sqrt(dot(a, a) * dot(b, b));
        match lengths > 0.0 {
            true => Ok(dot(a, b) / lengths),
            false => Err(DataError::invalid("vector", "only zeros", "a direction")),
        }
    }
}
