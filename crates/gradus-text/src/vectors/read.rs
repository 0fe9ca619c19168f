//! From a file to word vectors: which format it is, what is kept, what is refused in all of them.

use std::io::{BufRead, BufReader};
use std::path::Path;

use gradus_data::{DataError, Place, Result, open_file, quote};

use super::{WordVectors, binary, text};
use crate::vocabulary::Vocabulary;

/// Wider vectors than this are no vectors.
const MOST_WIDTH: usize = 1 << 20;

impl WordVectors {
    /// The vectors of a file, of which only a part is held at a time; with a vocabulary only those of its tokens are kept.
    ///
    /// # Errors
    /// As [`WordVectors::parse`]; and when the file cannot be read.
    pub fn read(path: &Path, only: Option<&Vocabulary>) -> Result<WordVectors> {
        let file = BufReader::with_capacity(1 << 16, open_file(path)?);
        gather(file, &path.display().to_string(), only)
    }

    /// The vectors of a file's bytes; `name` is the file's in errors. The bytes tell which format they are: GloVe's, lines of a word and its numbers;
    /// word2vec's and fastText's text, the same behind a line with the number of words and the width; or word2vec's binary, where behind that line stand
    /// for each word its text, a blank and its numbers in four bytes each.
    ///
    /// ```
    /// use gradus_text::WordVectors;
    /// let wrong = |bytes: &[u8]| WordVectors::parse(bytes, "v.txt", None).unwrap_err().to_string();
    /// assert_eq!(wrong(b"a 1 2\nb 1\n"), "v.txt, line 2: found 1 number for \"b\", expected 2, as for the first word");
    /// assert_eq!(wrong(b"a 1 2\na 3 4\n"), "v.txt, line 2: found \"a\" again, expected each word once");
    /// assert_eq!(wrong(b"a 1 nan\n"), "v.txt, line 1: found \"nan\" for \"a\", expected finite numbers");
    /// assert_eq!(wrong(b"3 2\na 1 2\n"), "v.txt: found 1 word, expected 3, as the first line says");
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no vector, a word is there twice, has other numbers than the first one, or one that is not finite, or there are other words than the
    /// first line says. Of words that are not kept it is not known whether they are there twice.
    pub fn parse(bytes: &[u8], name: &str, only: Option<&Vocabulary>) -> Result<WordVectors> {
        gather(bytes, name, only)
    }
}

fn gather(mut from: impl BufRead, name: &str, only: Option<&Vocabulary>) -> Result<WordVectors> {
    let mut first = vec![];
    let head = line(&mut from, &mut first, name)?;
    let Some((words, width)) = counted(&first) else {
        return text::gather(from, first, Kept::new(name, only), None);
    };
    if width == 0 || width > MOST_WIDTH {
        let expected = format!("1 to {MOST_WIDTH}");
        return Err(DataError::malformed(name, Place::Line(1), format!("width {width}"), expected));
    }
    // Where the next thing is a word and numbers in digits, it is text.
    let kept = Kept { vectors: WordVectors::new(width), ..Kept::new(name, only) };
    let is_text = {
        let next = from.fill_buf().map_err(DataError::io(Path::new(name), "read the file"))?;
        text::begins(next)
    };
    match is_text {
        true => {
            let mut second = vec![];
            line(&mut from, &mut second, name)?;
            text::gather(from, second, kept, Some(words))
        }
        false => binary::gather(from, kept, words, head as u64),
    }
}

/// The next line, without its end; how many bytes it takes, none at the end of the file.
pub(super) fn line(from: &mut impl BufRead, into: &mut Vec<u8>, name: &str) -> Result<usize> {
    into.clear();
    let read = from.read_until(b'\n', into);
    let read = read.map_err(DataError::io(Path::new(name), "read the file"))?;
    while into.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        into.pop();
    }
    Ok(read)
}

/// The number of words and the width, if a line is only that.
fn counted(line: &[u8]) -> Option<(u64, usize)> {
    let text = std::str::from_utf8(line).ok()?;
    let (words, width) = text.trim().split_once(' ')?;
    Some((words.parse().ok()?, width.trim().parse().ok()?))
}

/// The words that are kept, and what there was.
pub(super) struct Kept<'a> {
    pub(super) name: &'a str,
    pub(super) vectors: WordVectors,
    only: Option<&'a Vocabulary>,
    /// How many words there were.
    pub(super) seen: u64,
}

impl<'a> Kept<'a> {
    fn new(name: &'a str, only: Option<&'a Vocabulary>) -> Kept<'a> {
        Kept { name, vectors: WordVectors::new(0), only, seen: 0 }
    }

    /// Whether a word's numbers are wanted.
    pub(super) fn wants(&self, word: &str) -> bool {
        self.only.is_none_or(|only| only.id(word).is_some())
    }

    /// Keeps a word, whose numbers were appended to the values.
    pub(super) fn keep(&mut self, word: &str, at: Place) -> Result<()> {
        let place = self.vectors.words.len();
        match self.vectors.places.insert(word.to_owned(), place) {
            None => {
                self.vectors.words.push(word.to_owned());
                Ok(())
            }
            Some(_) => Err(self.wrong(at, format!("{} again", quote(word)), "each word once")),
        }
    }

    pub(super) fn wrong(
        &self,
        at: Place,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> DataError {
        DataError::malformed(self.name, at, found, expected)
    }
}
