//! The tokens of a file that may be larger than memory, one after the other, from any place on.

use gradus_data::Result;

use crate::read::{Chunks, LineEnds, TextFile};
use crate::tokenizer::{Origin, Tokenizer};

/// So many bytes are read at a time.
const CHUNK: usize = 1 << 18;

/// A place in the tokens of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenPosition {
    /// A byte of the file where a token begins.
    pub byte: u64,
    /// The line that it lies in, from 1.
    pub line: u64,
    /// How many tokens further the place is.
    pub tokens: u64,
}

/// The tokens of a file, in order: those that [`Tokenizer::encode`] makes of its whole text, while only a part of it is held. After an error there
/// are no more.
///
/// ```
/// use gradus_text::{LineEnds, TextFile, TokenStream, Tokenizer};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("t.txt");
/// std::fs::write(&path, "to be or not to be").unwrap();
/// let (file, bytes) = (TextFile::open(&path, LineEnds::Keep)?, Tokenizer::bytes(&[])?);
/// let mut stream = TokenStream::new(&file, &bytes)?;
/// let first: Vec<i64> = stream.by_ref().take(5).collect::<Result<_, _>>()?;
/// assert_eq!(bytes.decode(&first)?, "to be");
/// // A run that is killed here goes on here.
/// let rest: Vec<i64> = TokenStream::from(&file, &bytes, stream.position())?.collect::<Result<_, _>>()?;
/// assert_eq!(bytes.decode(&rest)?, " or not to be");
/// # Ok::<(), gradus_text::DataError>(())
/// ```
///
/// A tokeniser without a rule for pieces (a `BPE` without a pre-tokeniser) needs the whole text at once.
pub struct TokenStream<'t> {
    tokenizer: &'t Tokenizer,
    chunks: Chunks,
    file: TextFile,
    /// Text that was read and is not yet tokens.
    held: String,
    /// Where it begins.
    begin: TokenPosition,
    /// Tokens that were made of the text before, and how many of them are given.
    ids: Vec<i64>,
    given: usize,
    /// Where that text begins.
    block: TokenPosition,
    /// How many tokens are to be passed over.
    skip: u64,
    is_over: bool,
}

