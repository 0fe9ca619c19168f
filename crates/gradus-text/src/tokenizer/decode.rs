//! From ids to a text.

use gradus_data::{DataError, Result};

use super::{Join, Tokenizer, alphabet};

impl Tokenizer {
    /// The text of ids. Special tokens stand in it by their names. Tokens of bytes may be cut anywhere, so bytes that are no UTF-8 become `�`, U+FFFD;
    /// [`Tokenizer::decode_bytes`] gives them as they are. Words have a blank between them, whatever was there before.
    ///
    /// ```
    /// use gradus_text::{Special, Tokenizer};
    /// let bytes = Tokenizer::bytes(&[Special::Eos])?;
    /// assert_eq!(bytes.decode(&[72, 105, 256])?, "Hi<eos>");
    /// assert_eq!(bytes.decode(&[0xC3])?, "\u{FFFD}");
    /// assert_eq!(bytes.decode_bytes(&[0xC3])?, [0xC3]);
    /// let wrong = bytes.decode(&[72, 300]).unwrap_err().to_string();
    /// assert_eq!(wrong, "ids: found 300 at place 1, expected ids below 257, the tokens of the vocabulary");
    /// # Ok::<(), gradus_text::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When an id is not in the vocabulary.
    pub fn decode(&self, ids: &[i64]) -> Result<String> {
        let bytes = self.decode_bytes(ids)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The bytes of ids, which are UTF-8 if they are those of a whole text.
    ///
    /// # Errors
    /// As [`Tokenizer::decode`].
    pub fn decode_bytes(&self, ids: &[i64]) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(4 * ids.len());
        for (place, &id) in ids.iter().enumerate() {
            let Some(token) = self.vocabulary.token(id) else {
                let most = self.vocabulary.len();
                let expected = format!("ids below {most}, the tokens of the vocabulary");
                return Err(DataError::invalid("ids", format!("{id} at place {place}"), expected));
            };
            let is_last = place + 1 == ids.len();
            match &self.join {
                Join::Nothing => bytes.extend(token.bytes()),
                Join::Blanks => {
                    bytes.extend(token.bytes());
                    bytes.extend((!is_last).then_some(b' '));
                }
                Join::Bytes => match self.is_text(id) {
                    true => bytes.extend(token.bytes()),
                    false => spelled(token, &mut bytes),
                },
                // As if each occurrence were a blank, also within a token; none ends the text.
                Join::Suffix(suffix) => {
                    let blank = if is_last { "" } else { " " };
                    bytes.extend(token.replace(suffix.as_str(), blank).bytes());
                }
            }
        }
        Ok(bytes)
    }

    /// Whether a token among those of bytes is a text: a special one, or one that is found in texts.
    fn is_text(&self, id: i64) -> bool {
        self.vocabulary.is_special(id) || self.marked.iter().any(|&(_, own)| own == id)
    }
}

/// The bytes that a token's characters stand for; a token of other characters is a text.
fn spelled(token: &str, bytes: &mut Vec<u8>) {
    match token.chars().map(alphabet::byte).collect::<Option<Vec<u8>>>() {
        Some(own) => bytes.extend(own),
        None => bytes.extend(token.bytes()),
    }
}