impl<'t> TokenStream<'t> {
    /// All tokens of a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(file: &TextFile, tokenizer: &'t Tokenizer) -> Result<TokenStream<'t>> {
        let byte = file.form().mark as u64;
        TokenStream::from(file, tokenizer, TokenPosition { byte, line: 1, tokens: 0 })
    }

    /// The tokens from a place on that [`TokenStream::position`] gave, with the same tokeniser.
    ///
    /// # Errors
    /// When the file cannot be read, or has fewer bytes.
    pub fn from(
        file: &TextFile,
        tokenizer: &'t Tokenizer,
        at: TokenPosition,
    ) -> Result<TokenStream<'t>> {
        TokenStream::with_chunks(file, tokenizer, at, CHUNK)
    }

    /// The same, reading so many bytes at a time.
    pub(crate) fn with_chunks(
        file: &TextFile,
        tokenizer: &'t Tokenizer,
        at: TokenPosition,
        bytes: usize,
    ) -> Result<TokenStream<'t>> {
        // Bytes are counted in the text as it is; line ends are changed afterwards.
        let chunks = file.clone().with_line_ends(LineEnds::Keep).chunks(bytes, Some(at.byte))?;
        let begin = TokenPosition { tokens: 0, ..at };
        Ok(TokenStream {
            tokenizer,
            chunks,
            file: file.clone(),
            held: String::new(),
            begin,
            ids: vec![],
            given: 0,
            block: begin,
            skip: at.tokens,
            is_over: false,
        })
    }

    /// The place of the next token, from which [`TokenStream::from`] goes on.
    pub fn position(&self) -> TokenPosition {
        TokenPosition { tokens: self.given as u64 + self.skip, ..self.block }
    }

    /// Makes tokens of what is next in the file; false at its end.
    fn fill(&mut self) -> Result<bool> {
        loop {
            let chunk = self.chunks.next().transpose()?;
            let is_last = chunk.is_none();
            self.held.extend(chunk.map(|chunk| chunk.text));
            let begins = self.begins(self.begin);
            let end = match is_last {
                true => self.held.len(),
                false => self.tokenizer.settled(&self.held, begins),
            };
            if end > 0 {
                self.encode(end)?;
                return Ok(true);
            }
            if is_last {
                return Ok(false);
            }
        }
    }

    /// Whether a place is the begin of the file.
    fn begins(&self, at: TokenPosition) -> bool {
        at.byte == self.file.form().mark as u64
    }

    fn encode(&mut self, end: usize) -> Result<()> {
        let rest = self.held.split_off(end);
        let text = std::mem::replace(&mut self.held, rest);
        self.block = self.begin;
        self.begin.byte += self.file.form().encoding.width(&text) as u64;
        self.begin.line += text.matches('\n').count() as u64;
        let text = self.file.line_ends().apply(text);
        let name = self.file.name();
        let origin = Origin { name: &name, line: self.block.line, has_bytes: false };
        let is_begin = self.begins(self.block);
        self.given = 0;
        self.ids.clear();
        self.tokenizer.encode_part(&text, is_begin, origin, &mut self.ids)
    }

    fn read(&mut self) -> Result<Option<i64>> {
        loop {
            let left = (self.ids.len() - self.given) as u64;
            let passed = left.min(self.skip);
            self.given += passed as usize;
            self.skip -= passed;
            if let Some(&id) = self.ids.get(self.given) {
                self.given += 1;
                return Ok(Some(id));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}

impl Iterator for TokenStream<'_> {
    type Item = Result<i64>;

    fn next(&mut self) -> Option<Result<i64>> {
        if self.is_over {
            return None;
        }
        let read = self.read().transpose();
        self.is_over = !matches!(read, Some(Ok(_)));
        read
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::{TokenPosition, TokenStream};
    use crate::{LineEnds, Special, TextFile, Tokenizer, TokenizerOptions};

    fn kinds(text: &str) -> Vec<Tokenizer> {
        let known = TokenizerOptions { special: vec![Special::Unk], ..TokenizerOptions::default() };
        let learned = Tokenizer::byte_pairs(
            [text],
            &TokenizerOptions { max_size: Some(300), ..TokenizerOptions::default() },
        );
        let learned = learned.unwrap();
        let json = learned.to_hugging_face().unwrap();
        // The same with a blank in front of a text, and with a token that stands in texts.
        let marked = r#""added_tokens":[{"id":ID,"content":"\n\n<end>","special":true}]"#
            .replace("ID", &learned.vocabulary().len().to_string());
        let json = json.replace(r#""added_tokens":[]"#, &marked);
        let blank = json.replace(r#""add_prefix_space":false"#, r#""add_prefix_space":true"#);
        assert_ne!(json, blank);
        vec![
            Tokenizer::bytes(&[]).unwrap(),
            Tokenizer::characters([text], &TokenizerOptions::default()).unwrap(),
            Tokenizer::words([text], &known).unwrap(),
            learned,
            Tokenizer::from_hugging_face(&json, "t").unwrap(),
            Tokenizer::from_hugging_face(&blank, "t").unwrap(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// However a file is cut into chunks, and from any place on, its tokens are those of the whole text.
        #[test]
        fn streams_are_the_whole_text(
            text in "([ab1]|it's|'re| |\r\n|\n\n<end>|\n|é|3\\.5|😀){1,80}x",
            newline in any::<bool>(),
            at in 0usize..1000,
            bytes in 8usize..40,
        ) {
            let line_ends = if newline { LineEnds::Newline } else { LineEnds::Keep };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.txt");
            fs::write(&path, &text).unwrap();
            let file = TextFile::open(&path, line_ends).unwrap();
            let read = if newline { text.replace("\r\n", "\n") } else { text };
            let begin = TokenPosition { byte: 0, line: 1, tokens: 0 };
            for tokenizer in kinds(&read) {
                let whole = tokenizer.encode(&read).unwrap();
                let mut first = TokenStream::with_chunks(&file, &tokenizer, begin, bytes).unwrap();
                let at = whole.len() * at / 1000;
                let begun: Vec<i64> = first.by_ref().take(at).map(Result::unwrap).collect();
                let place = first.position();
                let rest: Vec<i64> = first.map(Result::unwrap).collect();
                prop_assert!(begun == whole[..at] && rest == whole[at..], "{}", tokenizer.kind());
                let mut again = TokenStream::with_chunks(&file, &tokenizer, place, bytes + 3).unwrap();
                prop_assert_eq!(again.position(), place);
                let rest: Vec<i64> = again.by_ref().map(Result::unwrap).collect();
                prop_assert!(rest == whole[at..], "{} from {:?}", tokenizer.kind(), place);
            }
        }
    }
}
